"""Whether two programs round to different formats: over the reals that is no difference.

A proof that bfloat16 and float32 programs are the same function says so, for they do not compute
the same numbers. What counts are operations that round, in whatever format, and conversions to
fewer digits. Moving and choosing rounds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np

from verify.algebras.complex import is_complex, real_dtype
from verify.dtypes import is_kind
from verify.programs import Atom, Equation, Program
from verify.programs.catalogue import Fact, having

NOTE = "numbers are not rounded:"
_EXACT = having(Fact.EXACT)


def note(left: Program, right: Program) -> str:
    """What a proof that they are equal leaves out, in words; "" where they round to the same.

    >>> import jax
    >>> from verify.programs import trace
    >>> x = jax.ShapeDtypeStruct((3,), jnp.bfloat16)
    >>> note(trace(lambda x: x * x, x), trace(lambda x: x**2, x))
    ''
    >>> def wide(x): return (x.astype(jnp.float32) ** 2).astype(x.dtype)
    >>> note(trace(lambda x: x * x, x), trace(wide, x))
    'numbers are not rounded: the left computes in bfloat16, the right in bfloat16 and float32'
    """
    one, two = _rounded(left), _rounded(right)
    ends = (v for p in (left, right) for v in (*p.inputs, *p.outputs))
    own = {_format(v) for v in ends if _is_float(v)}
    if one == two or len(one | two | own) == 1:
        return ""
    if not (one and two) and all(_holds(f, o) for f in one | two for o in own):
        return ""  # exact on one side, and no less than the ends hold on the other
    return (
        f"numbers are not rounded: the left computes in {_words(one)}, the right in {_words(two)}"
    )


def condition(program: Program) -> str:
    """The same of what is assumed of the inputs: a conversion to fewer digits may make it true.

    >>> import jax
    >>> from verify.programs import trace
    >>> x = jax.ShapeDtypeStruct((), jnp.float32)
    >>> condition(trace(lambda x: x.astype(jnp.bfloat16) <= 1, x))
    'numbers are not rounded: what is assumed converts to bfloat16'
    >>> condition(trace(lambda x: x <= 1, x))
    ''
    """
    narrow = {
        _format(equation.outputs[0])
        for equation in program.every_equation()
        if equation.primitive == "convert_element_type" and _rounds(equation)
        if _is_float(equation.inputs[0])
    }
    return f"{NOTE} what is assumed converts to {_words(narrow)}" if narrow else ""


def _rounded(program: Program) -> set[str]:
    """The formats that it rounds to."""
    return {
        _format(v)
        for equation in program.every_equation()
        if _rounds(equation)
        for v in equation.outputs
        if _is_float(v)
    }


def _rounds(equation: Equation) -> bool:
    if equation.primitive != "convert_element_type":
        return equation.primitive not in _EXACT
    (source,), (target,) = equation.inputs, equation.outputs
    if not _is_float(target):
        return False
    return not _is_float(source) or not _holds(_format(target), _format(source))


def _holds(wide: str, narrow: str) -> bool:
    """Whether every number of one format is one of the other."""
    one, two = jnp.finfo(wide), jnp.finfo(narrow)
    return bool(one.nmant >= two.nmant and one.maxexp >= two.maxexp and one.minexp <= two.minexp)


def _is_float(v: Atom) -> bool:
    return is_kind(v.dtype, np.inexact)


def _format(v: Atom) -> str:
    """That of the parts, of a complex number."""
    return str(real_dtype(v.dtype) if is_complex(v.dtype) else v.dtype)


def _words(formats: Iterable[str]) -> str:
    return " and ".join(sorted(formats)) or "the formats of its inputs, exactly"

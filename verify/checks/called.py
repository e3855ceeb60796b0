"""Is a function, when it is called, the one that was traced?

While JAX traces, it converts scalar constants by NumPy: `jnp.asarray(-2.0).astype(jnp.uint8)` is
254 in a program. Called operation by operation the same function has XLA's answer, which is 0. What
is said of the program then is not true of the function.

So before a proof counts, each function is traced once more, with whatever depends on no input
evaluated as in a call (`jax.ensure_compile_time_eval`). Most programs come out the same. For the
others both programs are evaluated at a few inputs; a difference that rounding does not explain
makes the verdict unknown. (Within `jit` and loops JAX traces in a call too: there the verdict is
unknown without need.) Only such constants are looked at, not what a function does besides (it
may ask whether it is traced), and only in programs whose constant parts are sure to be small, to
end, and to call nobody.
"""

from __future__ import annotations

import jax
import numpy as np

from verify.algebras.base import Meaningless, Unsupported
from verify.algebras.keys import is_key
from verify.algebras.numeric_value import Bounded
from verify.certificate.fingerprints import fingerprint
from verify.checks.drawn import draw
from verify.counterexample import Inputs, values
from verify.counterexample.by_jax import differs
from verify.counterexample.held import fit
from verify.counterexample.many import evaluated
from verify.counterexample.plainly import values_by_jax
from verify.counterexample.undefined import known
from verify.dtypes import Function, is_kind
from verify.limits import budget
from verify.programs import Program, Var, trace
from verify.shown import function, short
from verify.trust import dangers

_ELEMENTS, _EQUATIONS = 1_000_000, 2_000  # of a program that is traced again
_TRIED = 4  # inputs
_APART = 1e-2  # relative: what no rounding of constants makes


def otherwise(f: Function, program: Program, examples: tuple[object, ...]) -> str:
    """What a call of f computes that its program does not, in words; "" where nothing was found.

    >>> import jax.numpy as jnp
    >>> def f(x): return x * jnp.asarray(-2.0).astype(jnp.uint8)
    >>> otherwise(f, trace(f, 1.0), (1.0,)).partition(":")[0]
    'what f computes when it is called is not what JAX traces of it'
    >>> otherwise(jnp.sin, trace(jnp.sin, 1.0), (1.0,))
    ''
    """
    if not _small(program):
        return ""
    try:
        with budget.apart():
            again = trace(_evaluating(f), *examples)
    except Exception:  # what cannot be evaluated early: it has been traced well once
        return ""
    if fingerprint(again) == fingerprint(program):
        return ""
    pairs = [(v.shape, v.dtype) for v in program.outputs]
    same = pairs == [(v.shape, v.dtype) for v in again.outputs]
    rng = np.random.default_rng(0)
    tried = [[draw(v, rng) for v in program.inputs] for _ in range(_TRIED if same else 0)]
    if tried and _agree(program, again, tried):
        return ""
    for inputs in tried:
        found = _difference(program, again, inputs)
        if found:
            return (
                f"what {_name(f)} computes when it is called is not what JAX traces of it: {found}"
            )
    return ""


def _small(program: Program) -> bool:
    """Whether evaluating any part of it is a small thing, and nobody outside hears of it."""
    if program.size() > _ELEMENTS or len(list(program.every_equation())) > _EQUATIONS:
        return False
    if program.is_stateful() or any("callback" in name for name in program.primitives()):
        return False
    return dangers.harmless(program)


def _evaluating(f: Function) -> Function:
    def evaluated(*arguments: object) -> object:
        with jax.ensure_compile_time_eval():
            return f(*arguments)

    return evaluated


def _agree(program: Program, again: Program, tried: list[Inputs]) -> bool:
    """Whether they are sure to, at all of these inputs at once."""
    if not program.inputs or any(is_key(v.dtype) for v in program.inputs):
        return False
    stacked = [np.stack(arrays) for arrays in zip(*tried, strict=True)]
    wide = [Var(x.shape, v.dtype) for x, v in zip(stacked, program.inputs, strict=True)]
    drawn = [fit(v, x) for v, x in zip(wide, stacked, strict=True)]
    try:
        pairs = zip(*(evaluated(p, drawn) for p in (program, again)), strict=True)
        return all((known(a) & known(b) & ~_apart(a, b)).all() for a, b in pairs)
    except (Meaningless, Unsupported):
        return False


def _apart(a: Bounded, b: Bounded) -> np.ndarray:
    """Where two results differ by more than rounding."""
    where = differs(np.asarray(a.value), np.asarray(b.value), _APART) & known(a) & known(b)
    if is_kind(a.value.dtype, np.inexact):
        where &= a.errors + b.errors <= _APART * (1 + np.abs(a.value))
    return where


def _difference(program: Program, again: Program, inputs: Inputs) -> str:
    """In words, or "" for none that is certain."""
    try:
        traced, called = (values(p, inputs) for p in (program, again))
    except Meaningless:
        return ""
    except Unsupported:
        return _by_jax(program, again, inputs)
    for a, b in zip(traced, called, strict=True):
        where = _apart(a, b)
        if where.any():
            return _shown(np.asarray(a.value), np.asarray(b.value), where, inputs)
    return ""


def _by_jax(program: Program, again: Program, inputs: Inputs) -> str:
    """Where verify has no numbers."""
    try:
        with budget.apart():
            traced, called = (values_by_jax(p, inputs) for p in (program, again))
    except Exception:  # whatever JAX, or the compiler, has to say of it
        return ""
    for a, b in zip(traced, called, strict=True):
        where = differs(a, b, _APART)
        if where.any():
            return _shown(a, b, where, inputs)
    return ""


def _shown(traced: np.ndarray, called: np.ndarray, where: np.ndarray, inputs: Inputs) -> str:
    index = tuple(int(i) for i in np.argwhere(where)[0])
    text = ", ".join(np.array2string(x, separator=", ", threshold=20) for x in inputs)
    return (
        f"an output is {short(traced[index])} as it is traced, and {short(called[index])} with its "
        f"constants evaluated as in a call, at ({text})"
    )


def _name(f: Function) -> str:
    return function(f)

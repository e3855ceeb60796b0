"""Which programs' rounding errors are known: every primitive whose rule covers what is compiled.

A rule says what a primitive is over the reals, and may work it out otherwise than the compiled
program does: triangular systems row by row, Fourier transforms as products of matrices. Its
rounding errors then say nothing of the compiled program's. The catalogue says of which
primitives the compiled form is an order of the same operations, or one function that was measured
(`algebras/rounded_function.py`); any other has no bound. top_k orders -0 below 0, which no rule
tells apart.
"""

from __future__ import annotations

import jax
import numpy as np
from jax import lax

from verify.algebras.base import Unsupported
from verify.dtypes import DType, is_kind
from verify.programs import Equation, Program
from verify.programs.catalogue import Fact, having

_KNOWN = having(Fact.COMPILED)


def check(program: Program) -> None:
    """Raises Unsupported unless all of the program is of a kind whose rounding errors are known.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> check(trace(jnp.linalg.cholesky, jnp.eye(2)))
    Traceback (most recent call last):
    verify.programs.errors.Unsupported: rounding errors of cholesky
    """
    if jax.default_backend() != "cpu":
        raise Unsupported(f"rounding errors on {jax.default_backend()}")
    for equation in program.every_equation():
        _check(equation)
    for atom in (*program.inputs, *program.outputs):
        _check_dtype(atom.dtype)
        if not isinstance(atom.dtype, np.dtype):
            raise Unsupported(f"a result of type {atom.dtype}")


def _check(equation: Equation) -> None:
    name = equation.primitive
    if name not in _KNOWN:
        raise Unsupported(f"rounding errors of {name}")
    for atom in (*equation.inputs, *equation.outputs):
        _check_dtype(atom.dtype)
    if name == "bitcast_convert_type" and _is_float(equation.inputs[0].dtype):
        raise Unsupported("the bits of a rounded number")
    if not _is_plain(equation.params.get("precision")):
        raise Unsupported(f"{name} by the algorithm {equation.params['precision']}")


def _check_dtype(dtype: DType) -> None:
    if is_kind(dtype, np.complexfloating):
        raise Unsupported("rounding errors of complex numbers")


def _is_float(dtype: DType) -> bool:
    return isinstance(dtype, np.dtype) and is_kind(dtype, np.floating)


def _is_plain(precision: object) -> bool:
    """A precision that the CPU may ignore, and not an algorithm that it has to follow."""
    several = precision if isinstance(precision, tuple) else (precision,)
    return all(p is None or isinstance(p, lax.Precision) for p in several)

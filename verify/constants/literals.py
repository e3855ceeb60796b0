"""Which constants of a program stand for more than one number, and how far they may be off.

A float literal stands for any real number that rounds to it. Whole numbers and short binary
fractions (1, 0.5, 96, -2.25) are what a programmer can write exactly, and stand for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

import jax.numpy as jnp
import numpy as np

from verify.dtypes import is_kind
from verify.program import Const, Program, inner_programs

_OF_BITS = frozenset({"bitcast_convert_type", "nextafter", "reduce_precision"})
Key = tuple[str, tuple[int, ...], bytes]
MOST = 4096  # elements of a constant array that is looked at: larger ones are data


def rounded(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Where (float64) values of a dtype may be other numbers that were rounded to it.

    >>> rounded(np.float64([0.5, 3, 16777215, 0]), np.float32)
    array([False, False, False, False])
    >>> rounded(np.float64([np.float32(0.1), np.float32(np.pi), np.inf]), np.float32)
    array([ True,  True, False])
    """
    digits = jnp.finfo(dtype).nmant + 1
    finite = np.where(np.isfinite(values), values, 0.0)
    whole = (finite == np.rint(finite)) & (np.abs(finite) < 2.0**digits)
    mantissa, _ = np.frexp(finite)
    short = np.ldexp(mantissa, digits // 2)
    return ~whole & (short != np.rint(short))


def halves(values: np.ndarray, dtype: Any) -> np.ndarray:
    """How far from each value a number may be that rounds to it: half a unit in the last place."""
    info = jnp.finfo(dtype)
    _, exponent = np.frexp(np.where(np.isfinite(values), values, 0.0))
    unit = np.ldexp(1.0, exponent - 1 - info.nmant)
    return np.maximum(unit, float(info.smallest_subnormal)) / 2


def is_literal(atom: Any) -> TypeGuard[Const]:
    """Whether it is a constant of real floats with an element that may have been rounded."""
    if not isinstance(atom, Const) or atom.mutable or not isinstance(atom.dtype, np.dtype):
        return False
    if not is_kind(atom.dtype, np.floating) or atom.value.size > MOST:
        return False
    return bool(rounded(as_float64(atom), atom.dtype).any())


def as_float64(atom: Const) -> np.ndarray:
    return np.asarray(atom.value).astype(np.float64)


def key(atom: Const) -> Key:
    """Equal for literals that are the same."""
    return str(atom.dtype), atom.shape, np.asarray(atom.value).tobytes()


def literals(program: Program) -> Iterator[tuple[Const, str]]:
    """The rounded constants of a program, with the line where each is used."""
    for equation in program.equations:
        yield from ((atom, equation.source) for atom in equation.inputs if is_literal(atom))
        for inner in inner_programs(equation):
            yield from literals(inner)
    yield from ((atom, "") for atom in program.outputs if is_literal(atom))


def common(left: Program, right: Program) -> frozenset[Key]:
    """The rounded constants that are in both programs."""
    one, two = ({key(atom) for atom, _ in literals(p)} for p in (left, right))
    return frozenset(one & two)


def any_rounded(left: Program, right: Program) -> bool:
    """Whether one of the programs has a literal that stands for more than one number. Where bits
    of floats are looked at, they are those of the literal."""
    if (left.primitives() | right.primitives()) & _OF_BITS:
        return False
    return any(True for program in (left, right) for _ in literals(program))

"""Which constants of a program stand for more than one number, and how far they may be off.

A float literal stands for any real number that rounds to it. Whole numbers and short binary
fractions (1, 0.5, 96, -2.25) are what a programmer can write exactly, and stand for themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TypeGuard

import jax.numpy as jnp
import numpy as np

from verify.dtypes import DType, is_kind
from verify.programs import Const, Program, inner_programs

_MOST = 4096  # elements of a constant array that is looked at: larger ones are data ...
_TABLE, _MOSTLY = 8, 0.75  # elements of a table; the part of them that says what it is
_RESIDUE = 2.0**-43  # of the largest: a sine's error in float64, of angles up to some hundred turns
_PRODUCT = 2.0**-50  # relative: what float64 loses in a few operations
_QUARTERS, _STEPS = 800, 4  # of a turn; floats on both sides of each
_HALF_PI = Decimal("1.57079632679489661923132169163975144209858469968755291")
_SHOWN = 2  # numbers of a program, in a sentence
_FEW = 64  # ... unless they have few different elements


def rounded(values: np.ndarray, dtype: DType) -> np.ndarray:
    """Where (float64) values of a dtype may be other numbers that were rounded to it. The largest
    number of a format is what it is. In a table most of whose numbers were rounded, one that is a
    short fraction is so by chance.

    >>> rounded(np.float64([0.5, 3, 16777215, 0]), np.float32)
    array([False, False, False, False])
    >>> rounded(np.float64([np.float32(0.1), np.float32(np.pi), np.inf]), np.float32)
    array([ True,  True, False])
    >>> logarithms = np.log(np.arange(930.0, 945.0)).astype(np.float32)  # log(938) is 6.84375
    >>> bool(rounded(logarithms.astype(np.float64), np.float32).all())
    True
    """
    info = jnp.finfo(dtype)
    digits = info.nmant + 1
    finite = np.where(np.isfinite(values), values, 0.0)
    whole = (finite == np.rint(finite)) & (np.abs(finite) < 2.0**digits)
    whole |= np.abs(finite) == float(info.max)
    mantissa, _ = np.frexp(finite)
    short = np.ldexp(mantissa, digits // 2)
    found = ~whole & (short != np.rint(short))
    if finite.size >= _TABLE and np.count_nonzero(found) >= _MOSTLY * finite.size:
        return np.asarray(~whole & (4 * finite != np.rint(4 * finite)))
    return np.asarray(found)


def halves(values: np.ndarray, dtype: DType) -> np.ndarray:
    """How far from each value a number may be that rounds to it: half a unit in the last place."""
    info = jnp.finfo(dtype)
    _, exponent = np.frexp(np.where(np.isfinite(values), values, 0.0))
    unit = np.ldexp(1.0, exponent - 1 - info.nmant)
    return np.maximum(unit, float(info.smallest_subnormal)) / 2


def significands(values: np.ndarray) -> np.ndarray:
    """In [1/2, 1), the same for numbers that differ by a sign or a power of two: what floats negate
    and double without rounding. 0 for 0, infinities and NaN.

    >>> significands(np.array([0.1, -0.2, 12.0, 0.0, np.inf]))
    array([0.8 , 0.8 , 0.75, 0.  , 0.  ])
    """
    found, _ = np.frexp(np.where(np.isfinite(values), values, 0.0))
    return np.abs(found)


def is_inexact(atom: object) -> TypeGuard[Const]:
    """Whether it is a constant of real or complex floats."""
    if not isinstance(atom, Const) or atom.mutable or not isinstance(atom.dtype, np.dtype):
        return False
    return is_kind(atom.dtype, np.inexact)


def parts(atom: Const) -> list[tuple[np.ndarray, np.dtype]]:
    """The real floats that a constant is made of, as float64, with their dtype: one array, or the
    two of complex numbers."""
    array = np.asarray(atom.value)
    if not np.iscomplexobj(array):
        return [(array.astype(np.float64), array.dtype)]
    return [(part.astype(np.float64), part.dtype) for part in (array.real, array.imag)]


def residues(values: np.ndarray, dtype: DType, largest: float) -> np.ndarray:
    """Where a number of a table, whose largest is given, is what float64 has left of a zero: the
    sine of an angle that is no multiple of pi, as floats are none, and is the next to one.

    >>> table = np.sin(np.pi * np.arange(4) / 2)  # 1.2e-16 at pi
    >>> residues(table, np.float64, 1.0)
    array([False, False,  True, False])
    >>> bool(residues(np.array([1.3e-16, np.exp(-36.0)]), np.float32, 1.0).any())
    False
    """
    sizes = np.abs(np.where(np.isfinite(values), values, 0.0))
    found = np.zeros(values.shape, bool)
    small = (sizes > 0) & (sizes < _RESIDUE * largest)
    if not small.any():
        return found
    near, width = _sines_next_to_zero(), halves(values, dtype)
    for scale in (1.0, largest):
        place = np.searchsorted(near, sizes / scale)
        for side in (np.maximum(place - 1, 0), np.minimum(place, len(near) - 1)):
            # Float64 has worked out the sine, and the product with its scale.
            found |= np.abs(near[side] * scale - sizes) <= width + _PRODUCT * sizes
    return found & small


@functools.cache
def _sines_next_to_zero() -> np.ndarray:
    """How far from zero the sines are of floats next to multiples of pi / 2, in order; zeros of a
    cosine among them."""
    quarter = Fraction(_HALF_PI)
    found = set()
    for n in range(1, _QUARTERS):
        nearest = float(n * quarter)
        for steps in range(-_STEPS, _STEPS + 1):
            angle = nearest + steps * float(np.spacing(nearest))
            found.add(abs(float(Fraction(angle) - n * quarter)))
    return np.array(sorted(found))


def is_data(values: np.ndarray) -> bool:
    """Whether it is a large array of many different numbers, which no programmer has written."""
    flat = values.reshape(-1)
    if flat.size <= _MOST:
        return False
    sample = np.unique(flat[:: flat.size // _MOST])
    return len(sample) > _FEW or len(np.unique(flat)) > _FEW


def constants(program: Program) -> Iterator[tuple[Const, str]]:
    """The float constants of a program, with the line where each is used."""
    for equation in program.equations:
        yield from ((atom, equation.source) for atom in equation.inputs if is_inexact(atom))
        for inner in inner_programs(equation):
            yield from constants(inner)
    yield from ((atom, "") for atom in program.outputs if is_inexact(atom))


def digits(value: float, dtype: np.dtype) -> str:
    """As few digits as it takes to tell a value of a dtype from its neighbours."""
    narrow = np.float64(value).astype(dtype)
    if not 1e-6 < abs(value) < 1e16:
        return np.format_float_scientific(narrow, unique=True, trim="-")
    return np.format_float_positional(narrow, unique=True, trim="-")


def only(one: tuple[str, Program], two: tuple[str, Program]) -> list[str]:
    """In words, the first rounded literals that only one of two programs has, with their lines.

    >>> from verify.programs import trace
    >>> programs = [trace(lambda x: c * x, 1.0) for c in (3 * 0.1, 0.1)]
    >>> only(("the left", programs[0]), ("the right", programs[1]))
    ['only the left has 0.3...', 'only the right has 0.1...']
    """
    said = []
    for (name, program), (_, other) in ((one, two), (two, one)):
        known = {text for atom, _ in constants(other) for text in _literals(atom)}
        found: dict[str, None] = {}
        for atom, where in constants(program):
            for text in sorted(_literals(atom) - known):
                found[text + (f" at {where}" if where else "")] = None
        if found:
            said.append(f"only {name} has {' and '.join(list(found)[:_SHOWN])}")
    return said


def _literals(atom: Const) -> set[str]:
    """The numbers in it that may have been rounded."""
    return {
        digits(value, dtype)
        for values, dtype in parts(atom)
        if not is_data(values)
        for value in values[rounded(values, dtype)].reshape(-1)
    }


def once(program: Program) -> list[tuple[Const, str]]:
    """The constants, an array that is used more often only once."""
    return list({id(atom.value): (atom, where) for atom, where in constants(program)}.values())

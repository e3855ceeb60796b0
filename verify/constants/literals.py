"""Which constants of a program stand for more than one number, and how far they may be off.

A float literal stands for any real number that rounds to it. Whole numbers and short binary
fractions (1, 0.5, 96, -2.25) are what a programmer can write exactly, and stand for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeGuard

import jax.numpy as jnp
import numpy as np

from verify.dtypes import DType, is_kind
from verify.programs import Const, Program, inner_programs

_MOST = 4096  # elements of a constant array that is looked at: larger ones are data ...
_TABLE, _MOSTLY = 8, 0.75  # elements of a table; the part of them that says what it is
# Of the largest: a sine's error in float64, of angles up to some hundred turns; the smallest there
# is; and what beside a zero is no sine of such angles.
_RESIDUE, _SMALLEST, _SMALL = 2.0**-43, 2.0**-56, 2.0**-20
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


def residues_in(arrays: Sequence[np.ndarray]) -> tuple[float, float]:
    """Between which sizes a number of these arrays is what float64 has left of a zero: as small as
    that beside the largest, and not one of many that become smaller and smaller.

    >>> low, high = residues_in([np.sin(np.pi * np.arange(4) / 2)])  # 1.2e-16 at pi
    >>> low < 1.2e-16 < high
    True
    >>> residues_in([np.exp(-5.0 * np.arange(9))])
    (0.0, 0.0)
    """
    sizes = np.concatenate([np.abs(a[np.isfinite(a)]) for a in arrays])
    largest = float(sizes.max(initial=0.0))
    between = (sizes >= _RESIDUE * largest) & (sizes < _SMALL * largest) & (sizes > 0)
    return (0.0, 0.0) if between.any() else (_SMALLEST * largest, _RESIDUE * largest)


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

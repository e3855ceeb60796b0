"""The values of the numeric algebra: arrays with an error bound, element by element.

Also what every numeric rule needs: which kind a dtype is, results put into their normal form, and
the dyadic grid of an array, from which sums and dot products learn that they are exact.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import jax
import numpy as np

from verify.algebras.base import Unsupported
from verify.dtypes import DType

UNIT = 2.0**-53  # unit roundoff of float64
TINY = 2.0**-1000  # covers whatever underflow loses
MORE = 1 + 2.0**-49  # covers the rounding of a bound that is itself computed in a few steps
BITS = 53


@dataclass(frozen=True, eq=False)
class Bounded:
    """An array known up to `error`.

    Floats: `value` is float64, whatever the program's dtype; the real number that the program
    computes lies within `error` of it, element by element; `error` None
    means that every element is exact. NaN: undefined, or nothing is known (a division by what may
    be zero, the logarithm of a negative number, an overflow of float64). Infinities are the
    program's own (the -inf of a mask), never an overflow.

    Integers and booleans: `value` has the program's dtype; `error` is infinite at elements of which
    nothing is known (a comparison of two numbers that the bounds do not separate), else 0.
    """

    value: np.ndarray
    error: np.ndarray | None
    dtype: DType

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def concrete(self) -> np.ndarray | None:
        """The array if all of it is exact, else None."""
        return self.value if self.error is None else None

    @property
    def errors(self) -> np.ndarray:
        """`error` as an array."""
        return np.zeros(self.shape) if self.error is None else self.error

    @property
    def unknown(self) -> np.ndarray:
        """Where nothing is known, or the program is undefined: booleans of the value's shape."""
        return np.zeros(self.shape, np.bool_) if self.error is None else ~np.isfinite(self.error)

    @functools.cached_property
    def grid(self) -> Grid | None:
        return grid_of(self.value)


@functools.cache
def kind(dtype: DType) -> str:
    """'bool', 'int' or 'float'; bfloat16, float8, int4 and the like included."""
    for name, parent in (("bool", np.bool_), ("int", np.integer), ("float", np.floating)):
        if jax.dtypes.issubdtype(dtype, parent):
            return name
    raise Unsupported(f"numbers of type {dtype} in the numeric algebra")


def make(value: np.ndarray, error: np.ndarray | None, dtype: DType) -> Bounded:
    """A float in normal form: no error array where all is exact, NaN where nothing is known."""
    value = np.asarray(value)
    if error is not None:
        error = np.asarray(error)
    if np.isnan(value).any():
        error = np.zeros(value.shape) if error is None else error
        error = np.where(np.isnan(value), np.nan, error)
    if error is None or not error.any():
        return Bounded(value, None, dtype)
    lost = ~np.isfinite(error)
    if lost.any():
        value, error = np.where(lost, np.nan, value), np.where(lost, np.nan, error)
    return Bounded(value, error, dtype)


def discrete(value: np.ndarray, unknown: np.ndarray | None, dtype: DType) -> Bounded:
    """An integer or boolean array; `unknown` marks elements of which nothing is known."""
    value = np.asarray(value)
    if unknown is None or not unknown.any():
        return Bounded(value, None, dtype)
    clean = np.where(unknown, np.zeros((), value.dtype), value)
    return Bounded(clean, np.where(unknown, np.inf, 0.0), dtype)


def join(real: Bounded, imaginary: Bounded, dtype: DType) -> Bounded:
    """A complex array of its parts, to be compared or shown: |dz| <= |dx| + |dy|."""
    value = np.empty(real.shape, np.complex128)
    value.real, value.imag = real.value, imaginary.value
    if real.error is None and imaginary.error is None:
        return make(value, None, dtype)
    return make(value, (real.errors + imaginary.errors) * MORE, dtype)


@dataclass(frozen=True)
class Grid:
    """All elements are integer multiples of 2**-fraction, none above `top` in magnitude."""

    fraction: int
    top: float


def exact_sum(fraction: int, magnitude: np.ndarray | float) -> np.ndarray:
    """Is a sum exact, in any order? Its terms are multiples of 2**-fraction, and their magnitudes
    add up to at most `magnitude`: every partial sum then is an integer below 2**53 on that grid.
    A margin of 1 bit covers the rounding of `magnitude`."""
    if fraction > 1000:  # near the subnormals
        return np.zeros(np.shape(magnitude), np.bool_)
    return np.asarray(magnitude) < math.ldexp(1.0, min(BITS - 1 - fraction, 1000))


def grid_of(value: np.ndarray) -> Grid | None:
    """The grid of an array, or None if it is too wide for any sum to be exact."""
    flat = value.reshape(-1)
    if flat.size > 4096 and _grid(flat[:: flat.size // 64]) is None:
        return None  # random reals: a sample tells
    return _grid(flat)


def _grid(flat: np.ndarray) -> Grid | None:
    if not flat.size:
        return Grid(0, 0.0)
    top = float(np.max(np.abs(flat)))
    if not top < math.inf:
        return None
    if top < 2.0**BITS and not (flat != np.rint(flat)).any():
        return Grid(0, top)
    mantissa, exponent = np.frexp(flat[flat != 0])
    integers = np.ldexp(mantissa, BITS).astype(np.int64)
    low = (integers & -integers).astype(np.float64)  # the lowest bit that is set
    _, zeros = np.frexp(low)
    lowest = int((exponent + zeros - 1).min()) - BITS
    highest = math.frexp(top)[1]
    return None if highest - lowest > BITS else Grid(-lowest, top)

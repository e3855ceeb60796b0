"""What a compiled program may do to numbers: formats, and how much one result may be off.

An operation in a format with unit roundoff u gives (a op b)(1 + d), |d| <= u, and nothing that is
subnormal; k roundings in a row stay within (1 + u)**k - 1, which is below Higham's gamma_k.
float16 and bfloat16 may be computed in float32 and rounded afterwards, at every operation or only
at the end: their u counts both roundings, and no rounding at all is always allowed.

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms (2002), chapters 2 to 4.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.numeric_value import MORE, Bounded, make
from verify.dtypes import DType

Amount = np.ndarray | float
SPARE = 1  # roundings more than are known of, in every operation


@dataclass(frozen=True)
class Format:
    """A float format: precision in bits, and the exponents of its normal numbers."""

    bits: int
    lowest: int  # 2**lowest is the smallest normal number
    highest: int  # 2**highest is the largest power of two

    @property
    def unit(self) -> float:
        through = 2.0**-23 if self.bits < 24 else 0.0  # computed in float32, then rounded
        return 2.0**-self.bits + through

    @property
    def tiny(self) -> float:
        return math.ldexp(1.0, self.lowest)

    @property
    def limit(self) -> float:
        """What may round to infinity: half a unit in the last place above the largest number, and
        a little less where it is rounded to float32 first."""
        if self.highest == 1023:
            return float(np.finfo(np.float64).max)
        before = 1 - 2.0**-23 if self.bits < 24 else 1.0
        return math.ldexp(2 - 2.0**-self.bits, self.highest) * before

    def growth(self, roundings: Amount) -> Amount:
        """(1 + u)**roundings - 1, rounded up; of a number or an array of them.

        >>> round(float(format_of(np.dtype(np.float32)).growth(3) * 2**24), 4)
        3.0
        """
        with np.errstate(over="ignore"):
            return np.expm1(roundings * math.log1p(self.unit)) * (1 + 1e-12)


@functools.cache
def format_of(dtype: DType) -> Format:
    """The format of a dtype; Unsupported for those that no operation is known to compute in."""
    if np.dtype(dtype).name not in ("float16", "bfloat16", "float32", "float64"):
        raise Unsupported(f"rounding errors of {np.dtype(dtype).name}")
    info = jnp.finfo(dtype)
    return Format(int(info.nmant) + 1, int(info.minexp), int(info.maxexp) - 1)


@dataclass(frozen=True, eq=False)
class Marks:
    """What a value was made of, as far as the compiler may make it otherwise (`rounded.py`).

    constant: it depends on no input. terms, mass: it is a sum of `terms` numbers, with these sums
    of magnitudes. fraction: the terms of an exact sum are multiples of 2**-fraction. reach: no sum
    of some of the finite numbers that were added is larger. scaled: it is c a for a constant c, or
    a sum of such; the largest a and c. span: binary logarithms between which all products of some
    of its factors lie; quotient: divisors among them.
    """

    constant: bool = False
    terms: int = 1
    mass: np.ndarray | None = None
    fraction: int | None = None
    reach: np.ndarray | None = None
    scaled: tuple[float, float] | None = None
    span: tuple[float, float] | None = None
    quotient: bool = False


@dataclass(frozen=True, eq=False)
class Tracked(Marks, Bounded):
    """A value with its marks."""


_NONE = Marks()


def marks(x: Value) -> Marks:
    """The marks of a value; those of one without are the defaults."""
    return x if isinstance(x, Tracked) else _NONE


class Changes(TypedDict, total=False):
    """Marks by name."""

    constant: bool
    terms: int
    mass: np.ndarray | None
    fraction: int | None
    reach: np.ndarray | None
    scaled: tuple[float, float] | None
    span: tuple[float, float] | None
    quotient: bool


def tracked(x: Bounded, like: Bounded | None = None, **changes: Unpack[Changes]) -> Tracked:
    """x with the marks of `like`, but for the changes."""
    m = marks(x if like is None else like)
    own = (m.constant, m.terms, m.mass, m.fraction, m.reach, m.scaled, m.span, m.quotient)
    result = Tracked(x.value, x.error, x.dtype, *own)
    if changes:
        result = replace(result, **changes)
    if "grid" in x.__dict__:
        result.__dict__["grid"] = x.__dict__["grid"]
    return result


def unmarked(x: Bounded) -> Bounded:
    """x without what is known of its making."""
    return Bounded(x.value, x.error, x.dtype)


def largest(x: Bounded) -> np.ndarray:
    """The largest magnitude of anything that x may be."""
    magnitude = np.abs(x.value)
    return magnitude if x.error is None else (magnitude + x.error) * MORE


def finite(x: Bounded) -> np.ndarray:
    """`largest` where x is finite, else 0."""
    return np.where(np.isinf(x.value), 0.0, largest(x))


def reach(x: Bounded) -> np.ndarray:
    """No sum of some of the finite numbers that x is the sum of is larger."""
    known = marks(x).reach
    return finite(x) if known is None else np.maximum(known, finite(x))


def mass(x: Bounded) -> np.ndarray:
    """The sum of magnitudes of the terms that x is the sum of; x itself is one, mostly."""
    known = marks(x).mass
    return largest(x) if known is None else known


def fraction(x: Bounded) -> int | None:
    """Terms of x are multiples of 2**-fraction; None where x is not exact, or they are not."""
    if x.error is not None:
        return None
    known = marks(x).fraction
    if known is not None:
        return known
    return None if x.grid is None else x.grid.fraction


def exact_sums(form: Format, grain: int | None, magnitudes: np.ndarray) -> np.ndarray:
    """Whether sums are exact in any order: all partial sums fit into the format's bits."""
    if grain is None or grain > -form.lowest:
        return np.zeros((), np.bool_)
    return np.asarray(magnitudes < power_of_2(form.bits - 1 - grain))


def power_of_2(exponent: int) -> float:
    """2**exponent as a float: infinite where it is none."""
    return math.ldexp(1.0, exponent) if exponent < 1024 else math.inf


def representable(form: Format, value: np.ndarray) -> np.ndarray:
    """Numbers that the format holds, none of them subnormal."""
    mantissa, exponent = np.frexp(value)
    scaled = np.ldexp(mantissa, form.bits)
    inside = (exponent - 1 >= form.lowest) & (exponent - 1 <= form.highest)
    return (value == 0) | ((scaled == np.rint(scaled)) & inside)


def power_of_two(x: Bounded) -> np.ndarray:
    """Where x is exactly 0 or a power of two, so that a product with it is exact."""
    known = (x.value == 0) | (np.abs(np.frexp(x.value)[0]) == 0.5)
    return known if x.error is None else known & (x.error == 0)


def computed(x: Bounded, charge: Amount, form: Format, flush: float = 1.0) -> Bounded:
    """The real result x with what computing it may add: `charge`, the flush of numbers below
    `flush` times the smallest normal one to zero, and nothing known of what may overflow.
    Infinities of the program's own stay exact, unless nothing is known of them (charge NaN)."""
    with np.errstate(all="ignore"):
        infinite = np.isinf(x.value)
        over = (largest(x) >= form.limit) & ~infinite
        error = (x.errors + charge) * MORE
        tiny = flush * form.tiny
        small = (np.abs(x.value) - error < tiny) & ((x.value != 0) | (error > 0))
        error = np.where(small, error + tiny, error)
        error = np.where(infinite & ~np.isnan(charge), 0.0, np.where(over, np.nan, error))
        return make(x.value, error, x.dtype)


def entered(x: Bounded) -> Bounded:
    """A number that a program starts from: as it is, but for subnormal ones and those that the
    format has to round."""
    form = format_of(x.dtype)
    with np.errstate(all="ignore"):
        exact = representable(form, x.value) | ~np.isfinite(x.value)
        if exact.all():
            return x
        rounding = np.abs(x.value) * form.growth(1)
        return computed(x, np.where(exact, 0.0, rounding), form)

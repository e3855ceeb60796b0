"""Functions with certified errors that are not monotone, or have two arguments.

sin, cos, tan, cosh, lgamma, Bessel functions: bounds on the derivative. atan2, pow, rem: each by
its own geometry.
NaN where the interval of an argument may leave the domain or hold a pole or a jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.special  # type: ignore[import-untyped]

from verify.algebras.numeric_cast import cast, interval
from verify.algebras.numeric_float import div, mul, plus, times
from verify.algebras.numeric_value import MORE, TINY, UNIT, Bounded, make
from verify.dtypes import DType

Array = np.ndarray
_ULPS = 16 * UNIT  # 8 units in the last place, as in numeric_function
_SLACK = 1 + 1e-12  # for bounds that are computed by functions of that kind themselves


def _circular(f: Callable[[Array], Array], at_zero: float) -> Callable[..., Bounded]:
    """sin and cos: |f'| <= 1."""

    def evaluate(x: Bounded, dtype: DType) -> Bounded:
        with np.errstate(all="ignore"):
            value = f(x.value)
            error = np.where(x.value == 0, 0.0, np.abs(value) * _ULPS + TINY)
            value = np.where(x.value == 0, at_zero, value)
            return make(value, plus(error, x.error), dtype)

    return evaluate


def _bessel(f: Callable[[Array], Array], at_zero: float) -> Callable[..., Bounded]:
    """exp(-|x|) I_n(x), n = 0 or 1: |f'| <= 1, as I_0' = I_1 and |I_1| <= I_0."""

    def evaluate(x: Bounded, dtype: DType) -> Bounded:
        with np.errstate(all="ignore"):
            value = f(x.value)
            error = np.where(x.value == 0, 0.0, np.abs(value) * (64 * UNIT) + TINY)
            value = np.where(x.value == 0, at_zero, value)
            return make(value, plus(error, x.error), dtype)

    return evaluate


def _tan(x: Bounded, dtype: DType) -> Bounded:
    """f' = 1 + f**2; atan(f) is the distance from the middle between two poles."""
    with np.errstate(all="ignore"):
        value = np.tan(x.value)
        error = np.where(x.value == 0, 0.0, np.abs(value) * _ULPS + TINY)
        if x.error is not None:
            farthest = np.abs(np.arctan(value)) + x.error * MORE + 1e-14
            slope = (1 + np.tan(farthest) ** 2) * 1.01
            error = plus(error, times(x.error, slope))
            inside = (farthest < math.pi / 2 - 1e-7) | (x.error == 0)
            value = np.where(inside, value, np.nan)
        return make(value, error, dtype)


def _cosh(x: Bounded, dtype: DType) -> Bounded:
    """|f'| <= sinh(|x| + e)."""
    with np.errstate(all="ignore"):
        value = np.cosh(x.value)
        infinite = np.isinf(x.value)
        value = np.where(np.isinf(value) & ~infinite, np.nan, value)
        error = np.where((x.value == 0) | infinite, 0.0, np.abs(value) * _ULPS)
        if x.error is not None:
            slope = np.sinh((np.abs(x.value) + x.error) * MORE) * _SLACK
            error = plus(error, times(x.error, slope))
        return make(value, error, dtype)


def _lgamma(x: Bounded, dtype: DType) -> Bounded:
    """Of positive arguments: f' = digamma, which rises, so |f'| is largest at an end."""
    with np.errstate(all="ignore"):
        value = scipy.special.gammaln(x.value)
        error = (np.abs(value) + 1) * (64 * UNIT)
        zero = (x.value == 1) | (x.value == 2)
        value, error = np.where(zero, 0.0, value), np.where(zero, 0.0, error)
        low, high = interval(x)
        if x.error is not None:
            slope = np.maximum(*(np.abs(scipy.special.digamma(end)) for end in (low, high)))
            error = plus(error, times(x.error, slope * _SLACK + 1e-12))
        return make(np.where((low > 0) & np.isfinite(value), value, np.nan), error, dtype)


def _atan2(y: Bounded, x: Bounded, dtype: DType) -> Bounded:
    """The angle's gradient is 1/r. NaN at the origin, and where the bounds touch the cut."""
    with np.errstate(all="ignore"):
        value = np.arctan2(y.value + 0.0, x.value)  # -0 is 0 over the reals
        exact = (y.value == 0) & (x.value > 0)
        error = np.where(exact, 0.0, np.abs(value) * _ULPS + TINY)
        distance = np.hypot(x.value, y.value) / _SLACK
        lost = (distance == 0) | np.isinf(distance)
        if y.error is not None or x.error is not None:
            off = np.hypot(x.errors, y.errors) * _SLACK
            lost |= off >= distance
            lost |= (x.value <= x.errors) & (np.abs(y.value) <= y.errors) & (y.errors > 0)
            spread = off / (distance - off) * _SLACK
            error = plus(error, np.where(off == 0, 0.0, spread + TINY))
        return make(np.where(lost, np.nan, value), error, dtype)


def _pow(x: Bounded, y: Bounded, dtype: DType) -> Bounded:
    """x**y: by multiplication for one small integer y; else for x > 0, where it is monotone in each
    argument, so its extremes over a box are at the corners; exact bases also at other integers."""
    y = cast(y, np.dtype(np.float64))
    first = float(y.value.flat[0]) if y.value.size else 0.0
    if y.error is None and (y.value == first).all() and abs(first) <= 64 and first == round(first):
        return _power(x, int(first), dtype)
    with np.errstate(all="ignore"):
        value = np.power(x.value, y.value)
        corners = [np.power(a, b) for a in interval(x) for b in interval(y)]
        spread = np.max([np.abs(corner - value) for corner in corners], axis=0) * MORE
        largest = np.max(np.abs([value, *corners]), axis=0)
        # Near overflow pow's own error grows (its argument is y log x, up to 710).
        error = plus(spread, largest * (256 * UNIT)) + TINY
        finite = np.isfinite(value) & np.isfinite(x.value) & np.isfinite(y.value)
        whole = (y.errors == 0) & (y.value == np.rint(y.value)) & (x.errors == 0) & (x.value != 0)
        known = finite & ((interval(x)[0] > 0) | whole)
        zero = (x.errors == 0) & (x.value == 0) & (interval(y)[0] > 0)
        one = (y.errors == 0) & (y.value == 0) & np.isfinite(x.value)
        value = np.where(zero, 0.0, np.where(one, 1.0, np.where(known, value, np.nan)))
        return make(value, np.where(zero | one, 0.0, error), dtype)


def _power(x: Bounded, n: int, dtype: DType) -> Bounded:
    one = Bounded(np.ones(x.shape), None, dtype)
    result, base, left = one, x, abs(n)
    while left:
        if left & 1:
            result = mul(result, base)
        left >>= 1
        if left:
            base = mul(base, base)
    result = Bounded(result.value, result.error, dtype)
    return result if n >= 0 else div(one, result)


def _rem(a: Bounded, b: Bounded, dtype: DType) -> Bounded:
    """a - n b with n = a / b truncated: fmod is exact. NaN where n is not certain."""
    with np.errstate(all="ignore"):
        value = np.fmod(a.value, b.value)
        points = (a.errors == 0) & (b.errors == 0)
        low, high = (np.trunc(end) for end in interval(div(a, b)))
        known = (points | (low == high)) & (b.value != 0)
        value = np.where(points, value, a.value - low * b.value)
        rounding = (np.abs(a.value) + np.abs(low * b.value)) * (4 * UNIT) + TINY
        error = plus(a.errors, times(np.abs(low), b.errors), rounding)
        return make(np.where(known, value, np.nan), np.where(points, 0.0, error), dtype)


FUNCTIONS: dict[str, Callable[..., Bounded]] = {
    "sin": _circular(np.sin, 0.0),
    "cos": _circular(np.cos, 1.0),
    "tan": _tan,
    "bessel_i0e": _bessel(scipy.special.i0e, 1.0),
    "bessel_i1e": _bessel(scipy.special.i1e, 0.0),
    "cosh": _cosh,
    "lgamma": _lgamma,
    "atan2": _atan2,
    "pow": _pow,
    "rem": _rem,
    "abs": lambda x, dtype: Bounded(np.abs(x.value), x.error, dtype),
}

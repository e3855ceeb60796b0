"""Elementwise functions with certified errors: exp, tanh, sqrt, erf, pow, ...

A monotone function of an interval lies between its values at the ends. What NumPy and SciPy get
wrong is assumed to be below a stated number of units in the last place: they promise less than 4
for the elementary functions (SVML, glibc); the assumption here is 8, and 64 for SciPy's special
functions, and the tests compare both with 60 digits. sqrt is correctly rounded (IEEE 754).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special  # type: ignore[import-untyped]

from verify.algebras.base import Unsupported
from verify.algebras.numeric_cast import cast, interval, lift
from verify.algebras.numeric_float import div, mul, plus, product_rounding, times
from verify.algebras.numeric_integers import FUNCTIONS
from verify.algebras.numeric_value import (
    MORE,
    TINY,
    UNIT,
    Bounded,
    discrete,
    join,
    kind,
    make,
    real_parts,
)

Array = np.ndarray


@dataclass(frozen=True)
class Monotone:
    """A function that rises (or falls) all over its domain; outside of it NumPy's f is NaN.

    at: arguments where f is known exactly. ends: the limits at -inf and inf, None where there is
    none. lipschitz: a bound on |f'|, where there is one: much sharper than the difference of two
    rounded values if the interval is small. absolute: the error of f where |f| is small.
    """

    f: Callable[[Array], Array]
    at: tuple[tuple[float, float], ...] = ()
    ends: tuple[float | None, float | None] = (None, None)
    domain: tuple[float, float] = (-math.inf, math.inf)  # open ends where infinite
    lipschitz: float = math.inf
    ulps: float = 8
    absolute: float = 0.0


def _logistic(x: Array) -> Array:
    return scipy.special.expit(x)


def _away_from_zero(x: Array) -> Array:
    whole = np.trunc(x)
    return whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0.0)


_HALF_PI = math.pi / 2
_INF = math.inf
_LEAST = 5e-324
_TABLE: dict[str, Monotone] = {
    "exp": Monotone(np.exp, ((0, 1),), (0, _INF)),
    "exp2": Monotone(np.exp2, ((0, 1),), (0, _INF)),
    "expm1": Monotone(np.expm1, ((0, 0),), (-1, _INF)),
    "log": Monotone(np.log, ((1, 0),), (None, _INF), (_LEAST, _INF)),
    "log1p": Monotone(np.log1p, ((0, 0),), (None, _INF), (np.nextafter(-1, 0), _INF)),
    "logistic": Monotone(_logistic, ((0, 0.5),), (0, 1), lipschitz=0.25),
    "tanh": Monotone(np.tanh, ((0, 0),), (-1, 1), lipschitz=1),
    "asin": Monotone(np.arcsin, ((0, 0),), domain=(-1, 1)),
    "acos": Monotone(np.arccos, ((1, 0),), domain=(-1, 1)),
    "atan": Monotone(np.arctan, ((0, 0),), lipschitz=1),
    "sinh": Monotone(np.sinh, ((0, 0),), (-_INF, _INF)),
    "asinh": Monotone(np.arcsinh, ((0, 0),), (-_INF, _INF), lipschitz=1),
    "acosh": Monotone(np.arccosh, ((1, 0),), (None, _INF), (1, _INF)),
    "atanh": Monotone(np.arctanh, ((0, 0),), domain=(np.nextafter(-1, 0), np.nextafter(1, 0))),
    "sqrt": Monotone(np.sqrt, ((0, 0), (1, 1)), (None, _INF), (0, _INF), ulps=1),
    "rsqrt": Monotone(lambda x: 1 / np.sqrt(x), ((1, 1),), (None, 0), (_LEAST, _INF)),
    "cbrt": Monotone(np.cbrt, ((0, 0), (1, 1), (-1, -1)), (-_INF, _INF)),
    "erf": Monotone(scipy.special.erf, ((0, 0),), (-1, 1), lipschitz=1.13, ulps=64),
    "erfc": Monotone(scipy.special.erfc, ((0, 1),), (2, 0), lipschitz=1.13, ulps=64),
    "erf_inv": Monotone(
        scipy.special.erfinv,
        ((0, 0),),
        domain=(np.nextafter(-1, 0), np.nextafter(1, 0)),
        ulps=64,
    ),
    # Positive arguments only: NaN (nothing is known) for the others.
    "digamma": Monotone(
        scipy.special.digamma, (), (None, _INF), (_LEAST, _INF), ulps=64, absolute=64 * UNIT
    ),
    "floor": Monotone(np.floor, ends=(-_INF, _INF), ulps=0),
    "ceil": Monotone(np.ceil, ends=(-_INF, _INF), ulps=0),
    "sign": Monotone(np.sign, ends=(-1, 1), ulps=0),
    "round_even": Monotone(np.rint, ends=(-_INF, _INF), ulps=0),
    "round": Monotone(_away_from_zero, ends=(-_INF, _INF), ulps=0),
}


def _monotone(rule: Monotone, x: Bounded, dtype: Any) -> Bounded:
    with np.errstate(all="ignore"):
        value = rule.f(x.value)
        error = _ulps(value, rule)
        for place, exact in rule.at:
            here = x.value == place
            value, error = np.where(here, exact, value), np.where(here, 0.0, error)
        low, high = rule.domain
        outside = (x.value < low) | (x.value > high)
        for end, limit in ((-_INF, rule.ends[0]), (_INF, rule.ends[1])):
            here = x.value == end
            if limit is not None:
                value, error = np.where(here, limit, value), np.where(here, 0.0, error)
        infinite = np.isinf(x.value)
        value = np.where(np.isinf(value) & ~infinite, np.nan, value)  # an overflow
        if rule.ends == (None, None) or None in rule.ends:
            for end, limit in ((-_INF, rule.ends[0]), (_INF, rule.ends[1])):
                if limit is None and rule.lipschitz == _INF:
                    value = np.where(x.value == end, np.nan, value)
        if x.error is not None:
            spread, beyond = _spread(rule, x, value)
            error, outside = plus(error, spread), outside | beyond
        return make(np.where(outside, np.nan, value), error, dtype)


def _ulps(value: Array, rule: Monotone) -> Array:
    if rule.ulps == 0:
        return np.zeros(value.shape)
    return np.abs(value) * (2 * rule.ulps * UNIT * MORE) + (TINY + rule.absolute)


def _spread(rule: Monotone, x: Bounded, value: Array) -> tuple[Array, Array]:
    """How far f moves within the interval, and whether the interval leaves the domain."""
    below, above = interval(x)
    errors = x.errors
    low, high = rule.domain
    beyond = (errors != 0) & ((below < low) | (above > high))
    spread = np.zeros(x.shape)
    for end in (below, above):
        at_end = rule.f(end)
        spread = np.maximum(spread, np.abs(at_end - value) * MORE + _ulps(at_end, rule))
    if rule.ulps:
        spread = spread + _ulps(value, rule)
    if rule.lipschitz < _INF:
        spread = np.fmin(spread, times(errors, np.asarray(rule.lipschitz)))
    return np.where(errors == 0, 0.0, spread), beyond


def _sqrt(x: Bounded, dtype: Any) -> Bounded:
    """Exact for squares."""
    result = _monotone(_TABLE["sqrt"], x, dtype)
    with np.errstate(all="ignore"):
        square = result.value * result.value
        exact = (square == x.value) & (product_rounding(result.value, result.value, square) == 0)
        return make(result.value, np.where(exact & (x.errors == 0), 0.0, result.errors), dtype)


def _rsqrt(x: Bounded, dtype: Any) -> Bounded:
    """Exact for powers of four."""
    result = _monotone(_TABLE["rsqrt"], x, dtype)
    with np.errstate(all="ignore"):
        power = (np.frexp(result.value)[0] == 0.5) & (result.value**2 * x.value == 1)
        return make(result.value, np.where(power & (x.errors == 0), 0.0, result.errors), dtype)


def _cbrt(x: Bounded, dtype: Any) -> Bounded:
    """Exact for cubes of integers."""
    result = _monotone(_TABLE["cbrt"], x, dtype)
    with np.errstate(all="ignore"):
        root = np.rint(result.value)
        exact = (np.abs(root) < 2.0**17) & (root * root * root == x.value) & (x.errors == 0)
        value = np.where(exact, root, result.value)
        return make(value, np.where(exact, 0.0, result.errors), dtype)


def _exp2(x: Bounded, dtype: Any) -> Bounded:
    """Exact for integers."""
    result = _monotone(_TABLE["exp2"], x, dtype)
    with np.errstate(all="ignore"):
        exact = (x.value == np.rint(x.value)) & (np.abs(x.value) < 1000) & (x.errors == 0)
        value = np.where(
            exact, np.ldexp(1.0, np.where(exact, x.value, 0).astype(int)), result.value
        )
        return make(value, np.where(exact, 0.0, result.errors), dtype)


def _rem(a: Bounded, b: Bounded, dtype: Any) -> Bounded:
    """a - n b with n = a / b truncated: fmod is exact. NaN where n is not certain."""
    with np.errstate(all="ignore"):
        value = np.fmod(a.value, b.value)
        quotient = div(a, b)
        low, high = (np.trunc(end) for end in interval(quotient))
        points = (a.errors == 0) & (b.errors == 0)
        known = points | (low == high)
        times_b = times(np.abs(low), b.errors)
        value = np.where(points, value, a.value - low * b.value)
        rounding = (np.abs(a.value) + np.abs(low * b.value)) * (4 * UNIT) + TINY
        error = np.where(points, 0.0, plus(a.errors, times_b, rounding))
        return make(np.where(known & (b.value != 0), value, np.nan), error, dtype)


def _on_bits(name: str, args: Sequence[Bounded], dtype: Any, params: Any) -> Bounded:
    """Integer functions and bit patterns: known where every operand is exactly known."""
    unknown = np.zeros(np.broadcast_shapes(*(arg.shape for arg in args)), np.bool_)
    arrays = []
    for arg in args:
        array = arg.value
        if kind(arg.dtype) == "float":  # the bits are those of the program's own format
            with np.errstate(all="ignore"):
                array = array.astype(arg.dtype)
                unknown |= array.astype(np.float64) != arg.value
        arrays.append(array)
        unknown |= arg.errors != 0
    result = lift(FUNCTIONS[name](*arrays, params=params), dtype)
    if kind(dtype) == "float":
        return make(np.where(unknown, np.nan, result.value), result.error, dtype)
    return discrete(result.value, unknown, dtype)


def _circular(f: Callable[[Array], Array], at_zero: float) -> Callable[..., Bounded]:
    """sin and cos: |f'| <= 1."""

    def evaluate(x: Bounded, dtype: Any) -> Bounded:
        with np.errstate(all="ignore"):
            value = f(x.value)
            error = np.where(x.value == 0, 0.0, np.abs(value) * (16 * UNIT) + TINY)
            value = np.where(x.value == 0, at_zero, value)
            return make(value, plus(error, x.error), dtype)

    return evaluate


def _tan(x: Bounded, dtype: Any) -> Bounded:
    """NaN where the interval may hold a pole."""
    with np.errstate(all="ignore"):
        value = np.tan(x.value)
        error = np.where(x.value == 0, 0.0, np.abs(value) * (16 * UNIT) + TINY)
        if x.error is not None:
            farthest = np.abs(np.arctan(value)) + x.error * MORE + 1e-14
            slope = (1 + np.tan(farthest) ** 2) * 1.01
            error = plus(error, times(x.error, slope))
            value = np.where((farthest < _HALF_PI - 1e-7) | (x.error == 0), value, np.nan)
        return make(value, error, dtype)


def _cosh(x: Bounded, dtype: Any) -> Bounded:
    """|f'| <= sinh(|x| + e)."""
    with np.errstate(all="ignore"):
        value = np.cosh(x.value)
        value = np.where(np.isinf(value) & np.isfinite(x.value), np.nan, value)
        error = np.where(x.value == 0, 0.0, np.abs(value) * (16 * UNIT))
        error = np.where(np.isinf(x.value), 0.0, error)
        if x.error is not None:
            slope = np.sinh((np.abs(x.value) + x.error) * MORE) * (1 + 1e-12)
            error = plus(error, times(x.error, slope))
        return make(value, error, dtype)


def _lgamma(x: Bounded, dtype: Any) -> Bounded:
    """Positive arguments; |f'| = |digamma|, which rises, so its largest value is at an end."""
    with np.errstate(all="ignore"):
        value = scipy.special.gammaln(x.value)
        error = (np.abs(value) + 1) * (64 * UNIT)
        one = (x.value == 1) | (x.value == 2)
        value, error = np.where(one, 0.0, value), np.where(one, 0.0, error)
        low, high = interval(x)
        if x.error is not None:
            slopes = [np.abs(scipy.special.digamma(end)) for end in (low, high)]
            slope = np.maximum(*slopes) * (1 + 1e-12) + 1e-12
            error = plus(error, times(x.error, slope))
        return make(np.where((low > 0) & np.isfinite(value), value, np.nan), error, dtype)


def _atan2(y: Bounded, x: Bounded, dtype: Any) -> Bounded:
    """The angle's gradient is 1/r. NaN at the origin and where the bounds touch the cut."""
    with np.errstate(all="ignore"):
        value = np.arctan2(y.value + 0.0, x.value + 0.0)  # -0 is 0 over the reals
        exact = (y.value == 0) & (x.value > 0)
        error = np.where(exact, 0.0, np.abs(value) * (16 * UNIT) + TINY)
        distance = np.hypot(x.value, y.value) / (1 + 1e-12)
        lost = distance == 0
        if y.error is not None or x.error is not None:
            off = np.hypot(x.errors, y.errors) * (1 + 1e-12)
            lost |= off >= distance
            lost |= (x.value < x.errors * MORE) & (np.abs(y.value) <= y.errors) & (y.errors > 0)
            spread = off / (distance - off) * (1 + 1e-12)
            error = plus(error, np.where(off == 0, 0.0, spread + TINY))
        return make(np.where(lost, np.nan, value), error, dtype)


def _pow(x: Bounded, y: Bounded, dtype: Any) -> Bounded:
    """x**y: by multiplication for a small integer y; else for x > 0, monotone in each argument."""
    y = cast(y, np.float64)
    first = float(y.value.flat[0]) if y.value.size else 0.0
    if y.error is None and (y.value == first).all() and abs(first) <= 64 and first == round(first):
        return _power(x, int(first), dtype)
    with np.errstate(all="ignore"):
        value = np.power(x.value, y.value)
        ends = [np.power(a, b) for a in interval(x) for b in interval(y)]
        spread = np.max([np.abs(end - value) for end in ends], axis=0) * MORE
        largest = np.max(np.abs([value, *ends]), axis=0)
        known = (interval(x)[0] > 0) & np.isfinite(value)
        error = plus(spread, largest * (64 * UNIT)) + TINY
        # An exact integer exponent: also for x <= 0, as far as the base is exact.
        whole = (y.errors == 0) & (y.value == np.rint(y.value)) & (x.errors == 0)
        known |= whole & np.isfinite(value) & (x.value != 0)
        zero = (x.errors == 0) & (x.value == 0) & (y.value - y.errors > 0)
        one = (y.errors == 0) & (y.value == 0) & ~np.isnan(x.value)
        value = np.where(zero, 0.0, np.where(one, 1.0, np.where(known, value, np.nan)))
        return make(value, np.where(zero | one, 0.0, error), dtype)


def _power(x: Bounded, n: int, dtype: Any) -> Bounded:
    result = Bounded(np.ones(x.shape), None, dtype)
    base, left = x, abs(n)
    while left:
        if left & 1:
            result = mul(result, base)
        left >>= 1
        if left:
            base = mul(base, base)
    result = Bounded(result.value, result.error, dtype)
    return result if n >= 0 else div(Bounded(np.ones(x.shape), None, dtype), result)


def _abs(x: Bounded, dtype: Any) -> Bounded:
    if kind(x.dtype) != "complex":
        return Bounded(np.abs(x.value), x.error, dtype)
    value = np.abs(x.value)
    axis = (x.value.real == 0) | (x.value.imag == 0)
    return make(value, plus(np.where(axis, 0.0, value * (8 * UNIT) + TINY), x.error), dtype)


def _exp(x: Bounded, dtype: Any) -> Bounded:
    if kind(x.dtype) != "complex":
        return _monotone(_TABLE["exp"], x, dtype)
    real, angle = real_parts(x)
    size = _monotone(_TABLE["exp"], real, real.dtype)
    cosine, sine = (_SPECIAL[name](angle, real.dtype) for name in ("cos", "sin"))
    return join(mul(size, cosine), mul(size, sine), dtype)


_SPECIAL: dict[str, Callable[..., Bounded]] = {
    "exp": _exp,
    "exp2": _exp2,
    "sqrt": _sqrt,
    "rsqrt": _rsqrt,
    "cbrt": _cbrt,
    "sin": _circular(np.sin, 0.0),
    "cos": _circular(np.cos, 1.0),
    "tan": _tan,
    "cosh": _cosh,
    "lgamma": _lgamma,
    "atan2": _atan2,
    "pow": _pow,
    "rem": _rem,
    "abs": _abs,
    "real": lambda x, dtype: cast(real_parts(x)[0], dtype),
    "imag": lambda x, dtype: cast(real_parts(x)[1], dtype),
    "conj": lambda x, dtype: Bounded(np.conj(x.value), x.error, dtype),
    "complex": join,
}
_COMPLEX = ("abs", "real", "imag", "conj", "exp")

NAMES = tuple(sorted({*_TABLE, *_SPECIAL}))


def function(name: str, args: Sequence[Bounded], dtype: Any, params: Any) -> Bounded:
    """The function `name`; Unsupported where there is no certified bound for it."""
    if name in FUNCTIONS:
        return _on_bits(name, args, dtype, params)
    kinds = {kind(arg.dtype) for arg in args}
    if name not in NAMES or ("complex" in kinds and name not in _COMPLEX):
        what = " of complex numbers" if "complex" in kinds and name in NAMES else ""
        raise Unsupported(f"no numeric rule for {name}{what}")
    if kinds & {"int", "bool"} and not (name == "pow" and kind(args[0].dtype) == "float"):
        raise Unsupported(f"no numeric rule for {name} of integers")
    if name in _SPECIAL:
        return _SPECIAL[name](*args, dtype)
    return _monotone(_TABLE[name], args[0], dtype)


def roots(n: int) -> tuple[Bounded, Bounded]:
    """cos and sin of 2 pi k / n for k < n. The argument is off by at most 3 units in the last place
    of 2 pi, the functions by 8 of 1: less than 2**-46. Exact at the quarter turns."""
    turns = np.arange(n)
    quarter = 4 * turns % n == 0
    error = np.where(quarter, 0.0, 2.0**-46)
    tables = []
    for f in (np.cos, np.sin):
        value = f(2 * math.pi * turns / n)
        tables.append(make(np.where(quarter, np.rint(value), value), error, np.dtype(np.float64)))
    return tables[0], tables[1]

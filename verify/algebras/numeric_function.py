"""Elementwise functions with certified errors: exp, tanh, sqrt, erf, ...

A monotone function of an interval lies between its values at the ends. What NumPy and SciPy get
wrong is assumed to be below a stated number of units in the last place: NumPy promises less than 4
for the elementary functions; 8 are assumed here, and 64 for SciPy's special functions, and the
tests compare each with 60 digits. sqrt is correctly rounded (IEEE 754).

Functions that are not monotone, or of two arguments, are in `numeric_special`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special  # type: ignore[import-untyped]

from verify.algebras import numeric_special
from verify.algebras.base import Unsupported
from verify.algebras.numeric_cast import interval, lift
from verify.algebras.numeric_float import plus, product_rounding, times
from verify.algebras.numeric_integers import FUNCTIONS
from verify.algebras.numeric_value import MORE, TINY, UNIT, Bounded, discrete, kind, make
from verify.dtypes import DType

Array = np.ndarray
_INF = math.inf


@dataclass(frozen=True)
class Monotone:
    """A function that rises (or falls) all over its domain.

    at: arguments where f is known exactly, its limits at the infinities among them; at an infinity
    that is not named, and outside the domain, the result is NaN. lipschitz: a bound on |f'|, much
    sharper than the difference of two rounded values if the interval is small. ulps: how far
    `f` may be from the truth, in units of the last place (0: it is exact); absolute: the same
    near a zero of f that is not a float.
    """

    f: Callable[[Array], Array]
    at: tuple[tuple[float, float], ...] = ()
    domain: tuple[float, float] = (-_INF, _INF)
    lipschitz: float = _INF
    ulps: Callable[[Array], Array | float] = lambda x: 8.0
    absolute: float = 0.0


def _special(x: Array) -> float:
    return 64.0


def _none(x: Array) -> float:
    return 0.0


def _away_from_zero(x: Array) -> Array:
    whole = np.trunc(x)
    return whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0.0)


_LEAST = 5e-324
_BELOW_ONE = float(np.nextafter(1, 0))
_INFINITIES = ((-_INF, -_INF), (_INF, _INF))
_TABLE: dict[str, Monotone] = {
    "exp": Monotone(np.exp, ((0, 1), (-_INF, 0), (_INF, _INF))),
    "exp2": Monotone(np.exp2, ((0, 1), (-_INF, 0), (_INF, _INF))),
    "expm1": Monotone(np.expm1, ((0, 0), (-_INF, -1), (_INF, _INF))),
    "log": Monotone(np.log, ((1, 0), (_INF, _INF)), (_LEAST, _INF)),
    "log1p": Monotone(np.log1p, ((0, 0), (_INF, _INF)), (-_BELOW_ONE, _INF)),
    "logistic": Monotone(
        scipy.special.expit, ((0, 0.5), (-_INF, 0), (_INF, 1)), lipschitz=0.25, ulps=_special
    ),
    "tanh": Monotone(np.tanh, ((0, 0), (-_INF, -1), (_INF, 1)), lipschitz=1),
    "asin": Monotone(np.arcsin, ((0, 0),), (-1, 1)),
    "acos": Monotone(np.arccos, ((1, 0),), (-1, 1)),
    "atan": Monotone(np.arctan, ((0, 0),), lipschitz=1),
    "sinh": Monotone(np.sinh, ((0, 0), *_INFINITIES)),
    "asinh": Monotone(np.arcsinh, ((0, 0), *_INFINITIES), lipschitz=1),
    "acosh": Monotone(np.arccosh, ((1, 0), (_INF, _INF)), (1, _INF)),
    "atanh": Monotone(np.arctanh, ((0, 0),), (-_BELOW_ONE, _BELOW_ONE)),
    "sqrt": Monotone(np.sqrt, ((0, 0), (_INF, _INF)), (0, _INF), ulps=lambda x: 1.0),
    "rsqrt": Monotone(lambda x: 1 / np.sqrt(x), ((_INF, 0),), (_LEAST, _INF)),
    "cbrt": Monotone(np.cbrt, ((0, 0), *_INFINITIES)),
    "erf": Monotone(
        scipy.special.erf, ((0, 0), (-_INF, -1), (_INF, 1)), lipschitz=1.13, ulps=_special
    ),
    # erfc(x) is exp(-x**2) times a fraction, and x**2 is rounded.
    "erfc": Monotone(
        scipy.special.erfc,
        ((0, 1), (-_INF, 2), (_INF, 0)),
        lipschitz=1.13,
        ulps=lambda x: 64 + 2 * np.square(np.clip(x, 0, 30)),
    ),
    "erf_inv": Monotone(scipy.special.erfinv, ((0, 0),), (-_BELOW_ONE, _BELOW_ONE), ulps=_special),
    # Of positive arguments; of others nothing is known.
    "digamma": Monotone(
        scipy.special.digamma,
        ((_INF, _INF),),
        (1e-300, _INF),
        ulps=_special,
        absolute=64 * UNIT,
    ),
    "floor": Monotone(np.floor, _INFINITIES, ulps=_none),
    "ceil": Monotone(np.ceil, _INFINITIES, ulps=_none),
    "sign": Monotone(np.sign, ((-_INF, -1), (_INF, 1)), ulps=_none),
    "round_even": Monotone(np.rint, _INFINITIES, ulps=_none),
    "round": Monotone(_away_from_zero, _INFINITIES, ulps=_none),
}


def monotone(name: str, x: Bounded, dtype: DType) -> Bounded:
    """A function of the table."""
    rule = _TABLE[name]
    with np.errstate(all="ignore"):
        value = rule.f(x.value)
        error = _rounding(rule, x.value, value)
        low, high = rule.domain
        outside = np.isinf(x.value) | np.isinf(value) | (x.value < low) | (x.value > high)
        value = np.where(outside, np.nan, value)  # undefined, or an overflow
        for place, exact in rule.at:
            here = x.value == place
            value, error = np.where(here, exact, value), np.where(here, 0.0, error)
        if x.error is not None:
            spread, beyond = _spread(rule, x, value)
            value, error = np.where(beyond, np.nan, value), plus(error, spread)
        return make(value, error, dtype)


def _rounding(rule: Monotone, x: Array, value: Array) -> Array:
    """How far f(x) as computed may be from the truth. A unit in the last place is at most 2u|f|,
    and what is returned for a result that underflows is off by less than TINY."""
    ulps = rule.ulps(x)
    if np.ndim(ulps) == 0 and ulps == 0:
        return np.zeros(value.shape)
    return np.abs(value) * (2 * UNIT * MORE) * ulps + (TINY + rule.absolute)


def _spread(rule: Monotone, x: Bounded, value: Array) -> tuple[Array, Array]:
    """How far f moves within the interval, and whether the interval leaves the domain."""
    low, high = rule.domain
    ends = interval(x)
    inexact = x.errors != 0
    beyond = inexact & ((ends[0] < low) | (ends[1] > high))
    spread = np.zeros(x.shape)
    for end in ends:
        there = rule.f(end)
        spread = np.maximum(spread, np.abs(there - value) * MORE + _rounding(rule, end, there))
    spread = spread + _rounding(rule, x.value, value)  # of the value that it is measured from
    if rule.lipschitz < _INF:
        spread = np.fmin(spread, times(x.errors, np.asarray(rule.lipschitz)))
    return np.where(inexact, spread, 0.0), beyond


# Functions with exact results at more places than a few: (name) -> value -> (exact, value there).


def _square_root(x: Array, root: Array) -> tuple[Array, Array]:
    square = root * root
    return (square == x) & (product_rounding(root, root, square) == 0), root


def _inverse_square_root(x: Array, root: Array) -> tuple[Array, Array]:
    return (np.frexp(root)[0] == 0.5) & (root * root * x == 1), root  # powers of four


def _cube_root(x: Array, root: Array) -> tuple[Array, Array]:
    whole = np.rint(root)
    return (np.abs(whole) < 2.0**17) & (whole * whole * whole == x), whole


def _power_of_two(x: Array, power: Array) -> tuple[Array, Array]:
    exact = (x == np.rint(x)) & (np.abs(x) < 1000)
    return exact, np.ldexp(1.0, np.where(exact, x, 0).astype(np.int64))


_EXACT: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "sqrt": _square_root,
    "rsqrt": _inverse_square_root,
    "cbrt": _cube_root,
    "exp2": _power_of_two,
}


def _with_exact(name: str, x: Bounded, result: Bounded) -> Bounded:
    if name not in _EXACT or result.error is None:
        return result
    with np.errstate(all="ignore"):
        exact, value = _EXACT[name](x.value, result.value)
    exact &= (x.errors == 0) & ~np.isnan(result.value)
    return make(
        np.where(exact, value, result.value), np.where(exact, 0.0, result.errors), result.dtype
    )


def on_bits(name: str, args: Sequence[Bounded], dtype: DType, params: object) -> Bounded:
    """Integer functions and bit patterns: known where every operand is exactly known."""
    unknown = np.zeros(np.broadcast_shapes(*(arg.shape for arg in args)), np.bool_)
    arrays = []
    for arg in args:
        array = arg.value
        if kind(arg.dtype) == "float":  # the bits are those of the program's own format
            with np.errstate(all="ignore"):
                array = array.astype(arg.dtype)
                unknown = unknown | (array.astype(np.float64) != arg.value)
            unknown = unknown | (arg.value == 0)  # the reals have no sign of zero
        arrays.append(array)
        unknown = unknown | (arg.errors != 0)
    result = lift(FUNCTIONS[name](*arrays, params=params), dtype)
    if kind(dtype) == "float":
        return make(np.where(unknown, np.nan, result.value), result.error, dtype)
    return discrete(result.value, unknown, dtype)


NAMES = tuple(sorted({*_TABLE, *numeric_special.FUNCTIONS}))


def function(name: str, args: Sequence[Bounded], dtype: DType, params: object) -> Bounded:
    """The function `name`; Unsupported where there is no certified bound for it."""
    if name in FUNCTIONS:
        return on_bits(name, args, dtype, params)
    if name not in NAMES:
        raise Unsupported(f"no numeric rule for {name}")
    if any(kind(arg.dtype) != "float" for arg in args[: 1 if name == "pow" else None]):
        raise Unsupported(f"no numeric rule for {name} of integers")
    if name in _TABLE:
        return _with_exact(name, args[0], monotone(name, args[0], dtype))
    return numeric_special.FUNCTIONS[name](*args, dtype)


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

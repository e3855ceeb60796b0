"""Exact numbers: fractions, and multiples of one number that is no fraction or may be any.

What no rule here knows is None, and None is all that is made of it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

_LONGEST = 20_000  # bits of a fraction


@dataclass(frozen=True)
class Multiple:
    """factor, which is not 0, times a positive number that is known by its name only."""

    factor: Fraction
    of: float


Term = Fraction | Multiple | None


def _add(a: Term, b: Term) -> Term:
    if a is None or b is None:
        return None
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _short(a + b)
    if a == 0 or b == 0:
        return b if a == 0 else a
    if isinstance(a, Multiple) and isinstance(b, Multiple) and a.of == b.of:
        return _multiple(a.factor + b.factor, a.of)
    return None


def _mul(a: Term, b: Term) -> Term:
    if isinstance(a, Multiple):
        a, b = b, a
    if not isinstance(a, Fraction) or b is None:
        return None
    return _multiple(a * b.factor, b.of) if isinstance(b, Multiple) else _short(a * b)


def _div(a: Term, b: Term) -> Term:
    if a is None or b is None or b == 0:
        return None
    if isinstance(b, Fraction):
        return _mul(a, 1 / b)
    if isinstance(a, Multiple) and a.of == b.of:
        return a.factor / b.factor
    return Fraction(0) if a == 0 else None


def _neg(a: Term) -> Term:
    return _mul(Fraction(-1), a)


def _order(a: Term, b: Term) -> float:
    """The sign of a - b, NaN if it is not known."""
    apart = _add(a, _neg(b))
    if apart is None:
        return math.nan
    value = apart.factor if isinstance(apart, Multiple) else apart
    return float((value > 0) - (value < 0))


def _max(a: Term, b: Term) -> Term:
    order = _order(a, b)
    return None if math.isnan(order) else (a if order >= 0 else b)


def _multiple(factor: Fraction, of: float) -> Term:
    return Multiple(factor, of) if factor and _short(factor) is not None else _short(factor)


def _short(f: Fraction) -> Fraction | None:
    long = f.numerator.bit_length() + f.denominator.bit_length() > _LONGEST
    return None if long else f


def _rounding(name: str, a: Term) -> Term:
    if not isinstance(a, Fraction):
        return None
    if name == "round":
        whole = math.floor(abs(a) + Fraction(1, 2))
        return Fraction(whole if a > 0 else -whole)
    if name == "sign":
        return Fraction((a > 0) - (a < 0))
    if name == "round_even":
        return Fraction(round(a))
    return Fraction(math.floor(a) if name == "floor" else math.ceil(a))


def _truncated(a: Term) -> Term:
    return Fraction(math.trunc(a)) if isinstance(a, Fraction) else None


def _rem(a: Term, b: Term) -> Term:
    if not isinstance(a, Fraction) or not isinstance(b, Fraction) or b == 0:
        return None
    return a - b * math.trunc(a / b)


def _fraction(value: float, known: bool) -> Term:
    return Fraction(value) if known and math.isfinite(value) else None


def _near(term: Term, value: float) -> float:
    """The float64 that is nearest to a fraction; the given value for what is none."""
    try:
        return float(term) if isinstance(term, Fraction) else value
    except OverflowError:
        return value


def _is_exactly(term: Term, value: float) -> bool:
    return isinstance(term, Fraction) and math.isfinite(value) and Fraction(value) == term


def array(terms: object, shape: tuple[int, ...]) -> np.ndarray:
    """Terms as an array, whatever NumPy makes of a single one."""
    made = np.empty(shape, object)
    made[...] = terms
    return made


def _on_arrays(
    f: Callable[..., object], count: int, dtype: type = object
) -> Callable[..., np.ndarray]:
    function = np.frompyfunc(f, count, 1)

    def on(*arrays: ArrayLike) -> np.ndarray:
        made = array(function(*arrays), np.broadcast_shapes(*map(np.shape, arrays)))
        return made.astype(dtype)

    return on


add, mul, div = (_on_arrays(f, 2) for f in (_add, _mul, _div))
maximum, rem, rounding = (_on_arrays(f, 2) for f in (_max, _rem, _rounding))
neg, truncated = _on_arrays(_neg, 1), _on_arrays(_truncated, 1)
order = _on_arrays(_order, 2, np.float64)
fraction = _on_arrays(_fraction, 2)
near = _on_arrays(_near, 2, np.float64)
is_exactly = _on_arrays(_is_exactly, 2, np.bool_)
is_fraction = _on_arrays(lambda a: isinstance(a, Fraction), 1, np.bool_)
ROUNDINGS = frozenset(("floor", "ceil", "round_even", "round", "sign"))


def total(a: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    return functools.reduce(add, np.moveaxis(a, -1, 0))


def greatest(a: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    return functools.reduce(maximum, np.moveaxis(a, -1, 0))

"""Products and quotients as compiled: what multiplying in another order may do.

XLA makes (a c) d into a (c d) for constants c and d, a / b / c into a / (b c) and a / (b / c) into
(a c) / b. Where c d leaves the format, the result is 0 or infinite though no number of the program
is, or NaN where a is infinite or 0; `span` is how far the products of some of the factors reach,
and beyond the format the error is that of 0, or nothing is known.

`scaled` is for sums: c a + c b is c (a + b).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from verify.algebras import numeric_float
from verify.algebras.numeric_float import gamma
from verify.algebras.numeric_value import Bounded, make
from verify.algebras.rounded_value import (
    SPARE,
    Format,
    Tracked,
    computed,
    finite,
    format_of,
    largest,
    marks,
    power_of_two,
    representable,
    tracked,
    unmarked,
)


def mul(a: Bounded, b: Bounded) -> Bounded:
    form, product = format_of(a.dtype), numeric_float.mul(a, b)
    charge = largest(product) * form.growth(1 + SPARE)
    exact = power_of_two(a) | power_of_two(b)
    if a.error is None and b.error is None:
        exact |= (product.errors == 0) & representable(form, product.value)
    result = computed(product, np.where(exact, 0.0, charge), form)
    quotient = marks(a).quotient or marks(b).quotient
    result = _spanned(result, [x for x in (a, b) if quotient or _joins(x)], [], quotient, form)
    for x, c in ((a, b), (b, a)):
        if marks(c).constant:
            return tracked(result, scaled=_scaled(x, _top(c)))
    return result


def div(a: Bounded, b: Bounded) -> Bounded:
    """Three roundings: the reciprocal of a constant is rounded, and products with it."""
    form, ratio = format_of(a.dtype), numeric_float.div(a, b)
    top = largest(ratio)
    charge = np.where(power_of_two(b), 0.0, top * form.growth(3 + SPARE))
    flushed = (largest(b) >= 1 / form.tiny) & np.isfinite(b.value)  # 1 / b is subnormal
    charge = np.where(flushed, charge + top, charge)
    charge = np.where(np.abs(b.value) - b.errors < form.tiny, np.nan, charge)
    result = _spanned(computed(ratio, charge, form), [a], [b], True, form)
    if not marks(b).constant:
        return result
    # What is divided by zero, or by no number, has no bound already.
    nonzero = np.abs(b.value)[np.abs(b.value) > 0]
    return tracked(result, scaled=_scaled(a, 1 / float(np.min(nonzero, initial=1.0))))


def prod(result: Bounded, x: Bounded, *, running: bool = False) -> Bounded:
    """The product over x's last axis, or the running ones: with what other orders than that of
    `result` may add. Some of the factors, multiplied first, may under- or overflow."""
    form, size = format_of(x.dtype), x.shape[-1]
    fold = np.multiply.accumulate if running else np.multiply.reduce
    high, low, slack = largest(x), np.abs(x.value), 1 + gamma(size)
    top = fold(np.maximum(high, 1.0), axis=-1) * slack
    bottom = fold(np.where(low == 0, 1.0, np.minimum(low, 1.0)), axis=-1) / slack
    charge = largest(result) * form.growth(size + SPARE)
    charge = charge + np.where(bottom < form.tiny, size * form.tiny * top, 0.0)
    inexact = fold(np.where(power_of_two(x), 1.0, 2.0), axis=-1) > 1
    exact = ~inexact & (result.errors == 0) & (bottom >= form.tiny)
    charge = np.where(exact, 0.0, np.where(top >= form.limit, np.nan, charge))
    return computed(result, charge, form)


def _top(x: Bounded) -> float:
    return float(np.max(finite(x), initial=0.0))


def _scaled(x: Bounded, c: float) -> tuple[float, float]:
    """The mark of c x; of c (d a) as of (c d) a too."""
    top, factor = marks(x).scaled or (0.0, 1.0)
    return max(top, _top(x)), max(c, c * factor)


def _joins(x: Bounded) -> bool:
    """Whether the compiler may multiply x with another factor first: constants, and products."""
    return isinstance(x, Tracked) and (x.constant or x.span is not None)


def _spanned(
    result: Bounded,
    factors: Sequence[Bounded],
    divisors: Sequence[Bounded],
    quotient: bool,
    form: Format,
) -> Bounded:
    """The result of a product or quotient, with its span, and what reordering may do to it."""
    if not factors and not divisors:
        return result
    ranges = [_range(x) for x in factors]
    ranges += [(-high, -low) for low, high in map(_range, divisors)]
    span = sum(low for low, _ in ranges), sum(high for _, high in ranges)
    chain = any(marks(x).span is not None for x in (*factors, *divisors))
    if chain and (span[0] < form.lowest or span[1] > form.highest):
        if span[1] > form.highest:  # infinity may take part
            result = make(np.full(result.shape, np.nan), None, result.dtype)
        else:  # a product of factors may be flushed to zero, and infinity times zero is none
            lost = np.where(np.isinf(result.value), np.nan, largest(result))
            result = computed(result, lost, form)
    return tracked(result, unmarked(result), span=span, quotient=quotient)


def _range(x: Bounded) -> tuple[float, float]:
    """Binary logarithms of the smallest and largest product of any of x's factors."""
    span = marks(x).span
    if span is not None:
        return span
    magnitude = np.abs(x.value)
    there = (magnitude > 0) & np.isfinite(magnitude)
    low = float(np.min(magnitude, initial=1.0, where=there))
    high = float(np.max(magnitude + x.errors, initial=1.0, where=there & np.isfinite(x.errors)))
    return math.log2(low), math.log2(high)

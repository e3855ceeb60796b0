"""Sums and dot products as compiled: any order, any number of fused multiply-adds.

A sum of n terms, each of which takes part in at most n - 1 additions, is off by at most
((1 + u)**(n - 1) - 1) times the sum of their magnitudes, operands taken as they are computed; a dot
product by one power of (1 + u) more, and what underflows by the smallest normal number a term.

Nothing is known where some of the terms may add up to what the format does not hold, though all of
them do not: (x + c) + d is x + (c + d), infinities come late in a sum, and a sum of equal terms is
a product with their number, which float16 may not hold. c a + c b is c (a + b).
"""

from __future__ import annotations

import numpy as np

from verify.algebras import numeric_float
from verify.algebras.numeric_float import gamma
from verify.algebras.numeric_value import MORE, Bounded
from verify.algebras.products import matmul
from verify.algebras.rounded_value import (
    SPARE,
    Amount,
    Changes,
    Format,
    computed,
    exact_sums,
    format_of,
    fraction,
    largest,
    marks,
    mass,
    power_of_2,
    reach,
    tracked,
    unmarked,
)

Scaled = tuple[float, float] | None


def add(a: Bounded, b: Bounded) -> Bounded:
    """The error of |a| + |b|, not of |a + b|: constants may be added to each other first."""
    form = format_of(a.dtype)
    one, two = (mass(x) if x.error is None else largest(x) for x in (a, b))
    total, magnitudes = numeric_float.add(a, b), (one + two) * MORE
    reached = (reach(a) + reach(b)) * MORE
    scaled = _scaled_sum(marks(a).scaled, marks(b).scaled)
    result, grain = _off(total, magnitudes, reached, _coarser(a, b), 1, form, scaled)
    known: Changes = {"reach": reached, "scaled": scaled}
    if result.error is None:
        known |= {"mass": magnitudes, "fraction": grain}
    return tracked(result, unmarked(result), **known)


def sum_last(x: Bounded) -> Bounded:
    """Over the last axis, which has at least one element."""
    form, size = format_of(x.dtype), x.shape[-1]
    terms = size * marks(x).terms
    magnitudes = mass(x).sum(axis=-1) * (1 + gamma(size))
    reached = reach(x).sum(axis=-1) * (1 + gamma(size))
    if terms >= form.limit:
        reached = np.full_like(reached, np.inf)
    scaled = marks(x).scaled
    scaled = None if scaled is None else (size * scaled[0], scaled[1])
    total = numeric_float.sum_last(x)
    result, grain = _off(total, magnitudes, reached, fraction(x), terms - 1, form, scaled)
    return tracked(
        result,
        unmarked(result),
        scaled=scaled,
        terms=terms,
        mass=magnitudes,
        fraction=grain,
        reach=reached,
    )


def dot(a: Bounded, b: Bounded) -> Bounded:
    """(B, M, K) x (B, K, N) -> (B, M, N), K at least 1."""
    terms, total = a.shape[-1], numeric_float.dot(a, b)
    left, right = (np.where(np.isfinite(x.value), np.abs(x.value), 0.0) for x in (a, b))
    magnitudes = matmul(left, right) * (1 + gamma(terms + 2)) + total.errors
    one, two = fraction(a), fraction(b)
    grain = None if one is None or two is None else one + two
    # One rounding of each product, one of the sum on its way into the result's dtype.
    result, grain = _off(total, magnitudes, magnitudes, grain, terms + 1, format_of(a.dtype))
    if min(a.shape[1], b.shape[2]) > 1:
        return result
    # A product of vectors becomes products and a sum, which merges with a sum over it.
    return tracked(result, unmarked(result), terms=terms, mass=magnitudes, fraction=grain)


def running(folded: Bounded, rows: Bounded) -> Bounded:
    """Running sums along the last axis: with what other orders than that of `folded` may add."""
    size = rows.shape[-1]
    magnitudes = np.cumsum(mass(rows), axis=-1) * (1 + gamma(size))
    reached = np.cumsum(reach(rows), axis=-1) * (1 + gamma(size))
    roundings = np.arange(1, size + 1) * marks(rows).terms
    return _off(folded, magnitudes, reached, fraction(rows), roundings, format_of(rows.dtype))[0]


def _coarser(a: Bounded, b: Bounded) -> int | None:
    """The grid that the terms of both lie on."""
    one, two = fraction(a), fraction(b)
    return None if one is None or two is None else max(one, two)


def _scaled_sum(a: Scaled, b: Scaled) -> Scaled:
    return None if a is None or b is None else (a[0] + b[0], max(a[1], b[1]))


def _off(
    total: Bounded,
    magnitudes: np.ndarray,
    reached: np.ndarray,
    grain: int | None,
    roundings: Amount,
    form: Format,
    scaled: Scaled = None,
) -> tuple[Bounded, int | None]:
    """The real sum with its rounding errors, and the grid of its terms if all of it is exact."""
    exact = exact_sums(form, grain, magnitudes) | (magnitudes == 0)
    charge = magnitudes * form.growth(roundings + SPARE) + 2 * (roundings + SPARE) * form.tiny
    charge = np.where(exact, 0.0, charge)
    if scaled is not None and scaled[1] > 1:
        flushed = form.tiny * scaled[1]  # a + b, times c
        coarse = grain is not None and grain <= 1000 and power_of_2(-grain) >= flushed
        charge = np.where((exact & coarse) | (magnitudes == 0), charge, charge + flushed)
    if scaled is not None and scaled[0] >= form.limit:
        charge = np.full_like(charge, np.nan)
    charge = np.where(reached >= form.limit, np.nan, charge)
    return computed(total, charge, form), grain if exact.all() else None

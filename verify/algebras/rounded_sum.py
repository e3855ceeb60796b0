"""Sums and dot products as compiled: any order, any number of fused multiply-adds.

A sum of n terms, each of which takes part in at most n - 1 additions, is off by at most
((1 + u)**(n - 1) - 1) times the sum of their magnitudes, operands taken as they are computed; a dot
product by one power of (1 + u) more, and what underflows by the smallest normal number a term.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.algebras import numeric_float
from verify.algebras.numeric_float import gamma
from verify.algebras.numeric_value import MORE, Bounded
from verify.algebras.rounded_value import (
    SPARE,
    Format,
    computed,
    exact_sums,
    format_of,
    fraction,
    largest,
    mass,
    tracked,
    unmarked,
)


def add(a: Bounded, b: Bounded) -> Bounded:
    """The error of |a| + |b|, not of |a + b|: constants may be added to each other first."""
    one, two = (mass(x) if x.error is None else largest(x) for x in (a, b))
    total, magnitudes = numeric_float.add(a, b), (one + two) * MORE
    result, grain = _off(total, magnitudes, _coarser(a, b), 1, format_of(a.dtype))
    if result.error is not None:
        return result
    return tracked(result, unmarked(result), mass=magnitudes, fraction=grain)


def sum_last(x: Bounded) -> Bounded:
    """Over the last axis, which has at least one element."""
    size = x.shape[-1]
    terms = size * getattr(x, "terms", 1)
    magnitudes = mass(x).sum(axis=-1) * (1 + gamma(size))
    total = numeric_float.sum_last(x)
    result, grain = _off(total, magnitudes, fraction(x), terms - 1, format_of(x.dtype))
    return tracked(result, unmarked(result), terms=terms, mass=magnitudes, fraction=grain)


def dot(a: Bounded, b: Bounded) -> Bounded:
    """(B, M, K) x (B, K, N) -> (B, M, N), K at least 1."""
    terms, total = a.shape[-1], numeric_float.dot(a, b)
    left, right = (np.where(np.isfinite(x.value), np.abs(x.value), 0.0) for x in (a, b))
    magnitudes = (left @ right) * (1 + gamma(terms + 2)) + total.errors
    one, two = fraction(a), fraction(b)
    grain = None if one is None or two is None else one + two
    # One rounding of each product, one of the sum on its way into the result's dtype.
    result, grain = _off(total, magnitudes, grain, terms + 1, format_of(a.dtype))
    if min(a.shape[1], b.shape[2]) > 1:
        return result
    # A product of vectors becomes products and a sum, which merges with a sum over it.
    return tracked(result, unmarked(result), terms=terms, mass=magnitudes, fraction=grain)


def running(folded: Bounded, rows: Bounded) -> Bounded:
    """Running sums along the last axis: with what other orders than that of `folded` may add."""
    size = rows.shape[-1]
    magnitudes = np.cumsum(mass(rows), axis=-1) * (1 + gamma(size))
    roundings = np.arange(1, size + 1) * getattr(rows, "terms", 1)
    return _off(folded, magnitudes, fraction(rows), roundings, format_of(rows.dtype))[0]


def _coarser(a: Bounded, b: Bounded) -> int | None:
    """The grid that the terms of both lie on."""
    one, two = fraction(a), fraction(b)
    return None if one is None or two is None else max(one, two)


def _off(
    total: Bounded, magnitudes: np.ndarray, grain: int | None, roundings: Any, form: Format
) -> tuple[Bounded, int | None]:
    """The real sum with its rounding errors, and the grid of its terms if all of it is exact."""
    exact = exact_sums(form, grain, magnitudes) | (magnitudes == 0)
    charge = magnitudes * form.growth(roundings + SPARE) + 2 * (roundings + SPARE) * form.tiny
    over = (magnitudes >= form.limit) & np.isfinite(magnitudes)  # infinities are the program's
    charge = np.where(exact, 0.0, np.where(over, np.nan, charge))
    return computed(total, charge, form), grain if exact.all() else None

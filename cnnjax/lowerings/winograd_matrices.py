"""The matrices of Winograd's convolution along one axis: exact, from the points.

    Y = A^T [ (G K G^T) * (B^T D B) ] A        see `winograd.py`

All constants are dyadic rationals, which a float32 holds; G's odd denominators are kept apart, for
the program to divide by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np

__all__ = ["POINTS", "TILE", "Matrices", "amplification", "exact_matrices", "matrices"]

TILE = 4  # outputs a tile, along each axis
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))

Matrix = list[list[Fraction]]


class Matrices(NamedTuple):
    """For one axis: a (4, points), b (points, points), g (points, taps) over denominators."""

    a: np.ndarray
    b: np.ndarray
    g: np.ndarray
    denominators: np.ndarray


@cache
def matrices(taps: int, dtype: str) -> Matrices:
    return Matrices(*(np.array(part, np.float64).astype(dtype) for part in exact_matrices(taps)))


@cache
def exact_matrices(taps: int) -> tuple[Matrix, Matrix, Matrix, list[int]]:
    """A^T, B^T, G and G's denominators; all entries are dyadic, the denominators odd.

    At the finite points p_i, B^T holds the coefficients of prod_{j != i} (x - p_j) and G the powers
    of p_i over prod_{j != i} (p_i - p_j); at the last point, infinity, they are those of
    prod_j (x - p_j) and the leading coefficient.
    """
    points = [Fraction(p) for p in POINTS[: taps + TILE - 2]]
    infinity = [Fraction(0)] * (taps - 1) + [Fraction(1)]
    a = [[p**k for p in points] + [Fraction(int(k == TILE - 1))] for k in range(TILE)]
    b, g, denominators = [], [], []
    for i, p in enumerate(points):
        others = points[:i] + points[i + 1 :]
        between = math.prod((p - q for q in others), start=Fraction(1))
        odd = _odd_part(between)
        b.append([*_coefficients(others), Fraction(0)])
        g.append([p**k * odd / between for k in range(taps)])
        denominators.append(odd)
    b.append(_coefficients(points))
    g.append(infinity)
    denominators.append(1)
    return a, b, g, denominators


def amplification(taps: int) -> float:
    """How much larger the rounding bound is than the direct form's, along one axis.

    With every pixel and tap at most 1 in magnitude an output of the direct form is a sum of
    ``taps`` terms; this is the sum of the magnitudes of Winograd's terms, over ``taps``. For a
    square window the factor is the square. It bounds the worst case: what is measured is near its
    square root.

    >>> [round(amplification(taps)) for taps in (3, 5)]
    [16, 17]
    """
    a, b, g, denominators = exact_matrices(taps)
    mass = [
        sum(map(abs, g[p])) * sum(map(abs, b[p])) / denominators[p] for p in range(len(b))
    ]  # the largest magnitude that a product at point p can have
    worst = max(sum(abs(a[output][p]) * mass[p] for p in range(len(b))) for output in range(TILE))
    return float(worst / taps)


def _coefficients(roots: Sequence[Fraction]) -> list[Fraction]:
    """Of prod (x - root), constant term first."""
    product = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *product], [*(-root * c for c in product), Fraction(0)]
        product = [s + t for s, t in zip(shifted, scaled, strict=True)]
    return product


def _odd_part(value: Fraction) -> int:
    """The odd part of a numerator; denominators here are powers of two."""
    n = abs(value.numerator)
    return n // (n & -n)

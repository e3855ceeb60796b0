"""Matrix products in pieces, so that the clock is looked at between them (`limits/budget.py`)."""

from __future__ import annotations

import math

import numpy as np

from verify.limits import budget

_PIECE = 2e9  # products of numbers that BLAS multiplies at a time
_SLOW_PIECE = 1e8  # and NumPy without BLAS
_A_UNIT = 100  # products for a unit of work with BLAS; without, two


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b, for (B, M, K) and (B, K, N)."""
    fast = a.dtype.kind == "f"
    each = a.shape[0] * a.shape[2] * b.shape[2]  # for one row of a
    step = max(1, int((_PIECE if fast else _SLOW_PIECE) // max(each, 1)))
    starts = range(0, a.shape[1], step)
    if len(starts) <= 1:
        spend(each * a.shape[1], fast)
        return np.matmul(a, b)
    out = np.empty((a.shape[0], a.shape[1], b.shape[2]), np.result_type(a, b))
    for start in starts:
        part = a[:, start : start + step]
        spend(each * part.shape[1], fast)
        np.matmul(part, b, out=out[:, start : start + step])
    return out


def pieces(rows: int, each: int) -> list[slice]:
    """`rows` rows, each of which takes `each` products, a piece at a time."""
    step = max(1, math.ceil(_PIECE / max(each, 1)))
    return [slice(start, start + step) for start in range(0, rows, step)]


def spend(products: float, fast: bool = True) -> None:
    budget.spend(products / (_A_UNIT if fast else 2))

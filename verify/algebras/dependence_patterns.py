"""Zeros in the operands of a matrix product: columns and rows that have them in the same places."""

from __future__ import annotations

import numpy as np

_MOST_PATTERNS = 20_000  # of zeros in a matrix: beyond, they are taken for ordinary numbers


Patterns = tuple[np.ndarray, np.ndarray] | None


def patterns_of(zero: np.ndarray | None, axis: int) -> Patterns:
    """The different columns (rows) of a matrix, as (patterns, K) of what is not zero in them, and
    the pattern of each. None: no zeros, or too many patterns."""
    if zero is None or not zero.any():
        return None
    lines = np.moveaxis(zero, axis, 2)  # (B, N, K)
    rows = np.packbits(~lines.reshape(-1, lines.shape[2]), axis=1)
    packed, which = np.unique(rows, axis=0, return_inverse=True)
    if len(packed) > _MOST_PATTERNS:
        return None
    kept = np.unpackbits(packed, axis=1, count=lines.shape[2]).astype(np.bool_)
    return kept, which.reshape(lines.shape[:2])

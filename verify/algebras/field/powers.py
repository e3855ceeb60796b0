"""Powers of w, an element of prime order q in Z_p, for exponents modulo q; see `moduli.py`."""

from __future__ import annotations

import numpy as np

from verify import budget
from verify.algebras.field import residues
from verify.algebras.field.state import State


def power(field: State, exponent: np.ndarray) -> np.ndarray:
    """w**exponent, (points, *shape)."""
    tables = field.law(Tables)
    low, high = tables.low, tables.high
    out = np.empty_like(exponent)
    if residues.short(exponent):
        half, m = tables.half, residues.column(field.m[: field.points], exponent.ndim)
        rows = residues.column(np.arange(field.points), exponent.ndim)
        return np.asarray(
            low[rows, exponent & ((1 << half) - 1)] * high[rows, exponent >> half] % m
        )
    for row in range(field.points):
        e = exponent[row]
        half = tables.half
        out[row] = low[row][e & ((1 << half) - 1)] * high[row][e >> half] % field.m[row]
    return out


def first_powers(base: int, count: int, p: int) -> np.ndarray:
    """base**i for i < count, a power of two."""
    budget.spend(count)
    powers = np.ones(count, np.int64)
    filled = 1
    while filled < count:
        powers[filled : 2 * filled] = powers[:filled] * pow(base, filled, p) % p
        filled *= 2
    return powers


class Tables:
    """w**i and w**(i * 2**half) for i < 2**half, one row a point; w is a random power of the
    prime's generator. Exponents are below 2**(2 half)."""

    def __init__(self, field: State) -> None:
        self.half = (int(field.m.max()).bit_length() + 1) // 2
        size = 1 << self.half
        self.low, self.high = (np.empty((field.points, size), np.int64) for _ in range(2))
        for row, p in enumerate(field.moduli.p.tolist()):
            w = pow(field.generators[p], int(field.bases[row]), p)
            self.low[row] = first_powers(w, size, p)
            self.high[row] = first_powers(pow(w, size, p), size, p)

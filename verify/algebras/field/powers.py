"""Powers of w, an element of prime order q in Z_p, for exponents modulo q; see `moduli.py`."""

from __future__ import annotations

import numpy as np

from verify import budget
from verify.algebras.field.state import State

_HALF = 15  # bits; exponents are below 2**30


def power(field: State, exponent: np.ndarray) -> np.ndarray:
    """w**exponent, (points, *shape)."""
    tables = field.law(Tables)
    low, high = tables.low, tables.high
    out = np.empty_like(exponent)
    for row in range(field.points):
        e = exponent[row]
        out[row] = low[row][e & ((1 << _HALF) - 1)] * high[row][e >> _HALF] % field.m[row]
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
    """w**i and w**(i * 2**15) for i < 2**15, one row a point; w is a random power of the prime's
    generator."""

    def __init__(self, field: State) -> None:
        self.low, self.high = (np.empty((field.points, 1 << _HALF), np.int64) for _ in range(2))
        for row, p in enumerate(field.moduli.p.tolist()):
            w = pow(field.generators[p], int(field.bases[row]), p)
            self.low[row] = first_powers(w, 1 << _HALF, p)
            self.high[row] = first_powers(pow(w, 1 << _HALF, p), 1 << _HALF, p)

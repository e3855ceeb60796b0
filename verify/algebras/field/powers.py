"""Powers of w, an element of prime order q in Z_p, for exponents modulo q; see `moduli.py`."""

from __future__ import annotations

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.state import State
from verify.limits import budget

_DIGIT = 11  # bits of an exponent that one table is for


def power(field: State, exponent: np.ndarray) -> np.ndarray:
    """w**exponent, (points, *shape)."""
    tables = field.law(Tables).rows  # (digits, points, 2**_DIGIT)
    digits = [exponent >> _DIGIT * n & (1 << _DIGIT) - 1 for n in range(len(tables))]
    if residues.short(exponent):
        m = residues.column(field.m[: field.points], exponent.ndim)
        rows = residues.column(np.arange(field.points), exponent.ndim)
        out = tables[0][rows, digits[0]]
        for table, digit in zip(tables[1:], digits[1:], strict=True):
            out = out * table[rows, digit] % m
        return np.asarray(out)
    out = np.empty_like(exponent)
    for row in range(field.points):
        value = tables[0][row][digits[0][row]]
        for table, digit in zip(tables[1:], digits[1:], strict=True):
            value = value * table[row][digit[row]] % int(field.m[row])
        out[row] = value
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
    """w**(i * 2**(digit * _DIGIT)) for i < 2**_DIGIT, one row a point; w is a random power of the
    prime's generator. Small tables are made in no time, and stay in a cache."""

    def __init__(self, field: State) -> None:
        digits = -(-int(field.m.max()).bit_length() // _DIGIT)
        self.rows = np.empty((digits, field.points, 1 << _DIGIT), np.int64)
        for row, p in enumerate(field.moduli.p.tolist()):
            w = pow(field.generators[p], int(field.bases[row]), p)
            for digit in range(digits):
                self.rows[digit, row] = first_powers(w, 1 << _DIGIT, p)
                w = pow(w, 1 << _DIGIT, p)

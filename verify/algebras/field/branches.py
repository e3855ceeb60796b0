"""Numbers that each row knows: what is made of constants and of inputs that rows decide.

In a row the difference of two of them is a fraction, the same modulo whatever prime the row has. A
column of residues in which every row is a small multiple of 1/60 or 1/128 is no column of random
ones: of those one in 2**8 is so small, and a column has dozens of rows.
"""

from __future__ import annotations

import numpy as np

from verify.algebras.field import residues

_SMALL, _DENOMINATORS, _ROWS = 1024, (1, 60, 128), 40
_COMMON = 60 * 128


def order(rows: np.ndarray, moduli: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For (points, N) residues: the signs of the numbers in each row, and which columns are known.
    Of others the signs mean nothing."""
    found, known = numbers(rows, moduli)
    return np.sign(found), known


def numbers(rows: np.ndarray, moduli: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For (points, N) residues: 7680 times the numbers in each row, and which columns are known."""
    found = np.zeros(rows.shape, np.int64)
    known = np.zeros(rows.shape[1], bool)
    if len(rows) < _ROWS:
        return found, known
    p = moduli[:, None]
    for denominator in _DENOMINATORS:
        scaled = residues.reduce(rows * denominator, moduli)
        number = np.where(2 * scaled > p, scaled - p, scaled)
        here = (np.abs(number) <= _SMALL).all(axis=0) & ~known
        found = np.where(here, number * (_COMMON // denominator), found)
        known |= here
    return found, known

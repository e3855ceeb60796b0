"""Discrete logarithms: which power of w, an element of prime order q in Z_p, a residue is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.algebras.field.moduli import POINTS_A_PRIME, SMALL
from verify.algebras.field.powers import first_powers
from verify.algebras.field.state import State
from verify.limits import budget

_FEW = 32  # values whose logarithms are found one by one, modulo a small prime too


@dataclass(frozen=True)
class _Steps:
    """Sorted powers of a generator, and their exponents; and by the last bits of a number whether
    one of the powers has these: hardly any other number gets as far as being looked up."""

    powers: np.ndarray
    exponents: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.powers)


class _Tables:
    """Logarithms by prime: of small primes all of them, of large ones the baby steps."""

    def __init__(self, field: State) -> None:
        self.steps: dict[int, _Steps] = {}
        self.whole: dict[int, np.ndarray] = {}


def discrete_logs(field: State, u: np.ndarray) -> np.ndarray:
    """k with u**2 = w**(2 k), for (points, *shape) residues.

    Small primes have a table of all logarithms. Large ones: baby steps and giant steps (Shanks
    1971), with a table as long as balances building it against looking up all values.
    """
    assert field.moduli.q is not None
    out, tables = np.empty_like(u), field.law(_Tables)
    for row in range(0, field.points, POINTS_A_PRIME):
        rows = slice(row, row + POINTS_A_PRIME)
        p, q = int(field.moduli.p[row]), int(field.moduli.q[row])
        squares = u[rows] * u[rows] % p
        if p < SMALL.high and (p in tables.whole or u[row].size > _FEW):
            found = _all_logarithms(field, p, q)[squares].astype(np.int64)
        else:
            distinct, where = np.unique(squares, return_inverse=True)
            table = tables.steps.get(p)
            if table is None or 16 * len(table) ** 2 < q * len(distinct):
                table = tables.steps[p] = _baby_steps(field, p, q, len(distinct))
            found = _lookup(distinct, table, field.generators[p], p, q)[where]
            found = found.reshape(squares.shape)
        halved = found * pow(2, -1, q) % q
        for i, logs in enumerate(halved):  # from the prime's generator to the row's own base
            out[row + i] = logs * pow(int(field.bases[row + i]), -1, q) % q
    return out


def _all_logarithms(field: State, p: int, q: int) -> np.ndarray:
    """For each number below p, which power of the generator it is."""
    found = field.law(_Tables).whole
    if p not in found:
        budget.spend(p // 2)
        logarithms = found[p] = np.zeros(p, np.int32)
        powers = first_powers(field.generators[p], 1 << q.bit_length(), p)[:q]
        logarithms[powers] = np.arange(q, dtype=np.int32)
    return found[p]


def _baby_steps(field: State, p: int, q: int, count: int) -> _Steps:
    """A step costs about four times as much as a look."""
    bits = min(22, max(14, (q * count).bit_length() // 2 - 1))
    budget.spend(4 << bits)
    powers = first_powers(field.generators[p], 1 << bits, p)
    both = np.sort(powers << bits | np.arange(1 << bits))  # faster than a permutation that sorts
    ends = np.zeros(1 << min(24, bits + 5), bool)
    ends[powers & (len(ends) - 1)] = True
    return _Steps(both >> bits, both & ((1 << bits) - 1), ends)


def _lookup(values: np.ndarray, table: _Steps, generator: int, p: int, q: int) -> np.ndarray:
    """Exponents of values that are powers of the generator, a block of giant steps at a time."""
    steps = len(table)
    giant = pow(generator, -steps, p)
    block = 1 << max(0, min(12, (2**18 // max(1, len(values))).bit_length() - 1))
    block = min(block, 1 << (q // steps).bit_length())  # no more than there are
    jumps, further = first_powers(giant, block, p), pow(giant, block, p)
    out = np.full(len(values), -1, np.int64)
    left, here = np.arange(len(values)), values
    for start in range(0, q // steps + 1, block):
        budget.spend(2 * len(left) * block)
        moved = (here[:, None] * jumps % p).reshape(-1)  # (values left, block)
        near = np.flatnonzero(table.ends.take(moved & (len(table.ends) - 1)))
        place = np.minimum(np.searchsorted(table.powers, moved[near]), steps - 1)
        hit = table.powers[place] == moved[near]
        which, jump = np.divmod(near[hit], block)
        out[left[which]] = ((start + jump) * steps + table.exponents[place[hit]]) % q
        open_ = out[left] < 0
        left, here = left[open_], here[open_] * further % p
        if len(left) == 0:
            break
    return out

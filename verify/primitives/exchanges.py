"""Batcher's merge exchange: which elements a sorting network compares, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator


def exchanges(n: int) -> Iterator[list[tuple[int, int]]]:
    """Batcher's merge exchange: compare-and-exchange these pairs, stage by stage, and n are sorted.
    The pairs of a stage have no element in common."""
    for p, r, d in _stages(n):
        yield [(i, i + d) for i in range(n - d) if i & p == r]


def _stages(n: int) -> Iterator[tuple[int, int, int]]:
    """(p, r, d): i and i + d are exchanged, for all i that have the bit p just if r has it."""
    top = 1 << (max(n - 1, 1).bit_length() - 1)
    p = top
    while p:
        q, r, d = top, 0, p
        while True:
            yield p, r, d
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1


def count(n: int) -> int:
    """How many exchanges there are.

    >>> [count(n) == sum(map(len, exchanges(n))) for n in (1, 2, 3, 17, 100)]
    [True, True, True, True, True]
    """
    total = 0
    for p, r, d in _stages(n):
        last = max(n - d, 0)
        without = last // (2 * p) * p + min(last % (2 * p), p)
        total += last - without if r else without
    return total

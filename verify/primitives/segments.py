"""Sums (products, maxima) of scattered contributions, grouped by where they go.

The destinations are known numbers, so grouping is index arithmetic: contributions are sorted by
destination and laid out as tables, one row a destination, one table for all destinations with about
as many contributions. So a single crowded destination does not make every row as long as its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from verify.algebras.base import V
from verify.primitives.monoids import Monoid, fold, neutral
from verify.primitives.registry import Context, offsets

DROPPED = -1


def tables(destination: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs (targets (d,), rows (d, width)): which contributions go to each target, DROPPED pads.

    `destination` (m,): where contribution i goes, DROPPED for nowhere. Within a row the
    contributions keep their order. Each target occurs in one table; less than half is padding.

    >>> [(t.tolist(), r.tolist()) for t, r in tables(np.array([5, 7, 5, -1, 5]))]
    [([7], [[1]]), ([5], [[0, 2, 4]])]
    """
    order = np.argsort(destination, kind="stable")
    order = order[destination[order] != DROPPED]
    targets, starts, counts = np.unique(destination[order], return_index=True, return_counts=True)
    widths = 2 ** np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64)
    for width in np.unique(widths):
        chosen = widths == width
        width = int(counts[chosen].max())
        if int(counts[chosen].min()) < width:
            width = int(widths[chosen][0])
        step = np.arange(width)
        there = step < counts[chosen][:, None]
        place = np.where(there, starts[chosen][:, None] + step, 0)
        yield targets[chosen], np.where(there, order[place], DROPPED)


def combine_at(
    ctx: Context[V], m: Monoid, operand: V, contributions: V, destination: np.ndarray
) -> V:
    """operand[destination[i]] *= contributions[i] for all i, `*` being the monoid; all flat.

    operand (n,), contributions (m,), destination (m,) in range(n) or DROPPED -> (n,). Elements
    that nothing reaches stay as they are.
    """
    algebra, size, dtype = ctx.algebra, operand.shape[0], operand.dtype
    many = contributions.shape[0]
    results = [operand]
    place = np.arange(size, dtype=np.int64)
    start = size
    for targets, rows in tables(destination):
        padded = np.where(rows == DROPPED, many, rows)
        sources = [contributions, neutral(ctx, m, (1,), dtype), operand]
        if m.idempotent:  # repeat a contribution rather than bring in an infinity
            padded = np.where(rows == DROPPED, rows[:, :1], rows)
            sources[1] = algebra.pick([operand], np.zeros(1, np.int64))
        own = offsets(sources)[2] + targets[:, None]
        results.append(fold(algebra, m, algebra.pick(sources, np.concatenate([own, padded], 1))))
        place[targets] = start + np.arange(len(targets))
        start += len(targets)
    return operand if len(results) == 1 else algebra.pick(results, place)

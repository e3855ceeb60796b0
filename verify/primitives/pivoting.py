"""LU factors with partial pivoting, by elimination.

In each step the row whose entry in the current column is the largest in size, the first of several,
changes places with the current one. Which row that is depends on the matrix: rows, the permutation
and the pivots are selected by masks, so that a proof that decides them has a rational function in
each case, and what `solve`, `inv` and `det` make of the factors is the same one in all cases.

Where each row of residues is a branch of its own, any row of the matrix may be the pivot, whatever
the sizes are: what is equal for all of them is equal for the largest, ties and all.

A pivot that is zero is divided by, though LAPACK goes on without: nothing is known of the factors
of a singular matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

import numpy as np

from verify.algebras.base import Algebra, V
from verify.primitives.registry import Context, flat_index

LARGEST = 64  # of the matrices that numbers are known of
FEW = 4  # of those whose choices are worked out where they cannot be decided


@dataclass
class _Rows(Generic[V]):
    """Rows of an array (batch, rows, columns) of any dtype, that change places."""

    algebra: Algebra[V]
    array: V

    def at(self, rows: slice, columns: slice = slice(None)) -> V:
        return self.algebra.pick([self.array], flat_index(self.array)[:, rows, columns])

    def swap(self, j: int, masks: V) -> None:
        """Row j and the row j + i whose mask, (batch, rows - j), is true."""
        size, columns = self.array.shape[1] - j, self.array.shape[2]
        here, kept, top = flat_index(masks), self.at(slice(j)), self.at(slice(j, j + 1))
        found = top
        for i in range(1, size):
            mask = self._spread(masks, here[:, i : i + 1, None], columns)
            found = self.algebra.select(mask, [found, self.at(slice(j + i, j + i + 1))])
        below, mask = self.at(slice(j + 1, None)), self._spread(masks, here[:, 1:, None], columns)
        repeated = np.broadcast_to(flat_index(top), below.shape)
        below = self.algebra.select(mask, [below, self.algebra.pick([top], repeated)])
        self.stack(kept, found, below)

    def _spread(self, masks: V, index: np.ndarray, columns: int) -> V:
        return self.algebra.pick([masks], np.broadcast_to(index, (*index.shape[:2], columns)))

    def stack(self, *blocks: V, axis: int = 1) -> None:
        start, index = 0, []
        for block in blocks:
            index.append(flat_index(block, start))
            start += int(np.prod(block.shape))
        self.array = self.algebra.pick(list(blocks), np.concatenate(index, axis=axis))


def factors(ctx: Context[V], a: V) -> tuple[V, V, V]:
    """Of (batch, m, n) real matrices: both triangles in one, pivots and permutation."""
    algebra, (batch, m, n) = ctx.algebra, a.shape
    matrix = _Rows(algebra, a)
    places = np.broadcast_to(np.arange(m, dtype=np.int32)[None, :, None], (batch, m, 1))
    order = _Rows(algebra, algebra.lift(np.ascontiguousarray(places)))
    pivots = []
    for j in range(min(m, n)):
        masks = _largest(algebra, matrix.at(slice(j, None), slice(j, j + 1)))
        pivots.append(_place(algebra, masks, j))
        if j + 1 < m:
            matrix.swap(j, masks)
            order.swap(j, masks)
            _eliminate(matrix, j)
    index = [flat_index(p, i * batch) for i, p in enumerate(pivots)]
    together = algebra.pick(pivots, np.stack(index, axis=-1))
    return matrix.array, together, algebra.reshape(order.array, (batch, m))


def _largest(algebra: Algebra[V], column: V) -> V:
    """(batch, rows) masks of a (batch, rows, 1) column: the first entry of the largest size."""
    column = algebra.reshape(column, column.shape[:2])
    if column.shape[1] == 1:
        return algebra.lift(np.ones(column.shape, bool))
    found = algebra.anyone(column)
    if found is not None:
        return found
    winner = algebra.winner(algebra.maximum(column, algebra.neg(column)))
    half = algebra.lift(np.full(column.shape, 0.5), winner.dtype)
    return algebra.compare("gt", winner, half)


def _place(algebra: Algebra[V], masks: V, j: int) -> V:
    """(batch,) int32: the row that comes to row j."""
    batch, size = masks.shape
    here, found = flat_index(masks), algebra.lift(np.full(batch, j, np.int32))
    for i in range(1, size):
        other = algebra.lift(np.full(batch, j + i, np.int32))
        found = algebra.select(algebra.pick([masks], here[:, i]), [found, other])
    return found


def _eliminate(matrix: _Rows[V], j: int) -> None:
    algebra, rest = matrix.algebra, slice(j + 1, None)
    pivot, below = matrix.at(slice(j, j + 1), slice(j, j + 1)), matrix.at(rest, slice(j, j + 1))
    same = np.broadcast_to(flat_index(pivot), below.shape)
    scale = algebra.div(below, algebra.pick([pivot], same))
    top, left = matrix.at(slice(j, j + 1), rest), matrix.at(rest, slice(j))
    right = algebra.sub(matrix.at(rest, rest), algebra.dot(scale, top))
    lower = _Rows(algebra, left)
    lower.stack(left, scale, right, axis=2)
    matrix.stack(matrix.at(slice(j + 1)), lower.array)

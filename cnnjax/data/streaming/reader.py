"""Batches read ahead of the training, in the order that it will ask for them.

The order of an epoch follows from its seed (`cnnjax.train.batches`), so that what comes next is
known: `plan` says it, `take` gives the next batch. What is read in advance is bounded by
`AHEAD_BYTES`; nothing that happens here changes what a batch holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np

from cnnjax.data.streaming.images import Images

__all__ = ["AHEAD_BYTES", "Reader"]

AHEAD_BYTES = 64 << 20
_MOST = 16  # batches in advance
_PIECE = 16  # images that one worker reads before another request


class _Pending(NamedTuple):
    indices: np.ndarray
    images: np.ndarray
    pieces: list[Future[None]]


class Reader:
    """Reads batches of `images` in their pool, which must be open; for one thread at a time."""

    def __init__(self, images: Images) -> None:
        self._images, self._pool = images, images.pool
        self._planned: Iterator[np.ndarray] = iter(())
        self._pending: deque[_Pending] = deque()

    def plan(self, batches: Iterable[np.ndarray]) -> None:
        """From now on these batches of indices will be asked for, in this order."""
        for pending in self._pending:
            for piece in pending.pieces:
                piece.cancel()
        self._pending.clear()
        self._planned = iter(batches)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """The images (B, H, W, C) of the (B,) `indices`.

        Raises:
            DataError: one of them cannot be read.
        """
        self._fill(len(indices))
        if self._pending and np.array_equal(self._pending[0].indices, indices):
            pending = self._pending.popleft()
            self._fill(len(indices))
        else:  # not what was planned
            pending = self._start(indices)
        for piece in pending.pieces:
            piece.result()
        return pending.images

    def _fill(self, batch: int) -> None:
        size = max(1, batch) * (self._images.nbytes // len(self._images))
        depth = max(1, min(_MOST, AHEAD_BYTES // size))
        while len(self._pending) < depth:
            indices = next(self._planned, None)
            if indices is None:
                return
            self._pending.append(self._start(indices))

    def _start(self, indices: np.ndarray) -> _Pending:
        out = np.empty((len(indices), *self._images.shape[1:]), np.uint8)
        piece = max(1, min(_PIECE, -(-len(indices) // self._pool.workers)))
        starts = range(0, len(indices), piece)
        pieces = [
            self._pool.read(
                self._images, indices[start : start + piece].tolist(), out[start : start + piece]
            )
            for start in starts
        ]
        return _Pending(indices, out, pieces)

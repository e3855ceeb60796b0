"""Which images make up which batch, and how they reach the devices.

The order of an epoch is a function of (seed, epoch) alone, so a resumed run continues in the
middle of one.  A batch is always full: the images left over at the end of an epoch's order sit
that epoch out (another order, other images, next time).

Images are uint8 all the way.  A set below `RESIDENT_BYTES` is put on the devices once and
batches are gathered there; a larger one stays in host memory and each process sends only what
its own devices hold.  Of images that are not in memory (`cnnjax.data.streaming`) each process reads
only that, ahead of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from cnnjax.data.streaming import Images, Reader
from cnnjax.train.mesh import replicated, split, to_mesh

if TYPE_CHECKING:
    from cnnjax.data import Dataset

__all__ = ["RESIDENT_BYTES", "Feed", "epoch_order", "feeder"]

RESIDENT_BYTES = 2 << 30

Batch = tuple[jax.Array, jax.Array]


def _nothing(batches: Iterable[np.ndarray]) -> None:
    """What is in memory needs no reading ahead."""


@dataclass(frozen=True)
class Feed:
    """From indices to the batch; `ahead(batches)` says which indices will be asked for next."""

    batch: Callable[[np.ndarray], Batch]
    ahead: Callable[[Iterable[np.ndarray]], None] = _nothing

    def __call__(self, indices: np.ndarray) -> Batch:
        return self.batch(indices)


def epoch_order(seed: int, epoch: int, images: int, batch: int) -> np.ndarray:
    """The (steps, batch) int32 indices of one epoch, a random order of the training images.

    >>> order = epoch_order(seed=0, epoch=3, images=7, batch=2)
    >>> order.shape, len(set(order.ravel().tolist()))
    ((3, 2), 6)
    """
    if images < batch:
        raise ValueError(
            f"train: batch_size {batch} is larger than the training set ({images} images)"
        )
    steps = images // batch
    order = np.random.default_rng([seed, epoch]).permutation(images)
    return order[: steps * batch].reshape(steps, batch).astype(np.int32)


def feeder(dataset: Dataset, mesh: Mesh, *, resident: bool | None = None) -> Feed:
    """A function from (B,) indices to the batch: (B, H, W, C) uint8, (B,) int32, split on `mesh`.

    Labels are (B, H, W) where the data set has one a pixel. (K, B) indices give a stack of K
    batches, each of them split.

    `resident` None decides by size (and by the number of processes: with several, each sends its
    own share).  Both ways give the same batch.  Streamed images must be open (`reading`).
    """
    images, labels = dataset.images, np.asarray(dataset.labels, np.int32)
    if isinstance(images, Images):
        return _streaming(images, labels, mesh)
    if resident is None:
        resident = images.nbytes <= RESIDENT_BYTES and jax.process_count() == 1
    if not resident:

        def send(array: np.ndarray, indices: np.ndarray) -> jax.Array:
            shape = (*indices.shape, *array.shape[1:])

            # Called once for each device of this process.
            def part(index: Any) -> np.ndarray:
                return array[indices[index[: indices.ndim]]]

            return jax.make_array_from_callback(shape, split(mesh, indices.ndim - 1), part)

        return Feed(lambda indices: (send(images, indices), send(labels, indices)))

    def gather(images: jax.Array, labels: jax.Array, indices: jax.Array) -> Any:
        # mode="clip": the default checks every element and is 80 times slower on the CPU.
        return tuple(jnp.take(array, indices, 0, mode="clip") for array in (images, labels))

    one, stack = (
        jax.jit(gather, in_shardings=replicated(mesh), out_shardings=split(mesh, axis))
        for axis in (0, 1)
    )
    here = to_mesh((images, labels), mesh)
    return Feed(lambda indices: (one if indices.ndim == 1 else stack)(*here, indices))


def _streaming(images: Images, labels: np.ndarray, mesh: Mesh) -> Feed:
    """Each process reads the images that its own devices hold, and no others."""
    reader = Reader(images)

    @cache
    def own(batch: int) -> np.ndarray:
        """Which places of a batch this process needs, ascending."""
        held = split(mesh).addressable_devices_indices_map((batch,)).values()
        return np.unique(np.concatenate([np.arange(batch)[index] for index in held if index]))

    def send(array: np.ndarray, shape: tuple[int, ...], axis: int) -> jax.Array:
        """`array` has this process's places on `axis`; `shape` is that of the whole."""
        places = own(shape[axis])

        def part(index: Any) -> np.ndarray:
            wanted = np.searchsorted(places, np.arange(shape[axis])[index[axis]])
            # A device's share is contiguous, and so is its place among those read here.
            return array[(slice(None),) * axis + (slice(wanted[0], wanted[-1] + 1),)]

        return jax.make_array_from_callback(shape, split(mesh, axis), part)

    def batch(indices: np.ndarray) -> Batch:
        axis = indices.ndim - 1
        rows = np.atleast_2d(indices)[:, own(indices.shape[-1])]
        taken: list[np.ndarray] = []
        for number, row in enumerate(rows):
            # The last row of an epoch may stand several times in a stack, to fill it.
            again = number > 0 and np.array_equal(row, rows[number - 1])
            taken.append(taken[-1] if again else reader.take(row))
        local = np.stack(taken) if axis else taken[0]
        return (
            send(local, (*indices.shape, *images.shape[1:]), axis),
            send(labels[rows if axis else rows[0]], (*indices.shape, *labels.shape[1:]), axis),
        )

    def ahead(batches: Iterable[np.ndarray]) -> None:
        reader.plan(row[own(len(row))] for row in batches)

    return Feed(batch, ahead)

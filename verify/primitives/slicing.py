"""dynamic_slice and dynamic_update_slice: a window at a corner that the program computes.

The corner is clamped so that the window fits, as JAX clamps it. Corners that depend on the
program's inputs are a choice among all possible ones (`indexing`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Unsupported, V
from verify.primitives.indexing import LIMIT, Corners, choose, corners
from verify.primitives.registry import Context, flat_index, rule
from verify.primitives.sliding import row_strides


def _corner(ctx: Context[V], starts: Sequence[V], last: Sequence[int], size: int) -> Corners[V]:
    """One window's corner: axes whose start is known have one candidate."""
    algebra = ctx.algebra
    found: Corners[V] | None = None
    for start, limit in zip(starts, last, strict=True):
        one = corners(ctx, algebra.reshape(start, (1, 1)), [limit], clip=True, size=size)
        found = one if found is None else _product(ctx, found, one, size)
    return found or Corners(np.zeros((1, 1, 0), np.int64), np.ones((1, 1), np.bool_))


def _product(ctx: Context[V], a: Corners[V], b: Corners[V], size: int) -> Corners[V]:
    """All pairs of candidates."""
    i, j = (axis.reshape(-1) for axis in np.indices((a.place.shape[1], b.place.shape[1])))
    if len(i) * size > LIMIT:
        raise Unsupported(f"the index depends on the inputs, and there are {len(i)} places")
    place = np.concatenate([a.place[:, i], b.place[:, j]], axis=-1)
    when: V | None = None
    for part, index in ((a.when, i), (b.when, j)):
        if part is not None:
            here = ctx.algebra.pick([part], index[None])
            when = here if when is None else ctx.algebra.logical_and(when, here)
    return Corners(place, np.ones(place.shape[:2], np.bool_), when)


def _windows(found: Corners[V], shape: Sequence[int], window: Sequence[int]) -> np.ndarray:
    """(candidates, *window) flat positions."""
    strides = np.asarray(row_strides(shape), dtype=np.int64)
    within = np.zeros((), np.int64)
    for extent, stride in zip(window, strides, strict=True):
        within = within[..., None] + np.arange(extent, dtype=np.int64) * stride
    start = (found.place[0] * strides).sum(axis=-1)
    return start.reshape(-1, *(1,) * len(window)) + within


@rule("dynamic_slice")
def _dynamic_slice(ctx: Context[V], x: V, *starts: V, slice_sizes: Sequence[int], **_: object) -> V:
    algebra = ctx.algebra
    if 0 in ctx.shape:
        return ctx.fill(ctx.shape, 0, ctx.dtype)
    last = [n - s for n, s in zip(x.shape, slice_sizes, strict=True)]
    found = _corner(ctx, starts, last, int(np.prod(ctx.shape)))
    index = _windows(found, x.shape, slice_sizes)
    if found.when is None:
        return algebra.pick([x], index[0])
    index = np.moveaxis(index, 0, -1)
    when = algebra.pick([found.when], np.broadcast_to(np.arange(index.shape[-1]), index.shape))
    return choose(ctx, when, algebra.pick([x], index))


@rule("dynamic_update_slice")
def _dynamic_update_slice(ctx: Context[V], x: V, update: V, *starts: V, **_: object) -> V:
    algebra = ctx.algebra
    if 0 in update.shape:
        return x
    last = [n - s for n, s in zip(x.shape, update.shape, strict=True)]
    found = _corner(ctx, starts, last, int(np.prod(x.shape)))
    result: V | None = None
    size = int(np.prod(x.shape))
    for candidate, index in enumerate(_windows(found, x.shape, update.shape)):
        place = flat_index(x)
        place.reshape(-1)[index.reshape(-1)] = size + np.arange(index.size)
        here = algebra.pick([x, update], place)
        if result is None or found.when is None:
            result = here
        else:
            when = algebra.pick([found.when], np.full(x.shape, candidate))
            result = algebra.select(when, [result, here])
    assert result is not None
    return result

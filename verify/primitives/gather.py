"""gather: windows of an array, read at indexed corners.

Each index vector (along the last axis of `indices`) names the corner of a window of `slice_sizes`;
the windows lie along `offset_dims` of the result, the index vectors along its other dimensions.
Batching dimensions of the operand move in step with their partners among the index vectors.

Modes as in `indexing`: clip, and promise_in_bounds (which XLA clamps, and jax.numpy documents so);
fill replaces the whole window of a corner outside by the fill value. NaN, the default for floats,
makes the result undefined there: nothing is claimed about such indices.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
from jax import lax

from verify.algebras.base import Unsupported, V
from verify.primitives.indexing import choose, corners, sorted_as_promised, take_inside
from verify.primitives.monoids import OR, fold
from verify.primitives.registry import Context, rule
from verify.primitives.sliding import row_strides

CLIPPING = ("CLIP", "PROMISE_IN_BOUNDS")


@rule("gather")
def _gather(
    ctx: Context[V],
    operand: V,
    indices: V,
    *,
    dimension_numbers: lax.GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    mode: lax.GatherScatterMode | None,
    fill_value: float | None,
    indices_are_sorted: bool = False,
    **_: object,  # unique_indices: a promise that does not concern reading
) -> V:
    d = dimension_numbers
    name = "FILL_OR_DROP" if mode is None else mode.name
    if name not in (*CLIPPING, "FILL_OR_DROP"):
        raise Unsupported(f"gather in mode {name}")
    algebra, shape = ctx.algebra, ctx.shape
    if 0 in shape:
        return ctx.fill(shape, 0, ctx.dtype)
    offset_dims = [int(i) for i in d.offset_dims]
    batch_dims = [i for i in range(len(shape)) if i not in offset_dims]
    start_map = [int(i) for i in d.start_index_map]
    batch = tuple(indices.shape[:-1])
    n = int(np.prod(batch))
    strides = np.asarray(row_strides(operand.shape), dtype=np.int64)

    # What the position within a window adds to the flat index, shaped like the windows.
    kept = [
        i
        for i in range(len(operand.shape))
        if i not in d.collapsed_slice_dims and i not in d.operand_batching_dims
    ]
    within = np.zeros((), np.int64)
    for i in kept:
        within = within[..., None] + np.arange(slice_sizes[i], dtype=np.int64) * strides[i]
    # What the batching dimensions add, for each index vector.
    base = np.zeros(batch, np.int64)
    for i, partner in zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True):
        along = np.arange(batch[partner], dtype=np.int64) * strides[i]
        base += along.reshape([-1 if axis == partner else 1 for axis in range(len(batch))])

    last = [operand.shape[i] - slice_sizes[i] for i in start_map]
    if indices_are_sorted:
        sorted_as_promised(ctx, indices, d.start_indices_batching_dims)
    floats = jax.dtypes.issubdtype(ctx.dtype, np.inexact)
    undefined = (
        name not in CLIPPING and floats and bool(fill_value is not None and np.isnan(fill_value))
    )  # outside
    found = corners(
        ctx,
        algebra.reshape(indices, (n, len(start_map))),
        last,
        clip=name in CLIPPING,
        size=int(np.prod(shape)),
        inside=undefined,
    )
    if undefined and indices.concrete is None:
        flat = algebra.reshape(indices, (n, len(start_map)))
        take_inside(ctx, flat, last, "no gather reads out of bounds where JAX fills with NaN")
    start = base.reshape(n, 1) + (found.place * strides[start_map]).sum(axis=-1)
    index = start[:, :, None] + within.reshape(-1)  # (n, candidates, window)
    order = np.argsort([*batch_dims, *offset_dims])

    def arranged(array: np.ndarray) -> np.ndarray:
        """(n, window, ...) laid out like the result."""
        rest = array.shape[2:]
        whole = array.reshape((*batch, *within.shape, *rest))
        return whole.transpose((*order, *range(len(shape), len(shape) + len(rest))))

    if found.when is None:
        there, valid = index[:, 0], found.valid[:, :1]
        if valid.all():
            return algebra.pick([operand], arranged(there))
        there = np.where(valid, there, int(np.prod(operand.shape)))
        return algebra.pick([operand, _fill(ctx, fill_value)], arranged(there))
    values = algebra.pick([operand], arranged(np.moveaxis(index, 1, 2)))
    many = index.shape[1]
    where = np.arange(n * many).reshape(n, 1, many)
    when = algebra.pick([found.when], arranged(np.broadcast_to(where, (n, index.shape[2], many))))
    result = choose(ctx, when, values)
    if name in CLIPPING:
        return result
    if undefined:
        return result
    if ctx.dtype != np.bool_ and fill_value == 0:
        return result
    filled = algebra.pick([_fill(ctx, fill_value)], np.zeros(shape, np.int64))
    return algebra.select(fold(algebra, OR, when), [filled, result])


def _fill(ctx: Context[V], fill_value: float | None) -> V:
    """One element: the fill value as the result's dtype holds it."""
    value = np.asarray(fill_value).astype(ctx.dtype)
    if jax.dtypes.issubdtype(ctx.dtype, np.complexfloating):
        return ctx.lift(value.reshape(1))
    return ctx.fill((1,), value.item(), ctx.dtype)

"""Primitives that copy elements to new places: reshape, transpose, slice, pad, concatenate, ...

Each is an index map, result element -> operand element; `Algebra.pick` does the copying.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Unsupported, V
from verify.dtypes import DType
from verify.primitives.registry import Context, flat_index, movement, offsets, rule


@rule("reshape")
def _reshape(
    ctx: Context[V], x: V, *_dims: V, dimensions: Sequence[int] | None = None, **_: object
) -> V:
    """`dimensions` transposes first: gradients of grouped convolutions have it."""
    if dimensions is not None:
        x = ctx.algebra.pick([x], flat_index(x).transpose(dimensions))
    return ctx.algebra.reshape(x, ctx.shape)


@rule("squeeze", "expand_dims")
def _squeeze(ctx: Context[V], x: V, **_: object) -> V:
    return ctx.algebra.reshape(x, ctx.shape)


@rule("broadcast_in_dim")
def _broadcast_in_dim(
    ctx: Context[V], x: V, *_dims: V, broadcast_dimensions: Sequence[int], **_: object
) -> V:
    """Axis i of x becomes axis `broadcast_dimensions[i]` of the result, in whatever order: it
    transposes where they are not sorted. Axes of size one are repeated."""
    order = np.argsort(np.asarray(broadcast_dimensions, np.int64))
    index = flat_index(x).transpose(order)
    for axis in range(len(ctx.shape)):
        if axis not in broadcast_dimensions:
            index = np.expand_dims(index, axis)
    return ctx.algebra.pick([x], np.broadcast_to(index, ctx.shape))


@movement("transpose")
def _transpose(index: np.ndarray, *, permutation: Sequence[int]) -> np.ndarray:
    return index.transpose(permutation)


@movement("rev")
def _rev(index: np.ndarray, *, dimensions: Sequence[int]) -> np.ndarray:
    return np.flip(index, tuple(dimensions))


@movement("slice")
def _slice(
    index: np.ndarray,
    *,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None,
) -> np.ndarray:
    strides = strides or (1,) * index.ndim
    cuts = zip(start_indices, limit_indices, strides, strict=True)
    return index[tuple(slice(*cut) for cut in cuts)]


@rule("copy", "copy_p", "stop_gradient", "optimization_barrier", "sharding_constraint", "name")
def _identity(ctx: Context[V], *xs: V, **_: object) -> V | tuple[V, ...]:
    """Equal to their operand; what they add concerns the compiler or differentiation."""
    return xs[0] if len(xs) == 1 else tuple(xs)


@rule("device_put")
def _device_put(ctx: Context[V], *xs: V, **_: object) -> tuple[V, ...]:
    return tuple(xs)


@rule("empty2")
def _nothing_yet(ctx: Context[V], *, dtype: DType, **_: object) -> V:
    """What a gradient keeps of the branch of a `cond` that is not taken: JAX makes it zero."""
    if not isinstance(dtype, np.dtype | type):
        raise Unsupported(f"an empty {dtype}")
    return ctx.fill((), 0, np.dtype(dtype))


@movement("tile")
def _tile(index: np.ndarray, *, reps: Sequence[int]) -> np.ndarray:
    return np.tile(index, reps)


@rule("stack")
def _stack(ctx: Context[V], *xs: V, axis: int) -> V:
    parts = [flat_index(x, start) for x, start in zip(xs, offsets(xs), strict=True)]
    return ctx.algebra.pick(list(xs), np.stack(parts, axis=axis))


@rule("unstack")
def _unstack(ctx: Context[V], x: V, *, axis: int) -> tuple[V, ...]:
    return tuple(ctx.algebra.pick([x], piece) for piece in np.moveaxis(flat_index(x), axis, 0))


@rule("split")
def _split(ctx: Context[V], x: V, *, sizes: Sequence[int], axis: int) -> tuple[V, ...]:
    pieces = np.split(flat_index(x), np.cumsum(sizes)[:-1], axis=axis)
    return tuple(ctx.algebra.pick([x], piece) for piece in pieces)


@rule("concatenate")
def _concatenate(ctx: Context[V], *xs: V, dimension: int) -> V:
    parts = [flat_index(x, start) for x, start in zip(xs, offsets(xs), strict=True)]
    return ctx.algebra.pick(list(xs), np.concatenate(parts, axis=dimension))


@rule("pad")
def _pad(ctx: Context[V], x: V, value: V, *, padding_config: Sequence[tuple[int, int, int]]) -> V:
    return ctx.algebra.pick([x, value], pad_index(flat_index(x), x_size(x), padding_config))


def x_size(x: V) -> int:
    return int(np.prod(x.shape))


def pad_index(
    index: np.ndarray, outside: int, config: Sequence[tuple[int, int, int]]
) -> np.ndarray:
    """lax.pad of an index array: interior first, then both edges; negative edges cut."""
    for axis, (low, high, interior) in enumerate(config):
        size = index.shape[axis]
        if interior and size:
            spread = list(index.shape)
            spread[axis] = size + (size - 1) * interior
            wide = np.full(spread, outside, np.int64)
            wide[(slice(None),) * axis + (slice(None, None, interior + 1),)] = index
            index = wide
        widths = [(0, 0)] * index.ndim
        widths[axis] = (max(low, 0), max(high, 0))
        index = np.pad(index, widths, constant_values=outside)
        start, stop = max(-low, 0), index.shape[axis] - max(-high, 0)
        index = index[(slice(None),) * axis + (slice(start, stop),)]
    return index

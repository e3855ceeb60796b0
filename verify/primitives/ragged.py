"""Ragged products of matrices: one axis of the left side is cut into groups of consecutive places.

The sizes of the groups are an operand, and may depend on the inputs: place p is in group g if
sizes[0] + ... + sizes[g - 1] <= p < sizes[0] + ... + sizes[g], so that what is behind the last
group is in none. Which axis is cut decides what the groups are for (`lax.ragged_dot_general`):

    a free axis         every group has a matrix of its own on the right side; a place in no group
                        gives 0
    a summed axis       every group has a sum of its own, along a new first axis of the result
    an axis of batches  the groups say nothing

All of it is a dot product with zeros where a place is not in the group, as on JAX's CPU. What sizes
below zero mean JAX does not say: there it is the same formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from verify.algebras.base import Unsupported, V
from verify.dtypes import is_kind
from verify.primitives.indexing import LIMIT
from verify.primitives.reduction import DotDimensions, product
from verify.primitives.registry import Context, flat_index, rule


class RaggedDimensions(Protocol):
    """As JAX names them; the last are empty but where a free axis is cut."""

    dot_dimension_numbers: DotDimensions
    lhs_ragged_dimensions: Sequence[int]
    rhs_group_dimensions: Sequence[int]


@rule("ragged_dot_general")
def _ragged_dot_general(
    ctx: Context[V],
    a: V,
    b: V,
    sizes: V,
    *,
    ragged_dot_dimension_numbers: RaggedDimensions,
    group_offset: object = None,
    **_: object,  # precision, shardings; the result's dtype is that of the equation
) -> V:
    if group_offset is not None:
        raise Unsupported("a ragged product with an offset of groups")
    if is_kind(a.dtype, np.inexact) and not is_kind(ctx.dtype, np.inexact):
        raise Unsupported("a ragged product of floats in integers")  # dot_general refuses it
    ctx.only_numbers(a, b)  # those of other groups are multiplied by zero
    dimensions = ragged_dot_dimension_numbers.dot_dimension_numbers
    (a_sum, b_sum), (a_batch, b_batch) = dimensions
    (cut,) = ragged_dot_dimension_numbers.lhs_ragged_dimensions
    if cut in a_batch:
        return product(ctx, a, b, dimensions)
    behind = _behind(a_sum), _behind(a_batch)
    if cut in a_sum:
        where = list(a_sum).index(cut)
        outer = [*a_batch, *a_sum[:where]], [*b_batch, *b_sum[:where]]
        one = _in_groups(ctx, a, cut, outer[0], sizes)
        two = _in_groups(ctx, b, b_sum[where], outer[1], sizes)
        pairs = (behind[0], _behind(b_sum)), ([0, *behind[1]], [0, *_behind(b_batch)])
        return product(ctx, one, two, pairs)
    free = [i for i in range(len(a.shape)) if i not in (*a_sum, *a_batch)]
    outer_axes = [*a_batch, *free[: free.index(cut)]]
    (group_axis,) = ragged_dot_dimension_numbers.rhs_group_dimensions
    summed = [*behind[0], 0], [*b_sum, group_axis]
    return product(
        ctx, _in_groups(ctx, a, cut, outer_axes, sizes), b, (summed, (behind[1], b_batch))
    )


def _behind(axes: Sequence[int]) -> list[int]:
    """The same axes where there is one more in front."""
    return [axis + 1 for axis in axes]


def _in_groups(ctx: Context[V], x: V, cut: int, outer: Sequence[int], sizes: V) -> V:
    """(groups, *x.shape): x where its places along `cut` are in the group, 0 elsewhere. The groups
    are the same for all of x, or others at each place of the `outer` axes."""
    groups, length = sizes.shape[-1], x.shape[cut]
    shape = (groups, *x.shape)
    if sizes.concrete is None and int(np.prod(shape)) > LIMIT:
        raise Unsupported(f"a ragged product in groups that depend on the inputs, {shape}")
    inside = _which(ctx, sizes, length)
    here = np.indices(shape)
    rows = [here[axis + 1] for axis in outer] if len(sizes.shape) > 1 else []
    index = np.zeros(shape, np.int64)
    for place, size in zip([*rows, here[0], here[cut + 1]], inside.shape, strict=True):
        index = index * size + place
    algebra = ctx.algebra
    elements = algebra.pick([x], np.broadcast_to(flat_index(x), shape))
    zero = ctx.fill(shape, 0, x.dtype)
    return algebra.select(algebra.pick([inside], index), [zero, elements])


def _which(ctx: Context[V], sizes: V, length: int) -> V:
    """(..., groups, length): which places are in which group."""
    algebra, dtype, groups = ctx.algebra, sizes.dtype, sizes.shape[-1]
    shape = (*sizes.shape, length)
    places = np.arange(length).astype(dtype)  # in the sizes' own format, in which they may wrap
    if sizes.concrete is not None:
        known = np.cumsum(sizes.concrete, axis=-1, dtype=dtype)[..., None]
        starts = np.concatenate([0 * known[..., :1, :], known[..., :-1, :]], axis=-2)
        return ctx.lift((starts <= places) & (places < known))
    rows = algebra.reshape(sizes, (1, int(np.prod(shape[:-2])), groups))
    before = np.triu(np.ones((1, groups, groups), np.int64), 1)
    index = np.arange(int(np.prod(shape[:-1])), dtype=np.int64)[:, None]
    index = np.broadcast_to(index, (len(index), length)).reshape(shape)
    begun, ended = (
        algebra.pick([algebra.dot(rows, ctx.lift(sums.astype(dtype), dtype))], index)
        for sums in (before, before + np.eye(groups, dtype=np.int64))
    )
    each = ctx.lift(np.broadcast_to(places, shape), dtype)
    inside = algebra.compare("le", begun, each)
    return algebra.logical_and(inside, algebra.compare("lt", each, ended))

"""Reductions, cumulative operations, dot products: sums, products and maxima over index sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.primitives.registry import Context, flat_index, rule


def to_last(algebra: Any, x: Any, axes: Any) -> Any:
    """`axes` of x moved to the end and merged into one."""
    axes = tuple(axes)
    kept = tuple(a for a in range(len(x.shape)) if a not in axes)
    index = flat_index(x).transpose(*kept, *axes)
    return algebra.pick([x], index.reshape(*(x.shape[a] for a in kept), -1))


@rule("reduce_sum")
def _reduce_sum(ctx: Context, x: Any, *, axes: Any, **_: Any) -> Any:
    return ctx.algebra.sum(to_last(ctx.algebra, x, axes))


@rule("reduce_prod")
def _reduce_prod(ctx: Context, x: Any, *, axes: Any, **_: Any) -> Any:
    return ctx.algebra.prod(to_last(ctx.algebra, x, axes))


@rule("reduce_max")
def _reduce_max(ctx: Context, x: Any, *, axes: Any, **_: Any) -> Any:
    return ctx.algebra.max(to_last(ctx.algebra, x, axes))


@rule("reduce_min")
def _reduce_min(ctx: Context, x: Any, *, axes: Any, **_: Any) -> Any:
    algebra = ctx.algebra
    return algebra.neg(algebra.max(algebra.neg(to_last(algebra, x, axes))))


@rule("dot_general")
def _dot_general(ctx: Context, a: Any, b: Any, *, dimension_numbers: Any, **_: Any) -> Any:
    (a_sum, b_sum), (a_batch, b_batch) = dimension_numbers
    a_free = [i for i in range(len(a.shape)) if i not in (*a_sum, *a_batch)]
    b_free = [i for i in range(len(b.shape)) if i not in (*b_sum, *b_batch)]
    batch = int(np.prod([a.shape[i] for i in a_batch]))
    terms = int(np.prod([a.shape[i] for i in a_sum]))
    left = flat_index(a).transpose(*a_batch, *a_free, *a_sum).reshape(batch, -1, terms)
    right = flat_index(b).transpose(*b_batch, *b_sum, *b_free).reshape(batch, terms, -1)
    algebra = ctx.algebra
    product = algebra.dot(algebra.pick([a], left), algebra.pick([b], right))
    return algebra.reshape(algebra.cast(product, ctx.dtype), ctx.shape)

"""Reductions, cumulative operations, dot products: sums, products and maxima over index sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Algebra, V
from verify.primitives.monoids import fold, monoid, neutral
from verify.primitives.registry import Context, flat_index, rule


def to_last(algebra: Algebra[V], x: V, axes: Sequence[int]) -> V:
    """`axes` of x moved to the end and merged into one."""
    axes = tuple(axes)
    kept = tuple(a for a in range(len(x.shape)) if a not in axes)
    index = flat_index(x).transpose(*kept, *axes)
    merged = int(np.prod([x.shape[a] for a in axes]))  # not -1: there may be no elements
    return algebra.pick([x], index.reshape(*(x.shape[a] for a in kept), merged))


for _name, _operation in (
    ("reduce_sum", "add"),
    ("reduce_prod", "mul"),
    ("reduce_max", "max"),
    ("reduce_min", "min"),
):

    def _rule(
        ctx: Context[V], x: V, *, axes: Sequence[int], _op: str = _operation, **_: object
    ) -> V:
        rows, m = to_last(ctx.algebra, x, axes), monoid(_op, x.dtype)
        # Of nothing: the extreme of the dtype, which need not have infinities.
        if 0 in rows.shape and (x.dtype == np.bool_ or _op in ("max", "min")):
            return neutral(ctx, m, ctx.shape, x.dtype)
        return fold(ctx.algebra, m, rows)

    rule(_name)(_rule)


Pair = tuple[Sequence[int], Sequence[int]]
DotDimensions = tuple[Pair, Pair]  # what is summed over, and what is batched: of both operands


@rule("dot_general")
def _dot_general(
    ctx: Context[V], a: V, b: V, *, dimension_numbers: DotDimensions, **_: object
) -> V:
    return product(ctx, a, b, dimension_numbers)


def product(ctx: Context[V], a: V, b: V, dimensions: DotDimensions) -> V:
    """The dot product of two arrays, in the shape and dtype of the equation's result."""
    (a_sum, b_sum), (a_batch, b_batch) = dimensions
    a_free = [i for i in range(len(a.shape)) if i not in (*a_sum, *a_batch)]
    b_free = [i for i in range(len(b.shape)) if i not in (*b_sum, *b_batch)]
    batch, terms, rows, columns = (
        int(np.prod([x.shape[i] for i in axes]))
        for x, axes in ((a, a_batch), (a, a_sum), (a, a_free), (b, b_free))
    )
    left = flat_index(a).transpose(*a_batch, *a_free, *a_sum).reshape(batch, rows, terms)
    right = flat_index(b).transpose(*b_batch, *b_sum, *b_free).reshape(batch, terms, columns)
    algebra = ctx.algebra
    # Products and sums are formed in the result's dtype: bytes may be summed in 32 bits.
    one, two = (algebra.cast(algebra.pick([x], i), ctx.dtype) for x, i in ((a, left), (b, right)))
    return algebra.reshape(algebra.dot(one, two), ctx.shape)

"""Running sums, products, maxima and minima along an axis: out[i] = fold of x[0..i].

Sums and products take log2(n) shifted additions (Hillis and Steele, 1986). Maxima fold the table of
all prefixes, so that each stays one maximum over a set, where the table is not too large.
"""

from __future__ import annotations

import numpy as np

from verify.algebras.base import V
from verify.primitives.monoids import Monoid, combine, fold, monoid
from verify.primitives.registry import Context, flat_index, rule
from verify.primitives.sliding import BLOCK


def _cumulate(ctx: Context[V], m: Monoid, x: V, axis: int, reverse: bool) -> V:
    algebra = ctx.algebra
    size = x.shape[axis]
    if 0 in x.shape or size == 1:
        return x
    # (rest, size), first element first.
    index = np.moveaxis(flat_index(x), axis, -1)
    moved = index.shape
    index = (index[..., ::-1] if reverse else index).reshape(-1, size)
    rows = algebra.pick([x], index)
    if m.idempotent and index.size * size <= BLOCK:
        prefixes = np.minimum(np.arange(size), np.arange(size)[:, None])
        done = fold(algebra, m, algebra.pick([rows], flat_index(rows)[:, prefixes]))
    else:
        done = _doubling(ctx, m, rows, size)
        done = algebra.in_any_order(m.name, done, rows)  # where rounding counts, XLA chooses it
    back = flat_index(done).reshape(moved)
    back = back[..., ::-1] if reverse else back
    return algebra.pick([done], np.moveaxis(back, -1, axis))


def _doubling(ctx: Context[V], m: Monoid, rows: V, size: int) -> V:
    """After the step of width s, element i is the fold of the last 2s elements up to i."""
    algebra = ctx.algebra
    step = 1
    while step < size:
        index = flat_index(rows)
        front = index[:, :step]
        folded = combine(
            algebra,
            m,
            algebra.pick([rows], index[:, :-step]),
            algebra.pick([rows], index[:, step:]),
        )
        later = index.size + flat_index(folded)
        rows = algebra.pick([rows, folded], np.concatenate([front, later], axis=1))
        step *= 2
    return rows


for _name, _operation in (
    ("cumsum", "add"),
    ("cumprod", "mul"),
    ("cummax", "max"),
    ("cummin", "min"),
):

    def _rule(
        ctx: Context[V], x: V, *, axis: int, reverse: bool, _op: str = _operation, **_: object
    ) -> V:
        return _cumulate(ctx, monoid(_op, x.dtype), x, axis, reverse)

    rule(_name)(_rule)


@rule("cumlogsumexp")
def _cumlogsumexp(ctx: Context[V], x: V, *, axis: int, reverse: bool, **_: object) -> V:
    """log(cumsum(exp(x))): over the reals no maximum needs to be subtracted."""
    algebra = ctx.algebra
    powers = algebra.function("exp", [x], x.shape, x.dtype)
    sums = _cumulate(ctx, monoid("add", x.dtype), powers, axis, reverse)
    return algebra.function("log", [sums], x.shape, x.dtype)

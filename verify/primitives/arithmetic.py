"""Elementwise arithmetic, comparison, choice and casts.

Integer operations that are not ring operations (division, shifts, bits) are in `integer`, functions
such as exp and tanh in `functions`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.primitives.registry import Context, rule


@rule("add", "add_any")
def _add(ctx: Context, a: Any, b: Any) -> Any:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_or(a, b)
    return ctx.algebra.add(a, b)


@rule("sub")
def _sub(ctx: Context, a: Any, b: Any) -> Any:
    return ctx.algebra.sub(a, b)


@rule("mul")
def _mul(ctx: Context, a: Any, b: Any) -> Any:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_and(a, b)
    return ctx.algebra.mul(a, b)


@rule("neg")
def _neg(ctx: Context, a: Any) -> Any:
    return ctx.algebra.neg(a)


@rule("square")
def _square(ctx: Context, a: Any) -> Any:
    return ctx.algebra.mul(a, a)


@rule("integer_pow")
def _integer_pow(ctx: Context, a: Any, *, y: int) -> Any:
    if y == 0:
        return ctx.fill(a.shape, 1, a.dtype)
    result, base, n = None, a, abs(y)
    while n:
        if n & 1:
            result = base if result is None else ctx.algebra.mul(result, base)
        n >>= 1
        if n:
            base = ctx.algebra.mul(base, base)
    return result if y > 0 else ctx.algebra.div(ctx.fill(a.shape, 1, a.dtype), result)


@rule("max")
def _max(ctx: Context, a: Any, b: Any) -> Any:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_or(a, b)
    return ctx.algebra.maximum(a, b)


@rule("min")
def _min(ctx: Context, a: Any, b: Any) -> Any:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_and(a, b)
    return minimum(ctx.algebra, a, b)


def minimum(algebra: Any, a: Any, b: Any) -> Any:
    """min(a, b) = -max(-a, -b)."""
    return algebra.neg(algebra.maximum(algebra.neg(a), algebra.neg(b)))


@rule("clamp")
def _clamp(ctx: Context, low: Any, x: Any, high: Any) -> Any:
    """min(max(x, low), high); the bounds may be scalars."""
    low, high = (
        ctx.algebra.pick([bound], np.zeros(x.shape, np.int64)) if bound.shape != x.shape else bound
        for bound in (low, high)
    )
    return minimum(ctx.algebra, ctx.algebra.maximum(x, low), high)


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):

    def _compare(ctx: Context, a: Any, b: Any, _op: str = _name) -> Any:
        return ctx.algebra.compare(_op, a, b)

    rule(_name)(_compare)


@rule("select_n")
def _select_n(ctx: Context, which: Any, *cases: Any) -> Any:
    if which.shape != cases[0].shape:  # a scalar predicate chooses whole arrays
        which = ctx.algebra.pick([which], np.zeros(cases[0].shape, np.int64))
    return ctx.algebra.select(which, cases)


@rule("not")
def _not(ctx: Context, a: Any) -> Any:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_not(a)
    # Two's complement: ~a = -1 - a.
    return ctx.algebra.sub(ctx.lift(np.full(a.shape, -1).astype(a.dtype)), a)


@rule("convert_element_type")
def _convert(ctx: Context, x: Any, *, new_dtype: Any, **_: Any) -> Any:
    return ctx.algebra.cast(x, np.dtype(new_dtype))


@rule("reduce_precision")
def _reduce_precision(ctx: Context, x: Any, **_: Any) -> Any:
    """A conversion between float formats: the identity over the reals."""
    return x


@rule("is_finite")
def _is_finite(ctx: Context, x: Any) -> Any:
    return ctx.fill(x.shape, True, np.bool_)

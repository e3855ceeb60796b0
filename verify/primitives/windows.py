"""Poolings and their derivatives: reductions over sliding windows.

    out[i] = fold of x over the window at i

Positions outside the array, or in the holes of its dilation, count as the neutral element. The
derivative of a maximum goes to the first maximum in the window, in row-major order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Unsupported, V
from verify.primitives.indexing import assume
from verify.primitives.monoids import (
    ADD,
    Monoid,
    fold,
    monoid,
    neutral,
    recognise,
    with_initial,
)
from verify.primitives.order import reverse
from verify.primitives.registry import Context, rule
from verify.primitives.segments import DROPPED, combine_at
from verify.primitives.sliding import (
    OUTSIDE,
    Axis,
    axes,
    join,
    patch_blocks,
    row_strides,
)
from verify.programs import Param, Params, Program
from verify.programs.reader import Primitive


def _slides(
    shape: Sequence[int],
    outputs: Sequence[int],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> list[Axis]:
    ones = (1,) * len(shape)
    return axes(
        shape,
        outputs,
        window_dimensions,
        window_strides,
        padding,
        base_dilation or ones,
        window_dilation or ones,
    )


def _fold_windows(
    ctx: Context[V], m: Monoid, x: V, shape: tuple[int, ...], slides: list[Axis]
) -> V:
    """The fold of x over each window: `shape`."""
    algebra = ctx.algebra
    if 0 in shape:
        return neutral(ctx, m, shape, x.dtype)
    if 0 in x.shape:
        return neutral(ctx, m, shape, x.dtype)
    empty = neutral(ctx, m, (1,), x.dtype)
    size = int(np.prod(x.shape))
    parts = []
    for block in patch_blocks(slides, row_strides(x.shape), 1):
        index = block
        if m.idempotent:  # repeat an element of the window rather than bring in an infinity
            first = np.take_along_axis(block, np.argmax(block != OUTSIDE, axis=1)[:, None], 1)
            index = np.where(block == OUTSIDE, first, block)
        outside = index == OUTSIDE
        sources = [x, empty] if outside.any() else [x]
        parts.append(fold(algebra, m, algebra.pick(sources, np.where(outside, size, index))))
    return join(algebra, parts, shape)


def _reduce_window(ctx: Context[V], m: Monoid, x: V, params: Params) -> V:
    return _fold_windows(ctx, m, x, ctx.shape, _slides(x.shape, ctx.shape, **params))


@rule("reduce_window_sum")
def _sum(ctx: Context[V], x: V, **params: Param) -> V:
    return _reduce_window(ctx, monoid("add", x.dtype), x, params)


@rule("reduce_window_max")
def _max(ctx: Context[V], x: V, **params: Param) -> V:
    return _reduce_window(ctx, monoid("max", x.dtype), x, params)


@rule("reduce_window_min")
def _min(ctx: Context[V], x: V, **params: Param) -> V:
    return _reduce_window(ctx, monoid("min", x.dtype), x, params)


@rule("reduce_window")
def _generic(
    ctx: Context[V], *operands: V, jaxpr: Program, consts: Sequence[object], **params: Param
) -> tuple[V, ...]:
    """Operands, then their initial values; the body must be known operations, one an operand."""
    if consts:
        raise Unsupported("a window reduction whose body has captured values")
    half = len(operands) // 2
    results = []
    for m, x, initial in zip(recognise(jaxpr, half), operands[:half], operands[half:], strict=True):
        results.append(with_initial(ctx, m, _reduce_window(ctx, m, x, params), initial))
    return tuple(results)


def _selected(ctx: Context[V], operand: V, select_prim: Primitive, block: np.ndarray) -> V:
    """1 at the element of each window that is selected, else 0; no window is all padding."""
    algebra = ctx.algebra
    if select_prim.name not in ("ge", "le"):
        raise Unsupported(f"a selection by {select_prim}")
    if select_prim.name == "le":
        operand = reverse(algebra, operand)
    lowest = ctx.fill((1,), -np.inf, operand.dtype)
    outside = block == OUTSIDE
    sources = [operand, lowest] if outside.any() else [operand]
    size = int(np.prod(operand.shape))
    windows = algebra.pick(sources, np.where(outside, size, block))
    return algebra.cast(algebra.winner(windows), ctx.dtype)


@rule("select_and_scatter_add")
def _select_and_scatter_add(
    ctx: Context[V], source: V, operand: V, *, select_prim: Primitive, **params: Param
) -> V:
    """The gradient of max- and min-pooling."""
    algebra = ctx.algebra
    ctx.only_numbers(source)  # which is multiplied by zero where it does not go
    slides = _slides(operand.shape, source.shape, **params)
    size = int(np.prod(operand.shape))
    parts, targets, start = [], [], 0
    if 0 not in source.shape and size:
        for block in patch_blocks(slides, row_strides(operand.shape), 1):
            some = (block != OUTSIDE).any(axis=1)  # a window of padding only gives to nobody
            given = np.flatnonzero(some) + start
            start += len(block)
            block = block[some]
            if not len(block):
                continue
            share = _selected(ctx, operand, select_prim, block)
            value = algebra.pick([source], np.broadcast_to(given[:, None], block.shape))
            parts.append(algebra.mul(share, value))
            targets.append(block.reshape(-1))
    zeros = ctx.fill((size,), 0, ctx.dtype)
    if not parts:
        return algebra.reshape(zeros, ctx.shape)
    flat = [algebra.reshape(p, (int(np.prod(p.shape)),)) for p in parts]
    contributions = join(algebra, flat, (sum(f.shape[0] for f in flat),))
    destination = np.concatenate(targets)
    assert DROPPED == OUTSIDE
    summed = combine_at(ctx, ADD, zeros, contributions, destination)
    return algebra.reshape(summed, ctx.shape)


@rule("select_and_gather_add")
def _select_and_gather_add(
    ctx: Context[V], tangents: V, operand: V, *, select_prim: Primitive, **params: Param
) -> V:
    """The directional derivative of max- and min-pooling: the tangent where the maximum is.

    JAX leaves the order of the comparisons to XLA, which takes the first of equal maxima, but for
    some padded windows another one (jax 0.10 and 0.12 on the CPU).
    """
    algebra = ctx.algebra
    ctx.only_numbers(tangents)
    assume(ctx, "where maxima tie, a pooling's tangent is that of the first (XLA may differ)")
    slides = _slides(operand.shape, ctx.shape, **params)
    if 0 in ctx.shape or 0 in operand.shape:
        return ctx.fill(ctx.shape, 0, ctx.dtype)
    size = int(np.prod(operand.shape))
    zero = ctx.fill((1,), 0, tangents.dtype)
    parts = []
    for block in patch_blocks(slides, row_strides(operand.shape), 1):
        some = (block != OUTSIDE).any(axis=1)
        chosen = block[some]
        if len(chosen):
            share = _selected(ctx, operand, select_prim, chosen)
            value = algebra.pick([tangents, zero], np.where(chosen == OUTSIDE, size, chosen))
            gathered = algebra.sum(algebra.mul(share, value))
            place = np.full(len(block), len(chosen), np.int64)
            place[some] = np.arange(len(chosen))
            parts.append(algebra.pick([gathered, zero], place))
        else:
            parts.append(ctx.fill((len(block),), 0, tangents.dtype))
    return join(algebra, parts, ctx.shape)

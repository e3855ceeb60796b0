"""Bugs planted in rules, of every family: what the draws must notice.

Each wraps the true rule: it changes a parameter, an operand or the result, as somebody who
forgot it would have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.primitives import RULES
from verify.primitives.registry import flat_index, spread

Rule = Callable[..., Any]


def _with(**changes: Callable[[Any], Any]) -> Callable[[Rule], Rule]:
    """The rule with some of its parameters changed."""

    def plant(rule: Rule) -> Rule:
        def wrong(ctx: Any, *xs: Any, **params: Any) -> Any:
            return rule(ctx, *xs, **{k: changes.get(k, _same)(v) for k, v in params.items()})

        return wrong

    return plant


def _same(value: Any) -> Any:
    return value


def _as(other: str, **extra: Any) -> Callable[[Rule], Rule]:
    """The rule of another primitive."""
    return lambda rule: lambda ctx, *xs, **params: RULES[other](ctx, *xs, **params, **extra)


def _operands(change: Callable[..., Any]) -> Callable[[Rule], Rule]:
    return lambda rule: lambda ctx, *xs, **params: rule(ctx, *change(ctx, *xs), **params)


def _result(change: Callable[[Any, Any], Any]) -> Callable[[Rule], Rule]:
    return lambda rule: lambda ctx, *xs, **params: change(ctx, rule(ctx, *xs, **params))


def _turned(ctx: Any, x: Any) -> Any:
    """The first axis the other way round."""
    return ctx.algebra.pick([x], flat_index(x)[::-1]) if x.shape else x


def _zeroes(pairs: Any) -> Any:
    return tuple((low, 0) for low, _ in pairs)


def _unclamped(rule: Rule) -> Rule:
    """Indices from the end, as NumPy reads negative ones, instead of a clamp."""

    def wrong(ctx: Any, x: Any, *starts: Any, **params: Any) -> Any:
        moved = []
        for start, size in zip(starts, x.shape, strict=True):
            place = np.asarray(start.concrete)
            whole = np.where(place < 0, place.astype(np.int64) + size, place.astype(np.int64))
            moved.append(ctx.lift(np.asarray(whole, np.int64)))
        return rule(ctx, x, *moved, **params)

    return wrong


def _bounds(rule: Rule) -> Rule:
    """max(min(x, high), low): another number where the bounds cross."""

    def wrong(ctx: Any, low: Any, x: Any, high: Any) -> Any:
        low, high = (spread(ctx.algebra, v, x.shape) for v in (low, high))
        return RULES["max"](ctx, RULES["min"](ctx, x, high), low)

    return wrong


def _groups(rule: Rule) -> Rule:
    """Groups of the batch taken for groups of the channels of the kernel's other half."""

    def wrong(ctx: Any, lhs: Any, rhs: Any, **params: Any) -> Any:
        spec = params["dimension_numbers"]
        index = np.flip(flat_index(rhs), spec.rhs_spec[0])
        return rule(ctx, lhs, ctx.algebra.pick([rhs], index), **params)

    return wrong


def _all_in(rule: Rule) -> Rule:
    """Ragged groups, the last of which takes whatever is left."""

    def wrong(ctx: Any, a: Any, b: Any, sizes: Any, **params: Any) -> Any:
        known = np.array(sizes.concrete)
        known[..., -1:] = 100
        return rule(ctx, a, b, ctx.lift(known), **params)

    return wrong


PLANTED: dict[str, tuple[str, Callable[[Rule], Rule]]] = {
    "broadcast_in_dim ignores the order of its dimensions": (
        "broadcast_in_dim",
        _with(broadcast_dimensions=lambda dims: tuple(sorted(dims))),
    ),
    "transpose by the inverse permutation": (
        "transpose",
        _with(permutation=lambda p: tuple(int(i) for i in np.argsort(p))),
    ),
    "reshape ignores its dimensions": ("reshape", _with(dimensions=lambda dims: None)),
    "pad forgets the holes of the first axis": (
        "pad",
        lambda rule: (
            lambda ctx, x, v, padding_config: _result(_turned)(rule)(
                ctx, x, v, padding_config=padding_config
            )
        ),
    ),
    "rev of one axis only": ("rev", _with(dimensions=lambda dims: tuple(dims)[:1])),
    "cumsum ignores its direction": ("cumsum", _with(reverse=lambda r: False)),
    "reduce_max of the negated": ("reduce_max", _as("reduce_min")),
    "sort by all of its operands": (
        "sort",
        lambda rule: lambda ctx, *xs, **params: rule(ctx, *xs, **{**params, "num_keys": len(xs)}),
    ),
    "argmax takes the least": ("argmax", _as("argmin")),
    "select_n with its cases the other way round": (
        "select_n",
        _operands(lambda ctx, which, *cases: (which, *cases[::-1])),
    ),
    "clamp lets the lower bound decide": ("clamp", _bounds),
    "dynamic_slice reads negative starts from the end": ("dynamic_slice", _unclamped),
    "gather clamps what it must fill": (
        "gather",
        _with(mode=lambda mode: type(mode).CLIP if mode.name == "FILL_OR_DROP" else mode),
    ),
    "scatter-add clamps what it must drop": (
        "scatter-add",
        _with(mode=lambda mode: type(mode).CLIP if mode.name == "FILL_OR_DROP" else mode),
    ),
    "convolution with the features of the kernel turned": ("conv_general_dilated", _groups),
    "convolution with its padding on the other side": (
        "conv_general_dilated",
        _with(padding=lambda pairs: tuple((high, low) for low, high in pairs)),
    ),
    "a ragged product whose last group has the rest": ("ragged_dot_general", _all_in),
    "a ragged product with groups of the same size for all": (
        "ragged_dot_general",
        _operands(
            lambda ctx, a, b, sizes: (
                a,
                b,
                ctx.lift(np.broadcast_to(sizes.concrete.max(initial=0), sizes.shape)),
            )
        ),
    ),
    "pooling without the dilation of its window": (
        "reduce_window_sum",
        _with(window_dilation=lambda d: (1,) * len(d)),
    ),
    "an arithmetic shift without the sign": (
        "shift_right_arithmetic",
        _as("shift_right_logical"),
    ),
    "a remainder with the sign of the divisor": (
        "rem",
        lambda rule: lambda ctx, a, b: rule(ctx, RULES["add"](ctx, rule(ctx, a, b), b), b),
    ),
    "an integer power one too large": ("integer_pow", _with(y=lambda y: y + 1)),
    "a scan that runs forwards only": ("scan", _with(reverse=lambda r: False)),
    "the conjugate forgotten": ("conj", _as("copy")),
    "a triangular system of the other triangle": (
        "triangular_solve",
        _with(lower=lambda lower: not lower),
    ),
    "an inverse transform taken forwards": (
        "fft",
        _with(fft_type=lambda kind: type(kind).FFT if kind.name == "IFFT" else kind),
    ),
    "a permutation of devices read backwards": (
        "ppermute",
        _with(perm=lambda pairs: tuple((b, a) for a, b in pairs)),
    ),
    "bits pieced together in the wrong order": ("bitcast_convert_type", _result(_turned)),
}

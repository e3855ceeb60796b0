"""How to evaluate part of an equation's result: one rule a family of primitives.

A rule gets the equation, the box of the result, the boxes of the operands that it reads
(`reads.wanted`) and a tile to fetch them from, and applies the same primitive to the smaller
arrays. Most primitives need nothing else (`SAME`); the others have parameters that speak of sizes.
The rules of what slides a window are in `windows.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.rules import registrar
from cnnjax.summary.fields import groups
from cnnjax.summary.rules import ELEMENTWISE, POSITIONAL, REDUCTIONS
from cnnjax.tiling.bands import Band
from cnnjax.tiling.program import Untileable
from cnnjax.tiling.reads import outermost
from cnnjax.tiling.spans import Box, Span, sizes
from verify.programs import Atom, Equation, bind

Pads = list[tuple[int, int]]


class Fetch(Protocol):
    """What a rule may ask of the tile that is being evaluated."""

    def fetch(self, atom: Atom, box: Box, fill: Any = None) -> Any:
        """The part of an array; outside of the array it is `fill`."""

    def fetch_padded(self, atom: Atom, box: Box, fill: Any) -> tuple[Any, Pads]:
        """The same, but edges that are alike for all tiles are left to the primitive to pad."""

    def row(self, table: np.ndarray, along: int) -> Any:
        """`table[t]` for this tile, an array: known where it is one for all tiles, else traced."""

    def needs(self, span: Span | None) -> bool:
        """Whether any of the tiles at hand needs a span."""

    def number(self, table: np.ndarray, along: int) -> Any:
        """`table[t]` for this tile: an int where it is one for all tiles, else traced."""

    def band(self, step: Equation) -> Band | None:
        """The table by which an equation reads an axis, if there is one."""


NO_RULE = "cannot be evaluated in parts: there is no rule for it in cnnjax/tiling/parts.py"

Rule = Callable[[Equation, Box, Sequence[Box], Fetch], list[Any]]

RULES: dict[str, Rule] = {}
rule = registrar(RULES)
SAME = ELEMENTWISE | REDUCTIONS | POSITIONAL | {"dot_general", "transpose", "rev", "squeeze"}


def evaluate(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    """The part `box` of the results of a step."""
    if all(span is None for span in box):
        return same(step, box, wants, tile)
    return RULES[step.primitive](step, box, wants, tile)


def check(step: Equation, box: Box, band: Band | None) -> None:
    """Raise `Untileable` where no rule gives the part `box` of the results."""
    if all(span is None for span in box):
        return
    name, params = step.primitive, step.params
    if name not in RULES:
        raise Untileable(step, NO_RULE)
    # Axes along which the result must be whole.
    fixed: Sequence[int] = ()
    if name in ("split", "stack"):
        fixed = (params["axis"],)
    elif name == "conv_general_dilated":
        out = params["dimension_numbers"].out_spec
        fixed = out[:2] if params["batch_group_count"] > 1 else (out[1],)
    elif name == "reshape" and params["dimensions"] is not None:
        fixed = range(len(box))
    elif name == "gather":
        free = {*_gathered_whole(step).values(), *([band.place] if band else [])}
        fixed = [axis for axis in range(len(box)) if axis not in free]
    elif name == "dynamic_slice":
        pairs = zip(step.inputs[0].shape, step.outputs[0].shape, strict=True)
        fixed = [axis for axis, (old, new) in enumerate(pairs) if old != new]
    moving = [axis for axis in fixed if box[axis] is not None]
    if moving:
        raise Untileable(step, f"cuts or joins the image along axis {moving[0]} of its result")


@rule("concatenate")
def concatenate(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    """Along the image, each element is that of the piece in which it lies."""
    axis = step.params["dimension"]
    span = box[axis]
    if span is None:
        return same(step, box, wants, tile)
    shape, start, y = sizes(box, step.outputs[0].shape), 0, None
    place = lax.broadcasted_iota(jnp.int32, shape, axis)
    for atom, want in zip(step.inputs, wants, strict=True):
        length = atom.shape[axis]
        if tile.needs(want[axis]):
            zero = np.zeros((), step.outputs[0].dtype)
            part = tile.fetch(atom, want, zero)
            here = place + tile.number(span.first - start, span.along)
            y = part if y is None else jnp.where((here >= 0) & (here < length), part, y)
        start += length
    return [y]


@rule(*SAME, "split", "stack", "unstack")
def same(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    operands = [tile.fetch(atom, want) for atom, want in zip(step.inputs, wants, strict=True)]
    return bind(step, operands)


@rule("broadcast_in_dim")
def broadcast(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    operand = tile.fetch(step.inputs[0], wants[0])
    return bind(step, [operand], shape=sizes(box, step.outputs[0].shape))


@rule("iota")
def iota(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    (y,) = bind(step, (), shape=sizes(box, step.outputs[0].shape))
    span = box[step.params["dimension"]]
    if span is None:
        return [y]
    first = jnp.asarray(tile.number(span.first, span.along))
    return [y + lax.convert_element_type(first, y.dtype)]


@rule("reshape")
def reshape(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    """Group by group: flatten the part, cut away what was fetched too much, and fold it anew."""
    old, new = step.inputs[0].shape, step.outputs[0].shape
    y = tile.fetch(step.inputs[0], wants[0])
    pairs = groups(old, new)
    part = iter([y.shape[axis] for before, _ in pairs for axis in before])
    flat = [math.prod(next(part) for _ in before) for before, _ in pairs]
    y = lax.reshape(y, flat)
    for axis, (before, after) in enumerate(pairs):
        span, want = box[after[0]], wants[0][before[0]]
        if span is None:
            continue
        inner = math.prod(new[a] for a in after[1:])
        start = span.first * inner
        if want is not None:
            start = start - want.first * math.prod(old[a] for a in before[1:])
        y = cut(y, axis, start, span.along, span.size * inner, tile)
    y = lax.reshape(y, sizes(outermost(box, old, new), new))
    for _, after in pairs:
        for axis in after[1:]:
            if (span := box[axis]) is not None:
                y = cut(y, axis, span.first, span.along, span.size, tile)
    return [y]


def cut(y: Any, axis: int, table: np.ndarray, along: int, size: int, tile: Fetch) -> Any:
    """`size` elements along an axis, from `table[t]` on for tile t."""
    if y.shape[axis] == size:
        return y
    start = tile.number(table, along)
    if isinstance(start, int):
        return lax.slice_in_dim(y, start, start + size, axis=axis)
    return lax.dynamic_slice_in_dim(y, start, size, axis)


@rule("slice")
def slice_(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    params = step.params
    y = tile.fetch(step.inputs[0], wants[0])
    starts, limits = list(params["start_indices"]), list(params["limit_indices"])
    for axis, span in enumerate(box):
        if span is not None:  # what was fetched starts with the first element that is kept
            starts[axis], limits[axis] = 0, y.shape[axis]
    return bind(step, [y], start_indices=tuple(starts), limit_indices=tuple(limits))


def _gathered_whole(step: Equation) -> dict[int, int]:
    """Axes that a gather takes whole: of the operand, and their places in the result."""
    numbers, taken = step.params["dimension_numbers"], step.params["slice_sizes"]
    old = step.inputs[0].shape
    dropped = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    kept = [axis for axis in range(len(old)) if axis not in dropped]
    places = zip(kept, numbers.offset_dims, strict=True)
    return {
        axis: place
        for axis, place in places
        if taken[axis] == old[axis] and axis not in numbers.start_index_map
    }


@rule("gather")
def gather(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    y, index = (tile.fetch(atom, want) for atom, want in zip(step.inputs, wants, strict=True))
    taken = list(step.params["slice_sizes"])
    for axis in _gathered_whole(step):
        taken[axis] = y.shape[axis]
    if (band := tile.band(step)) is not None and (span := box[band.place]) is not None:
        rows, want = band.first[span.first[:, None] + np.arange(span.size)], wants[0][band.axis]
        rows = rows if want is None else rows - want.first[:, None]
        index = jnp.asarray(tile.row(rows, span.along), index.dtype)[:, None]
    return bind(step, [y, index], slice_sizes=tuple(taken))


@rule("dynamic_slice")
def dynamic_slice(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    operands: list[jax.Array] = [
        tile.fetch(atom, want) for atom, want in zip(step.inputs, wants, strict=True)
    ]
    taken = sizes(box, step.outputs[0].shape)
    return bind(step, operands, slice_sizes=taken)

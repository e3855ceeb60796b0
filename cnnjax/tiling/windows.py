"""Parts of what slides a window over the image, or pads it: convolution, pools, `lax.pad`.

What a window reads beyond the whole array is fetched as the fill value: zero for a convolution and
a sum, minus infinity for a maximum. So the maps in the middle of a network are zero outside the
image, as they are in the whole program; padding the input alone would not do (a bias and a ReLU
make something else of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.tiling.parts import Fetch, Pads, cut, rule
from cnnjax.tiling.spans import Box, Span
from verify.programs import Equation, bind


@rule("pad")
def pad(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    fill = tile.fetch(step.inputs[1], ())
    y = tile.fetch(step.inputs[0], wants[0], fill)
    config = list(step.params["padding_config"])
    for axis, span in enumerate(box):
        if span is not None:
            low, _, interior = config[axis]
            config[axis] = (0, 0, 0)
            positions = Span(span.along, span.first - low, span.size)
            y = spread(y, axis, positions, _moving(wants[0], axis), interior + 1, fill, tile)
    return bind(step, [y, fill], padding_config=tuple(config))


def spread(
    y: Any, axis: int, positions: Span, fetched: Span, base: int, fill: Any, tile: Fetch
) -> Any:
    """Put `base - 1` fill values between elements; cut out `positions` of the spread array."""
    if base == 1:
        return y
    phase = positions.first - fetched.first * base
    spread_size = (y.shape[axis] - 1) * base + 1
    missing = max(int(phase.max()) + positions.size - spread_size, 0)
    config = [(0, 0, 0)] * y.ndim
    config[axis] = (0, missing, base - 1)
    y = lax.pad(y, jnp.asarray(fill, y.dtype), config)
    return cut(y, axis, phase, positions.along, positions.size, tile)


@rule("conv_general_dilated")
def conv(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    params, dtype = step.params, step.inputs[0].dtype
    lhs, rhs, out = params["dimension_numbers"]
    zero = np.zeros((), dtype)
    kernel = tile.fetch(step.inputs[1], wants[1])
    windows = [
        (lhs[2 + i], out[2 + i], kernel.shape[rhs[2 + i]], params["window_strides"][i],
         params["padding"][i][0], params["rhs_dilation"][i], params["lhs_dilation"][i])
        for i in range(len(lhs) - 2)
    ]  # fmt: skip
    y, pads, bases = windowed(step, box, wants[0], zero, windows, tile)
    inner = range(len(windows))
    padding = [params["padding"][i] if box[out[2 + i]] is None else pads[lhs[2 + i]] for i in inner]
    return bind(
        step,
        [y, kernel],
        padding=tuple(padding),
        lhs_dilation=tuple(bases.get(lhs[2 + i], params["lhs_dilation"][i]) for i in inner),
    )


@rule("reduce_window", "reduce_window_max", "reduce_window_min", "reduce_window_sum")
def pool(step: Equation, box: Box, wants: Sequence[Box], tile: Fetch) -> list[Any]:
    params = step.params
    dtype = step.inputs[0].dtype
    start = [tile.fetch(atom, ()) for atom in step.inputs[1:]]
    fill = start[0] if start else _neutral(step.primitive, dtype)
    windows = [
        (axis, axis, params["window_dimensions"][axis], params["window_strides"][axis],
         params["padding"][axis][0], params["window_dilation"][axis],
         params["base_dilation"][axis])
        for axis in range(len(box))
    ]  # fmt: skip
    y, pads, bases = windowed(step, box, wants[0], fill, windows, tile)
    axes = range(len(box))
    padding = [params["padding"][axis] if box[axis] is None else pads[axis] for axis in axes]
    dilation = [bases.get(axis, params["base_dilation"][axis]) for axis in axes]
    return bind(step, [y, *start], padding=tuple(padding), base_dilation=tuple(dilation))


def windowed(
    step: Equation,
    box: Box,
    want: Box,
    fill: Any,
    windows: Sequence[tuple[int, int, int, int, int, int, int]],
    tile: Fetch,
) -> tuple[Any, Pads, dict[int, int]]:
    """What windows read, with the padding and the dilation that are left to the primitive.

    `windows`: (axis of the operand, axis of the result, taps, stride, low padding, dilation,
    dilation of the operand) for every axis that a window slides along.
    """
    dilated = any(box[out] is not None and base > 1 for _, out, *_, base in windows)
    if dilated:
        y, pads = tile.fetch(step.inputs[0], want, fill), [(0, 0)] * len(want)
    else:
        y, pads = tile.fetch_padded(step.inputs[0], want, fill)
    bases = {}
    for axis, out, taps, stride, low, dilation, base in windows:
        span = box[out]
        if span is not None:
            reach = (span.size - 1) * stride + (taps - 1) * dilation + 1
            positions = Span(span.along, span.first * stride - low, reach)
            y = spread(y, axis, positions, _moving(want, axis), base, fill, tile)
            bases[axis] = 1
    return y, pads, bases


def _moving(box: Box, axis: int) -> Span:
    span = box[axis]
    assert span is not None, "a window that moves over the result moves over the operand"
    return span


def _neutral(name: str, dtype: Any) -> np.ndarray:
    """What padding is to a pool."""
    if name == "reduce_window_sum":
        return np.zeros((), dtype)
    largest = name == "reduce_window_min"
    if jnp.issubdtype(dtype, jnp.floating):
        return np.array(np.inf if largest else -np.inf, dtype)
    limits = jnp.iinfo(dtype)
    return np.array(limits.max if largest else limits.min, dtype)

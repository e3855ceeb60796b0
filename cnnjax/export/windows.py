"""Convolutions and pools in ONNX, whose images are (N, C, *image): transposed before and after.

Runtimes take out transpositions that undo each other.

    zeros between pixels (`lhs_dilation`)   ConvTranspose with the kernel flipped: pixel i meets
                                            output i s + j - (k - 1 - low) with tap k - 1 - j
    a sum of windows                        Conv with ones, a channel a group: the same additions
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cnnjax.export.graph import Graph, Known, Made, Value
from cnnjax.export.rules import NoRule, rule, shape_of
from verify.programs import Equation


@rule("conv_general_dilated")
def conv(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    params = equation.params
    lhs, rhs, out = params["dimension_numbers"]
    if params["batch_group_count"] != 1:
        raise NoRule("with groups of images")
    groups, window = params["feature_group_count"], [operands[1].shape[i] for i in rhs[2:]]
    x = graph.transposed(graph.whole(operands[0]), lhs)
    pads = [tuple(pair) for pair in params["padding"]]
    if all(base == 1 for base in params["lhs_dilation"]):
        kernel = _arranged(graph, operands[1], rhs)
        found = graph.node(
            "Conv", x, kernel, strides=list(params["window_strides"]), pads=_sides(pads),
            dilations=list(params["rhs_dilation"]), group=groups, kernel_shape=window,
        )  # fmt: skip
    else:
        found = _transposed(graph, equation, x, operands[1], window, pads)
    return [Made(graph.transposed(found, _inverse(out)), shape_of(equation))]


def _transposed(
    graph: Graph,
    equation: Equation,
    x: str,
    kernel: Value,
    window: list[int],
    pads: list[tuple[int, int]],
) -> str:
    params, rhs = equation.params, equation.params["dimension_numbers"].rhs_spec
    dilation = params["rhs_dilation"]
    if params["feature_group_count"] != 1 or any(s != 1 for s in params["window_strides"]):
        raise NoRule("with zeros between the pixels, groups or a stride")
    if not isinstance(kernel, Known):
        raise NoRule("with zeros between the pixels, by a kernel that depends on the image")
    reach = [(k - 1) * d for k, d in zip(window, dilation, strict=True)]
    sides = [(r - low, r - high) for r, (low, high) in zip(reach, pads, strict=True)]
    # What would be negative there is cut off, or zeros that were added before.
    if any(side < 0 for pair in sides for side in pair):
        raise NoRule("with zeros between the pixels, padded beyond the kernel")
    flipped = np.flip(_full(kernel).transpose(rhs), tuple(range(2, len(rhs))))
    return graph.node(
        "ConvTranspose", x, graph.constant(flipped.swapaxes(0, 1)), kernel_shape=window,
        strides=list(params["lhs_dilation"]), pads=_sides(sides), dilations=list(dilation),
    )  # fmt: skip


def _full(value: Known) -> np.ndarray:
    return np.broadcast_to(value.value, value.shape)


def _arranged(graph: Graph, kernel: Value, order: Sequence[int]) -> str:
    if isinstance(kernel, Known):
        return graph.constant(_full(kernel).transpose(order))
    return graph.transposed(graph.whole(kernel), order)


def _inverse(order: Sequence[int]) -> list[int]:
    return [int(i) for i in np.argsort(order)]


def _sides(pads: Sequence[tuple[int, int]]) -> list[int]:
    sides = [int(low) for low, _ in pads] + [int(high) for _, high in pads]
    if any(side < 0 for side in sides):
        raise NoRule("with negative padding")
    return sides


@rule("reduce_window_max", "reduce_window_sum")
def pool(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    params, shape = equation.params, operands[0].shape
    rank = len(shape)
    if rank < 3 or any(base != 1 for base in params["base_dilation"]):
        raise NoRule("of this form")
    outside = [0, rank - 1]  # the images and the channels
    for axis in outside:
        still = params["window_dimensions"][axis] == params["window_strides"][axis] == 1
        if not still or tuple(params["padding"][axis]) != (0, 0):
            raise NoRule("over images or channels")
    order = [0, rank - 1, *range(1, rank - 1)]
    x = graph.transposed(graph.whole(operands[0]), order)
    inner = slice(1, rank - 1)
    window = list(params["window_dimensions"][inner])
    options = {
        "kernel_shape": window,
        "strides": list(params["window_strides"][inner]),
        "pads": _sides(params["padding"][inner]),
        "dilations": list(params["window_dilation"][inner]),
    }
    if equation.primitive == "reduce_window_max":
        found = graph.node("MaxPool", x, **options)
    else:
        channels = shape[-1]
        ones = np.ones((channels, 1, *window), equation.inputs[0].dtype)
        if math.prod(ones.shape) > 1 << 24:
            raise NoRule("of windows this large")
        found = graph.node("Conv", x, graph.constant(ones), group=channels, **options)
    return [Made(graph.transposed(found, _inverse(order)), shape_of(equation))]

"""How each primitive of JAX is written in ONNX: one rule a family.

What moves, joins and sums elements is here; `elementwise.py` and `windows.py` have the others.

A rule gets the graph, the equation and its operands, at least one of which depends on the images,
and returns one value a result. To add a primitive, add a name to a table or a rule
(`@rule("name")`), and a program that uses it to `tests/cnnjax/export/test_onnx_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import helper

from cnnjax.export.graph import Graph, Known, Made, Value, dims
from cnnjax.export.inference import ExportError
from cnnjax.rules import registrar
from verify.programs import Atom, Equation

Rule = Callable[[Graph, Equation, Sequence[Value]], list[Value]]

RULES: dict[str, Rule] = {}
rule = registrar(RULES)

IDENTITY = frozenset(("copy", "copy_p", "stop_gradient", "optimization_barrier"))
REDUCTIONS = {"reduce_sum": "ReduceSum", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin",
              "reduce_prod": "ReduceProd"}  # fmt: skip


class NoRule(Exception):
    """ONNX, or this writer, has no form for the equation: why."""


def shape_of(equation: Equation) -> tuple[Any, ...]:
    return tuple(equation.outputs[0].shape)


def is_bool(atom: Atom) -> bool:
    return bool(atom.dtype == np.bool_)


@rule(*IDENTITY)
def identity(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    return list(operands)


@rule("dim_as_value")
def size(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    """The number of images, as a scalar."""
    count = graph.batch(equation.params["dim"])
    to = helper.np_dtype_to_tensor_dtype(np.dtype(equation.outputs[0].dtype))
    return [Made(graph.node("Cast", graph.reshaped(count, ()), to=to), ())]


@rule("broadcast_in_dim")
def broadcast(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    """Nothing is stretched yet; new axes have length 1."""
    operand, shape = operands[0], shape_of(equation)
    places = equation.params["broadcast_dimensions"]
    real: list[Any] = [1] * len(shape)
    for axis, place in enumerate(places):
        real[place] = 1 if axis in operand.ones else operand.shape[axis]
    ones = frozenset(
        axis
        for axis, (n, m) in enumerate(zip(real, shape, strict=True))
        if isinstance(n, int) and n == 1 and not (isinstance(m, int) and m == 1)
    )
    if isinstance(operand, Known):
        return [Known(operand.value.reshape(real), shape)]
    name = operand.name
    if len(real) != len(operand.shape):
        name = graph.reshaped(name, real)
    return [Made(name, shape, ones)]


@rule("reshape", "squeeze", "expand_dims")
def reshape(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    if equation.params.get("dimensions") is not None and equation.primitive == "reshape":
        raise NoRule("in another order of axes")
    shape = shape_of(equation)
    dims(shape)
    return [Made(graph.reshaped(graph.whole(operands[0]), shape), shape)]


@rule("transpose")
def transpose(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    order, operand = equation.params["permutation"], operands[0]
    name = graph.transposed(graph.loose(operand), order)
    ones = frozenset(place for place, axis in enumerate(order) if axis in operand.ones)
    return [Made(name, shape_of(equation), ones)]


@rule("concatenate")
def concatenate(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    names = [graph.whole(value) for value in operands]
    return [
        Made(graph.node("Concat", *names, axis=equation.params["dimension"]), shape_of(equation))
    ]


@rule("stack")
def stack(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    axis, shape = equation.params["axis"], shape_of(equation)
    row = [*shape[:axis], 1, *shape[axis + 1 :]]
    names = [graph.reshaped(graph.whole(value), row) for value in operands]
    return [Made(graph.node("Concat", *names, axis=axis), shape)]


@rule("split")
def split(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    axis, start, found = equation.params["axis"], 0, []
    for size, var in zip(map(int, equation.params["sizes"]), equation.outputs, strict=True):
        piece = cut(graph, equation, operands[0], [start], [start + size], [axis], [1])
        found.append(Made(piece.name, tuple(var.shape)))
        start += size
    return list(found)


@rule("slice")
def slice_(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    starts, limits = equation.params["start_indices"], equation.params["limit_indices"]
    strides = equation.params["strides"] or (1,) * len(starts)
    old = operands[0].shape
    axes = [
        axis
        for axis, (start, limit, n) in enumerate(zip(starts, limits, old, strict=True))
        if not (_same(start, 0) and _same(limit, n) and strides[axis] == 1)
    ]
    wanted = [[tuple_[axis] for axis in axes] for tuple_ in (starts, limits, (*range(len(old)),))]
    return [cut(graph, equation, operands[0], *wanted, [strides[axis] for axis in axes])]


def _same(size: Any, other: Any) -> bool:
    return isinstance(size, int) == isinstance(other, int) and bool(size == other)


@rule("dynamic_slice")
def dynamic_slice(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    """At a place that is known after all; clamped, as JAX has it."""
    operand, *places = operands
    if not all(isinstance(place, Known) for place in places):
        raise NoRule("at a place that depends on the image")
    parts: list[list[int]] = [[], [], []]
    pairs = zip(places, operand.shape, equation.params["slice_sizes"], strict=True)
    for axis, (place, n, size) in enumerate(pairs):
        if _same(n, size):
            continue
        if not isinstance(n, int) or not isinstance(size, int):
            raise NoRule("of some of the images")
        first = min(max(int(place.value), 0), n - size)  # type: ignore[union-attr]
        for part, number in zip(parts, (first, first + size, axis), strict=True):
            part.append(number)
    return [cut(graph, equation, operand, *parts, [1] * len(parts[0]))]


@rule("gather")
def gather(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    """What indexing by known numbers becomes: one piece, or rows along one axis."""
    operand, index = operands
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    if not isinstance(index, Known) or numbers.operand_batching_dims:
        raise NoRule("at places that depend on the image")
    places, shape = np.broadcast_to(index.value, index.shape), shape_of(equation)
    axes = numbers.start_index_map
    room = [operand.shape[axis] - sizes[axis] for axis in axes]
    inside = all(
        isinstance(most, int) and int(column.min()) >= 0 and int(column.max()) <= most
        for most, column in zip(room, places.reshape(-1, len(axes)).T, strict=True)
    )
    if not inside:
        raise NoRule("at places that are not within the image")
    if places.ndim == 1:
        parts = [list(places), [p + sizes[a] for p, a in zip(places, axes, strict=True)], axes]
        parts = [[int(n) for n in part] for part in parts]
        name = cut(graph, equation, operand, *parts, [1] * len(axes)).name
        return [Made(graph.reshaped(name, shape), shape)]
    others = [place for place in range(len(shape)) if place not in numbers.offset_dims]
    if places.ndim != 2 or tuple(numbers.collapsed_slice_dims) != tuple(axes) or others != [*axes]:
        raise NoRule("along several axes")
    rows = graph.constant(places.reshape(-1).astype(np.int64))
    return [Made(graph.node("Gather", graph.whole(operand), rows, axis=axes[0]), shape)]


@rule("rev")
def rev(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    axes = list(equation.params["dimensions"])
    first = [np.iinfo(np.int64).min + 1] * len(axes)  # beyond the first element
    return [cut(graph, equation, operands[0], [-1] * len(axes), first, axes, [-1] * len(axes))]


def cut(graph: Graph, equation: Equation, operand: Value, *parts: Sequence[Any]) -> Made:
    """`Slice` by starts, ends, axes and steps."""
    if not all(isinstance(n, int) for part in parts for n in part):
        raise NoRule("at a place that depends on the number of images")
    name = graph.whole(operand)
    if parts[0]:
        arrays = [graph.constant(np.array(part, np.int64)) for part in parts]
        name = graph.node("Slice", name, *arrays)
    return Made(name, shape_of(equation))


@rule("pad")
def pad(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    config = equation.params["padding_config"]
    name, fill = graph.whole(operands[0]), graph.whole(operands[1])
    shape = list(operands[0].shape)
    for axis, (_, _, interior) in enumerate(config):
        if interior:
            name = _spread(graph, name, fill, shape, axis, interior)
    sides = [low for low, *_ in config] + [high for _, high, _ in config]
    if any(sides):
        name = graph.node("Pad", name, graph.constant(np.array(sides, np.int64)), fill)
    return [Made(name, shape_of(equation))]


def _spread(graph: Graph, name: str, fill: str, shape: list[Any], axis: int, between: int) -> str:
    """Put fill values between elements: a row of them behind each, the last of which is cut off."""
    n = shape[axis]
    if not isinstance(n, int):
        raise NoRule("between the images")
    apart = [*shape[: axis + 1], 1, *shape[axis + 1 :]]
    sides = np.zeros(2 * len(apart), np.int64)
    sides[len(apart) + axis + 1] = between
    name = graph.node("Pad", graph.reshaped(name, apart), graph.constant(sides), fill)
    shape[axis] = n * (between + 1)
    name = graph.reshaped(name, shape)
    shape[axis] -= between
    bounds = [graph.constant(np.array([k], np.int64)) for k in (0, shape[axis], axis)]
    return graph.node("Slice", name, *bounds)


@rule(*REDUCTIONS)
def reduction(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    if is_bool(equation.inputs[0]):
        raise NoRule("of booleans")
    axes = graph.constant(np.array(equation.params["axes"], np.int64))
    op = REDUCTIONS[equation.primitive]
    return [Made(graph.node(op, graph.whole(operands[0]), axes, keepdims=0), shape_of(equation))]


@rule("dot_general")
def dot(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    """`Einsum`; `MatMul` where it is one, as runtimes have it fast."""
    (left, right), (batch_left, batch_right) = equation.params["dimension_numbers"]
    names = [graph.whole(value) for value in operands]
    ranks = [len(value.shape) for value in operands]
    if not batch_left and (list(left), list(right), ranks[1]) == ([ranks[0] - 1], [0], 2):
        return [Made(graph.node("MatMul", *names), shape_of(equation))]
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    terms: list[list[str]] = [[""] * rank for rank in ranks]
    shared = [*zip(batch_left, batch_right, strict=True), *zip(left, right, strict=True)]
    for axis, other in shared:
        terms[0][axis] = terms[1][other] = next(letters)
    batch = [terms[0][axis] for axis in batch_left]
    free = []
    for term in terms:
        for axis, letter in enumerate(term):
            if not letter:
                term[axis] = next(letters)
                free.append(term[axis])
    sums = f"{','.join(''.join(term) for term in terms)}->{''.join(batch + free)}"
    return [Made(graph.node("Einsum", *names, equation=sums), shape_of(equation))]


def unknown(equation: Equation, scope: str, why: str) -> ExportError:
    where = f"layer {scope}" if scope else "the model"
    operation = f"{equation.primitive} {why}".strip()
    return ExportError(
        f"onnx: {where} uses the operation {operation}, which has no form in ONNX here; the format "
        "stablehlo takes every model"
    )

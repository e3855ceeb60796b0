"""How each primitive of JAX is written in ONNX: one rule a family. Windows are in `windows.py`.

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

Rule = Callable[[Graph, Any, Sequence[Value]], list[Value]]

RULES: dict[str, Rule] = {}

# Element by element, with the same name and meaning.
SAME = {
    "abs": "Abs", "add": "Add", "add_any": "Add", "ceil": "Ceil", "cos": "Cos", "div": "Div",
    "eq": "Equal", "erf": "Erf", "exp": "Exp", "floor": "Floor", "ge": "GreaterOrEqual",
    "gt": "Greater", "le": "LessOrEqual", "log": "Log", "logistic": "Sigmoid", "lt": "Less",
    "max": "Max", "min": "Min", "mul": "Mul", "neg": "Neg", "pow": "Pow", "sign": "Sign",
    "sin": "Sin", "sqrt": "Sqrt", "sub": "Sub", "tanh": "Tanh",
}  # fmt: skip
LOGICAL = {"and": "And", "not": "Not", "or": "Or", "xor": "Xor"}  # of booleans; not of integers
IDENTITY = frozenset(("copy", "copy_p", "stop_gradient", "optimization_barrier"))
REDUCTIONS = {"reduce_sum": "ReduceSum", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin",
              "reduce_prod": "ReduceProd"}  # fmt: skip


class NoRule(Exception):
    """ONNX, or this writer, has no form for the equation: why."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register


def shape_of(eqn: Any) -> tuple[Any, ...]:
    return tuple(eqn.outvars[0].aval.shape)


def is_bool(value: Any) -> bool:
    return value.aval.dtype == np.bool_


def elementwise(eqn: Any, operands: Sequence[Value], name: str) -> list[Value]:
    """The result `name` of operands that broadcast; scalars stretch along every axis."""
    shape = shape_of(eqn)
    ranked = [value.ones for value in operands if len(value.shape) == len(shape)]
    return [Made(name, shape, frozenset.intersection(*ranked))]


@rule(*SAME)
def same(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    name = eqn.primitive.name
    if is_bool(eqn.invars[0]) and name in ("max", "min"):
        raise NoRule("of booleans")
    return elementwise(eqn, operands, graph.node(SAME[name], *map(graph.loose, operands)))


@rule(*LOGICAL)
def logical(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    if not is_bool(eqn.invars[0]):
        raise NoRule("of integers")
    node = graph.node(LOGICAL[eqn.primitive.name], *map(graph.loose, operands))
    return elementwise(eqn, operands, node)


@rule(*IDENTITY)
def identity(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    return list(operands)


def one(graph: Graph, eqn: Any, number: float) -> str:
    """A number in the dtype of the first operand."""
    return graph.constant(np.array(number, eqn.invars[0].aval.dtype))


@rule("rsqrt", "square", "integer_pow", "erfc", "log1p", "expm1", "ne", "is_finite", "cbrt")
def composed(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    name, given = eqn.primitive.name, [graph.loose(value) for value in operands]
    x = given[0]
    if name == "rsqrt":
        found = graph.node("Reciprocal", graph.node("Sqrt", x))
    elif name == "square":
        found = graph.node("Mul", x, x)
    elif name == "integer_pow":
        found = power(graph, eqn, x, eqn.params["y"])
    elif name == "erfc":
        found = graph.node("Sub", one(graph, eqn, 1), graph.node("Erf", x))
    elif name == "log1p":
        found = graph.node("Log", graph.node("Add", x, one(graph, eqn, 1)))
    elif name == "expm1":
        found = graph.node("Sub", graph.node("Exp", x), one(graph, eqn, 1))
    elif name == "ne":
        found = graph.node("Not", graph.node("Equal", *given))
    else:
        raise NoRule("has no operation of its own")
    return elementwise(eqn, operands, found)


def power(graph: Graph, eqn: Any, x: str, exponent: int) -> str:
    """By products, as JAX computes it."""
    base = x
    if exponent < 0:
        base = graph.node("Reciprocal", base)
    found, left = "", abs(exponent)
    while left:
        if left & 1:
            found = graph.node("Mul", found, base) if found else base
        left >>= 1
        base = graph.node("Mul", base, base) if left else base
    return found or graph.node("Pow", x, one(graph, eqn, 0))


@rule("select_n")
def select(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    which, *cases = operands
    if not is_bool(eqn.invars[0]) or len(cases) != 2:
        raise NoRule("by an integer")
    found = graph.node("Where", *(graph.loose(v) for v in (which, cases[1], cases[0])))
    return elementwise(eqn, operands, found)


@rule("clamp")
def clamp(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    low, x, high = (graph.loose(value) for value in operands)
    found = graph.node("Min", graph.node("Max", x, low), high)
    return elementwise(eqn, operands, found)


@rule("convert_element_type")
def convert(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    to = helper.np_dtype_to_tensor_dtype(np.dtype(eqn.outvars[0].aval.dtype))
    return elementwise(eqn, operands, graph.node("Cast", graph.loose(operands[0]), to=to))


@rule("broadcast_in_dim")
def broadcast(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    """Nothing is stretched yet; new axes have length 1."""
    operand, shape = operands[0], shape_of(eqn)
    places = eqn.params["broadcast_dimensions"]
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
def reshape(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    if eqn.params.get("dimensions") is not None and eqn.primitive.name == "reshape":
        raise NoRule("in another order of axes")
    shape = shape_of(eqn)
    dims(shape)
    return [Made(graph.reshaped(graph.whole(operands[0]), shape), shape)]


@rule("transpose")
def transpose(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    order, operand = eqn.params["permutation"], operands[0]
    name = graph.transposed(graph.loose(operand), order)
    ones = frozenset(place for place, axis in enumerate(order) if axis in operand.ones)
    return [Made(name, shape_of(eqn), ones)]


@rule("concatenate")
def concatenate(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    names = [graph.whole(value) for value in operands]
    return [Made(graph.node("Concat", *names, axis=eqn.params["dimension"]), shape_of(eqn))]


@rule("slice")
def slice_(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    starts, limits = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or (1,) * len(starts)
    old = operands[0].shape
    axes = [
        axis
        for axis, (start, limit, n) in enumerate(zip(starts, limits, old, strict=True))
        if not (_same(start, 0) and _same(limit, n) and strides[axis] == 1)
    ]
    wanted = [[tuple_[axis] for axis in axes] for tuple_ in (starts, limits, (*range(len(old)),))]
    return [cut(graph, eqn, operands[0], *wanted, [strides[axis] for axis in axes])]


def _same(size: Any, other: Any) -> bool:
    return bool(size == other) if isinstance(size, int) == isinstance(other, int) else False


@rule("rev")
def rev(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    axes = list(eqn.params["dimensions"])
    first = [np.iinfo(np.int64).min + 1] * len(axes)  # beyond the first element
    return [cut(graph, eqn, operands[0], [-1] * len(axes), first, axes, [-1] * len(axes))]


def cut(graph: Graph, eqn: Any, operand: Value, *parts: Sequence[Any]) -> Value:
    """`Slice` by starts, ends, axes and steps."""
    if not all(isinstance(n, int) for part in parts for n in part):
        raise NoRule("at a place that depends on the number of images")
    name = graph.whole(operand)
    if parts[0]:
        arrays = [graph.constant(np.array(part, np.int64)) for part in parts]
        name = graph.node("Slice", name, *arrays)
    return Made(name, shape_of(eqn))


@rule("pad")
def pad(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    config = eqn.params["padding_config"]
    name, fill = graph.whole(operands[0]), graph.whole(operands[1])
    shape = list(operands[0].shape)
    for axis, (_, _, interior) in enumerate(config):
        if interior:
            name = _spread(graph, name, fill, shape, axis, interior)
    sides = [low for low, *_ in config] + [high for _, high, _ in config]
    if any(sides):
        name = graph.node("Pad", name, graph.constant(np.array(sides, np.int64)), fill)
    return [Made(name, shape_of(eqn))]


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
def reduction(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    if is_bool(eqn.invars[0]):
        raise NoRule("of booleans")
    axes = graph.constant(np.array(eqn.params["axes"], np.int64))
    op = REDUCTIONS[eqn.primitive.name]
    return [Made(graph.node(op, graph.whole(operands[0]), axes, keepdims=0), shape_of(eqn))]


@rule("dot_general")
def dot(graph: Graph, eqn: Any, operands: Sequence[Value]) -> list[Value]:
    """`Einsum`; `MatMul` where it is one, as runtimes have it fast."""
    (left, right), (batch_left, batch_right) = eqn.params["dimension_numbers"]
    names = [graph.whole(value) for value in operands]
    ranks = [len(value.shape) for value in operands]
    if not batch_left and (list(left), list(right), ranks[1]) == ([ranks[0] - 1], [0], 2):
        return [Made(graph.node("MatMul", *names), shape_of(eqn))]
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
    equation = f"{','.join(''.join(term) for term in terms)}->{''.join(batch + free)}"
    return [Made(graph.node("Einsum", *names, equation=equation), shape_of(eqn))]


def unknown(eqn: Any, scope: str, why: str) -> ExportError:
    where = f"layer {scope} " if scope else "the model "
    return ExportError(
        f"onnx: {where}uses the operation {eqn.primitive.name}{f' {why}' if why else ''}, which has "
        "no form in ONNX here; the format stablehlo takes every model"
    )

"""Arithmetic element by element in ONNX, whose operations broadcast by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import helper

from cnnjax.export.graph import Graph, Made, Value
from cnnjax.export.rules import NoRule, is_bool, rule, shape_of
from verify.programs import Equation

# With the same meaning.
SAME = {
    "abs": "Abs", "add": "Add", "add_any": "Add", "ceil": "Ceil", "cos": "Cos", "div": "Div",
    "eq": "Equal", "erf": "Erf", "exp": "Exp", "floor": "Floor", "ge": "GreaterOrEqual",
    "gt": "Greater", "le": "LessOrEqual", "log": "Log", "logistic": "Sigmoid", "lt": "Less",
    "max": "Max", "min": "Min", "mul": "Mul", "neg": "Neg", "pow": "Pow", "sign": "Sign",
    "sin": "Sin", "sqrt": "Sqrt", "sub": "Sub", "tanh": "Tanh",
}  # fmt: skip
LOGICAL = {"and": "And", "not": "Not", "or": "Or", "xor": "Xor"}  # of booleans; not of integers


def elementwise(equation: Equation, operands: Sequence[Value], name: str) -> list[Value]:
    """The result `name` of operands that broadcast; scalars stretch along every axis."""
    shape = shape_of(equation)
    ranked = [value.ones for value in operands if len(value.shape) == len(shape)]
    return [Made(name, shape, frozenset.intersection(*ranked))]


@rule(*SAME)
def same(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    name = equation.primitive
    if is_bool(equation.inputs[0]) and name in ("max", "min"):
        raise NoRule("of booleans")
    return elementwise(equation, operands, graph.node(SAME[name], *map(graph.loose, operands)))


@rule(*LOGICAL)
def logical(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    if not is_bool(equation.inputs[0]):
        raise NoRule("of integers")
    node = graph.node(LOGICAL[equation.primitive], *map(graph.loose, operands))
    return elementwise(equation, operands, node)


def one(graph: Graph, equation: Equation, number: float) -> str:
    """A number in the dtype of the first operand."""
    return graph.constant(np.array(number, equation.inputs[0].dtype))


@rule("rsqrt", "square", "integer_pow", "erfc", "log1p", "expm1", "ne", "is_finite", "cbrt")
def composed(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    name, given = equation.primitive, [graph.loose(value) for value in operands]
    x = given[0]
    if name == "rsqrt":
        found = graph.node("Reciprocal", graph.node("Sqrt", x))
    elif name == "square":
        found = graph.node("Mul", x, x)
    elif name == "integer_pow":
        found = power(graph, equation, x, equation.params["y"])
    elif name == "erfc":
        found = graph.node("Sub", one(graph, equation, 1), graph.node("Erf", x))
    elif name == "log1p":
        found = graph.node("Log", graph.node("Add", x, one(graph, equation, 1)))
    elif name == "expm1":
        found = graph.node("Sub", graph.node("Exp", x), one(graph, equation, 1))
    elif name == "ne":
        found = graph.node("Not", graph.node("Equal", *given))
    else:
        raise NoRule("has no operation of its own")
    return elementwise(equation, operands, found)


def power(graph: Graph, equation: Equation, x: str, exponent: int) -> str:
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
    return found or graph.node("Pow", x, one(graph, equation, 0))


@rule("select_n")
def select(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    which, *cases = operands
    if not is_bool(equation.inputs[0]) or len(cases) != 2:
        raise NoRule("by an integer")
    found = graph.node("Where", *(graph.loose(v) for v in (which, cases[1], cases[0])))
    return elementwise(equation, operands, found)


@rule("clamp")
def clamp(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    low, x, high = (graph.loose(value) for value in operands)
    found = graph.node("Min", graph.node("Max", x, low), high)
    return elementwise(equation, operands, found)


@rule("convert_element_type")
def convert(graph: Graph, equation: Equation, operands: Sequence[Value]) -> list[Value]:
    to = helper.np_dtype_to_tensor_dtype(np.dtype(equation.outputs[0].dtype))
    return elementwise(equation, operands, graph.node("Cast", graph.loose(operands[0]), to=to))

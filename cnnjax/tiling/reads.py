"""Which elements of its operands an equation reads for a part of its result.

The dependence of each primitive is the one that `cnnjax.summary` knows (`rules.flows_of`), asked
for one equation at a time. Only `reshape` is followed further here: where axes are merged
(upsampling by repetition, depth to space) an element reads a place that is not affine in its own,
the floor of a fraction, and `fields` gives the interval that holds it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from cnnjax.summary.fields import Field, Flow, groups, of_input
from cnnjax.summary.rules import ELEMENTWISE, POSITIONAL, flows_of
from cnnjax.tiling.program import Equation, Untileable
from cnnjax.tiling.spans import Box, Mixed, Span, hull, inside, read


def fields(step: Equation, operand: int) -> list[Flow]:
    """For each result, what its elements read along each axis of one operand."""
    shape = step.inputs[operand].shape
    if step.jax.primitive.name == "reshape" and step.jax.params["dimensions"] is None:
        return [_reshape(shape, step.outputs[0].shape)]
    if step.jax.primitive.name in POSITIONAL:
        return [of_input(shape)]
    flows: list[Flow | None] = [None] * len(step.inputs)
    flows[operand] = of_input(shape)
    if step.jax.primitive.name in ELEMENTWISE:  # an axis of length one serves all of the result's
        flows[operand] = tuple(
            field if n == m else Field(Fraction(0), Fraction(1), {})
            for field, n, m in zip(of_input(shape), shape, step.outputs[0].shape, strict=False)
        )
    return flows_of(step.jax, flows)


def wanted(step: Equation, box: Box) -> list[Box]:
    """The part of each operand that the part `box` of the results reads; see `spans.read`."""
    try:
        return [_wanted(step, box, operand) for operand in range(len(step.inputs))]
    except Mixed:
        raise Untileable(step, "moves along two axes of the image at once") from None


def _wanted(step: Equation, box: Box, operand: int) -> Box:
    flows = fields(step, operand)
    if step.jax.primitive.name == "reshape":
        box = outermost(box, step.inputs[0].shape, step.outputs[0].shape)
    spans: list[Span | None] = []
    for axis in range(len(step.inputs[operand].shape)):
        pairs = zip(flows, step.outputs, strict=True)
        span = hull([read(flow[axis], box, var.shape) for flow, var in pairs])
        if step.jax.primitive.name == "reshape":  # rounding reaches too far; windows read padding
            span = inside(span, step.inputs[operand].shape[axis])
        spans.append(span)
    return tuple(spans)


def outermost(box: Box, old: Sequence[int], new: Sequence[int]) -> Box:
    """The part of a reshape's result that is one run of the operand: inner axes are whole."""
    inner = {axis for _, after in groups(old, new) for axis in after[1:]}
    return tuple(None if axis in inner else span for axis, span in enumerate(box))


def _reshape(old: Sequence[int], new: Sequence[int]) -> Flow:
    """Element i of a group's outermost old axis reads floor(position in the group / inner)."""
    found = [Field(Fraction(0), Fraction(n), {}) for n in old]
    if 0 in old:
        return tuple(found)
    for before, after in groups(old, new):
        inner = math.prod(old[axis] for axis in before[1:])
        strides, step = {}, Fraction(1, inner)
        for axis in reversed(after):
            strides[axis] = step
            step *= new[axis]
        rest = Fraction(inner - 1, inner)
        found[before[0]] = Field(-rest, 1 + rest, strides)
    return tuple(found)

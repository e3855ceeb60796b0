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

import numpy as np

from cnnjax.summary.fields import Field, Flow, groups, of_input
from cnnjax.summary.rules import ELEMENTWISE, POSITIONAL, flows_of
from cnnjax.tiling.bands import Band
from cnnjax.tiling.program import Untileable
from cnnjax.tiling.spans import Box, Mixed, Span, hull, inside, read
from verify.programs import Equation


def fields(step: Equation, operand: int) -> list[Flow]:
    """For each result, what its elements read along each axis of one operand."""
    shape = step.inputs[operand].shape
    if step.primitive == "reshape" and step.params["dimensions"] is None:
        return [_reshape(shape, step.outputs[0].shape)]
    if step.primitive in POSITIONAL:
        return [of_input(shape)]
    flows: list[Flow | None] = [None] * len(step.inputs)
    flows[operand] = of_input(shape)
    if step.primitive in ELEMENTWISE:  # an axis of length one serves all of the result's
        flows[operand] = tuple(
            field if n == m else Field(Fraction(0), Fraction(1), {})
            for field, n, m in zip(of_input(shape), shape, step.outputs[0].shape, strict=False)
        )
    return flows_of(step, flows)


def wanted(step: Equation, box: Box, band: Band | None) -> list[Box]:
    """The part of each operand that the part `box` of the results reads; see `spans.read`. `band`
    is the table by which the equation reads an axis, if there is one."""
    try:
        return [_wanted(step, box, band, operand) for operand in range(len(step.inputs))]
    except Mixed:
        raise Untileable(step, "moves along two axes of the image at once") from None


def _wanted(step: Equation, box: Box, band: Band | None, operand: int) -> Box:
    name = step.primitive
    if name == "concatenate" and box[step.params["dimension"]] is not None:
        return _piece(step, box, operand)
    flows = fields(step, operand)
    if name == "reshape":
        box = outermost(box, step.inputs[0].shape, step.outputs[0].shape)
    spans: list[Span | None] = []
    for axis in range(len(step.inputs[operand].shape)):
        pairs = zip(flows, step.outputs, strict=True)
        span = hull([read(flow[axis], box, var.shape) for flow, var in pairs])
        if name == "broadcast_in_dim" and span is None:
            span = _stretched(step, box, axis)
        if name == "reshape":  # rounding reaches too far; windows read padding
            span = inside(span, step.inputs[operand].shape[axis])
        spans.append(span)
    if band is not None:
        row = band.axis if operand == band.operand else band.other
        if row is not None and box[band.place] is not None:
            spans[row] = band.span(box[band.place], step.inputs[operand].shape[row])
    return tuple(spans)


def _piece(step: Equation, box: Box, operand: int) -> Box:
    """Of the pieces that are joined along the image, a tile needs those that it meets."""
    axis = step.params["dimension"]
    span, length = box[axis], step.inputs[operand].shape[axis]
    assert span is not None, "asked of a part along the axis of the pieces"
    first = span.first - sum(atom.shape[axis] for atom in step.inputs[:operand])
    meets = (first < length) & (first + span.size > 0) & span.needs()
    mine = Span(span.along, first, span.size, None if meets.all() else meets, step)
    return (*box[:axis], mine, *box[axis + 1 :])


def _stretched(step: Equation, box: Box, axis: int) -> Span | None:
    """An axis of length one that serves a part of a piece is needed by the tiles that need that."""
    span = box[step.params["broadcast_dimensions"][axis]]
    if span is None or span.needed is None or step.inputs[0].shape[axis] != 1:
        return None
    return Span(span.along, np.zeros_like(span.first), 1, span.needed, span.source)


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

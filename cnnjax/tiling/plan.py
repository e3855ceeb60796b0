"""The dependence analysis: which part of every array one output tile needs, for all tiles at once.

Forward, `follow` marks the image axes of every array, and stops at the operation that mixes all
positions. Backward, `plan` asks each equation what a part of its result reads (`reads.wanted`),
from the output tile to the image. The part of an array that several equations read is the smallest
that holds what each of them reads, and lies within the array: only elements that exist are
computed, and what a window reads beyond them is its padding.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from cnnjax.tiling import parts
from cnnjax.tiling.program import Steps, Untileable
from cnnjax.tiling.reads import fields, wanted
from cnnjax.tiling.spans import Apart, Box, Mixed, hull, inside, whole
from verify.programs import Atom, Equation, Var

FAR = "joins parts of the image that lie far apart: a tile would read nearly all of it"

Axes = dict[int, int]  # axis of an array -> axis of the image that it moves along


@dataclass(frozen=True, eq=False)
class Plan:
    """What one tile computes.

    boxes: the part of each array that is needed; an array that is not in it is not needed.
    reads: the part of each operand that an equation reads, which may stick out of the array.
    outside: steps that do not depend on the tile; they are computed once, before the tiles.
    """

    program: Steps
    boxes: dict[Var, Box] = field(default_factory=dict)
    reads: dict[Equation, list[Box]] = field(default_factory=dict)
    outside: set[Equation] = field(default_factory=set)

    def needs(self, step: Equation) -> bool:
        return any(var in self.boxes for var in step.outputs)


def live(program: Steps) -> set[Equation]:
    """The steps that an output depends on."""
    needed = {atom for atom in program.outputs if isinstance(atom, Var)}
    found: set[Equation] = set()

    def backward(steps: Sequence[Equation]) -> None:
        for step in reversed(steps):
            if needed.isdisjoint(step.outputs):
                continue
            found.add(step)
            if (call := program.inside.get(step)) is not None:
                needed.update(atom for atom in call.outputs if isinstance(atom, Var))
                backward(call.equations)
            else:
                needed.update(atom for atom in step.inputs if isinstance(atom, Var))

    backward(program.equations)
    return found


def follow(program: Steps, image: Var, axes: Axes) -> dict[Atom, Axes]:
    """The image axes of every array that depends on the image, of which `axes` are the image axes.

    Raises `Untileable` at the first operation whose results read all positions.
    """
    found: dict[Atom, Axes] = {image: axes}
    needed = live(program)
    for step in program.every():
        if step not in needed or not any(atom in found for atom in step.inputs):
            continue
        if (call := program.inside.get(step)) is not None:
            pairs = zip(step.outputs, call.outputs, strict=True)
            found.update({var: found[atom] for var, atom in pairs if atom in found})
            continue
        found.update({var: {} for var in step.outputs})
        for operand, atom in enumerate(step.inputs):
            if not found.get(atom):
                continue
            for var, flow in zip(step.outputs, fields(step, operand), strict=True):
                for axis, along in found[atom].items():
                    if atom.shape[axis] == 1:
                        continue
                    strides = {} if flow[axis].whole else flow[axis].strides
                    band = None if strides else program.values.band(step)
                    if band is not None and (band.operand, band.axis) == (operand, axis):
                        strides = {band.place: Fraction(1)}
                    if not strides:
                        raise Untileable(step, _why(step))
                    place = max(strides, key=lambda a: abs(strides[a]))
                    if found[var].setdefault(place, along) != along:
                        raise Untileable(step, "lays one axis of the image along the other")
    return found


_ADVICE = "tile the layers before it, and apply it to their result"


def _why(step: Equation) -> str:
    name = step.primitive
    if name == "reshape":
        return f"merges image axes with others; {_ADVICE}"
    if name not in parts.RULES:
        return parts.NO_RULE
    return f"reads all positions of the image at once; {_ADVICE}"


def check_result(program: Steps, varies: dict[Atom, Axes], axes: int) -> None:
    """Raise where a result is no image any more, or its axes are not where an image has them."""
    for atom in program.outputs:
        if atom not in varies:
            continue
        shape = atom.shape
        places = range(len(shape) - 1 - axes, len(shape) - 1)
        if places.start >= 0 and all(shape[a] == 1 or a in varies[atom] for a in places):
            continue
        found = f"a result of shape {tuple(shape)}"
        expected = f"results must be (*batch, {axes} image axes, channels)"
        for step in program.every():
            if _long(varies, step.inputs) > _long(varies, step.outputs) and step in live(program):
                raise Untileable(step, f"leaves no image in {found}; {expected}; {_ADVICE}")
        raise ValueError(f"tiled: {expected}; got {found}, with image axes {sorted(varies[atom])}")


def _long(varies: dict[Atom, Axes], atoms: Sequence[Atom]) -> int:
    """How many image axes have more than one position."""
    return max((sum(a.shape[i] > 1 for i in varies.get(a, ())) for a in atoms), default=0)


def plan(
    program: Steps, boxes: Sequence[Box], varies: Container[Atom], given: Sequence[Var] = ()
) -> Plan:
    """What is needed for the parts `boxes` of the outputs.

    varies: the arrays that depend on the image. given: inputs of which a part is
    given, rather than the whole.
    """
    made = Plan(program)
    demand: dict[Var, list[Box]] = {}

    def ask(atom: Atom, box: Box) -> None:
        if isinstance(atom, Var):
            demand.setdefault(atom, []).append(box)

    def settle(var: Var) -> Box:
        """The part that holds all that was asked for."""
        asked = demand[var]
        return tuple(
            inside(hull([inside(box[axis], length) for box in asked]), length)
            for axis, length in enumerate(var.shape)
        )

    def backward(steps: Sequence[Equation], top: bool) -> None:
        for step in reversed(steps):
            if not any(var in demand for var in step.outputs):
                continue
            try:
                equation(step, top)
            except Mixed:
                raise Untileable(step, "moves along two axes of the image at once") from None
            except Apart as error:
                raise Untileable(error.source, FAR) from None

    def equation(step: Equation, top: bool) -> None:
        constant = not any(var in varies for var in step.outputs)
        if (call := program.inside.get(step)) is not None:
            asked = {var: settle(var) for var in step.outputs if var in demand}
            if constant and top:
                return once(step)
            made.boxes.update(asked)
            for var, atom in zip(step.outputs, call.outputs, strict=True):
                if var in asked:
                    ask(atom, asked[var])
            backward(call.equations, top=False)
            # What the call closes over is whole; its arguments are as its steps ask for them.
            return None
        box = together(step)
        if constant and top and all(span is None for span in box):
            return once(step)
        try:
            band = program.values.band(step)
            parts.check(step, box, band)
            reads = wanted(step, box, band)
        except Untileable:
            if not constant or not top:
                raise
            return once(step)
        made.boxes.update(dict.fromkeys(step.outputs, box))
        made.reads[step] = reads
        for atom, want in zip(step.inputs, reads, strict=True):
            ask(atom, want)
        return None

    def together(step: Equation) -> Box:
        """One part for all results of an equation."""
        for var in step.outputs:
            if len(var.shape) != len(step.outputs[0].shape):
                return whole(step.outputs[0].shape)
        asked = [settle(var) for var in step.outputs if var in demand]
        lengths = step.outputs[0].shape
        return tuple(
            inside(hull(spans), length)
            for spans, length in zip(zip(*asked, strict=True), lengths, strict=True)
        )

    def once(step: Equation) -> None:
        made.outside.add(step)
        made.boxes.update({var: whole(var.shape) for var in step.outputs})
        for atom in step.inputs:
            ask(atom, whole(atom.shape))

    for atom, box in zip(program.outputs, boxes, strict=True):
        ask(atom, box)
    backward(program.equations, top=True)
    for var in program.inputs:
        if var in demand:
            try:
                made.boxes[var] = settle(var) if var in given else whole(var.shape)
            except Apart as error:
                raise Untileable(error.source, FAR) from None
    return made

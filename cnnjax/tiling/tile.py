"""Evaluates a plan for one tile of a group.

A group is a set of tiles that share one compiled program: `members` are their numbers on the grid,
`index` (traced) says which of them is meant. Where in its array a part begins, relative to the part
that was computed, is an int where it is the same for all members, and looked up by `index` where it
is not. Inside the image it is always the same, so those tiles run the convolutions of the network
and nothing else; at the border a part may begin before the array does, and is padded first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.tiling import parts, windows  # noqa: F401 (registers its rules)
from cnnjax.tiling.bands import Band
from cnnjax.tiling.plan import Plan, plan
from cnnjax.tiling.program import Untileable, flatten
from cnnjax.tiling.spans import Box, Span, contains
from verify.programs import Atom, Const, Equation, Program, Var, bind, make_as_given

Env = dict[Var, Any]


@dataclass(frozen=True, eq=False)
class Tile:
    """`env` holds the parts computed so far; `index` is one number an axis of the grid."""

    plan: Plan
    members: np.ndarray  # (tiles, axes of the grid)
    index: Any
    env: Env

    def number(self, table: np.ndarray, along: int) -> Any:
        """`table[t]` for this tile: an int where it is one for all members, else traced."""
        values = table[self.members[:, along]]
        if (values == values[0]).all():
            return int(values[0])
        return jnp.asarray(table, jnp.int32)[self.index[along]]

    def row(self, table: np.ndarray, along: int) -> Any:
        """The same of a table of rows."""
        values = table[self.members[:, along]]
        if (values == values[0]).all():
            return values[0]
        return jnp.asarray(table, jnp.int32)[self.index[along]]

    def band(self, step: Equation) -> Band | None:
        """The table by which an equation reads an axis, if there is one."""
        return self.plan.program.values.band(step)

    def fetch(self, atom: Atom, box: Box, fill: Any = None) -> Any:
        """The part of an array; outside of the array it is `fill`."""
        return self._fetch(atom, box, fill, keep=False)[0]

    def fetch_padded(self, atom: Atom, box: Box, fill: Any) -> tuple[Any, parts.Pads]:
        """The same, but edges that are alike for all members are left to the caller to pad."""
        return self._fetch(atom, box, fill, keep=True)

    def _fetch(self, atom: Atom, box: Box, fill: Any, keep: bool) -> tuple[Any, parts.Pads]:
        y = atom.value if isinstance(atom, Const) else self.env[atom]
        pads = [(0, 0)] * len(box)
        if all(span is None for span in box):
            return y, pads
        starts: list[Any] = [0] * len(box)
        ends, left = list(y.shape), list(pads)
        for axis, span in enumerate(box):
            if span is None:
                continue
            begins = offset(self.plan, atom, axis, span)
            here = self.members[:, span.along]
            inner = begins[here][span.needs(here)]
            low, high = overhang(inner, span.size, y.shape[axis]) if inner.size else (0, 0)
            if inner.size < here.size:  # room for what is not looked at
                high = max(high, span.size - y.shape[axis])
            start = self.number(begins, span.along)
            if keep and isinstance(start, int) and low + high < span.size:
                left[axis] = (low, high)
                starts[axis] = start + low
                ends[axis] = span.size - low - high
                continue
            pads[axis] = (low, high)
            starts[axis] = start + low
            ends[axis] = span.size
        if any(pair != (0, 0) for pair in pads):
            assert fill is not None, "only windows and padding read outside of an array"
            y = lax.pad(y, jnp.asarray(fill, y.dtype), [(*pair, 0) for pair in pads])
        return _slice(y, starts, ends), left

    def needs(self, span: Span | None) -> bool:
        """Whether some member needs the span."""
        return span is None or bool(span.needs(self.members[:, span.along]).any())

    def run(self, steps: Sequence[Equation]) -> None:
        """Compute what is needed, in order."""
        for step in steps:
            if step in self.plan.outside or not self.plan.needs(step):
                continue
            if (call := self.plan.program.inside.get(step)) is not None:
                self.env.update(_custom(self, step, call))
                continue
            box = self.plan.boxes[step.outputs[0]]
            results = parts.evaluate(step, box, self.plan.reads[step], self)
            self.env.update(zip(step.outputs, results, strict=True))


def offset(plan: Plan, atom: Atom, axis: int, span: Span) -> np.ndarray:
    """Where a span begins, counted from the beginning of the part of the array that there is."""
    have = plan.boxes[atom][axis] if isinstance(atom, Var) else None
    begins = span.first if have is None else span.first - have.first
    # What a tile does not need may begin anywhere: where nothing has to be padded.
    return begins if span.needed is None else np.where(span.needed, begins, 0)


def overhang(begins: np.ndarray, size: int, length: int) -> tuple[int, int]:
    """How far spans stick out before and behind an axis, the longest of them."""
    return max(0, -int(begins.min())), max(0, int(begins.max()) + size - length)


def _slice(y: Any, starts: Sequence[Any], lengths: Sequence[int]) -> Any:
    fixed = [isinstance(start, int) for start in starts]
    if not all(fixed):
        moving = [0 if known else s for s, known in zip(starts, fixed, strict=True)]
        taken = [y.shape[a] if known else lengths[a] for a, known in enumerate(fixed)]
        y = lax.dynamic_slice(y, moving, taken)
    still = [s if known else 0 for s, known in zip(starts, fixed, strict=True)]
    stops = [s + n for s, n in zip(still, lengths, strict=True)]
    if any(still) or tuple(stops) != y.shape:
        y = lax.slice(y, still, stops)
    return y


def _custom(tile: Tile, step: Equation, body: Program) -> Iterator[tuple[Var, Any]]:
    """A call with its own derivative: evaluated in parts, differentiated by its rule in parts."""
    inputs = list(dict.fromkeys(atom for atom in step.inputs if atom in tile.env))
    outputs = [var for var in step.outputs if var in tile.plan.boxes]

    @jax.custom_jvp
    def call(index: Any, *arrays: Any) -> list[Any]:
        inner = Tile(tile.plan, tile.members, index, dict(zip(inputs, arrays, strict=True)))
        inner.run(body.equations)
        pairs = zip(step.outputs, body.outputs, strict=True)
        return [inner.fetch(atom, tile.plan.boxes[v]) for v, atom in pairs if v in outputs]

    @call.defjvp
    def rule(primals: Any, tangents: Any) -> tuple[list[Any], list[Any]]:
        index, *arrays = primals
        dots = [t for t in tangents[1:] if t.dtype != jax.dtypes.float0]
        derived = _derivative(tile, step, inputs, outputs)
        given = (*derived.program.closed, *arrays, *dots)
        env = dict(zip(derived.program.inputs, given, strict=True))
        inner = Tile(derived, tile.members, index, env)
        inner.run(derived.program.equations)
        boxes = [tile.plan.boxes[var] for var in outputs] * 2
        results = [
            inner.fetch(atom, box) for atom, box in zip(derived.program.outputs, boxes, strict=True)
        ]
        return results[: len(outputs)], results[len(outputs) :]

    return zip(outputs, call(tile.index, *(tile.env[var] for var in inputs)), strict=True)


def _derivative(tile: Tile, step: Equation, inputs: list[Any], outputs: list[Var]) -> Plan:
    """The plan of (inputs, tangents) -> (outputs, tangents), by the rule of the call itself."""
    if step.primitive != "custom_jvp_call":
        raise Untileable(step, "has a custom_vjp, which is not differentiated in parts")
    floats = [i for i, v in enumerate(inputs) if jnp.issubdtype(v.dtype, jnp.inexact)]

    def function(*arrays: Any) -> list[Any]:
        env = dict(zip(inputs, arrays, strict=True))
        operands = [a.value if isinstance(a, Const) else env[a] for a in step.inputs]
        results = dict(zip(step.outputs, bind(step, operands), strict=True))
        return [results[var] for var in outputs]

    def jvp(arrays: Sequence[Any], dots: Sequence[Any]) -> Any:
        def of_floats(*moved: Any) -> list[Any]:
            given = list(arrays)
            for i, value in zip(floats, moved, strict=True):
                given[i] = value
            return function(*given)

        return jax.jvp(of_floats, [arrays[i] for i in floats], list(dots))

    like = [jax.ShapeDtypeStruct(var.shape, var.dtype) for var in inputs]
    traced = make_as_given(jvp, like, [like[i] for i in floats])
    program = flatten(traced, tile.plan.program.platform)
    boxes = [tile.plan.boxes[var] for var in outputs] * 2
    given = program.inputs[len(program.closed) :]
    varies = {*given, *(var for inner in program.every() for var in inner.outputs)}
    try:
        made = plan(program, boxes, varies, given)
    except Untileable as error:
        raise Untileable(step, f"has a derivative without parts: {error}") from None
    for var, source in zip(given, (*inputs, *(inputs[i] for i in floats)), strict=True):
        have = tile.plan.boxes[source]
        if not all(map(contains, have, made.boxes.get(var, have))):
            raise Untileable(step, "has a custom_jvp that reads more than the function itself")
        made.boxes[var] = have
    return made

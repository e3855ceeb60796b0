"""A traced function as one flat list of steps, and the error that names a step.

The steps are the equations that `verify.programs` reads, calls inlined, for one platform. Functions
with a derivative rule of their own (`custom_jvp`: relu, softmax) stay together as one step: their
parts are evaluated like all others, but differentiated by their rule.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from cnnjax.summary.rules import POSITIONAL
from cnnjax.tiling.bands import Values
from verify import programs
from verify.programs import WITH_RULES, Equation, Origin, Program, Reading, Traced

_CNNJAX = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LAYERS = os.path.join(_CNNJAX, "layers")
_INSIDE = (
    *(os.path.join(_CNNJAX, name) for name in ("tiling", "lowerings", "explicit.py")),
    os.path.dirname(os.path.abspath(programs.__file__)),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Steps(Program):
    """A program, and what tiles have to know of it.

    `inputs` are the arrays that the function closes over (`closed`), then its arguments; `platform`
    is the one that the equations are for. inside: what a call with a rule of its own computes, in
    the variables around it. values: of arrays that depend on no input.
    """

    closed: tuple[Any, ...]
    platform: str
    inside: Mapping[Equation, Program]
    values: Values

    def every(self, equations: Iterable[Equation] | None = None) -> Iterator[Equation]:
        """All steps in order, those inside a call before it."""
        for step in self.equations if equations is None else equations:
            if step in self.inside:
                yield from self.every(self.inside[step].equations)
            yield step


def flatten(traced: Traced, platform: str) -> Steps:
    """The steps of a function on the platform of this name; "" for one that no branch names."""
    reading = Reading(platform, whole=WITH_RULES, held=True, closed=True, origins=True)
    program = programs.read(traced, reading)
    inside: dict[Equation, Program] = {}
    values = Values()

    def steps(equations: Iterable[Equation]) -> Iterator[Equation]:
        for equation in equations:
            if (body := programs.wrapped(equation)) is not None:
                body = programs.over(body, equation.inputs)
                inside[equation] = replace(body, equations=tuple(steps(body.equations)))
                yield equation
            elif equation.primitive in POSITIONAL:
                # Says where or when to compute; each result is one operand.
                for given, var in zip(equation.inputs, equation.outputs, strict=True):
                    yield known(replace(equation, inputs=(given,), outputs=(var,)))
            else:
                yield known(equation)

    def known(step: Equation) -> Equation:
        values.made.update(dict.fromkeys(step.outputs, step))
        return step

    for var, value in zip(program.inputs, traced.closed, strict=False):
        if not isinstance(value, jax.core.Tracer):
            values.found[var] = np.asarray(value)
    return Steps(
        program.inputs,
        tuple(steps(program.equations)),
        program.outputs,
        closed=traced.closed,
        platform=platform,
        inside=inside,
        values=values,
    )


class Untileable(ValueError):
    """A program that has no evaluation tile by tile: which operation, where, why, what to do."""

    def __init__(self, step: Equation, why: str) -> None:
        calls = step.origin.outwards() if step.origin else ()
        layer, line = next(filter(any, map(_place, calls)), ("", ""))
        what = f"{layer} ({step.primitive})" if layer else step.primitive
        where = f" at {line}" if line else ""
        super().__init__(f"tiled: {what}{where} {why}")


def _place(origin: Origin) -> tuple[str, str]:
    """The layer of this library that an equation is from, and the user's line; "" if unknown."""
    layer = ""
    for frame in origin.frames():
        if programs.of_jax(frame.file) or frame.file.startswith(_INSIDE):
            continue
        if frame.file.startswith(_LAYERS):
            layer = frame.function  # the outermost of the layers' functions is the public one
            continue
        return layer, str(frame)
    return layer, ""

"""A traced function as one flat list of steps, and the error that names a step.

`flatten` inlines the calls of a program (`jit`, `remat`, ...), so that every array has one
variable. Functions with a derivative rule of their own (`custom_jvp`: relu, softmax) stay
together as one `Custom` step: their parts are evaluated like all others, but differentiated by
their rule.

Reads JAX's programs through `jax.extend.core` alone, as `cnnjax.summary.walk` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.extend import core

import cnnjax
from cnnjax.summary.rules import POSITIONAL
from cnnjax.summary.walk import CALLS, inner_program

_JAX = os.path.dirname(os.path.abspath(jax.__file__))
_CNNJAX = os.path.dirname(os.path.abspath(cnnjax.__file__))
_LAYERS = os.path.join(_CNNJAX, "layers")
_INSIDE = (_JAX, os.path.join(_CNNJAX, "tiling"), os.path.join(_CNNJAX, "lowerings"), "<")

CUSTOM = frozenset(("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"))


@dataclass(frozen=True, eq=False)
class Var:
    """An array of the program; compared by identity."""

    shape: tuple[int, ...]
    dtype: Any


@dataclass(frozen=True, eq=False)
class Const:
    """A literal."""

    value: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.shape(self.value))


Atom = Var | Const


@dataclass(frozen=True, eq=False)
class Equation:
    """One primitive applied; `jax` is JAX's own equation, `callers` are the calls around it."""

    jax: Any
    callers: tuple[Any, ...]
    inputs: tuple[Atom, ...]
    outputs: tuple[Var, ...]

    def bind(self, *operands: Any, **changed: Any) -> list[Any]:
        """Apply the primitive to `operands`, with some of its parameters changed."""
        primitive = self.jax.primitive
        params = primitive.get_bind_params({**self.jax.params, **changed})
        results = primitive.bind(*operands, **params)
        return list(results) if primitive.multiple_results else [results]


@dataclass(frozen=True, eq=False)
class Custom(Equation):
    """A call with its own derivative: `outputs` are the `results` of the `steps` inside."""

    steps: tuple[Equation, ...]
    results: tuple[Atom, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """`inputs` are the arrays that the function closes over (`closed`), then its arguments."""

    inputs: tuple[Var, ...]
    steps: tuple[Equation, ...]
    outputs: tuple[Atom, ...]
    closed: tuple[Any, ...]


def every(steps: Sequence[Equation]) -> Iterator[Equation]:
    """All steps in order, those inside a `Custom` before it."""
    for step in steps:
        if isinstance(step, Custom):
            yield from every(step.steps)
        yield step


def flatten(closed: Any) -> Program:
    """The `Program` of what `jax.make_jaxpr` returns."""
    jaxpr, consts = getattr(closed, "jaxpr", closed), tuple(getattr(closed, "consts", ()))
    variables = [*jaxpr.constvars, *jaxpr.invars]
    inputs = tuple(_variable(v) for v in variables)
    steps: list[Equation] = []
    outputs = _walk(jaxpr, dict(zip(variables, inputs, strict=True)), steps, ())
    return Program(inputs, tuple(steps), outputs, consts)


def _walk(
    jaxpr: Any, env: dict[Any, Atom], steps: list[Equation], callers: tuple[Any, ...]
) -> tuple[Atom, ...]:
    def read(atom: Any) -> Atom:
        return Const(atom.val) if isinstance(atom, core.Literal) else env[atom]

    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        inputs = tuple(read(atom) for atom in eqn.invars)
        if name in CUSTOM:
            inside: list[Equation] = []
            results = _inline(eqn, inputs, inside, callers)
            outputs = tuple(_variable(v) for v in eqn.outvars)
            steps.append(Custom(eqn, callers, inputs, outputs, tuple(inside), results))
            env.update(zip(eqn.outvars, outputs, strict=True))
        elif name in CALLS:
            env.update(zip(eqn.outvars, _inline(eqn, inputs, steps, callers), strict=True))
        elif name in POSITIONAL:  # says where or when to compute; each result is one operand
            for given, var in zip(inputs, eqn.outvars, strict=True):
                env[var] = same = _variable(var)
                steps.append(Equation(eqn, callers, (given,), (same,)))
        else:
            outputs = tuple(_variable(v) for v in eqn.outvars)
            steps.append(Equation(eqn, callers, inputs, outputs))
            env.update(zip(eqn.outvars, outputs, strict=True))
    return tuple(read(atom) for atom in jaxpr.outvars)


def _inline(
    eqn: Any, inputs: Sequence[Atom], steps: list[Equation], callers: tuple[Any, ...]
) -> tuple[Atom, ...]:
    closed = inner_program(eqn)
    inner = getattr(closed, "jaxpr", closed)
    given = [*map(Const, getattr(closed, "consts", ()) or ()), *inputs]
    # From JAX 0.11 on the constants may be leading arguments instead of variables of their own.
    variables = [*inner.constvars, *inner.invars]
    return _walk(inner, dict(zip(variables, given, strict=True)), steps, (eqn, *callers))


def _variable(var: Any) -> Var:
    return Var(tuple(var.aval.shape), var.aval.dtype)


class Untileable(ValueError):
    """A program that has no evaluation tile by tile: which operation, where, why, what to do."""

    def __init__(self, step: Equation, why: str) -> None:
        layer, line = next(filter(any, map(_origin, (step.jax, *step.callers))), ("", ""))
        name = step.jax.primitive.name
        what = f"{layer} ({name})" if layer else name
        where = f" at {line}" if line else ""
        super().__init__(f"tiled: {what}{where} {why}")


def _origin(eqn: Any) -> tuple[str, str]:
    """The layer of this library that an equation is from, and the user's line; "" if unknown."""
    traceback = getattr(eqn.source_info, "traceback", None)
    layer = ""
    for frame in getattr(traceback, "frames", ()) or ():
        name = frame.file_name
        if name.startswith(_INSIDE):
            continue
        if name.startswith(_LAYERS):
            layer = frame.function_name  # the outermost of the layers' functions is the public one
            continue
        return layer, f"{os.path.basename(name)}:{frame.line_num} ({frame.function_name})"
    return layer, ""

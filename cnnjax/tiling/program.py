"""A traced function as one flat list of steps, and the error that names a step.

`flatten` inlines the calls of a program (`jit`, `remat`, ...), so that every array has one
variable. Functions with a derivative rule of their own (`custom_jvp`: relu, softmax) stay
together as one `Custom` step: their parts are evaluated like all others, but differentiated by
their rule.

Where a program says another thing on another platform (`lax.platform_dependent`: a layer's lowering
is chosen so), the steps are those of one of them.

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

from cnnjax.lowerings import branch_of
from cnnjax.summary.rules import POSITIONAL
from cnnjax.summary.walk import CALLS, inner_program
from cnnjax.tiling.bands import Band, Values

_JAX = os.path.dirname(os.path.abspath(jax.__file__))
_CNNJAX = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LAYERS = os.path.join(_CNNJAX, "layers")
_OWN = (os.path.join(_CNNJAX, name) for name in ("tiling", "lowerings", "explicit.py"))
_INSIDE = (_JAX, *_OWN, "<")

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
    values: Values

    @property
    def band(self) -> Band | None:
        """The table by which it reads an axis of the image, if there is one."""
        return self.values.band(self)

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
    """`inputs` are the arrays that the function closes over (`closed`), then its arguments.

    `platform` is the one that the steps are for.
    """

    inputs: tuple[Var, ...]
    steps: tuple[Equation, ...]
    outputs: tuple[Atom, ...]
    closed: tuple[Any, ...]
    platform: str


def every(steps: Sequence[Equation]) -> Iterator[Equation]:
    """All steps in order, those inside a `Custom` before it."""
    for step in steps:
        if isinstance(step, Custom):
            yield from every(step.steps)
        yield step


def flatten(closed: Any, platform: str) -> Program:
    """The `Program` of what `jax.make_jaxpr` returns, on the platform of this name."""
    jaxpr, consts = getattr(closed, "jaxpr", closed), tuple(getattr(closed, "consts", ()))
    variables = [*jaxpr.constvars, *jaxpr.invars]
    inputs = tuple(_variable(v) for v in variables)
    flat = _Flat(platform, [], Values())
    for var, value in zip(inputs, consts, strict=False):
        if not isinstance(value, jax.core.Tracer):
            flat.values.found[var] = np.asarray(value)
    outputs = flat.walk(jaxpr, dict(zip(variables, inputs, strict=True)), ())
    return Program(inputs, tuple(flat.steps), outputs, consts, platform)


@dataclass(frozen=True)
class _Flat:
    """The steps found so far."""

    platform: str
    steps: list[Equation]
    values: Values

    def add(self, eqn: Any, callers: Any, inputs: Sequence[Atom], outputs: Sequence[Var]) -> None:
        step = Equation(eqn, callers, tuple(inputs), tuple(outputs), self.values)
        self.values.made.update(dict.fromkeys(outputs, step))
        self.steps.append(step)

    def walk(self, jaxpr: Any, env: dict[Any, Atom], callers: tuple[Any, ...]) -> tuple[Atom, ...]:
        def read(atom: Any) -> Atom:
            return Const(atom.val) if isinstance(atom, core.Literal) else env[atom]

        for eqn in jaxpr.eqns:
            name = eqn.primitive.name
            inputs = tuple(read(atom) for atom in eqn.invars)
            if name in CUSTOM:
                inside = _Flat(self.platform, [], self.values)
                results = inside.inline(inner_program(eqn), eqn, inputs, callers)
                outputs = tuple(_variable(v) for v in eqn.outvars)
                steps = tuple(inside.steps)
                step = Custom(eqn, callers, inputs, outputs, self.values, steps, results)
                self.steps.append(step)
                env.update(zip(eqn.outvars, outputs, strict=True))
            elif name in CALLS:
                results = self.inline(inner_program(eqn), eqn, inputs, callers)
                env.update(zip(eqn.outvars, results, strict=True))
            elif name == "platform_index":
                number = branch_of(eqn.params["platforms"], self.platform)
                env[eqn.outvars[0]] = Const(np.asarray(number, np.int32))
            elif (platforms := eqn.params.get("branches_platforms")) is not None:
                branch = eqn.params["branches"][branch_of(platforms, self.platform)]
                results = self.inline(branch, eqn, inputs[1:], callers)
                env.update(zip(eqn.outvars, results, strict=True))
            elif name in POSITIONAL:  # says where or when to compute; each result is one operand
                for given, var in zip(inputs, eqn.outvars, strict=True):
                    env[var] = same = _variable(var)
                    self.add(eqn, callers, (given,), (same,))
            else:
                outputs = tuple(_variable(v) for v in eqn.outvars)
                self.add(eqn, callers, inputs, outputs)
                env.update(zip(eqn.outvars, outputs, strict=True))
        return tuple(read(atom) for atom in jaxpr.outvars)

    def inline(
        self, closed: Any, eqn: Any, inputs: Sequence[Atom], callers: tuple[Any, ...]
    ) -> tuple[Atom, ...]:
        inner = getattr(closed, "jaxpr", closed)
        given = [*map(Const, getattr(closed, "consts", ()) or ()), *inputs]
        # From JAX 0.11 on the constants may be leading arguments instead of variables of their own.
        variables = [*inner.constvars, *inner.invars]
        return self.walk(inner, dict(zip(variables, given, strict=True)), (eqn, *callers))


def platforms_of(jaxpr: Any) -> frozenset[str]:
    """The platforms for which a program says another thing than elsewhere.

    >>> from jax import lax
    >>> def f(x): return lax.platform_dependent(x, cpu=abs, default=lambda x: -x)
    >>> sorted(platforms_of(jax.make_jaxpr(f)(1.0).jaxpr))
    ['cpu']
    """
    found: set[str] = set()
    for eqn in jaxpr.eqns:
        for platforms in eqn.params.get("branches_platforms") or ():
            found.update(platforms or ())
        inside = jax.tree.leaves(
            list(eqn.params.values()), is_leaf=lambda leaf: hasattr(leaf, "eqns")
        )
        for value in inside:
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found |= platforms_of(inner)
    return frozenset(found)


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

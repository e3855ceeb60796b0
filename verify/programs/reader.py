"""What JAX traced, read as a program: the file that knows JAX's program representation.

Calls that only wrap another program (`jit`, `remat`, `custom_jvp`, `custom_vjp`, ...) are inlined,
and of a choice by platform (`lax.platform_dependent`) the program is one of the branches. What else
a reader may want is an option (`Reading`).

Everything else works on the classes of `ir.py`, so a change of JAX's internals is mended here, and
in `execute.py`, `origins.py`, `rules.py` and `tracing.py`. Works with JAX 0.10 (two classes
`ClosedJaxpr`, `Jaxpr`) and with 0.11 and later (one class).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.extend import core as jex

from verify.dtypes import DType
from verify.programs.errors import NoBranch, Unsupported
from verify.programs.ir import Atom, Const, Equation, Param, Program, Var, is_mutable
from verify.programs.origins import Origin, user_line

# Primitives that mean exactly what the program inside them means, and the parameter that holds it.
# A custom rule says how to differentiate, not what the function is: the primal program is inlined.
WRAPPERS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "call": "call_jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "custom_lin": "call_jaxpr",
    "shard_map": "jaxpr",  # of what one device has, to which its collectives refer
}

FOREIGN = " (not one of JAX's)"  # after the name of such a primitive

Primitive = jex.Primitive
Jaxpr: TypeAlias = Any  # closed or open: two classes in JAX 0.10, one since then

# The equation fields that hold a program are recognised by type, in either JAX.
JAXPR_TYPES: tuple[type, ...] = tuple({jex.Jaxpr, jex.ClosedJaxpr})

# Their meaning depends on `jax.threefry_partitionable`, which is no parameter of an equation but
# part of the context in which it was traced.
_DRAWS = frozenset(("random_bits", "random_split", "random_gamma"))


@dataclass(frozen=True)
class Reading:
    """How a program is read; as it stands here, `verify` reads.

    platform: of a choice by platform the program is the branch for this one, by JAX's name for a
        backend or for what it lowers to; "" for one that no branch names; None for the process's.
    whole: wrapping primitives that stay equations, with the program inside among their parameters.
    held: constants are the objects that JAX's program holds, tracers and arrays on devices among
        them; else NumPy's arrays.
    closed: the arrays that a function closes over (`Traced.closed`) are its program's first inputs;
        else constants. Those of programs inside are constants.
    origins: equations know where they are from (`Equation.origin`), and keep that alive.
    """

    platform: str | None = None
    whole: frozenset[str] = frozenset(("shard_map",))
    held: bool = False
    closed: bool = False
    origins: bool = False


PLAIN = Reading()


def converted(jaxpr: Jaxpr, reading: Reading = PLAIN) -> Program:
    """A (closed) jaxpr as a Program."""
    if not reading.closed:
        return _inside(jaxpr, reading)
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    variables = [*inner.constvars, *inner.invars]
    inputs = tuple(map(_variable, variables))
    environment: dict[object, Atom] = dict(zip(variables, inputs, strict=True))
    equations: list[Equation] = []
    outputs = _walk(inner, environment, equations, reading)
    return Program(inputs, tuple(equations), outputs)


def _inside(
    jaxpr: Jaxpr,
    reading: Reading,
    arguments: int | None = None,
    caller: str = "",
    origin: Origin | None = None,
) -> Program:
    """A program with inputs of its own, as many as there are arguments for."""
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    skipped = 0 if arguments is None else len(inner.invars) - arguments
    inputs = tuple(map(_variable, inner.invars[skipped:]))
    equations: list[Equation] = []
    outputs = _inline(jaxpr, inputs, equations, reading, caller, origin)
    return Program(inputs, tuple(equations), outputs)


def consts_of(jaxpr: Jaxpr) -> list[Param]:
    """The arrays that a program closes over, those of the programs inside aside."""
    return list(getattr(jaxpr, "consts", ()) or ())


def equations_of(jaxpr: Jaxpr) -> Sequence[jex.JaxprEqn]:
    """Equations as JAX has them."""
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    return inner.eqns


def jaxprs_in(value: object, here: bool = False) -> Iterator[Jaxpr]:
    """Every program of JAX's in a value, each before those inside; with `here`, of a choice by
    platform only the branch that this process runs."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from jaxprs_in(item, here)
    elif isinstance(value, JAXPR_TYPES):
        yield value
        for eqn in equations_of(value):
            by_platform = here and eqn.params.get("branches_platforms") is not None
            held = [_branch_of(eqn, None)] if by_platform else list(eqn.params.values())
            yield from jaxprs_in(held, here)


def wrapped(equation: Equation) -> Program | None:
    """What a call computes that was left whole; None for any other equation."""
    program = equation.params.get(WRAPPERS.get(equation.primitive, ""))
    return program if isinstance(program, Program) else None


def name_of(primitive: jex.Primitive) -> str:
    """Its name, if it is a primitive of JAX; others may have any name, and none of the rules."""
    # JAX imports some of its modules late.
    if id(primitive) in _of_jax(len(sys.modules)):
        return str(primitive.name)
    return f"{primitive.name}{FOREIGN}"


@functools.lru_cache(maxsize=1)
def _of_jax(modules: int) -> frozenset[int]:
    """The identities of the primitives in JAX's modules, while so many modules are imported."""
    own = [m for name, m in list(sys.modules.items()) if name.partition(".")[0] == "jax"]
    values = (value for module in own for value in list(vars(module).values()))
    return frozenset(id(value) for value in values if issubclass(type(value), jex.Primitive))


def _walk(
    inner: Jaxpr,
    environment: dict[object, Atom],
    equations: list[Equation],
    reading: Reading,
    caller: str = "",
    outer: Origin | None = None,
) -> tuple[Atom, ...]:
    """Appends the equations; `caller` is the user's line for those that carry none themselves."""

    def read(atom: object) -> Atom:
        if isinstance(atom, jex.Literal):
            return Const(_concrete(atom.val, reading, getattr(atom.aval, "dtype", None)))
        return environment[atom]

    for eqn in inner.eqns:
        name = name_of(eqn.primitive)
        source = user_line(eqn.source_info) or caller
        origin = Origin(eqn.source_info, outer) if reading.origins else None
        arguments = tuple(read(atom) for atom in eqn.invars)
        field = WRAPPERS.get(name)
        if field is not None and field in eqn.params and name not in reading.whole:
            results = _inline(eqn.params[field], arguments, equations, reading, source, origin)
            environment.update(zip(eqn.outvars, results, strict=True))
            continue
        if name == "platform_index":
            index = _platform_index(eqn.params["platforms"], reading.platform)
            environment[eqn.outvars[0]] = Const(np.asarray(index, np.int32))
            continue
        if eqn.params.get("branches_platforms") is not None:
            branch = _branch_of(eqn, reading.platform)
            results = _inline(branch, arguments[1:], equations, reading, source, origin)
            environment.update(zip(eqn.outvars, results, strict=True))
            continue
        outputs = tuple(_variable(v) for v in eqn.outvars)
        environment.update(zip(eqn.outvars, outputs, strict=True))
        params = {
            key: _parameter(value, reading)
            if key != field
            else _inside(value, reading, len(arguments), source, origin)
            for key, value in eqn.params.items()
        }
        drawn = eqn.ctx.threefry_partitionable if name in _DRAWS else None
        equations.append(
            Equation(
                name, arguments, outputs, params, source, eqn.primitive, eqn.params, drawn, origin
            )
        )
    return tuple(read(atom) for atom in inner.outvars)


def _branch_of(eqn: jex.JaxprEqn, platform: str | None) -> Jaxpr:
    """Of a choice by platform (`lax.platform_dependent`), the branch for this one."""
    return eqn.params["branches"][_platform_index(eqn.params["branches_platforms"], platform)]


def _platform_index(platforms: Sequence[Sequence[str] | None], platform: str | None) -> int:
    name = jax.default_backend() if platform is None else platform
    names = [name]
    if name == "gpu":  # of these there are two kinds
        names = ["cuda", "rocm"]
        if platform is None:
            names = names[1:] if "rocm" in jax.devices()[0].client.platform_version else names[:1]
    for index, known in enumerate(platforms):
        if known is None or any(name in known for name in names):
            return index
    raise NoBranch(f"a choice by platform without a branch for {' or '.join(names)}")


def _inline(
    jaxpr: Jaxpr,
    arguments: Sequence[Atom],
    equations: list[Equation],
    reading: Reading,
    caller: str,
    origin: Origin | None,
) -> tuple[Atom, ...]:
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    consts = [Const(_concrete(value, reading)) for value in consts_of(jaxpr)]
    # From JAX 0.11 on, an open program may carry its constants as leading arguments.
    missing = len(inner.invars) - len(arguments)
    environment: dict[object, Atom] = dict(zip(inner.constvars, consts, strict=False))
    leading = consts[len(inner.constvars) :] if missing > 0 else []
    environment.update(zip(inner.invars, [*leading, *arguments], strict=True))
    return _walk(inner, environment, equations, reading, caller, origin)


def _variable(var: jex.Var) -> Var:
    aval: Param = var.aval
    dtype: Param = getattr(aval, "dtype", None)
    return Var(tuple(getattr(aval, "shape", ())), dtype, hasattr(aval, "inner_aval"))


def _parameter(value: object, reading: Reading) -> Param:
    if isinstance(value, JAXPR_TYPES):
        return _inside(value, reading)
    if isinstance(value, tuple | list) and any(isinstance(item, JAXPR_TYPES) for item in value):
        return tuple(_parameter(item, reading) for item in value)
    return value


def _concrete(value: Param, reading: Reading, dtype: DType | None = None) -> Param:
    if reading.held and hasattr(value, "dtype"):
        return value
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        return value
    if is_mutable(value):
        return value
    if getattr(value, "dtype", None) == jax.dtypes.float0:  # the tangent of an integer: nothing
        return np.zeros(np.shape(value), np.bool_)
    array = np.asarray(value, dtype=dtype if isinstance(dtype, np.dtype) else None)
    if array.dtype == object:  # an array that may change (`jax.new_ref`), say
        raise Unsupported(f"a constant that is no array, but {type(value).__name__}")
    return array

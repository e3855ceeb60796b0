"""What JAX traced, read as a program: the file that knows JAX's program representation.

Calls that only wrap another program (`jit`, `remat`, `custom_jvp`, `custom_vjp`, ...) are
inlined. Of a choice by
platform (`lax.platform_dependent`) the program is the branch of the process's own.

Everything else in `verify` works on the classes of `ir.py`, so a change of JAX's internals is
mended here, and in `execute.py` and `rules.py`. Works with JAX 0.10 (two classes `ClosedJaxpr`,
`Jaxpr`) and with 0.11 and later (one class).
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.extend import core as jex

from verify.dtypes import DType
from verify.programs.errors import Unsupported
from verify.programs.ir import Atom, Const, Equation, Param, Program, Var, is_mutable

_JAX_FOLDER = os.path.dirname(os.path.abspath(jax.__file__))
# Lines of its files are not the user's, but for the claims: functions that are asked about.
_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_CLAIMS = os.path.join(_HOUSE, "claims") + os.sep

# Primitives that mean exactly what the program inside them means, and the parameter that holds it.
# A custom rule says how to differentiate, not what the function is: the primal program is inlined.
_WRAPPERS = {
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
}


Jaxpr: TypeAlias = Any  # closed or open: two classes in JAX 0.10, one since then

# The equation fields that hold a program are recognised by type, in either JAX.
JAXPR_TYPES: tuple[type, ...] = tuple({jex.Jaxpr, jex.ClosedJaxpr})

# Their meaning depends on `jax.threefry_partitionable`, which is no parameter of an equation but
# part of the context in which it was traced.
_DRAWS = frozenset(("random_bits", "random_split", "random_gamma"))


def converted(jaxpr: Jaxpr) -> Program:
    """A (closed) jaxpr as a Program."""
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    consts = list(getattr(jaxpr, "consts", ()) or ())
    environment: dict[object, Atom] = {}
    for var, value in zip(inner.constvars, consts, strict=False):
        environment[var] = Const(_concrete(value))
    inputs = tuple(_variable(v) for v in inner.invars)
    environment.update(zip(inner.invars, inputs, strict=True))
    equations: list[Equation] = []
    outputs = _walk(inner, environment, equations)
    return Program(inputs, tuple(equations), outputs)


def name_of(primitive: jex.Primitive) -> str:
    """Its name, if it is a primitive of JAX; others may have any name, and none of the rules."""
    # JAX imports some of its modules late.
    if id(primitive) in _of_jax(len(sys.modules)):
        return str(primitive.name)
    return f"{primitive.name} (not one of JAX's)"


@functools.lru_cache(maxsize=1)
def _of_jax(modules: int) -> frozenset[int]:
    """The identities of the primitives in JAX's modules, while so many modules are imported."""
    own = [m for name, m in list(sys.modules.items()) if name.partition(".")[0] == "jax"]
    values = (value for module in own for value in list(vars(module).values()))
    return frozenset(id(value) for value in values if issubclass(type(value), jex.Primitive))


def _walk(
    inner: Jaxpr, environment: dict[object, Atom], equations: list[Equation], caller: str = ""
) -> tuple[Atom, ...]:
    """Appends the equations; `caller` is the user's line for those that carry none themselves."""

    def read(atom: object) -> Atom:
        if isinstance(atom, jex.Literal):
            return Const(_concrete(atom.val, getattr(atom.aval, "dtype", None)))
        return environment[atom]

    for eqn in inner.eqns:
        name = name_of(eqn.primitive)
        source = _source(eqn) or caller
        arguments = tuple(read(atom) for atom in eqn.invars)
        field = _WRAPPERS.get(name)
        if field is not None and field in eqn.params:
            results = _inline(eqn.params[field], arguments, equations, source)
            environment.update(zip(eqn.outvars, results, strict=True))
            continue
        if name == "platform_index":
            index = _platform_index(eqn.params["platforms"])
            environment[eqn.outvars[0]] = Const(np.asarray(index, np.int32))
            continue
        if eqn.params.get("branches_platforms") is not None:
            results = _inline(branch_of(eqn), arguments[1:], equations, source)
            environment.update(zip(eqn.outvars, results, strict=True))
            continue
        outputs = tuple(_variable(v) for v in eqn.outvars)
        environment.update(zip(eqn.outvars, outputs, strict=True))
        params = {key: _parameter(value) for key, value in eqn.params.items()}
        drawn = eqn.ctx.threefry_partitionable if name in _DRAWS else None
        equations.append(
            Equation(name, arguments, outputs, params, source, eqn.primitive, eqn.params, drawn)
        )
    return tuple(read(atom) for atom in inner.outvars)


def branch_of(eqn: jex.JaxprEqn) -> Jaxpr:
    """Of a choice by platform (`lax.platform_dependent`), the branch that this process runs."""
    return eqn.params["branches"][_platform_index(eqn.params["branches_platforms"])]


def _platform_index(platforms: Sequence[Sequence[str] | None]) -> int:
    name = jax.default_backend()
    if name == "gpu":  # of these there are two kinds
        name = "rocm" if "rocm" in jax.devices()[0].client.platform_version else "cuda"
    for index, known in enumerate(platforms):
        if known is None or name in known:
            return index
    raise Unsupported(f"a choice by platform without a branch for {name}")


def _inline(
    jaxpr: Jaxpr, arguments: Sequence[Atom], equations: list[Equation], caller: str
) -> tuple[Atom, ...]:
    inner: Jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    consts = [Const(_concrete(value)) for value in getattr(jaxpr, "consts", ()) or ()]
    # From JAX 0.11 on, an open program may carry its constants as leading arguments.
    missing = len(inner.invars) - len(arguments)
    environment: dict[object, Atom] = dict(zip(inner.constvars, consts, strict=False))
    leading = consts[len(inner.constvars) :] if missing > 0 else []
    environment.update(zip(inner.invars, [*leading, *arguments], strict=True))
    return _walk(inner, environment, equations, caller)


def _variable(var: jex.Var) -> Var:
    aval: Param = var.aval
    dtype: Param = getattr(aval, "dtype", None)
    return Var(tuple(getattr(aval, "shape", ())), dtype, hasattr(aval, "inner_aval"))


def _parameter(value: object) -> Param:
    if isinstance(value, JAXPR_TYPES):
        return converted(value)
    if isinstance(value, tuple | list) and any(isinstance(item, JAXPR_TYPES) for item in value):
        return tuple(_parameter(item) for item in value)
    return value


def _concrete(value: Param, dtype: DType | None = None) -> Param:
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


def _source(eqn: jex.JaxprEqn) -> str:
    """The innermost line outside JAX that made this equation."""
    traceback = getattr(eqn.source_info, "traceback", None)
    for frame in getattr(traceback, "frames", ()) or ():
        name = frame.file_name
        if name.startswith((_JAX_FOLDER, "<")):
            continue
        if name.startswith(_HOUSE) and not name.startswith(_CLAIMS):
            continue
        return f"{os.path.basename(name)}:{frame.line_num} ({frame.function_name})"
    return ""

"""Programs run by JAX: whole ones, and single equations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import jax
import numpy as np

from verify.dtypes import Array, Function
from verify.programs.catalogue import Fact, having
from verify.programs.ir import Atom, Const, Equation, Param, Program, Var
from verify.programs.rules import rules_in

# Whose bodies can be exchanged.
_BODIES = having(Fact.LOOP) | having(Fact.BRANCHES)


def call(program: Program, *arguments: Array, rules: bool = True) -> tuple[Array, ...]:
    """The program's outputs, by JAX: what `jax.jit(functools.partial(call, program))` compiles is
    what it compiles of the function that the program was traced from.

    Differentiated, it knows no custom rule but those in the bodies of loops and branches, and
    without ``rules`` not these either. ValueError where one cannot be taken out.

    >>> import functools
    >>> from verify.programs import trace
    >>> program = trace(lambda x: x * x, 3.0)
    >>> [float(y) for y in jax.jit(functools.partial(call, program))(3.0)]
    [9.0]
    """
    environment: dict[Var, Array] = dict(zip(program.inputs, arguments, strict=True))

    def read(atom: Atom) -> Array:
        return atom.value if isinstance(atom, Const) else environment[atom]

    for equation in program.equations:
        params = equation._bind_params if rules else _without_rules(equation)
        results = bind(equation, [read(atom) for atom in equation.inputs], params)
        environment.update(zip(equation.outputs, results, strict=True))
    return tuple(read(atom) for atom in program.outputs)


def bind(
    equation: Equation, values: Sequence[Array], params: Param = None, **changed: object
) -> list[jax.Array]:
    """One equation by JAX, on arrays or on what it traces with; with other parameters, if given, or
    some of them changed."""
    primitive = equation._bind
    given = equation._bind_params if params is None else params
    known = primitive.get_bind_params({**given, **changed} if changed else given)
    functions, known = known if isinstance(known, tuple) else ((), known)
    if equation.partitionable is None:
        results = primitive.bind(*functions, *values, **known)
    else:
        with jax.threefry_partitionable(equation.partitionable):
            results = primitive.bind(*functions, *values, **known)
    return list(results) if primitive.multiple_results else [results]


def _without_rules(equation: Equation) -> Param:
    """The parameters to bind, with bodies that know no custom rules."""
    if not any(rules_in(value) for value in equation._bind_params.values()):
        return equation._bind_params
    if equation.primitive not in _BODIES:
        raise ValueError(f"a custom rule inside of {equation.primitive} at {equation.source}")
    params = dict(equation._bind_params)
    for key, value in equation.params.items():
        if isinstance(value, Program):
            params[key] = _jaxpr(value)
        elif isinstance(value, tuple) and any(isinstance(item, Program) for item in value):
            params[key] = tuple(map(_jaxpr, value))
    return params


def _jaxpr(program: Program) -> Param:
    arguments = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.inputs]
    return jax.make_jaxpr(lambda *values: call(program, *values, rules=False))(*arguments)


def body_like(original: Param, f: Function, arguments: Sequence[jax.ShapeDtypeStruct]) -> Param:
    """A function as the body of a loop, or a branch, of JAX's, of the form that another one has."""
    closed = jax.make_jaxpr(f)(*arguments)
    return closed if hasattr(original, "consts") else closed.jaxpr


def run_with_jax(equation: Equation, values: Sequence[Array]) -> list[np.ndarray]:
    """One equation on concrete arrays, by JAX itself, on the CPU: for integers, keys and bits.

    Integer arithmetic, comparisons of integers and random bits are exact there, with JAX's own
    wrap-around, so their meaning need not be written a second time.
    """
    device = jax.local_devices(backend="cpu")[0]
    with jax.default_device(device), jax.ensure_compile_time_eval(), jax.enable_x64(True):
        arguments = [
            value if isinstance(value, jax.Array) else jax.device_put(np.asarray(value), device)
            for value in values
        ]
        results = bind(equation, arguments)
    return [r if _is_key(r) else np.asarray(r) for r in results]


def _is_key(x: jax.Array) -> TypeGuard[np.ndarray]:
    """Keys are left to JAX, and go by the name of arrays (`Const`)."""
    return bool(jax.dtypes.issubdtype(x.dtype, jax.dtypes.extended))

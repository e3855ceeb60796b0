"""What JAX itself computes at given inputs, one operation after the other: neither verify's rules
nor XLA's optimiser have a say in it. An equation that may not end (`while`) is run in a process of
its own, for a while; a program that has not ended a few times is not run again.

Twice, if need be: in the program's own dtypes, and with every float in float64. Programs are
functions of real numbers, and float32 may hide a difference between them (1e-9 beside 1).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Unsupported
from verify.counterexample.held import own
from verify.dtypes import Array, DType, DTypeLike, is_kind
from verify.programs import Atom, Const, Equation, Param, Program, Var, bind, call
from verify.programs.catalogue import Fact, having
from verify.programs.execute import body_like
from verify.trust import child, dangers
from verify.trust.reference import interpret

# What looks at the bits of a float: in its own format, whatever the others are in.
_OF_BITS = having(Fact.SEES_BITS) | having(Fact.DRAWS)
_OF_MESHES = "shard_map"


def values_by_jax(program: Program, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The program's outputs in its own dtypes.

    inputs: numbers that the dtypes of the program's inputs can hold. Raises whatever JAX raises.

    >>> from verify.programs import trace
    >>> values_by_jax(trace(lambda x: x * x + 1, 0.0), [np.array(3.0)])
    [array(10., dtype=float32)]
    """
    arrays = own(program.inputs, inputs)
    if dangers.some_may_abort(program):
        return _apart(program, arrays)
    with _patiently(program), _on_the_cpu():
        found = _run(program, arrays, functools.partial(_ending, bind))
        return [np.asarray(x) for x in found]


def _apart(program: Program, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """By StableHLO's interpreter, or XLA in a process of its own, what might end this one."""
    with _patiently(program), child.own_types(program.every_equation()):
        try:
            return interpret(functools.partial(call, program), arrays, child.patience_with(program))
        except Unsupported:
            return child.run_each(program, arrays)


def values_in_float64(program: Program, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The program's outputs with all floats, those within loops and branches too, in float64.

    Raises whatever JAX raises: some programs exist in their own dtypes only.
    """
    if dangers.some_may_abort(program):
        raise child.Aborted("XLA might end the process")
    arrays = [
        np.asarray(array).astype(_wider(v.dtype))
        for v, array in zip(program.inputs, inputs, strict=True)
    ]
    with _patiently(program), _on_the_cpu():
        found = _run(program, arrays, functools.partial(_ending, _in_float64))
        return [np.asarray(x) for x in found]


# How often a program did not end, or ended what ran it.
_FAILED: WeakKeyDictionary[Program, list[type]] = WeakKeyDictionary()
_MOST_FAILURES = 2


One = Callable[[Equation, list[Array]], Sequence[Array]]


@contextmanager
def _patiently(program: Program) -> Iterator[None]:
    """Raises `child.Endless` at once where the program has not ended some times already, and
    `child.Died` where XLA has ended the process."""
    failures = _FAILED.setdefault(program, [])
    if len(failures) >= _MOST_FAILURES:
        if failures[-1] is child.Endless:
            raise child.Endless("it has not ended at other inputs")
        raise child.Died("XLA has ended the process at other inputs")
    try:
        yield
    except (child.Endless, child.Died) as error:
        failures.append(type(error))
        raise


def _ending(run: One, equation: Equation, operands: list[Array]) -> Sequence[Array]:
    """One equation; apart, if it might not end."""
    alone = dangers.alone(equation)
    if dangers.ends(alone):
        return run(equation, operands)
    arrays, patience = [np.asarray(x) for x in operands], child.patience_with(alone)
    return [*child.run_function(lambda *traced: run(equation, list(traced)), arrays, patience)]


@contextmanager
def _on_the_cpu() -> Iterator[None]:
    """With 64-bit types, which the arrays have where the program has them."""
    device = jax.local_devices(backend="cpu")[0]
    # Where the question is asked while JAX traces; else `axis_index` would be taken for a constant.
    traced = isinstance(jnp.zeros(()), jax.core.Tracer)
    at_once = jax.ensure_compile_time_eval() if traced else nullcontext()
    with jax.default_device(device), at_once, jax.enable_x64(True):
        yield


def _run(
    program: Program,
    inputs: Sequence[Array],
    one: One,
) -> list[Array]:
    environment: dict[Var, Array] = dict(zip(program.inputs, inputs, strict=True))

    def read(atom: Atom) -> Array:
        return atom.value if isinstance(atom, Const) else environment[atom]

    for equation in program.equations:
        results = one(equation, [read(atom) for atom in equation.inputs])
        environment.update(zip(equation.outputs, results, strict=True))
    return [_array(read(atom)) for atom in program.outputs]


def _array(value: Array) -> Array:
    if isinstance(value, jax.core.Tracer):
        return value
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(value))
    return np.asarray(value)


def _in_float64(equation: Equation, operands: list[Array]) -> list[Array]:
    """One equation, its floats in float64; on arrays, or while a body is traced."""
    name = equation.primitive
    if name == "reduce_precision":
        return [_cast(operands[0], np.float64)]
    if name == _OF_MESHES:
        return _over_devices(equation, [_cast(value, _wider(value.dtype)) for value in operands])
    if name in _OF_BITS:
        pairs = zip(operands, equation.inputs, strict=True)
        given = [_cast(value, atom.dtype) for value, atom in pairs]
        params = equation._bind_params
    else:
        given = [_cast(value, _wider(value.dtype)) for value in operands]
        params = {key: _parameter(equation, key) for key in equation._bind_params}
    return [_cast(value, _wider(value.dtype)) for value in bind(equation, given, params)]


def _over_devices(equation: Equation, operands: Sequence[Array]) -> list[Array]:
    """A `shard_map` anew: its body can be traced nowhere but within it. Fails where loops or
    branches in it hold what varies along its axes: their own bodies are traced without it."""
    params = equation.params
    run = jax.shard_map(
        lambda *blocks: tuple(_run(params["jaxpr"], blocks, _in_float64)),
        mesh=params["mesh"],
        in_specs=tuple(params["in_specs"]),
        out_specs=tuple(params["out_specs"]),
        axis_names=params["newly_manual_axes"],
        check_vma=params["check_vma"],
    )
    return list(run(*operands))


def _wider(dtype: DType) -> DType:
    """float64 for floats, complex128 for complex numbers, all else as it is."""
    if is_kind(dtype, np.floating):
        return np.dtype(np.float64)
    return np.dtype(np.complex128) if is_kind(dtype, np.complexfloating) else dtype


def _cast(value: Array, dtype: DTypeLike) -> Array:
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        return value
    return jnp.asarray(value) if value.dtype == dtype else jnp.asarray(value).astype(dtype)


def _parameter(equation: Equation, key: str) -> Param:
    """A parameter of the equation, for operands in float64."""
    value, ours = equation._bind_params[key], equation.params.get(key)
    if key == "precision":
        return None  # a recipe for narrower floats, if it is one
    if isinstance(ours, Program):
        return _body(ours, value)
    if isinstance(ours, tuple) and any(isinstance(item, Program) for item in ours):
        pairs = zip(ours, value, strict=True)
        bodies = [_body(a, b) if isinstance(a, Program) else b for a, b in pairs]
        return type(value)._make(bodies) if hasattr(value, "_make") else tuple(bodies)
    if isinstance(value, np.dtype | type) and is_kind(value, np.inexact):
        return _wider(np.dtype(value))
    return value


def _body(program: Program, original: Param) -> Param:
    """The body of a loop or branch, traced anew."""
    avals = [jax.ShapeDtypeStruct(v.shape, _wider(v.dtype)) for v in program.inputs]
    return body_like(original, lambda *xs: _run(program, xs, _in_float64), avals)

"""The arguments of the public functions, checked before anything else.

An error names the function, the argument, what was given and what is expected. What f raises while
it is traced is f's own error: it passes as it is, with a note that says which function it was, and
what to do about flags.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from numbers import Integral, Number, Real

import jax
import numpy as np

from verify.dtypes import Function, is_array
from verify.inputs.examples import is_static
from verify.programs import Traced, make

__tracebackhide__ = True  # by pytest: the caller's lines, and his functions', are what matters

_EXPECTED = "an array, a jax.ShapeDtypeStruct, a number, or a pytree or module of them"
_FLAG = (
    "a flag, a size or a name that decides what the program is must not be an example, which is "
    "traced: give it by functools.partial(f, train=True) or a lambda"
)
_TRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def checked(
    asked: str,
    functions: Mapping[str, object],
    examples: tuple[object, ...],
    seconds: object,
    seed: object,
) -> int:
    """Raises TypeError or ValueError for arguments that `asked` cannot take; the seed to use."""
    for name, f in functions.items():
        if not callable(f):
            raise TypeError(f"{asked}: {name}: expected a function, got {_short(f)}")
    examples_of(asked, examples)
    for name, f in functions.items():
        if callable(f):
            _arity(asked, name, f, examples)
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        raise TypeError(f"{asked}: seconds: expected a number, got {_short(seconds)}")
    try:
        positive = float(seconds) > 0
    except OverflowError:
        raise ValueError(
            f"{asked}: seconds: expected a number that a float holds, got {_short(seconds)}"
        ) from None
    if not positive:
        raise ValueError(f"{asked}: seconds: expected a number above 0, got {seconds}")
    return seed_of(asked, seed)


def one_of(asked: str, name: str, given: object, allowed: tuple[str, ...]) -> None:
    """Raises ValueError for anything else."""
    if not isinstance(given, str) or given not in allowed:
        words = " or ".join(map(repr, allowed))
        raise ValueError(f"{asked}: {name}: expected {words}, got {_short(given)}")


def seed_of(asked: str, seed: object) -> int:
    """The seed given, or a fresh one."""
    if seed is None:
        return int(np.random.default_rng().integers(2**62))
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"{asked}: seed: expected a whole number or None, got {_short(seed)}")
    if seed < 0:
        raise ValueError(f"{asked}: seed: expected a whole number from 0 on, got {seed}")
    return int(seed)


def examples_of(asked: str, examples: tuple[object, ...]) -> None:
    """Every leaf is like an array, or static and inside of an example (`examples.py`). (None is an
    empty pytree, as in all of JAX.)"""
    for path, leaf in jax.tree_util.tree_leaves_with_path(examples):
        if is_static(path, leaf):
            continue
        where = f"{asked}: example {path[0].idx}{jax.tree_util.keystr(path[1:])}"
        _leaf(where, leaf)


def _leaf(where: str, leaf: object) -> None:
    if not is_array(leaf) and not isinstance(leaf, Number):
        hint = f" ({_FLAG})" if isinstance(leaf, str) or callable(leaf) else ""
        raise TypeError(f"{where}: expected {_EXPECTED}, got {_short(leaf)}{hint}")
    if not is_array(leaf):
        try:
            jax.numpy.asarray(leaf)
        except OverflowError as error:
            raise ValueError(f"{where}: expected a number that a dtype holds: {error}") from None
        except TypeError:
            raise TypeError(f"{where}: expected {_EXPECTED}, got {_short(leaf)}") from None
        return
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended):
        return
    try:
        known = jax.dtypes.canonicalize_dtype(leaf.dtype)
        numeric = jax.dtypes.issubdtype(known, np.number) or known == np.bool_
    except TypeError:
        numeric = False
    if not numeric:
        raise TypeError(f"{where}: expected a dtype that JAX computes with, got {leaf.dtype}")
    for n in leaf.shape:
        if isinstance(n, Integral) and n < 0:
            raise ValueError(f"{where}: expected sizes from 0 on, got the shape {leaf.shape}")


def _arity(asked: str, name: str, f: Function, examples: tuple[object, ...]) -> None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # functions written in C say nothing
        return
    try:
        signature.bind(*examples)
    except TypeError as error:
        raise TypeError(
            f"{asked}: {name} cannot be called with {len(examples)} "
            f"example{'s' * (len(examples) != 1)}, one a positional argument: {error}; it takes "
            f"{signature} (keyword and static arguments: by functools.partial or a lambda)"
        ) from None


def traced(asked: str, name: str, f: Function, examples: tuple[object, ...]) -> Traced:
    """f traced by JAX. Its own errors pass, with a note. ValueError where f closes over a value
    that is being traced itself."""
    try:
        made = make(f, *examples)
    except Exception as error:
        error.add_note(f"{asked}: {name} raised this while JAX traced it at the examples")
        if isinstance(error, _TRACED) or "Tracer" in str(error):
            error.add_note(_FLAG)
        raise
    if made.captured is not None:
        shape = jax.typeof(made.captured).str_short()
        raise ValueError(
            f"{asked}: {name}: expected a function that closes over numbers and arrays, got one "
            f"that closes over {shape}, which jit, grad, vmap or a loop around this call is "
            f"tracing: make it an argument of {name}, with an example, or ask outside of them"
        )
    return made


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # an object's own repr may raise anything
        text = object.__repr__(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"{text} ({type(value).__name__})"

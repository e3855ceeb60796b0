"""Measures the lowerings of the calls that a program makes, on the machine at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax.lowerings import tuned
from cnnjax.lowerings.registry import (
    CONV,
    CONV_TRANSPOSE,
    MAX_POOL,
    Call,
    Lowering,
    choose,
    recorded,
)

__all__ = ["Measured", "calls_of", "measure"]

# Sums of windows and of channels are not measured: what they cost lies in what XLA fuses them with.
_TABLES = {"conv": CONV, "conv_transpose": CONV_TRANSPOSE, "max_pool": MAX_POOL}
# What a machine's noise can make of nothing: the shipped choice stays unless it is beaten by more.
_MARGIN = 1.05


@dataclass(frozen=True)
class Measured:
    """Milliseconds (medians) of one call by lowering, the shipped choice, and the best one."""

    call: Call
    milliseconds: dict[str, float]
    shipped: str
    best: str


def calls_of(f: Callable[..., Any], *examples: Any) -> list[Call]:
    """The different calls of layers in `f(*examples)` that there is a choice for.

    >>> from cnnjax import conv
    >>> like = jax.ShapeDtypeStruct
    >>> x, k = like((2, 5, 5, 3), jnp.float32), like((3, 3, 3, 4), jnp.float32)
    >>> [call.layer for call in calls_of(lambda x, k: conv(x, k) + conv(x, k), x, k)]
    ['conv']
    """
    with recorded() as calls:
        jax.eval_shape(lambda *a: f(*a), *examples)  # a new function: nothing traced before
    different = {tuned.key(call.layer, call.arguments): call for call in calls}
    different.pop(None, None)
    known = (call for call in different.values() if call.layer in _TABLES)
    return [call for call in known if len(_fitting(call)) > 1]


def measure(
    calls: Sequence[Call], *, training: bool, rounds: int = 9, options: Any = None
) -> Iterator[Measured]:
    """Time each call by each lowering that can take it; the lowerings take turns.

    With `training` it is the layer and its gradients, else the layer alone. `options` are those of
    the compiler.
    """
    for call in calls:
        arrays, rest = _arrays(call)
        runs = {}
        for name, lowering in _fitting(call).items():
            program = partial(_with_gradients if training else _alone, lowering.run, rest)
            runs[name] = jax.jit(program, compiler_options=options)
            jax.block_until_ready(runs[name](*arrays))
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                begun = time.perf_counter()
                jax.block_until_ready(run(*arrays))
                seconds[name].append(time.perf_counter() - begun)
        found = {name: 1e3 * float(np.median(times)) for name, times in seconds.items()}
        shipped = _shipped(call)
        fastest = min(found, key=lambda name: found[name])
        best = fastest if found[fastest] * _MARGIN < found[shipped] else shipped
        yield Measured(call, found, shipped, best)


def _fitting(call: Call) -> dict[str, Lowering]:
    table = _TABLES[call.layer]
    return {name: way for name, way in table.items() if way.fits(*call.arguments)}


def _shipped(call: Call) -> str:
    table = _TABLES[call.layer]
    chosen = choose(call.layer, table, None, *call.arguments, measured=False)
    return next(name for name, way in table.items() if way.run is chosen)


def _arrays(call: Call) -> tuple[list[jax.Array], tuple[Any, ...]]:
    """Random arrays for a call's shapes, and its other arguments."""
    rng = np.random.default_rng(0)
    shapes = [a for a in call.arguments if hasattr(a, "shape")]
    rest = tuple(a for a in call.arguments if not hasattr(a, "shape"))
    return [jnp.asarray(rng.normal(size=a.shape), a.dtype) for a in shapes], rest


def _alone(f: Callable[..., jax.Array], rest: tuple[Any, ...], *arrays: jax.Array) -> Any:
    return f(*arrays, *rest)


def _with_gradients(f: Callable[..., jax.Array], rest: tuple[Any, ...], *arrays: Any) -> Any:
    y, pull = jax.vjp(lambda *a: f(*a, *rest), *arrays)
    return y, pull(y)

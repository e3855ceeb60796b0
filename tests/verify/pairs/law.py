"""A law: a way to make random pairs of equal programs, and a mutant that breaks one thing.

`make(rng)` draws shapes, constants and parameters and returns a `Case`. The truth of a case does
not rest on the verifier: left and right are equal by a law of arithmetic, and every mutant is
checked to differ from left by plain evaluation with JAX (`differs`), on random inputs or on the
`witness` that the law gives for a difference that random inputs would miss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    left: Function
    right: Function
    mutant: Function
    examples: tuple[Any, ...]
    witness: tuple[Any, ...] | None = None  # inputs on which the mutant differs


@dataclass(frozen=True)
class Law:
    name: str
    family: str
    make: Callable[[np.random.Generator], Case]


LAWS: list[Law] = []


def law(family: str) -> Callable[[Callable[[np.random.Generator], Case]], Any]:
    """Registers a law under its function's name."""

    def register(make: Callable[[np.random.Generator], Case]) -> Any:
        # pytest may import a module of laws twice, under two names.
        if make.__name__ not in {known.name for known in LAWS}:
            LAWS.append(Law(make.__name__, family, make))
        return make

    return register


def f32(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(int(n) for n in shape), jnp.float32)


def i32(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(int(n) for n in shape), jnp.int32)


def differs(case: Case, rng: np.random.Generator) -> bool:
    """Whether mutant and left differ on some inputs, by plain evaluation with JAX."""
    # A witness shows its difference exactly; on random inputs float32 rounding is no difference.
    trials = [(case.witness, 1e-7)] if case.witness is not None else []
    trials += [(tuple(_draw(e, rng) for e in case.examples), 1e-4) for _ in range(3)]
    for inputs, tolerance in trials:
        one, two = (jax.tree.leaves(f(*inputs)) for f in (case.left, case.mutant))
        for a, b in zip(one, two, strict=True):
            if a.shape != b.shape:
                return True
            x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
            if not np.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True):
                return True
    return False


def _draw(example: Any, rng: np.random.Generator) -> Any:
    if np.issubdtype(example.dtype, np.integer):
        return jnp.asarray(rng.integers(-3, 4, example.shape), example.dtype)
    return jnp.asarray(rng.normal(size=example.shape), example.dtype)

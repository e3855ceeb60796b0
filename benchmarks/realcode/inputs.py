"""Inputs of a pair: shape, dtype, domain, and how to draw one inside it.

The domain is said once. `assuming` is made from it for the verifier, and the numeric check draws
from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Draw = Callable[[np.random.Generator, tuple[int, ...], float], np.ndarray]


@dataclass(frozen=True)
class Input:
    """One array. `draw(rng, shape, scale)` is in the domain; `condition(x)`: whether x is."""

    shape: tuple[int, ...]
    dtype: Any
    draw: Draw
    condition: Callable[[Any], Any] | None = None

    @property
    def struct(self) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(self.shape, self.dtype)

    def drawn(self, rng: np.random.Generator, scale: float) -> jax.Array:
        """In float64 where it is a float: the check is about real numbers."""
        floats = jnp.issubdtype(self.dtype, jnp.floating)
        return jnp.asarray(self.draw(rng, self.shape, scale), jnp.float64 if floats else self.dtype)


def real(*shape: int) -> Input:
    return Input(shape, jnp.float32, lambda rng, s, scale: scale * rng.normal(size=s))


def positive(*shape: int) -> Input:
    def draw(rng: np.random.Generator, s: tuple[int, ...], scale: float) -> np.ndarray:
        return np.exp(min(scale, 1) * rng.normal(size=s))

    return Input(shape, jnp.float32, draw, lambda x: x > 0)


def nonnegative(*shape: int) -> Input:
    def draw(rng: np.random.Generator, s: tuple[int, ...], scale: float) -> np.ndarray:
        return np.maximum(scale * rng.normal(size=s), 0)

    return Input(shape, jnp.float32, draw, lambda x: x >= 0)


def between(low: float, high: float, *shape: int) -> Input:
    """low < x < high."""

    def draw(rng: np.random.Generator, s: tuple[int, ...], scale: float) -> np.ndarray:
        return rng.uniform(low, high, size=s)

    return Input(shape, jnp.float32, draw, lambda x: (low < x) & (x < high))


def whole(low: int, high: int, *shape: int) -> Input:
    """Integers, low <= n < high."""

    def draw(rng: np.random.Generator, s: tuple[int, ...], scale: float) -> np.ndarray:
        return rng.integers(low, high, size=s)

    return Input(shape, jnp.int32, draw, lambda n: (low <= n) & (n < high))


def flags(*shape: int) -> Input:
    return Input(shape, jnp.bool_, lambda rng, s, scale: rng.random(size=s) < 0.5)


def zero_one(*shape: int) -> Input:
    """Floats that are 0 or 1: masks and labels."""

    def draw(rng: np.random.Generator, s: tuple[int, ...], scale: float) -> np.ndarray:
        return 1.0 * (rng.random(size=s) < 0.5)

    return Input(shape, jnp.float32, draw, lambda x: (x == 0) | (x == 1))


def probabilities(*shape: int) -> Input:
    """Positive, and the last axis sums to one."""

    def draw(rng: np.random.Generator, s: tuple[int, ...], scale: float) -> np.ndarray:
        drawn = np.exp(rng.normal(size=s))
        return drawn / drawn.sum(-1, keepdims=True)

    return Input(shape, jnp.float32, draw, lambda p: jnp.all(p > 0) & jnp.all(p.sum(axis=-1) == 1))


def like(tree: Any) -> Any:
    """A pytree of arrays or structs (parameters, states), as real inputs without a domain."""
    return jax.tree.map(lambda leaf: real(*leaf.shape), tree)


def structs(examples: Any) -> tuple[Any, ...]:
    return tuple(jax.tree.map(lambda one: one.struct, tree) for tree in examples)


def drawn(examples: Any, rng: np.random.Generator, scale: float) -> tuple[Any, ...]:
    return tuple(jax.tree.map(lambda one: one.drawn(rng, scale), tree) for tree in examples)


def condition(examples: Any, more: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """What the inputs satisfy, as a JAX function of them; None where they are any at all."""
    leaves = jax.tree.leaves(tuple(examples))
    if more is None and all(one.condition is None for one in leaves):
        return None

    def satisfied(*inputs: Any) -> Any:
        pairs = zip(leaves, jax.tree.leaves(inputs), strict=True)
        found = [one.condition(x) for one, x in pairs if one.condition is not None]
        return tuple(found) if more is None else (*found, more(*inputs))

    return satisfied

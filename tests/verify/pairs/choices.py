"""Functions that choose, each written twice, and with a bug: (f, g, bug) of x and y.

All are proved by the sign patterns of `verify/algebras/field/patterns.py`, without an SMT solver.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

relu = jax.nn.relu


def huber(e: Any, strict: bool = False, c: float = 0.5) -> Any:
    inside = jnp.abs(e) < 1 if strict else jnp.abs(e) <= 1
    return jnp.where(inside, e * e / 2, jnp.abs(e) - c)


CHOICES = {
    "product of the extremes": (
        lambda x, y: jnp.maximum(x, y) * jnp.minimum(x, y),
        lambda x, y: x * y,
        lambda x, y: jnp.abs(x * y),
    ),
    "no two of a kind": (
        lambda x, y: relu(x) * relu(-x),
        lambda x, y: jnp.zeros_like(x),
        lambda x, y: relu(x) * relu(1 - x),
    ),
    "continuous at the threshold": (
        lambda x, y: huber(x),
        lambda x, y: huber(x, strict=True),
        lambda x, y: huber(x, c=0.25),
    ),
    "elu": (
        lambda x, y: jax.nn.elu(x),
        lambda x, y: relu(x) + jnp.exp(jnp.minimum(x, 0)) - 1,
        lambda x, y: relu(x) + jnp.exp(jnp.maximum(x, 0)) - 1,
    ),
}

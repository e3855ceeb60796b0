"""Ways to add a bias (C,) to y (..., C); all are the same function.

    lax     a broadcast and a sum; the bias's gradient is a sum over all axes but the last
    ones    the same forward pass; the bias's gradient is a product with ones

Why `ones`: a CPU sums slowly over leading axes, and XLA computes what is summed within the loop
that sums it, once for every reader.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

__all__ = ["column_sums", "ones", "ones_fits", "plain"]


def plain(y: jax.Array, bias: jax.Array) -> jax.Array:
    """The sum.

    >>> plain(jnp.zeros((2, 2)), jnp.asarray([1.0, 2.0])).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    return y + lax.broadcast_in_dim(bias, y.shape, (y.ndim - 1,))


def ones_fits(y: jax.Array, bias: jax.Array) -> bool:
    """Whether `ones` can take this call: float32 or wider, known sizes, not empty."""
    known = all(isinstance(n, int) for n in y.shape)
    floats = jnp.issubdtype(y.dtype, jnp.floating)
    return known and floats and jnp.finfo(y.dtype).bits >= 32 and y.size > 0


@jax.custom_jvp
def ones(y: jax.Array, bias: jax.Array) -> jax.Array:
    """As `plain`, differentiated by a product with ones. Needs `ones_fits`.

    >>> jax.grad(lambda bias: ones(jnp.zeros((3, 2)), bias).sum())(jnp.zeros(2)).tolist()
    [3.0, 3.0]
    """
    return plain(y, bias)


def _ones_jvp(primals: Any, tangents: Any) -> Any:
    dy, dbias = tangents
    y = ones(*primals)
    parts = [] if isinstance(dy, SymbolicZero) else [dy]
    if not isinstance(dbias, SymbolicZero):
        parts += jax.linear_transpose(column_sums, y)(dbias)
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


ones.defjvp(_ones_jvp, symbolic_zeros=True)


def column_sums(y: jax.Array) -> jax.Array:
    """Sum y (..., C) over all axes but the last, by a product with ones.

    >>> column_sums(jnp.ones((2, 3, 4))).tolist()
    [6.0, 6.0, 6.0, 6.0]
    """
    # Two rows, of which one is read: XLA would run the product with a vector in one loop with what
    # computes y, which is slower than either.
    rows = jnp.ones((2, math.prod(y.shape[:-1])), y.dtype)
    return lax.dot(rows, y.reshape(-1, y.shape[-1]), precision=lax.Precision.HIGHEST)[0]

"""Ways to spread a number a channel over an array, and to take each channel's mean.

    lax     a broadcast, and a mean over all axes but the last
    ones    the same broadcast, but its gradient is a product with ones; so is the mean

Biases and the scales of normalisation are spread; batch normalisation takes means. Why `ones`: a
CPU sums slowly over leading axes, and XLA computes what is summed within the loop that sums it,
once for every reader.

Arrays are (..., C), channels (C,).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Shape = tuple[int, ...]


def plain_spread(channels: jax.Array, shape: Shape) -> jax.Array:
    """``channels`` (C,) in ``shape`` (..., C).

    >>> plain_spread(jnp.asarray([1.0, 2.0]), (2, 2)).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    dtype = channels.dtype
    if jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 32:
        # The gradient is a sum, and JAX sums in the dtype of what is spread: in bfloat16 a sum of
        # ones stops at 256.
        return plain_spread(channels.astype(jnp.float32), shape).astype(dtype)
    return lax.broadcast_in_dim(channels, shape, (len(shape) - 1,))


def plain_means(x: jax.Array) -> jax.Array:
    """The mean of each channel.

    >>> plain_means(jnp.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [2.0, 3.0]
    """
    return jnp.mean(x, tuple(range(x.ndim - 1)))


def fits(dtype: Any, shape: Shape) -> bool:
    """Whether `ones` can be had: float32 or wider, known sizes, not empty."""
    return (
        all(isinstance(n, int) and n > 0 for n in shape)
        and jnp.issubdtype(dtype, jnp.floating)
        and jnp.finfo(dtype).bits >= 32
    )


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def spread(channels: jax.Array, shape: Shape) -> jax.Array:
    """As `plain_spread`, with `column_sums` for its gradient. Needs `fits`.

    >>> jax.grad(lambda channels: spread(channels, (3, 2)).sum())(jnp.zeros(2)).tolist()
    [3.0, 3.0]
    """
    return plain_spread(channels, shape)


@spread.defjvp
def _(shape: Shape, primals: Any, tangents: Any) -> Any:
    (dchannels,) = tangents
    like = jax.ShapeDtypeStruct(shape, dchannels.dtype)
    return spread(*primals, shape), jax.linear_transpose(column_sums, like)(dchannels)[0]


@jax.custom_jvp
def means(x: jax.Array) -> jax.Array:
    """As `plain_means`, by `column_sums`; its gradient is a broadcast. Needs `fits`.

    >>> means(jnp.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [2.0, 3.0]
    """
    return column_sums(x) / math.prod(x.shape[:-1])


@means.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return means(*primals), plain_means(*tangents)


def column_sums(x: jax.Array) -> jax.Array:
    """Sum x (..., C) over all axes but the last, by a product with ones.

    >>> column_sums(jnp.ones((2, 3, 4))).tolist()
    [6.0, 6.0, 6.0, 6.0]
    """
    # Two rows, of which one is read: XLA would run the product with a vector in one loop with what
    # computes x, which is slower than either.
    rows = jnp.ones((2, math.prod(x.shape[:-1])), x.dtype)
    return lax.dot(rows, x.reshape(-1, x.shape[-1]), precision=lax.Precision.HIGHEST)[0]

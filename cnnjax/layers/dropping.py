"""Dropout (Srivastava et al., JMLR 2014), scaled in training: inference is the identity."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from cnnjax.explicit import over_mesh, splits
from cnnjax.layers import _check


def dropout(key: jax.Array, x: jax.Array, rate: float) -> jax.Array:
    """Set each element to zero with probability ``rate``, divide the others by ``1 - rate``.

    The mean is kept. ``rate`` is the probability to DROP (in some libraries it is that to keep);
    0 returns ``x`` untouched, without using ``key``. At inference simply do not call it. Every
    element is drawn by itself; the same key drops the same elements.

    Errors: ValueError where ``rate`` is not in [0, 1), TypeError for integers.

    >>> import jax, jax.numpy as jnp
    >>> y = dropout(jax.random.key(0), jnp.ones(1000), 0.75)
    >>> sorted(set(y.tolist()))
    [0.0, 4.0]
    """
    x = _check.floating("dropout", "x", x)
    if not 0 <= rate < 1:
        raise ValueError(f"dropout: rate is the probability to drop, in [0, 1); got {rate!r}")
    if rate == 0:
        return x

    def compute(key: jax.Array, x: jax.Array) -> jax.Array:
        keep = jax.random.bernoulli(key, 1 - rate, x.shape)
        return jnp.where(keep, x / jnp.asarray(1 - rate, x.dtype), jnp.zeros_like(x))

    return over_mesh(compute, key, x, out=lambda: splits(x))

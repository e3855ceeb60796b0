"""Stochastic depth (Huang et al., ECCV 2016): the branch of a residual block is left out at random.

Called drop path in timm. As in torchvision (mode "row"), each example is drawn by itself and what
is kept is divided by the probability to keep it, so inference is the identity.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from cnnjax.explicit import over_mesh, splits
from cnnjax.layers import _check


def stochastic_depth(key: jax.Array, x: jax.Array, rate: float, *, spatial: int = 2) -> jax.Array:
    """Set each example of ``x`` (*batch, *image, C) to zero with probability ``rate``, divide the
    others by ``1 - rate``.

    ``spatial`` is the number of image axes. ``rate`` 0 returns ``x`` untouched, without using
    ``key``; at inference simply do not call it. Use it on a branch before it is added:
    ``x + stochastic_depth(key, branch(x), rate)``.

    Errors: ValueError where ``rate`` is not in [0, 1), TypeError for integers.

    >>> import jax, jax.numpy as jnp
    >>> y = stochastic_depth(jax.random.key(0), jnp.ones((100, 2, 2, 3)), 0.5)
    >>> sorted({tuple(example.tolist()) for example in y.reshape(100, -1)[:, :2]})
    [(0.0, 0.0), (2.0, 2.0)]
    """
    name = "stochastic_depth"
    x = _check.floating(name, "x", x)
    _check.spatial_axes(name, x, spatial)
    if not 0 <= rate < 1:
        raise ValueError(f"{name}: rate is the probability to drop, in [0, 1); got {rate!r}")
    if rate == 0:
        return x
    ones = (1,) * (spatial + 1)

    def compute(key: jax.Array, x: jax.Array) -> jax.Array:
        keep = jax.random.bernoulli(key, 1 - rate, (*x.shape[: -spatial - 1], *ones))
        kept = x / jnp.asarray(1 - rate, x.dtype)
        return jnp.where(jnp.broadcast_to(keep, x.shape), kept, jnp.zeros_like(x))

    return over_mesh(compute, key, x, out=lambda: splits(x))

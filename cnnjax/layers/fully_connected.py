"""Fully connected layer, and the flattening in front of it."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax.explicit import over_mesh, splits
from cnnjax.layers import _check
from cnnjax.lowerings.channels import plain_spread


def dense(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    precision: lax.PrecisionLike = None,
) -> jax.Array:
    """Multiply ``x`` (*batch, I) by ``kernel`` (I, O) and add ``bias`` (O,): (*batch, O).

    Errors: TypeError where dtypes differ, ValueError where shapes do not fit.

    >>> import jax.numpy as jnp
    >>> dense(jnp.ones((8, 18432)), jnp.ones((18432, 10)), jnp.zeros(10)).shape
    (8, 10)
    """
    x, kernel = _check.array("dense", "x", x), _check.array("dense", "kernel", kernel)
    _check.same_dtype("dense", "kernel", kernel, x)
    if kernel.ndim != 2:
        raise ValueError(f"dense: kernel must be (inputs, outputs), got shape {kernel.shape}")
    if x.ndim < 1 or x.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"dense: kernel expects {kernel.shape[0]} inputs (kernel {kernel.shape}), "
            f"x has {x.shape[-1] if x.ndim else 'no axis'} (x {x.shape})"
        )
    if bias is not None:
        bias = _check.array("dense", "bias", bias)
        _check.same_dtype("dense", "bias", bias, x)
        _check.bias_shape("dense", bias, kernel.shape[-1])

    def compute(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
        y = jnp.matmul(x, kernel, precision=precision)
        return y if bias is None else y + plain_spread(bias, y.shape)

    given = (x, kernel) if bias is None else (x, kernel, bias)
    return over_mesh(compute, *given, out=lambda: (*splits(x)[:-1], splits(kernel)[-1]))


def flatten(x: jax.Array, *, spatial: int = 2) -> jax.Array:
    """Fold the ``spatial`` image axes and the channels: (*batch, H, W, C) -> (*batch, H W C).

    Row-major, channels fastest. PyTorch flattens (C, H, W): the rows of the dense kernel that
    follows are in another order there.

    >>> import jax.numpy as jnp
    >>> flatten(jnp.ones((8, 12, 12, 128))).shape, flatten(jnp.ones((12, 12, 128))).shape
    ((8, 18432), (18432,))
    """
    x = _check.array("flatten", "x", x)
    _check.spatial_axes("flatten", x, spatial)
    batch = x.shape[: -spatial - 1]

    def compute(x: jax.Array) -> jax.Array:
        return x.reshape(*batch, math.prod(x.shape[-spatial - 1 :]))

    # Rows of pixels lie one after the other; channels that are split come together again.
    return over_mesh(compute, x, out=lambda: splits(x)[:-spatial])

"""Elementwise activations, and softmax. Shapes and dtypes stay as they are."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from cnnjax.explicit import over_mesh, splits
from cnnjax.layers import _check


def relu(x: jax.Array) -> jax.Array:
    """Return max(x, 0); the gradient at 0 is 0. Integers too.

    >>> import jax.numpy as jnp
    >>> relu(jnp.array([-1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]
    """
    return jax.nn.relu(_check.array("relu", "x", x))


def relu6(x: jax.Array) -> jax.Array:
    """Return min(max(x, 0), 6); the gradient at 0 and at 6 is 0, as in PyTorch.

    >>> import jax.numpy as jnp
    >>> relu6(jnp.array([-1.0, 2.0, 7.0])).tolist()
    [0.0, 2.0, 6.0]
    """
    x = _check.floating("relu6", "x", x)
    zero, six = jnp.zeros((), x.dtype), jnp.full((), 6, x.dtype)
    return jnp.where(x <= zero, zero, jnp.where(x >= six, six, x))


def leaky_relu(x: jax.Array, slope: float = 0.01) -> jax.Array:
    """Return x where it is positive, ``slope`` x elsewhere (Maas et al. 2013).

    >>> import jax.numpy as jnp
    >>> leaky_relu(jnp.array([-1.0, 2.0]), 0.5).tolist()
    [-0.5, 2.0]
    """
    return jax.nn.leaky_relu(_check.floating("leaky_relu", "x", x), slope)


def elu(x: jax.Array, alpha: float = 1.0) -> jax.Array:
    """Return x where it is positive, ``alpha`` (exp(x) - 1) elsewhere (Clevert et al. 2016).

    >>> import jax.numpy as jnp
    >>> elu(jnp.array([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return jax.nn.elu(_check.floating("elu", "x", x), alpha)


def gelu(x: jax.Array, *, approximate: bool = False) -> jax.Array:
    """Return x Phi(x), Phi the normal distribution (Hendrycks and Gimpel 2016).

    Exact (erf) unless ``approximate``, as in PyTorch; JAX and Flax approximate by tanh.

    >>> import jax.numpy as jnp
    >>> gelu(jnp.zeros(2)).tolist()
    [0.0, 0.0]
    """
    return jax.nn.gelu(_check.floating("gelu", "x", x), approximate=approximate)


def silu(x: jax.Array) -> jax.Array:
    """Return x sigmoid(x), also called swish (Elfwing et al. 2018).

    >>> import jax.numpy as jnp
    >>> silu(jnp.zeros(2)).tolist()
    [0.0, 0.0]
    """
    return jax.nn.silu(_check.floating("silu", "x", x))


def sigmoid(x: jax.Array) -> jax.Array:
    """Return 1 / (1 + exp(-x)).

    >>> import jax.numpy as jnp
    >>> sigmoid(jnp.zeros(2)).tolist()
    [0.5, 0.5]
    """
    return jax.nn.sigmoid(_check.floating("sigmoid", "x", x))


def tanh(x: jax.Array) -> jax.Array:
    """Return the hyperbolic tangent.

    >>> import jax.numpy as jnp
    >>> tanh(jnp.zeros(2)).tolist()
    [0.0, 0.0]
    """
    return jnp.tanh(_check.floating("tanh", "x", x))


def softplus(x: jax.Array) -> jax.Array:
    """Return log(1 + exp(x)), a smooth relu, without overflow.

    >>> import jax.numpy as jnp
    >>> softplus(jnp.array([-200.0, 200.0])).tolist()
    [0.0, 200.0]
    """
    return jax.nn.softplus(_check.floating("softplus", "x", x))


def identity(x: jax.Array) -> jax.Array:
    """Return x: the activation of a network without one.

    >>> import jax.numpy as jnp
    >>> identity(jnp.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return _check.array("identity", "x", x)


def softmax(x: jax.Array, axis: int = -1) -> jax.Array:
    """Return exp(x) / sum(exp(x)) along ``axis``; the largest entry is subtracted first.

    Computed in float32 for narrower dtypes and rounded once.

    >>> import jax.numpy as jnp
    >>> softmax(jnp.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    x = _check.floating("softmax", "x", x)
    wide = _check.wide(x.dtype)

    def compute(x: jax.Array) -> jax.Array:
        return jax.nn.softmax(x.astype(wide), axis=axis).astype(x.dtype)

    return over_mesh(compute, x, out=lambda: splits(x))

"""Initial kernels: random numbers whose variance keeps the signal's size from layer to layer.

A kernel is (*window, C // groups, O), a dense one (I, O). One output sums
``fan_in = prod(window) C // groups`` terms, one input takes part in ``fan_out = prod(window)
O // groups``. With draws of mean zero and variance

    he: 2 / fan_in       (He et al. 2015, for ReLU)
    lecun: 1 / fan_in    (LeCun et al. 1998)
    glorot: 2 / (fan_in + fan_out)   (Glorot and Bengio 2010)

``*_normal`` draws from a normal cut at two standard deviations and rescaled to that variance (as
in JAX and Keras; PyTorch does not cut), ``*_uniform`` from (-sqrt(3 var), sqrt(3 var)).
Every initialiser has the signature ``(key, shape, *, groups=1, dtype=float32)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import jax
import jax.numpy as jnp

from cnnjax.layers import _check

# Standard deviation of a unit normal cut at +-2.
_CUT = 0.87962566103423978


class Initializer(Protocol):
    """What every function here looks like."""

    def __call__(
        self, key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = ...
    ) -> jax.Array: ...


def fans(shape: Sequence[int], groups: int = 1) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a kernel (*window, C // groups, O).

    Errors: ValueError for fewer than two axes, an empty axis, groups that do not divide O.

    >>> fans((5, 5, 3, 32))
    (75, 800)
    >>> fans((3, 3, 1, 64), groups=64)  # depthwise
    (9, 9)
    """
    if len(shape) < 2:
        raise ValueError(f"init: a kernel is (*window, C // groups, O), got shape {tuple(shape)}")
    *window, inputs, outputs = shape
    if min(shape) < 1:
        raise ValueError(f"init: every axis needs an entry, got shape {tuple(shape)}")
    if groups < 1 or outputs % groups:
        raise ValueError(
            f"init: groups {groups} must divide the {outputs} outputs of {tuple(shape)}"
        )
    return math.prod(window) * inputs, math.prod(window) * outputs // groups


def he_normal(
    key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    """Draw from a cut normal with variance 2 / fan_in.

    >>> import jax
    >>> he_normal(jax.random.key(0), (5, 5, 3, 32)).shape
    (5, 5, 3, 32)
    """
    return _normal(key, shape, 2 / fans(shape, groups)[0], dtype)


def he_uniform(
    key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    """Draw uniformly with variance 2 / fan_in.

    >>> import jax
    >>> float(abs(he_uniform(jax.random.key(0), (6, 100))).max()) <= 1.0
    True
    """
    return _uniform(key, shape, 2 / fans(shape, groups)[0], dtype)


def lecun_normal(
    key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    """Draw from a cut normal with variance 1 / fan_in.

    >>> import jax
    >>> lecun_normal(jax.random.key(0), (400, 10)).shape
    (400, 10)
    """
    return _normal(key, shape, 1 / fans(shape, groups)[0], dtype)


def lecun_uniform(
    key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    """Draw uniformly with variance 1 / fan_in.

    >>> import jax
    >>> float(abs(lecun_uniform(jax.random.key(0), (3, 100))).max()) <= 1.0
    True
    """
    return _uniform(key, shape, 1 / fans(shape, groups)[0], dtype)


def glorot_normal(
    key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    """Draw from a cut normal with variance 2 / (fan_in + fan_out).

    >>> import jax
    >>> glorot_normal(jax.random.key(0), (400, 10)).shape
    (400, 10)
    """
    return _normal(key, shape, 2 / sum(fans(shape, groups)), dtype)


def glorot_uniform(
    key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    """Draw uniformly with variance 2 / (fan_in + fan_out).

    >>> import jax
    >>> float(abs(glorot_uniform(jax.random.key(0), (3, 3))).max()) <= 1.0
    True
    """
    return _uniform(key, shape, 2 / sum(fans(shape, groups)), dtype)


def orthogonal(
    key: jax.Array, shape: Sequence[int], *, groups: int = 1, dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    """Draw a matrix (fan_in, O) with orthonormal rows or columns (Saxe et al. 2014), uniformly.

    With groups, each group's (fan_in, O // groups) is one such matrix.

    >>> import jax, jax.numpy as jnp
    >>> w = orthogonal(jax.random.key(0), (3, 3, 2, 8)).reshape(18, 8)
    >>> bool(jnp.allclose(w.T @ w, jnp.eye(8), atol=1e-5))
    True
    """
    fan_in, _ = fans(shape, groups)
    columns = shape[-1] // groups
    draw = jax.nn.initializers.orthogonal()
    wide = _check.wide(dtype)
    parts = [draw(k, (fan_in, columns), wide) for k in jax.random.split(key, groups)]
    return jnp.concatenate(parts, axis=1).reshape(tuple(shape)).astype(dtype)


def zeros(
    key: jax.Array | None,
    shape: Sequence[int],
    *,
    groups: int = 1,
    dtype: jnp.dtype = jnp.float32,
) -> jax.Array:
    """Return zeros; for biases. ``key`` and ``groups`` are not used.

    >>> zeros(None, (2,)).tolist()
    [0.0, 0.0]
    """
    return jnp.zeros(tuple(shape), dtype)


def ones(
    key: jax.Array | None,
    shape: Sequence[int],
    *,
    groups: int = 1,
    dtype: jnp.dtype = jnp.float32,
) -> jax.Array:
    """Return ones; for the scales of normalisation. ``key`` and ``groups`` are not used.

    >>> ones(None, (2,)).tolist()
    [1.0, 1.0]
    """
    return jnp.ones(tuple(shape), dtype)


def _normal(key: jax.Array, shape: Sequence[int], var: float, dtype: jnp.dtype) -> jax.Array:
    wide = _check.wide(dtype)
    draw = jax.random.truncated_normal(key, -2, 2, tuple(shape), wide)
    return (draw * (math.sqrt(var) / _CUT)).astype(dtype)


def _uniform(key: jax.Array, shape: Sequence[int], var: float, dtype: jnp.dtype) -> jax.Array:
    wide = _check.wide(dtype)
    edge = math.sqrt(3 * var)
    return jax.random.uniform(key, tuple(shape), wide, -edge, edge).astype(dtype)

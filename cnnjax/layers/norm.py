"""Normalisation: subtract a mean, divide by a standard deviation, scale and shift by channel.

    y = (x - mean) / sqrt(var + eps) * scale + bias

They differ in what mean and var are taken over: `batch_norm` (Ioffe and Szegedy 2015) over all
axes but the channels, `layer_norm` (Ba et al. 2016) over the channels of one position,
`group_norm` (Wu and He 2018) over the image and one group of channels of one example,
`instance_norm` (Ulyanov et al. 2016) over the image of one channel of one example. `rms_norm`
(Zhang and Sennrich 2019) subtracts nothing and has no bias: it divides by the root of the mean
square. The variance is the biased one (divided by n). Statistics and the arithmetic are in
float32 for narrower dtypes (in float64 for float64), whatever the dtype of the parameters; the
result has x's dtype.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax.explicit import over_mesh, splits
from cnnjax.layers import _check
from cnnjax.lowerings import MEANS, SPREAD, Choice, by_platform, run

Arrays = Mapping[str, jax.Array]


def batch_norm(
    x: jax.Array,
    params: Arrays,
    state: Arrays,
    *,
    training: bool,
    momentum: float = 0.9,
    eps: float = 1e-5,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Normalise each channel of ``x`` (*batch, *image, C); returns (y, new_state).

    ``params`` is {"scale": (C,), "bias": (C,)}, ``state`` {"mean": (C,), "var": (C,)}.
    With ``training``, the statistics are those of ``x`` over all axes but the last, and

        new_state = momentum * state + (1 - momentum) * batch

    (PyTorch's momentum is one minus this one). The batch variance that enters the state is the
    unbiased one (n / (n - 1) times the other), as in PyTorch; Flax and Keras take the biased.
    Without ``training``, the state normalises and is returned as it is. No gradient flows into
    the state.

    Errors: ValueError for shapes that do not fit or, in training, fewer than two values a channel;
    KeyError for a missing entry.

    >>> import jax.numpy as jnp
    >>> params = {"scale": jnp.ones(1), "bias": jnp.zeros(1)}
    >>> state = {"mean": jnp.zeros(1), "var": jnp.ones(1)}
    >>> y, new = batch_norm(jnp.array([[1.0], [3.0]]), params, state, training=True)
    >>> print(y[:, 0].round(3), new["mean"], new["var"])
    [-1.  1.] [0.2] [1.1]
    """
    name = "batch_norm"
    x, wide = _prepare(name, x)
    scale, bias = _entries(name, "params", params, ("scale", "bias"), x.shape[-1], wide.dtype)
    mean, var = _entries(name, "state", state, ("mean", "var"), x.shape[-1], wide.dtype)
    if not 0 <= momentum <= 1:
        raise ValueError(f"{name}: momentum must be in [0, 1], got {momentum!r}")
    new_state = dict(state)
    if training:
        count = math.prod(x.shape[:-1])
        if isinstance(count, int) and count < 2:
            raise ValueError(f"{name}: training needs two values a channel or more, x is {x.shape}")

    def normalise(x: jax.Array, mean: Any, var: Any, scale: Any, bias: Any) -> Any:
        if training:
            mean, var = _channel_moments(x)
        y = (x - _spread(mean, x)) * _spread(lax.rsqrt(var + eps), x)
        return _affine(y, scale, bias), mean, var

    def compute(x: jax.Array, *channels: jax.Array) -> Any:
        ways: list[Choice] = [_spreading(channels[0], x)]
        ways += [("means", MEANS, (x,))] * training
        y, *batch = by_platform(normalise, x, *channels, choices=ways)
        if not training:
            return y, *channels[:2]
        unbiased = batch[1] * (count / (count - 1))
        new_mean = _running(state["mean"], channels[0], batch[0], momentum)
        return y, new_mean, _running(state["var"], channels[1], unbiased, momentum)

    y, new_mean, new_var = over_mesh(
        compute, wide, mean, var, scale, bias, out=lambda: tuple(map(splits, (x, mean, var)))
    )
    if training:
        new_state |= {"mean": new_mean, "var": new_var}
    return y.astype(x.dtype), new_state


def layer_norm(x: jax.Array, params: Arrays, *, eps: float = 1e-6) -> jax.Array:
    """Normalise the channels of each position of ``x`` (..., C); params as in `batch_norm`.

    >>> import jax.numpy as jnp
    >>> params = {"scale": jnp.ones(2), "bias": jnp.zeros(2)}
    >>> layer_norm(jnp.array([1.0, 3.0]), params).round(3).tolist()
    [-1.0, 1.0]
    """
    x, wide = _prepare("layer_norm", x)
    scale, bias = _entries(
        "layer_norm", "params", params, ("scale", "bias"), x.shape[-1], wide.dtype
    )

    def compute(x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
        return _scaled(_normalise(x, *_moments(x, (-1,)), eps), scale, bias)

    return over_mesh(compute, wide, scale, bias, out=lambda: splits(x)).astype(x.dtype)


def group_norm(
    x: jax.Array, params: Arrays, *, groups: int, eps: float = 1e-5, spatial: int = 2
) -> jax.Array:
    """Normalise each of ``groups`` channel groups of each example of ``x`` (*batch, *image, C).

    The statistics run over the ``spatial`` image axes and the C // groups channels of the group;
    ``groups=C`` is `instance_norm`. ``params`` as in `batch_norm`.

    Errors: ValueError where ``groups`` does not divide C.

    >>> import jax.numpy as jnp
    >>> params = {"scale": jnp.ones(4), "bias": jnp.zeros(4)}
    >>> group_norm(jnp.ones((8, 5, 5, 4)), params, groups=2).shape
    (8, 5, 5, 4)
    """
    name = "group_norm"
    x, wide = _prepare(name, x)
    _check.spatial_axes(name, x, spatial)
    channels = x.shape[-1]
    if groups < 1 or channels % groups:
        raise ValueError(
            f"{name}: groups {groups} must divide the {channels} channels of x {x.shape}"
        )
    scale, bias = _entries(name, "params", params, ("scale", "bias"), channels, wide.dtype)
    axes = (*range(-spatial - 2, -2), -1)

    def compute(x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
        split = x.reshape(*x.shape[:-1], groups, channels // groups)
        y = _normalise(split, *_moments(split, axes), eps)
        return _scaled(y.reshape(x.shape), scale, bias)

    return over_mesh(compute, wide, scale, bias, out=lambda: splits(x)).astype(x.dtype)


def instance_norm(
    x: jax.Array, params: Arrays | None = None, *, eps: float = 1e-5, spatial: int = 2
) -> jax.Array:
    """Normalise each channel of each example of ``x`` (*batch, *image, C) over its image.

    The same as `group_norm` with a group a channel. ``params`` as in `batch_norm`; None for
    neither scale nor bias (PyTorch's default).

    >>> import jax.numpy as jnp
    >>> instance_norm(jnp.array([1.0, 3.0])[:, None], spatial=1)[:, 0].round(3).tolist()
    [-1.0, 1.0]
    """
    name = "instance_norm"
    x, wide = _prepare(name, x)
    _check.spatial_axes(name, x, spatial)
    axes = tuple(range(-spatial - 1, -1))

    def compute(x: jax.Array, *affine: jax.Array) -> jax.Array:
        y = _normalise(x, *_moments(x, axes), eps)
        return _scaled(y, *affine) if affine else y

    affine: tuple[jax.Array, ...] = ()
    if params is not None:
        affine = _entries(name, "params", params, ("scale", "bias"), x.shape[-1], wide.dtype)
    return over_mesh(compute, wide, *affine, out=lambda: splits(x)).astype(x.dtype)


def rms_norm(x: jax.Array, params: Arrays, *, eps: float = 1e-6) -> jax.Array:
    """Divide the channels of each position of ``x`` (..., C) by the root of their mean square.

    ``params`` is {"scale": (C,)}; y = x / sqrt(mean(x^2) + eps) * scale.

    >>> import jax.numpy as jnp
    >>> rms_norm(jnp.array([3.0, -3.0]), {"scale": jnp.ones(2)}).round(3).tolist()
    [1.0, -1.0]
    """
    x, wide = _prepare("rms_norm", x)
    (scale,) = _entries("rms_norm", "params", params, ("scale",), x.shape[-1], wide.dtype)

    def compute(x: jax.Array, scale: jax.Array) -> jax.Array:
        factor = lax.rsqrt(jnp.mean(jnp.square(x), -1, keepdims=True) + eps)
        return x * jnp.broadcast_to(factor, x.shape) * _spread(scale, x)

    return over_mesh(compute, wide, scale, out=lambda: splits(x)).astype(x.dtype)


def _prepare(name: str, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    x = _check.floating(name, "x", x)
    if x.ndim < 1:
        raise ValueError(f"{name}: x needs a channel axis, got a scalar")
    return x, x.astype(_check.wide(x.dtype))


def _entries(
    name: str, what: str, given: Arrays, keys: Sequence[str], channels: int, dtype: jnp.dtype
) -> tuple[jax.Array, ...]:
    missing = [key for key in keys if key not in given]
    if missing:
        raise KeyError(f"{name}: {what} needs {list(keys)}, got {sorted(given)}")
    values = [_check.floating(name, f"{what}[{key!r}]", given[key]) for key in keys]
    for key, value in zip(keys, values, strict=True):
        if value.shape != (channels,):
            raise ValueError(
                f"{name}: {what}[{key!r}] must have shape ({channels},), got {value.shape}"
            )
    return tuple(value.astype(dtype) for value in values)


def _moments(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance over ``axes``, which stay with length 1.

    In two passes: E[x^2] - E[x]^2 cancels where the mean is large.
    """
    mean = jnp.mean(x, axes, keepdims=True)
    return mean, jnp.mean(jnp.square(x - jnp.broadcast_to(mean, x.shape)), axes, keepdims=True)


def _channel_moments(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """As `_moments` over all axes but the last: (C,)."""
    mean = run("means", MEANS, None, x)
    return mean, run("means", MEANS, None, jnp.square(x - _spread(mean, x)))


def _running(old: jax.Array, wide: jax.Array, batch: jax.Array, momentum: float) -> jax.Array:
    new = momentum * wide + (1 - momentum) * lax.stop_gradient(batch)
    return new.astype(jnp.asarray(old).dtype)


def _spread(channel: jax.Array, x: jax.Array) -> jax.Array:
    return run("spread", SPREAD, None, channel, x.shape)


def _spreading(channel: jax.Array, x: jax.Array) -> Choice:
    return "spread", SPREAD, (channel, x.shape)


def _normalise(x: jax.Array, mean: jax.Array, var: jax.Array, eps: float) -> jax.Array:
    """``mean`` and ``var`` have x's rank, with length 1 where one number serves many."""
    factor = lax.rsqrt(var + eps)
    return (x - jnp.broadcast_to(mean, x.shape)) * jnp.broadcast_to(factor, x.shape)


def _scaled(x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
    return by_platform(_affine, x, scale, bias, choices=[_spreading(scale, x)])


def _affine(x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
    return x * _spread(scale, x) + _spread(bias, x)

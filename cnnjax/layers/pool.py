"""Pooling: the maximum or the mean of each window, channel by channel.

The window's length says how many image axes there are (an int means two): x is
(*batch, *image, C). Padding takes no part in a maximum; in a mean the caller must say whether it
counts, because libraries disagree (Flax counts it, Keras does not, PyTorch lets you choose).
Where inputs tie, the gradient of the maximum goes to the first in row-major order, as
`lax.reduce_window` defines it. Source: `jax.lax.reduce_window`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax import geometry
from cnnjax.explicit import Split, over_mesh, splits
from cnnjax.geometry import Padding, Pads
from cnnjax.layers import _check
from cnnjax.lowerings import MAX_POOL, SUM_POOL, run


def max_pool(
    x: jax.Array,
    window: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    ceil_mode: bool = False,
    lowering: str | None = None,
) -> jax.Array:
    """Take the maximum of each window: (*batch, *image, C) -> (*batch, *image', C).

    ``window`` is an int (two image axes) or one int an image axis; ``stride`` None is the window.
    Padding is minus infinity (the smallest integer), so it never wins. Integers and floats.
    ``ceil_mode`` rounds the number of outputs up as PyTorch does: the last window may stick out.
    ``lowering`` names the way to compute it, one of `cnnjax.lowerings.MAX_POOL`; None picks one by
    platform and shape. They are the same function with the same gradient.

    Errors: ValueError for shapes that do not fit, and where a window would lie in the padding
    alone - it has no maximum.

    >>> import jax.numpy as jnp
    >>> max_pool(jnp.ones((8, 25, 25, 128)), 2).shape
    (8, 12, 12, 128)
    >>> max_pool(jnp.ones((8, 25, 25, 128)), 2, padding="SAME").shape
    (8, 13, 13, 128)
    """
    x = _check.array("max_pool", "x", x)
    window, stride, _, pads = _resolve("max_pool", x, window, stride, padding, ceil_mode)
    _refuse_empty_windows("max_pool", x, window, stride, pads)
    _refuse_unordered("max_pool", x)

    def compute(x: jax.Array) -> jax.Array:
        return run("max_pool", MAX_POOL, lowering, x, window, stride, pads)

    return over_mesh(compute, x, out=lambda: splits(x))


def avg_pool(
    x: jax.Array,
    window: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
    ceil_mode: bool = False,
    count_padding: bool | None = None,
) -> jax.Array:
    """Take the mean of each window: (*batch, *image, C) -> (*batch, *image', C).

    ``window`` is an int (two image axes) or one int an image axis; ``stride`` None is the window.
    ``count_padding`` says what a window that overlaps the padding is divided by: True, by all its
    cells (padding counts as zeros); False, by those inside the image. ``ceil_mode`` is as in
    `max_pool`; what sticks out beyond the padding never counts. Floats only; sums are kept in
    float32 for narrower dtypes.

    Errors: TypeError where anything is padded and ``count_padding`` is not given, ValueError for
    shapes that do not fit, and where an uncounted window would lie in the padding alone.

    >>> import jax.numpy as jnp
    >>> x = jnp.ones((3, 1))
    >>> avg_pool(x, (2,), stride=1, padding=(1, 0), count_padding=True)[:, 0].tolist()
    [0.5, 1.0, 1.0]
    >>> avg_pool(x, (2,), stride=1, padding=(1, 0), count_padding=False)[:, 0].tolist()
    [1.0, 1.0, 1.0]
    """
    x = _check.floating("avg_pool", "x", x)
    window, stride, given, pads = _resolve("avg_pool", x, window, stride, padding, ceil_mode)
    padded = any(p != 0 for pair in given for p in pair)
    if padded and count_padding is None:
        raise TypeError(
            f"avg_pool: padding {padding!r} pads {given}: give count_padding=True (divide by the "
            "whole window) or False (by the cells inside the image)"
        )
    counted = given if count_padding else ((0, 0),) * len(window)  # whose cells count
    image = x.shape[-len(window) - 1 : -1]
    divided = counted != pads
    if divided and not count_padding:
        _refuse_empty_windows("avg_pool", x, window, stride, pads)

    def compute(x: jax.Array) -> jax.Array:
        wide = x.astype(_check.wide(x.dtype))
        total = run("sum_pool", SUM_POOL, None, wide, window, stride, pads)
        if not divided:
            return (total / np.array(math.prod(window), wide.dtype)).astype(x.dtype)
        cells = [n + low + high for n, (low, high) in zip(image, counted, strict=True)]
        beyond = [(a - c, b - d) for (a, b), (c, d) in zip(pads, counted, strict=True)]
        ones = jnp.ones((*cells, 1), wide.dtype)
        inside = SUM_POOL["lax"].run(ones, window, stride, tuple(beyond))
        inside = inside.reshape((1,) * (x.ndim - inside.ndim) + inside.shape)
        return (total / jnp.broadcast_to(inside, total.shape)).astype(x.dtype)

    return over_mesh(compute, x, out=lambda: splits(x))


def global_avg_pool(x: jax.Array, *, spatial: int = 2) -> jax.Array:
    """Average over the ``spatial`` image axes: (*batch, *image, C) -> (*batch, C). Floats only.

    Sums are kept in float32 for narrower dtypes.

    >>> import jax.numpy as jnp
    >>> global_avg_pool(jnp.ones((8, 7, 7, 512))).shape
    (8, 512)
    """
    x = _check.floating("global_avg_pool", "x", x)
    _refuse_empty_image("global_avg_pool", x, spatial)

    def compute(x: jax.Array) -> jax.Array:
        return jnp.mean(x, _image_axes(spatial))

    return over_mesh(compute, x, out=lambda: _without_image(x, spatial))


def global_max_pool(x: jax.Array, *, spatial: int = 2) -> jax.Array:
    """Take the maximum over the ``spatial`` image axes: (*batch, *image, C) -> (*batch, C).

    The same function as `max_pool` with the image as window: the first of equal inputs gets the
    gradient (`jnp.max` splits it among them).

    >>> import jax.numpy as jnp
    >>> global_max_pool(jnp.ones((8, 7, 7, 512))).shape
    (8, 512)
    """
    x = _check.array("global_max_pool", "x", x)
    _refuse_empty_image("global_max_pool", x, spatial)
    image = x.shape[-spatial - 1 : -1]
    _refuse_unordered("global_max_pool", x)

    def compute(x: jax.Array) -> jax.Array:
        y = MAX_POOL["lax"].run(x, image, image, ((0, 0),) * spatial)
        return y.reshape(*x.shape[: -spatial - 1], x.shape[-1])

    return over_mesh(compute, x, out=lambda: _without_image(x, spatial))


def _without_image(x: jax.Array, spatial: int) -> Split:
    return (*splits(x)[: -spatial - 1], splits(x)[-1])


def _image_axes(spatial: int) -> tuple[int, ...]:
    return tuple(range(-spatial - 1, -1))


def _refuse_empty_image(name: str, x: jax.Array, spatial: int) -> None:
    _check.spatial_axes(name, x, spatial)
    if any(isinstance(n, int) and n == 0 for n in x.shape[-spatial - 1 : -1]):
        raise ValueError(f"{name}: x has no cells to pool, got shape {x.shape}")


def _resolve(
    name: str,
    x: jax.Array,
    window: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: Padding,
    ceil_mode: bool,
) -> tuple[tuple[int, ...], tuple[int, ...], Pads, Pads]:
    """Window and stride, one an axis; the padding that was asked for, and with what rounding up
    takes."""
    axes = len(window) if isinstance(window, Sequence) else 2
    window = geometry.per_axis(window, axes, name=f"{name}: window")
    _check.spatial_axes(name, x, axes)
    stride = geometry.per_axis(window if stride is None else stride, axes, name=f"{name}: stride")
    image = x.shape[-axes - 1 : -1]
    given = geometry.pads(padding, image, window, stride, caller=name)
    pads = given
    if ceil_mode:
        pads = geometry.ceil_pads(image, window, stride, given, caller=name)
    geometry.output_size(image, window, stride, pads=pads, caller=name)
    return window, stride, given, pads


def _refuse_empty_windows(
    name: str, x: jax.Array, window: Sequence[int], stride: Sequence[int], pads: Pads
) -> None:
    """Raise where some window touches no cell of the image (checked for known sizes only)."""
    image = x.shape[-len(window) - 1 : -1]
    for axis, (n, k, s, (low, high)) in enumerate(zip(image, window, stride, pads, strict=True)):
        if not all(isinstance(v, int) for v in (n, low, high)):
            continue
        last = (n + low + high - k) // s * s - low
        if low >= k or last >= n:
            raise ValueError(
                f"{name}: padding ({low}, {high}) leaves a window of {k} without any cell of "
                f"spatial axis {axis} (size {n}, stride {s}); pad less than the window"
            )


def _refuse_unordered(name: str, x: jax.Array) -> None:
    if not jnp.issubdtype(x.dtype, jnp.floating) and not jnp.issubdtype(x.dtype, jnp.integer):
        raise TypeError(f"{name}: x must hold integers or floats, got {x.dtype}")

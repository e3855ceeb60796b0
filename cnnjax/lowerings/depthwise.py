"""Depthwise convolution as a sum of shifted images, each times one tap of the kernel.

A depthwise convolution is a few multiplications an element. XLA's CPU backend runs it through the
machinery of dense convolutions, 20 to 60 times slower than one fused loop.

The kernel's gradient has another form, because it is a sum over all pixels and a CPU sums slowly
over leading axes: for each tap the product of image and cotangent is written out and summed by a
product with ones. Images go through in pieces, so that the products stay in the cache; all at once
they would be written to memory and read back, seven times slower. Both forms are the same linear
function of the kernel: the tangent takes the second, and what training runs is its transpose.

x is (N, *image, C), kernels are (*window, 1, C * copies); see `cnnjax.layers.conv`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from cnnjax.lowerings.bias import spread
from cnnjax.lowerings.conv import Geometry

__all__ = ["fits", "shifted"]

# The products of one tap, in bytes: nine of them, image and cotangent fit in a cache of 32 MiB.
_PIECE = 1 << 20


def fits(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether `shifted` can take this call: depthwise, floats, sizes that are known."""
    known = all(isinstance(n, int) for n in (*x.shape, *kernel.shape))
    return (
        known
        and not isinstance(geometry.pads, str)
        and geometry.groups == x.shape[-1]
        and x.size > 0
        and jnp.issubdtype(x.dtype, jnp.floating)
    )


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def shifted(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """A depthwise convolution as a sum of shifted images. Needs `fits`.

    Sums are kept in float32 for narrower dtypes.

    >>> geometry = Geometry((1,), ((1, 1),), (1,), groups=2)
    >>> kernel = jnp.asarray([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])[:, None]
    >>> shifted(jnp.asarray([[[1.0, 1.0], [2.0, 2.0]]]), kernel, geometry)[0].tolist()
    [[0.0, 2.0], [1.0, 4.0]]
    """
    return _taps(x, kernel, geometry, _broadcast)


def _shifted_jvp(geometry: Geometry, primals: Any, tangents: Any) -> Any:
    (x, kernel), (dx, dkernel) = primals, tangents
    # Both are written out: left to itself, XLA computes all taps again in whatever reads them.
    y = lax.optimization_barrier(shifted(x, kernel, geometry))
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_image_tangent(dx, kernel, geometry))
    if not isinstance(dkernel, SymbolicZero):
        parts.append(_kernel_tangent(x, dkernel, geometry))
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


shifted.defjvp(_shifted_jvp, symbolic_zeros=True)


def _image_tangent(dx: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`shifted` as a function of dx, written as the transpose of the gradient."""
    if kernel.shape[-1] != dx.shape[-1]:
        return lax.optimization_barrier(shifted(dx, kernel, geometry))
    assert not isinstance(geometry.pads, str)
    axes = kernel.ndim - 2
    y = jax.eval_shape(lambda x: shifted(x, kernel, geometry), dx)
    edges = []
    for n, m, k, s, d, (low, _) in zip(
        dx.shape[1:-1], y.shape[1:-1], kernel.shape, geometry.stride, geometry.dilation, geometry.pads
    ):
        edges.append(((k - 1) * d - low, low + n - 1 - (m - 1) * s, s - 1))
    flipped = lax.rev(kernel, tuple(range(axes)))

    def gradient(g: jax.Array) -> jax.Array:
        g = lax.pad(g, jnp.zeros((), g.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
        how = Geometry((1,) * axes, ((0, 0),) * axes, geometry.dilation, geometry.groups)
        return lax.optimization_barrier(_taps(g, flipped, how, _broadcast))

    return jax.linear_transpose(gradient, y)(dx)[0]


def _kernel_tangent(x: jax.Array, dkernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`shifted` as a function of dkernel, some images at a time."""
    image = math.prod(x.shape[1:]) * x.dtype.itemsize * dkernel.shape[-1] // x.shape[-1]
    each = _divisor(x.shape[0], max(1, _PIECE // image))

    @partial(jax.checkpoint, prevent_cse=False)  # keeps the image, not a copy for each tap
    def some(x: jax.Array, dkernel: jax.Array) -> jax.Array:
        return _taps(x, dkernel, geometry, spread)

    if each == x.shape[0]:
        return some(x, dkernel)
    dy = lax.map(lambda x: some(x, dkernel), x.reshape(-1, each, *x.shape[1:]))
    return dy.reshape(-1, *dy.shape[2:])


def _divisor(count: int, most: int) -> int:
    """The largest divisor of ``count`` that is not above ``most``."""
    return next(n for n in range(min(most, count), 0, -1) if count % n == 0)


def _taps(
    x: jax.Array,
    kernel: jax.Array,
    geometry: Geometry,
    fill: Callable[[jax.Array, tuple[int, ...]], jax.Array],
) -> jax.Array:
    """The sum over the kernel's taps; ``fill`` brings a tap's factors (O,) to an image's shape."""
    window, outputs = kernel.shape[:-2], kernel.shape[-1]
    wide = jnp.dtype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x.dtype
    copies = outputs // x.shape[-1]
    assert not isinstance(geometry.pads, str)
    edges = [(low, high, 0) for low, high in geometry.pads]
    # Written out once, so that the taps read one array instead of testing for the border.
    ready = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    ready = lax.optimization_barrier(ready)
    size = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, d, s in zip(
            ready.shape[1:-1], window, geometry.dilation, geometry.stride, strict=True
        )
    ]
    total: Any = None
    for tap in np.ndindex(*window):
        first = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        last = [f + (m - 1) * s + 1 for f, m, s in zip(first, size, geometry.stride, strict=True)]
        cells = lax.slice(
            ready,
            (0, *first, 0),
            (x.shape[0], *last, x.shape[-1]),
            (1, *geometry.stride, 1),
        ).astype(wide)
        if copies > 1:  # output c * copies + m reads channel c
            cells = jnp.repeat(cells, copies, axis=-1)
        term = cells * fill(kernel[tap][0].astype(wide), cells.shape)
        total = term if total is None else total + term
    return total.astype(x.dtype)


def _broadcast(factor: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return lax.broadcast_in_dim(factor, shape, (len(shape) - 1,))

"""Convolution of few pixels as one product of matrices: every window is a row ("im2col").

    Y = P K     P (pixels', taps * C) has the window of each output, K is the kernel (taps * C, O)

so that the gradients are the products P^T G, in the kernel's own layout, and G K^T, whose rows are
added up where windows overlap (Chellapilla, Puri and Simard, High performance convolutional neural
networks for document processing, 2006).

P is the image as often as a window has taps: for large images that costs more than it saves. It
pays on a CPU in two places. With few pixels and many channels time goes into reading the kernel,
and the gradients of `canonical` copy it into another layout first. And where a window has more taps
than the image has pixels along an axis, XLA's CPU backend leaves its fast convolutions for a plain
loop, 10 to 100 times slower: a 3x3 window on a 2x2 image, or, in the image's gradient, on 2x2
outputs. Where only the gradients gain, the forward pass is `plain`.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from cnnjax.lowerings.blocked import fits
from cnnjax.lowerings.conv import Geometry, output_size, plain

__all__ = ["fits", "patches", "pays"]

# Measured on a CPU with two cores: the images of a batch below which the products are the faster
# gradients (from four on XLA is asked for another library, see `train/compiler.py`), the pixels of
# all outputs, without a stride and with one, and the numbers of a kernel.
_IMAGES, _PIXELS, _STRIDED, _KERNEL = 4, 200, 256, 100_000


def pays(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether it is the faster way on a CPU, of calls that fit; measured, see README.md."""
    size = output_size(x, kernel, geometry)
    pixels = x.shape[0] * math.prod(size)
    few = _PIXELS if set(geometry.stride) == {1} else _STRIDED
    return _beyond(kernel, x.shape[1:-1]) or _beyond(kernel, size) or (
        x.dtype == jnp.float32
        and x.shape[0] < _IMAGES
        and pixels <= few
        and kernel.size >= _KERNEL
    )  # fmt: skip


def _beyond(kernel: jax.Array, image: tuple[int, ...]) -> bool:
    """Whether the window has more taps than the image has pixels, along some axis."""
    return any(taps > pixels for taps, pixels in zip(kernel.shape[:-2], image, strict=True))


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def patches(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """As `cnnjax.lowerings.conv.plain`, with gradients by products of windows. Needs `fits`.

    >>> geometry = Geometry((1,), ((1, 1),), (1,))
    >>> patches(jnp.ones((1, 2, 1)), jnp.ones((3, 1, 1)), geometry)[0, :, 0].tolist()
    [2.0, 2.0]
    """
    run = _product if _beyond(kernel, x.shape[1:-1]) else plain
    return run(x, kernel, geometry)


def _patches_jvp(geometry: Geometry, primals: Any, tangents: Any) -> Any:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = patches(x, kernel, geometry)
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_product(dx, kernel, geometry))
    if not isinstance(dkernel, SymbolicZero):
        parts.append(_product(x, dkernel, geometry))
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


patches.defjvp(_patches_jvp, symbolic_zeros=True)


def _product(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    rows = _windows(x, kernel, geometry)
    flat = rows.reshape(-1, rows.shape[-1])
    y = lax.dot(flat, kernel.reshape(-1, kernel.shape[-1]), precision=geometry.precision)
    return y.reshape(*rows.shape[:-1], -1)


def _windows(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """What each output reads: (N, *image', taps * C)."""
    size = output_size(x, kernel, geometry)
    edges = [(low, high, 0) for low, high in geometry.known_pads]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    parts = []
    for tap in np.ndindex(*kernel.shape[:-2]):
        start = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        stop = [a + (m - 1) * s + 1 for a, m, s in zip(start, size, geometry.stride, strict=True)]
        ends = (x.shape[0], *stop, x.shape[-1])
        parts.append(lax.slice(x, (0, *start, 0), ends, (1, *geometry.stride, 1)))
    return lax.concatenate(parts, x.ndim - 1)

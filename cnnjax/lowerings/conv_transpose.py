"""Ways to compute a transposed convolution; all are the same function of x and kernel.

    lax       x with zeros between its pixels, convolved with the flipped kernel
    spread    the same, but the convolution is a layer's: in the lowering that `conv` would take
    phases    without zeros: the taps that meet pixels of the same phase are a small kernel of their
              own, all phases are one convolution, and its channels are laid out as pixels

With a stride of s, all but one in s of the pixels that `lax` multiplies along an axis are zeros
that it has put there itself; `phases` multiplies none of them. It is what is called sub-pixel
convolution (Shi et al., Is the deconvolution layer the same as a convolutional layer?, 2016).

x is (N, *image', O), kernels are (*window, C // groups, O), and the result (N, *size, C), the image
of the convolution that is undone; see `cnnjax.layers.conv_transpose`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax.geometry import Pads, extent
from cnnjax.lowerings import conv
from cnnjax.lowerings.conv import Geometry
from cnnjax.lowerings.conv_table import CONV
from cnnjax.lowerings.platforms import run

Conv = Callable[[jax.Array, jax.Array, Geometry], jax.Array]


def plain(x: jax.Array, kernel: jax.Array, geometry: Geometry, size: Sequence[Any]) -> jax.Array:
    """Zeros between the pixels, then `lax.conv_general_dilated`.

    >>> geometry = Geometry((2,), ((0, 0),), (1,))
    >>> kernel = jnp.asarray([1.0, 10.0, 100.0])[:, None, None]
    >>> plain(jnp.asarray([[[1.0], [2.0]]]), kernel, geometry, (5,))[0, :, 0].tolist()
    [1.0, 10.0, 102.0, 20.0, 200.0]
    """
    return _spread(conv.plain, x, kernel, geometry, size)


def spread(x: jax.Array, kernel: jax.Array, geometry: Geometry, size: Sequence[Any]) -> jax.Array:
    """As `plain`, with the convolution that `cnnjax.conv` would choose."""
    return _spread(_chosen, x, kernel, geometry, size)


def phases_fit(x: jax.Array, kernel: jax.Array, geometry: Geometry, size: Sequence[Any]) -> bool:
    """Whether `phases` can take this call: known sizes, no dilation, one group."""
    known = all(isinstance(n, int) for n in (*x.shape, *kernel.shape, *size))
    return (
        known
        and not isinstance(geometry.pads, str)
        and all(d == 1 for d in geometry.dilation)
        and geometry.groups == 1
    )


def phases(x: jax.Array, kernel: jax.Array, geometry: Geometry, size: Sequence[int]) -> jax.Array:
    """A convolution for each phase of the stride. Needs `phases_fit`.

    >>> geometry = Geometry((2,), ((0, 0),), (1,))
    >>> kernel = jnp.asarray([1.0, 10.0, 100.0])[:, None, None]
    >>> phases(jnp.asarray([[[1.0], [2.0]]]), kernel, geometry, (5,))[0, :, 0].tolist()
    [1.0, 10.0, 102.0, 20.0, 200.0]
    """
    axes, stride = kernel.ndim - 2, geometry.stride
    assert not isinstance(geometry.pads, str)
    # Tap s u + p adds pixel m to element s (m + u) + p: a convolution over u for each p.
    taps = [-(-k // s) for k, s in zip(kernel.shape[:axes], stride, strict=True)]
    missing = [(0, u * s - k, 0) for u, s, k in zip(taps, stride, kernel.shape, strict=False)]
    kernel = lax.pad(kernel, jnp.zeros((), kernel.dtype), (*missing, (0, 0, 0), (0, 0, 0)))
    split = [n for pair in zip(taps, stride, strict=True) for n in pair]
    kernel = kernel.reshape(*split, *kernel.shape[axes:])
    order = (*range(0, 2 * axes, 2), 2 * axes + 1, *range(1, 2 * axes, 2), 2 * axes)
    kernel = jnp.flip(kernel.transpose(order), tuple(range(axes)))
    channels = kernel.shape[-1]
    kernel = kernel.reshape(*taps, x.shape[-1], math.prod(stride) * channels)
    # Zeros of our own around x: a convolution that pads by more than half a window has gradients
    # that XLA's CPU backend is slow at.
    around = ((0, 0, 0), *((u - 1, u - 1, 0) for u in taps), (0, 0, 0))
    x = lax.pad(x, jnp.zeros((), x.dtype), around)
    ones, none = (1,) * axes, ((0, 0),) * axes
    y = _chosen(x, kernel, Geometry(ones, none, ones, 1, geometry.precision))

    places = y.shape[1:-1]
    y = y.reshape(y.shape[0], *places, *stride, channels)
    order = (0, *(a for d in range(axes) for a in (1 + d, 1 + axes + d)), 2 * axes + 1)
    full = [n * s for n, s in zip(places, stride, strict=True)]
    y = y.transpose(order).reshape(y.shape[0], *full, channels)
    # Element i of the image is element i + low of what all taps give; beyond, no tap reaches.
    edges = [
        (-low, n + low - have, 0)
        for n, have, (low, _) in zip(size, full, geometry.pads, strict=True)
    ]
    return lax.pad(y, jnp.zeros((), y.dtype), ((0, 0, 0), *edges, (0, 0, 0)))


def _chosen(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    return run("conv", CONV, None, x, kernel, geometry)


def _spread(
    conv: Conv, x: jax.Array, kernel: jax.Array, geometry: Geometry, size: Sequence[Any]
) -> jax.Array:
    axes = kernel.ndim - 2
    assert not isinstance(geometry.pads, str)
    # Spread x by the stride, surround it so that every tap of the flipped kernel meets it, and
    # convolve with stride 1. Padding of the convolution is crop here: the edges may be negative.
    # Explicit zeros, not lhs_dilation: the kernel's gradient is 2 to 16 times faster on a CPU.
    spans = [extent(k, d) for k, d in zip(kernel.shape[:axes], geometry.dilation, strict=True)]
    edges = [
        (e - 1 - low, low + n - 1 - (m - 1) * s, s - 1)
        for e, n, m, s, (low, _) in zip(
            spans, size, x.shape[1:-1], geometry.stride, geometry.pads, strict=True
        )
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *edges, (0, 0, 0)))
    none: Pads = ((0, 0),) * axes
    inner = Geometry((1,) * axes, none, geometry.dilation, geometry.groups, geometry.precision)
    return conv(x, _adjoint_kernel(kernel, axes, geometry.groups), inner)


def _adjoint_kernel(kernel: jax.Array, axes: int, groups: int) -> jax.Array:
    """(*window, C // groups, O) -> (*window, O // groups, C), flipped along the window."""
    *window, inputs, outputs = kernel.shape
    kernel = kernel.reshape(*window, inputs, groups, outputs // groups)
    kernel = jnp.moveaxis(kernel, -1, axes)  # (*window, O // groups, C // groups, groups)
    kernel = jnp.swapaxes(kernel, -1, -2)
    kernel = kernel.reshape(*window, outputs // groups, groups * inputs)
    return jnp.flip(kernel, tuple(range(axes)))

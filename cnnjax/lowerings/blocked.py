"""Convolution of few channels as one product of matrices, several neighbouring outputs a row.

The usual way to turn a convolution into a product (im2col) writes for each output the pixels of its
window into a row, and multiplies by the kernel, (taps * C, O). With few channels both are thin:
the copies cost more than the product, and the product runs far below the speed of square ones.
Here a row holds what b neighbouring outputs of the last image axis read together, and the matrix is
the kernel b times, each time shifted by one stride:

    (taps - 1) dilation + (b - 1) stride + 1 columns in a row   for b outputs
    (columns * C, b * O)                                        the matrix, a band with zeros

so that, with 5 taps and b = 4, there are 8 columns instead of 20 to copy, and 1.6 times as many
multiplications in a product 4 times as wide. All parts are linear and their derivatives natural:
both gradients are products with the same rows, or with the same matrix.

As with Winograd's tiles, what is not finite spreads: a NaN or an infinity, times the band's zeros,
makes NaNs of the whole block that reads it.

x is (N, *image, C), kernels are (*window, C, O); see `cnnjax.layers.conv`.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.lowerings.conv import Geometry, output_size

__all__ = ["blocked", "fits", "pays"]

_WIDE, _MOST = 64, 4  # columns of the matrix, and neighbours; measured on a CPU
# The largest kernels that pay: with few outputs and rows that stay in the cache, and otherwise.
_LARGE, _SMALL, _FEW, _CACHE = 2400, 2000, 16, 4 << 20
_BATCH = 8  # for smaller ones `cnnjax.train.compiler` takes a backend good at many outputs


def fits(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether `blocked` can take this call: floats of known sizes, one group."""
    return (
        all(isinstance(n, int) for n in (*x.shape, *kernel.shape))
        and not isinstance(geometry.pads, str)
        and geometry.groups == 1
        and jnp.issubdtype(x.dtype, jnp.floating)
        and x.size > 0
        and kernel.size > 0
        and min(output_size(x, kernel, geometry)) > 0
    )


def pays(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether it is the faster way on a CPU, of calls that fit; measured, see README.md.

    Few channels (of 8 and more XLA fills its vectors), small kernels, images without strides.
    """
    channels, outputs = kernel.shape[-2:]
    size = output_size(x, kernel, geometry)
    block = _block(size[-1], outputs)
    row = math.prod(kernel.shape[:-3]) * _columns(kernel, geometry, block) * channels
    rows = x.shape[0] * math.prod(size) // block * row * x.dtype.itemsize
    return (
        kernel.ndim == 4
        and x.dtype == jnp.float32
        and geometry.stride == geometry.dilation == (1, 1)
        and channels < 8
        and (x.shape[0] >= _BATCH or outputs <= _FEW)
        and kernel.size <= (_LARGE if outputs <= _FEW and rows <= _CACHE else _SMALL)
    )


def blocked(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """As `cnnjax.lowerings.conv.plain`, by a product with a band matrix. Needs `fits`.

    >>> geometry = Geometry((1,), ((1, 1),), (1,))
    >>> blocked(jnp.ones((1, 3, 1)), jnp.ones((3, 1, 1)), geometry)[0, :, 0].tolist()
    [2.0, 3.0, 2.0]
    """
    size = output_size(x, kernel, geometry)
    block = _block(size[-1], kernel.shape[-1])
    rows = _rows(x, kernel, geometry, block)
    matrix = _band(kernel, geometry, block)
    y = lax.dot(rows.reshape(-1, len(matrix)), matrix, precision=geometry.precision)
    y = y.reshape(*rows.shape[:-2], -1, kernel.shape[-1])
    return lax.slice_in_dim(y, 0, size[-1], axis=-2)


def _block(outputs: int, channels: int) -> int:
    """How many neighbours share a row: all blocks alike, if that does not make them small."""
    wanted = min(outputs, max(1, min(_MOST, _WIDE // channels)))
    alike = next(n for n in range(wanted, 0, -1) if outputs % n == 0)
    return alike if 2 * alike >= wanted else wanted


def _columns(kernel: jax.Array, geometry: Geometry, block: int) -> int:
    """How many columns of the image a block reads."""
    return (block - 1) * geometry.stride[-1] + (kernel.shape[-3] - 1) * geometry.dilation[-1] + 1


def _rows(x: jax.Array, kernel: jax.Array, geometry: Geometry, block: int) -> jax.Array:
    """What each block reads: (N, *image', blocks, taps of the leading axes * columns * C)."""
    size = output_size(x, kernel, geometry)
    columns, step = _columns(kernel, geometry, block), block * geometry.stride[-1]
    blocks, pieces = -(-size[-1] // block), -(-columns // step)
    pads = geometry.known_pads
    low = pads[-1][0]
    edges = [*pads[:-1], (low, (blocks + pieces - 1) * step - low - x.shape[-2])]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *((*edge, 0) for edge in edges), (0, 0, 0)))
    # Column by column first, in runs as long as the memory allows; then whole rows of columns.
    parts = []
    for first in range(0, columns, step):
        part = lax.slice_in_dim(x, first, first + blocks * step, axis=-2)
        part = part.reshape(*x.shape[:-2], blocks, step, x.shape[-1])
        part = lax.slice_in_dim(part, 0, min(step, columns - first), axis=-2)
        parts.append(part.reshape(*part.shape[:-2], -1))
    x = lax.concatenate(parts, x.ndim - 1)
    parts = []
    for tap in np.ndindex(*kernel.shape[:-3]):
        start = [t * d for t, d in zip(tap, geometry.dilation[:-1], strict=True)]
        stop = [
            a + (m - 1) * s + 1
            for a, m, s in zip(start, size[:-1], geometry.stride[:-1], strict=True)
        ]
        parts.append(
            lax.slice(
                x,
                (0, *start, 0, 0),
                (x.shape[0], *stop, *x.shape[-2:]),
                (1, *geometry.stride[:-1], 1, 1),
            )
        )
    return lax.concatenate(parts, x.ndim - 1)


def _band(kernel: jax.Array, geometry: Geometry, block: int) -> jax.Array:
    """The kernel once for each output of a block: (taps * columns * C, block * O)."""
    lead = ((0, 0, 0),) * (kernel.ndim - 3)
    shifted = [
        lax.pad(
            kernel,
            jnp.zeros((), kernel.dtype),
            (
                *lead,
                (
                    output * geometry.stride[-1],
                    (block - 1 - output) * geometry.stride[-1],
                    geometry.dilation[-1] - 1,
                ),
                (0, 0, 0),
                (0, 0, 0),
            ),
        )
        for output in range(block)
    ]
    return jnp.stack(shifted, -2).reshape(
        math.prod(shifted[0].shape[:-1]), block * kernel.shape[-1]
    )

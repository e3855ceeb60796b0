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
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.lowerings import channels
from cnnjax.lowerings.conv import Geometry, output_size

__all__ = ["Blocks", "band", "blocked", "blocks_of", "few_channels", "fits", "neighbours", "pays"]

_WIDE, _MOST = 64, 4  # columns of the matrix, and neighbours in a row; measured on a CPU
# The largest kernels that pay: with few images, or few outputs, and rows of so many bytes at most;
# and otherwise.
_LARGE, _SMALL = 2400, 2000
_FEW_IMAGES, _IMAGES_ROWS = 7, 8 << 20
_FEW_OUTPUTS, _OUTPUTS_ROWS = 16, 4 << 20


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

    Few channels and small kernels.
    """
    rows = _row_bytes(x, kernel, geometry)
    large = (x.shape[0] <= _FEW_IMAGES and rows <= _IMAGES_ROWS) or (
        kernel.shape[-1] <= _FEW_OUTPUTS and rows <= _OUTPUTS_ROWS
    )
    return few_channels(x, kernel, geometry) and kernel.size <= (_LARGE if large else _SMALL)


def few_channels(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Of 8 and more channels XLA fills its vectors; and strides leave little to share."""
    return (
        kernel.ndim == 4
        and x.dtype == jnp.float32
        and geometry.stride == geometry.dilation == (1, 1)
        and kernel.shape[-2] < 8
    )


def _row_bytes(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> int:
    size = output_size(x, kernel, geometry)
    cut = blocks_of(x, kernel, geometry)
    row = math.prod(kernel.shape[:-3]) * cut.columns * kernel.shape[-2]
    return x.shape[0] * math.prod(size) // cut.size * row * x.dtype.itemsize


@dataclass(frozen=True)
class Blocks:
    """How the outputs along the last image axis are cut.

    size: neighbouring outputs of a block. step: columns of the image from one block to the next.
    columns: how many of them a block reads. count: of blocks. pieces: steps that hold its columns.
    edge: the padding of the axis that makes it a whole number of steps, all that the blocks read.
    """

    size: int
    step: int
    columns: int
    count: int
    pieces: int
    edge: tuple[int, int]


def blocks_of(x: jax.Array, kernel: jax.Array, geometry: Geometry, wide: int = _WIDE) -> Blocks:
    """The blocks of a call that `fits`, of ``wide`` output channels at most where it can be."""
    outputs, stride = output_size(x, kernel, geometry)[-1], geometry.stride[-1]
    size = neighbours(outputs, kernel.shape[-1], wide)
    step = size * stride
    columns = (size - 1) * stride + (kernel.shape[-3] - 1) * geometry.dilation[-1] + 1
    count, pieces = -(-outputs // size), -(-columns // step)
    low = geometry.known_pads[-1][0]
    edge = low, (count + pieces - 1) * step - low - x.shape[-2]
    return Blocks(size, step, columns, count, pieces, edge)


def neighbours(size: int, outputs: int, wide: int = _WIDE) -> int:
    """How many of ``size`` neighbours, of ``outputs`` channels each, make ``wide`` columns.

    >>> [neighbours(size, 6) for size in (28, 27, 29, 1)]
    [4, 3, 4, 1]
    >>> neighbours(28, 64), neighbours(28, 64, wide=128)
    (1, 2)
    """
    wanted = min(size, max(1, min(_MOST, wide // outputs)))
    alike = next(n for n in range(wanted, 0, -1) if size % n == 0)
    return alike if 2 * alike >= wanted else wanted  # all rows alike, if that keeps them long


def blocked(
    x: jax.Array, kernel: jax.Array, geometry: Geometry, bias: jax.Array | None = None
) -> jax.Array:
    """As `cnnjax.lowerings.conv.plain`, by a product with a band matrix; with a bias where one is
    given. Needs `fits`.

    >>> geometry = Geometry((1,), ((1, 1),), (1,))
    >>> blocked(jnp.ones((1, 3, 1)), jnp.ones((3, 1, 1)), geometry)[0, :, 0].tolist()
    [2.0, 3.0, 2.0]
    """
    size = output_size(x, kernel, geometry)
    cut = blocks_of(x, kernel, geometry)
    rows = _rows(_added_up(x), kernel, geometry, cut)
    matrix = band(kernel, geometry, cut.size)
    y = lax.dot(rows.reshape(-1, len(matrix)), matrix, precision=geometry.precision)
    if bias is not None:
        # Row by row too, so that both gradients read the cotangent in one form: XLA would compute
        # it for each of two forms.
        spread = channels.spread if channels.fits(y.dtype, y.shape) else channels.plain_spread
        y = y + spread(jnp.tile(bias, cut.size), y.shape)
    y = y.reshape(*rows.shape[:-2], -1, kernel.shape[-1])
    return lax.slice_in_dim(y, 0, size[-1], axis=-2)


def _rows(x: jax.Array, kernel: jax.Array, geometry: Geometry, cut: Blocks) -> jax.Array:
    """What each block reads: (N, *image', blocks, taps of the leading axes * columns * C)."""
    size = output_size(x, kernel, geometry)
    edges = [*geometry.known_pads[:-1], cut.edge]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *((*edge, 0) for edge in edges), (0, 0, 0)))
    # Two ways to cut; a few blocks as they are leave less to add up for the image's gradient.
    columns = _block_by_block if cut.count <= 2 * cut.pieces else _piece_by_piece
    x = columns(x, cut.count, cut.columns, cut.step)
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


@jax.custom_jvp
def _added_up(x: jax.Array) -> jax.Array:
    """x; its gradient goes through a product with the identity.

    The gradient is a sum over the blocks and rows that read a pixel. XLA would compute it once for
    each that reads it, four times behind a pool of 2x2; what a product reads, it computes once.
    """
    return x


@_added_up.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (dx,) = tangents
    # As wide as the rows of blocks: of few channels several neighbours a row.
    wide = neighbours(*dx.shape[-2:])
    rows = dx.reshape(-1, (wide if dx.shape[-2] % wide == 0 else 1) * dx.shape[-1])
    identity = jnp.eye(rows.shape[1], dtype=dx.dtype)
    same = lax.dot(rows, identity, precision=lax.Precision.HIGHEST)
    return _added_up(*primals), same.reshape(dx.shape)


def _block_by_block(x: jax.Array, blocks: int, columns: int, step: int) -> jax.Array:
    """The columns of each block: (N, *image, blocks, columns * C), a slice for every block."""
    flat = x.reshape(*x.shape[:-2], -1)  # a block's columns are one run of memory
    width, step = columns * x.shape[-1], step * x.shape[-1]
    first = range(0, blocks * step, step)
    return jnp.stack([lax.slice_in_dim(flat, a, a + width, axis=-1) for a in first], -2)


def _piece_by_piece(x: jax.Array, blocks: int, columns: int, step: int) -> jax.Array:
    """The same by a slice for every `step` columns of a block, of all blocks at once."""
    parts = []
    for first in range(0, columns, step):
        part = lax.slice_in_dim(x, first, first + blocks * step, axis=-2)
        part = part.reshape(*x.shape[:-2], blocks, step, x.shape[-1])
        part = lax.slice_in_dim(part, 0, min(step, columns - first), axis=-2)
        parts.append(part.reshape(*part.shape[:-2], -1))
    return lax.concatenate(parts, x.ndim - 1)


def band(kernel: jax.Array, geometry: Geometry, block: int) -> jax.Array:
    """The kernel once for each output of a block: (taps * columns * C, block * O).

    The same padded kernel over and over, a stride longer than a row: read row by row, each begins
    one stride further to the right than the one above. XLA compiles that faster than a stack of
    shifted kernels.
    """
    axis, zero = kernel.ndim - 3, jnp.zeros((), kernel.dtype)
    stride, dilation = geometry.stride[-1], geometry.dilation[-1]
    reach = (kernel.shape[axis] - 1) * dilation + 1
    columns = (block - 1) * stride + reach
    edges = [(0, 0, 0)] * kernel.ndim
    edges[axis] = (0, columns + stride - reach, dilation - 1)
    again = lax.pad(kernel, zero, edges)
    again = jnp.broadcast_to(
        jnp.expand_dims(again, axis), (*again.shape[:axis], block, *again.shape[axis:])
    )
    rows = again.reshape(*kernel.shape[:axis], -1, *kernel.shape[axis + 1 :])
    rows = lax.slice_in_dim(rows, 0, block * columns, axis=axis)
    rows = rows.reshape(*kernel.shape[:axis], block, columns, *kernel.shape[axis + 1 :])
    return jnp.moveaxis(rows, axis, -2).reshape(-1, block * kernel.shape[-1])

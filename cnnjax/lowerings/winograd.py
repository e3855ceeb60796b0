"""Convolution by Winograd's minimal filtering: fewer multiplications, more additions.

A tile of 4 outputs of a correlation with r taps is, read as polynomials, a transposed product of
degrees 3 and r - 1. It is determined by its values at n = r + 3 points, so that n multiplications
do where the direct form needs 4 r; in two dimensions 64 where it needs 400 (5x5), 36 where it needs
144 (3x3). With D a tile of n x n pixels and K a kernel:

    Y = A^T [ (G K G^T) * (B^T D B) ] A        * is elementwise, summed over channels: a product
                                               of matrices at each of the n x n points

(Winograd, Arithmetic complexity of computations, 1980; Lavin and Gray, Fast algorithms for
convolutional neural networks, 2016.) A, B and G come from the points exactly
(`winograd_matrices.py`), so that over the reals this is the convolution, not nearly that.

Two things make it pay on a CPU. Images go through in pieces whose tiles stay in the cache: all at
once, the transformed tiles would be written to memory and read back, and cost more than is saved.
And the transformed kernel is computed once for all of them. Derivatives are those of the parts,
which are linear: the backward pass is two products at each point, in pieces again. Tiles are
computed again there instead of being kept.

The price is rounding: see `winograd_matrices.amplification` for the worst case, and README.md for
what is certified.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.lowerings import channels
from cnnjax.lowerings.conv import Geometry, output_size
from cnnjax.lowerings.winograd_matrices import POINTS, TILE, matrices

__all__ = ["fits", "pays", "winograd"]

_TAPS = range(2, TILE + 2)  # a tile reads its own block of pixels and the next one, no third
# Tiles and their products of one piece of 3x3, in bytes; of larger windows the more, the more
# points they have. Measured on a CPU with 32 MiB of shared cache: twice as much is up to a
# twentieth slower for 3x3, half as much a tenth for the forward pass of 5x5.
PIECE = 10 << 20
# So many tiles pay, if all of them have at most so many times the outputs.
_MANY, _BEYOND = 90, 1.35
# Taps of a window times channels, of which there must be so many where the tiles of an image stay
# in the cache, and where they do not: 3x3 of 64 channels, 5x5 of 23; 128 and 46.
_CACHED = 9 << 20
_WORK_CACHED, _WORK = 560, 1150
_EXACT = lax.Precision.HIGHEST


def fits(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether `winograd` can take this call.

    Two image axes of known size, windows of 2 to 5 taps, no stride, dilation or groups, float32
    or wider.
    """
    known = all(isinstance(n, int) for n in (*x.shape, *kernel.shape))
    return (
        known
        and kernel.ndim == 4
        and all(taps in _TAPS for taps in kernel.shape[:2])
        and geometry.stride == geometry.dilation == (1, 1)
        and geometry.groups == 1
        and not isinstance(geometry.pads, str)
        and jnp.issubdtype(x.dtype, jnp.floating)
        and jnp.finfo(x.dtype).bits >= 32
        and x.size > 0
        and kernel.size > 0
        and min(output_size(x, kernel, geometry)) > 0
    )


def pays(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether it is the faster way on a CPU, of calls that fit; measured, see README.md.

    Many multiplications to save, many tiles that do not reach far beyond the image; float32, and a
    precision that does not ask for every bit.
    """
    inputs, outputs = kernel.shape[2:]
    size = output_size(x, kernel, geometry)
    tiles = _tiles_of(size)
    cached = _image_bytes(size, kernel.shape, x.dtype.itemsize) <= _CACHED
    work = math.prod(kernel.shape[:2]) * min(inputs, outputs)
    return (
        x.dtype == jnp.float32
        and geometry.precision is None
        and x.shape[0] * tiles >= _MANY
        and tiles * TILE**2 <= _BEYOND * math.prod(size)
        and work >= (_WORK_CACHED if cached else _WORK)
    )


def winograd(
    x: jax.Array, kernel: jax.Array, geometry: Geometry, bias: jax.Array | None = None
) -> jax.Array:
    """As `cnnjax.lowerings.conv.plain`, by Winograd's method; with a bias where one is given. Needs
    `fits`.

    >>> geometry = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1))
    >>> y = winograd(jnp.ones((1, 3, 3, 1)), jnp.ones((3, 3, 1, 1)), geometry)
    >>> jnp.round(y[0, :, :, 0], 4).tolist()
    [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    count = x.shape[0]
    size = output_size(x, kernel, geometry)
    weights = _kernel_at_points(kernel)
    pieces = _pieces(count, size, kernel.shape, x.dtype.itemsize)
    each = -(-count // pieces)
    if bias is not None:
        # One a tile, see `_outputs`.
        bias = channels.spread(bias, (each * _tiles_of(size), len(bias)))
    compute = jax.checkpoint(
        partial(_images, taps=kernel.shape[:2], size=size, geometry=geometry), prevent_cse=False
    )
    if pieces == 1:
        return compute(weights, bias, x)
    if pieces * each > count:
        x = lax.pad(x, jnp.zeros((), x.dtype), ((0, pieces * each - count, 0), *((0, 0, 0),) * 3))
    y = lax.map(partial(compute, weights, bias), x.reshape(pieces, each, *x.shape[1:]))
    return y.reshape(-1, *y.shape[2:])[:count]


def _pieces(count: int, size: Sequence[int], kernel: Sequence[int], itemsize: int) -> int:
    """In how many pieces `count` images go through the cache."""
    limit = PIECE * _points(kernel) / _points((3, 3))
    return -(-count // max(1, round(limit / _image_bytes(size, kernel, itemsize))))


def _image_bytes(size: Sequence[int], kernel: Sequence[int], itemsize: int) -> int:
    """The tiles of one image and their products, in bytes."""
    return _points(kernel) * _tiles_of(size) * (kernel[2] + kernel[3]) * itemsize


def _tiles_of(size: Sequence[int]) -> int:
    """How many tiles cover one image of outputs."""
    return math.prod(-(-n // TILE) for n in size)


def _points(kernel: Sequence[int]) -> int:
    """At how many points a tile is evaluated, for kernels (taps, taps', ...)."""
    return math.prod(taps + TILE - 1 for taps in kernel[:2])


def _kernel_at_points(kernel: jax.Array) -> jax.Array:
    """(taps, taps', C, O) to (points' * points, C, O): columns first, as `_images` has them."""
    rows, columns = (matrices(taps, str(kernel.dtype)) for taps in kernel.shape[:2])
    both = np.einsum("ai,bj->baij", rows.g, columns.g).reshape(-1, math.prod(kernel.shape[:2]))
    denominators = np.outer(columns.denominators, rows.denominators)
    values = _product(both, kernel) / denominators.reshape(-1, 1)
    return values.reshape(-1, *kernel.shape[2:])


def _images(
    weights: jax.Array,
    bias: jax.Array | None,
    x: jax.Array,
    *,
    taps: Sequence[int],
    size: Sequence[int],
    geometry: Geometry,
) -> jax.Array:
    """Some images, all at once; `weights` is the kernel at the points, `bias` (tiles, O)."""
    count, inputs = x.shape[0], x.shape[-1]
    rows, columns = (matrices(n, str(x.dtype)) for n in taps)
    high, wide = (-(-n // TILE) for n in size)
    edges = [
        (low, (tiles + 1) * TILE - n - low, 0)
        for (low, _), tiles, n in zip(geometry.known_pads, (high, wide), x.shape[1:3], strict=True)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *edges, (0, 0, 0)))

    # The axis that is transformed goes first, so that each transform is one product of matrices
    # and none of the large arrays is transposed.
    x = _product(rows.b, _tiles(x, 1, taps[0]))
    x = x.reshape(-1, (wide + 1) * TILE, inputs)  # (points * count * high, width, C)
    x = _product(columns.b, _tiles(x, 1, taps[1]))
    x = x.reshape(-1, count * high * wide, inputs)  # (points' * points, tiles, C)
    y = lax.dot_general(x, weights, (((2,), (1,)), ((0,), (0,))), precision=geometry.precision)
    y = _product(_to_outputs(taps, y), y) if bias is None else _outputs(y, bias, taps)
    y = y.reshape(TILE, TILE, count, high, wide, -1).transpose(2, 3, 1, 4, 0, 5)
    return y.reshape(count, high * TILE, wide * TILE, -1)[:, : size[0], : size[1]]


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _outputs(y: jax.Array, bias: jax.Array, taps: tuple[int, int]) -> jax.Array:
    """Tiles at the points (points' * points, tiles, O) to outputs, with a bias (tiles, O) added.

    At the point (1, 1) a polynomial is the sum of its coefficients: for all outputs of a tile to be
    larger by the bias, the tile has to be so at that one point. So in the gradient, which has the
    outputs' cotangent at the points anyway, the bias's is read at one of them, and is not a sum
    over outputs.
    """
    return _product(_to_outputs(taps, y), y) + bias.reshape(1, -1)


@_outputs.defjvp
def _(taps: tuple[int, int], primals: Any, tangents: Any) -> Any:
    dy, dbias = tangents
    one = POINTS.index(1) * (taps[0] + TILE - 1) + POINTS.index(1)
    edges = ((one, len(dy) - one - 1, 0), (0, 0, 0), (0, 0, 0))
    dy = dy + lax.pad(dbias[None], jnp.zeros((), dy.dtype), edges)
    return _outputs(*primals, taps), _product(_to_outputs(taps, dy), dy)


def _to_outputs(taps: Sequence[int], like: jax.Array) -> np.ndarray:
    rows, columns = (matrices(n, str(like.dtype)) for n in taps)
    return np.kron(columns.a, rows.a)


def _tiles(x: jax.Array, axis: int, taps: int) -> jax.Array:
    """The pixels of the tiles along an axis of blocks, in front: (points, ..., tiles, ...)."""
    blocks = x.reshape(*x.shape[:axis], -1, TILE, *x.shape[axis + 1 :])
    # Transposed before they are put together: a tenth off the note's training step.
    blocks = lax.transpose(blocks, (axis + 1, *range(axis + 1), *range(axis + 2, blocks.ndim)))
    own = lax.slice_in_dim(blocks, 0, -1, axis=axis + 1)
    following = lax.slice_in_dim(blocks, 1, None, axis=axis + 1)
    following = lax.slice_in_dim(following, 0, taps - 1, axis=0)
    return lax.concatenate([own, following], 0)


def _product(matrix: np.ndarray, x: jax.Array) -> jax.Array:
    """matrix (m, n) times x (n, ...): (m, everything else in one axis)."""
    x = lax.reshape(x, (matrix.shape[1], x.size // matrix.shape[1]))
    return lax.dot(matrix, x, precision=_EXACT)

"""Depthwise convolution as a sum of shifted images, each times one tap of the kernel.

A depthwise convolution is a few multiplications an element. XLA's CPU backend runs it through the
machinery of dense convolutions, 20 to 60 times slower than one fused loop.

The gradients are loops over shifts as well. Automatic differentiation would give worse ones: for
the image a sum of padded arrays, for the kernel sums over leading axes, which a CPU does slowly.
So both are written out, and the tangents are their transposes: training, which transposes the
tangents, runs the gradients as they stand here; forward mode, `vmap` and higher derivatives follow.

x is (N, *image, C), kernels are (*window, 1, C * copies); see `cnnjax.layers.conv`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from cnnjax.lowerings.channels import column_sums
from cnnjax.lowerings.conv import Geometry

__all__ = ["fits", "shifted"]

# How many products one loop of the kernel's gradient adds up, and how large the array of their
# sums may then be, in bytes; measured on a CPU. More products a loop than that run slower.
_PARTS, _SUMS = 8, 1 << 21
_MOST = 288  # products in all loops: more take long to compile


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
    window, outputs = kernel.shape[:-2], kernel.shape[-1]
    cells = _shifts(x, window, outputs // x.shape[-1], geometry)
    factors = kernel.reshape(-1, outputs)
    total: Any = None
    for number, cell in enumerate(cells):
        factor = factors[number].astype(cell.dtype)
        term = cell * lax.broadcast_in_dim(factor, cell.shape, (cell.ndim - 1,))
        total = term if total is None else total + term
    return total.astype(x.dtype)


def _shifted_jvp(geometry: Geometry, primals: Any, tangents: Any) -> Any:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = shifted(x, kernel, geometry)
    parts = []
    if not isinstance(dx, SymbolicZero):
        image = partial(_image_gradient, x=x, kernel=kernel, geometry=geometry)
        parts += jax.linear_transpose(image, y)(dx)
    if not isinstance(dkernel, SymbolicZero):
        taps = partial(_kernel_gradient, x=x, kernel=kernel, geometry=geometry)
        parts += jax.linear_transpose(taps, y)(dkernel)
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


shifted.defjvp(_shifted_jvp, symbolic_zeros=True)


def _image_gradient(
    g: jax.Array, *, x: jax.Array, kernel: jax.Array, geometry: Geometry
) -> jax.Array:
    """The cotangent of x: g, spread by the stride, convolved with the flipped kernel."""
    assert not isinstance(geometry.pads, str)
    axes = kernel.ndim - 2
    edges = [
        ((k - 1) * d - low, low + n - 1 - (m - 1) * s, s - 1)
        for n, m, k, s, d, (low, _) in zip(
            x.shape[1:-1],
            g.shape[1:-1],
            kernel.shape,
            geometry.stride,
            geometry.dilation,
            geometry.pads,
            strict=False,  # kernel.shape goes on
        )
    ]
    g = lax.pad(g, jnp.zeros((), g.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    unpadded = Geometry((1,) * axes, ((0, 0),) * axes, geometry.dilation, kernel.shape[-1])
    each = shifted(g, lax.rev(kernel, tuple(range(axes))), unpadded)
    if kernel.shape[-1] > x.shape[-1]:  # several outputs read one channel
        each = each.reshape(*each.shape[:-1], x.shape[-1], -1).sum(-1)
    return each


def _kernel_gradient(
    g: jax.Array, *, x: jax.Array, kernel: jax.Array, geometry: Geometry
) -> jax.Array:
    """The cotangent of the kernel: for each tap, the sum over all pixels of shifted x times g.

    One loop adds up the products of a few parts of the batch (or the image), a product with ones
    the rest.
    """
    window, outputs = kernel.shape[:-2], kernel.shape[-1]
    first, *others = _pieces(g, math.prod(window))
    sums = []
    for cell in _shifts(x, window, outputs // x.shape[-1], geometry):
        wide = g.astype(cell.dtype)
        total = cell[first] * wide[first]
        for piece in others:
            total += cell[piece] * wide[piece]
        sums.append(column_sums(total))
    return jnp.stack(sums).reshape(kernel.shape).astype(kernel.dtype)


def _pieces(g: jax.Array, taps: int) -> list[tuple[slice, ...]]:
    """Equal parts of g (N, *image, C), cut along its leading axes."""
    wanted = max(_PARTS, min(g.size * g.dtype.itemsize // _SUMS, _MOST // taps))
    cuts = []
    for n in g.shape[:-1]:
        count = next(c for c in range(min(wanted, n), 0, -1) if n % c == 0)
        cuts.append([slice(i * n // count, (i + 1) * n // count) for i in range(count)])
        wanted //= count
    return list(itertools.product(*cuts))


def _shifts(
    x: jax.Array, window: tuple[int, ...], copies: int, geometry: Geometry
) -> Iterator[jax.Array]:
    """For each tap what it is multiplied by, (N, *image', C * copies), float32 or wider."""
    wide = jnp.dtype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x.dtype
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
    for tap in np.ndindex(*window):
        first = [t * d for t, d in zip(tap, geometry.dilation, strict=True)]
        last = [f + (m - 1) * s + 1 for f, m, s in zip(first, size, geometry.stride, strict=True)]
        cells = lax.slice(
            ready,
            (0, *first, 0),
            (x.shape[0], *last, x.shape[-1]),
            (1, *geometry.stride, 1),
        ).astype(wide)
        # Output c * copies + m reads channel c.
        yield jnp.repeat(cells, copies, axis=-1) if copies > 1 else cells

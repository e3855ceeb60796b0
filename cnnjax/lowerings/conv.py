"""Ways to compute a convolution; all are the same function of image and kernel.

    lax          `lax.conv_general_dilated`, gradients as JAX derives them
    canonical    the same forward pass; both gradients are convolutions in the layout of the
                 forward pass, over transposed copies of their operands
    shifted      depthwise only: a sum of shifted images, each times one tap of the kernel

Why `canonical`: JAX derives the kernel's gradient as a convolution of x with g in which batch and
channels change roles, said by unusual dimension numbers. Outside of loops XLA's CPU backend brings
these back to its fast layout; inside a `lax.scan` it does not, and the gradient is 20 to 30 times
slower. Here the tangent map carries the unusual dimension numbers, so that its transpose, which is
what training runs, has the usual ones. It is a `custom_jvp` of ordinary linear operations: forward
mode, reverse mode, `vmap` and higher derivatives follow from the one rule.

Why `shifted`: a depthwise convolution is a few multiplications an element. XLA's CPU backend runs
it through the machinery of dense convolutions, 20 to 60 times slower than one fused loop.

x is (N, *image, C), kernels are (*window, C // groups, O); see `cnnjax.layers.conv`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from cnnjax.geometry import Pads

_LETTERS = {1: "W", 2: "HW", 3: "DHW"}


@dataclass(frozen=True)
class Geometry:
    """How a convolution moves over its image: one stride and dilation an axis.

    ``pads`` are pairs, or the name of a padding that JAX resolves (for symbolic sizes).
    """

    stride: tuple[int, ...]
    pads: Pads | str
    dilation: tuple[int, ...]
    groups: int = 1
    precision: Any = None


def plain(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`lax.conv_general_dilated`, channels last.

    >>> geometry = Geometry((1,), ((1, 1),), (1,))
    >>> plain(jnp.ones((1, 3, 1)), jnp.ones((3, 1, 1)), geometry)[0, :, 0].tolist()
    [2.0, 3.0, 2.0]
    """
    letters = _LETTERS[kernel.ndim - 2]
    return _general(x, kernel, geometry, (f"N{letters}C", f"{letters}IO", f"N{letters}C"))


def canonical_fits(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether `canonical` can take this call: floats, one group."""
    return geometry.groups == 1 and jnp.issubdtype(x.dtype, jnp.floating)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def canonical(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """As `plain`, with gradients in the layout of the forward pass. Needs `canonical_fits`.

    >>> geometry = Geometry((1,), ((0, 0),), (1,))
    >>> def total(kernel): return canonical(jnp.arange(4.0)[None, :, None], kernel, geometry).sum()
    >>> jax.grad(total)(jnp.ones((2, 1, 1)))[:, 0, 0].tolist()
    [3.0, 6.0]
    """
    return plain(x, kernel, geometry)


def _canonical_jvp(geometry: Geometry, primals: Any, tangents: Any) -> Any:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = canonical(x, kernel, geometry)
    # What is not differentiated costs nothing: as an array of zeros, the tangent of a network's
    # input would be convolved with the first kernel.
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_image_tangent(dx, kernel, geometry))
    if not isinstance(dkernel, SymbolicZero):
        parts.append(_kernel_tangent(x, dkernel, geometry))
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


canonical.defjvp(_canonical_jvp, symbolic_zeros=True)


def _image_tangent(dx: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`plain` as a function of dx; its transpose convolves with a flipped and swapped kernel."""
    axes = kernel.ndim - 2
    letters = _LETTERS[axes]
    image = tuple(range(axes))
    # The copy is made before the convolution, or XLA would fold the flip into it. JAX flips once
    # more when it transposes: the two cancel.
    ready = lax.optimization_barrier(jnp.swapaxes(lax.rev(kernel, image), -1, -2))
    layout = (f"N{letters}C", f"{letters}OI", f"N{letters}C")
    return _general(dx, lax.rev(ready, image), geometry, layout)


def _kernel_tangent(x: jax.Array, dkernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`plain` as a function of dkernel; its transpose is a convolution over (C, *image, N).

    The transpose takes channels for batch and batch for channels: x as (C, *image, N) with the
    output's cotangent, (*image', N, O), as kernel gives the gradient as (C, *window, O).
    """
    letters = _LETTERS[dkernel.ndim - 2]
    swapped = lax.optimization_barrier(jnp.swapaxes(x, 0, -1))
    layout = (f"C{letters}N", f"I{letters}O", f"{letters}NC")
    dy = _general(swapped, jnp.moveaxis(dkernel, -2, 0), geometry, layout)
    return jnp.moveaxis(lax.optimization_barrier(dy), -2, 0)


def shifted_fits(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether `shifted` can take this call: depthwise, floats, sizes that are known."""
    known = all(isinstance(n, int) for n in (*x.shape, *kernel.shape))
    return (
        known
        and not isinstance(geometry.pads, str)
        and geometry.groups == x.shape[-1]
        and x.size > 0
        and jnp.issubdtype(x.dtype, jnp.floating)
    )


def shifted(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """A depthwise convolution as a sum of shifted images. Needs `shifted_fits`.

    Sums are kept in float32 for narrower dtypes.

    >>> geometry = Geometry((1,), ((1, 1),), (1,), groups=2)
    >>> kernel = jnp.asarray([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])[:, None]
    >>> shifted(jnp.asarray([[[1.0, 1.0], [2.0, 2.0]]]), kernel, geometry)[0].tolist()
    [[0.0, 2.0], [1.0, 4.0]]
    """
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
        term = _scale(cells, kernel[tap][0].astype(wide))
        total = term if total is None else total + term
    return total.astype(x.dtype)


@jax.custom_jvp
def _scale(x: jax.Array, factor: jax.Array) -> jax.Array:
    """x (*any, C) times factor (C,)."""
    return x * lax.broadcast_in_dim(factor, x.shape, (x.ndim - 1,))


def _scale_jvp(primals: Any, tangents: Any) -> Any:
    # The factor is spread by a product with ones, so that its gradient is a product with ones:
    # five times faster on a CPU than a sum over all axes but the last.
    (x, factor), (dx, dfactor) = primals, tangents
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_scale(dx, factor))
    if not isinstance(dfactor, SymbolicZero):
        ones = jnp.ones((x.size // x.shape[-1], 1), x.dtype)
        exact = lax.Precision.HIGHEST
        parts.append(x * lax.dot(ones, dfactor[None], precision=exact).reshape(x.shape))
    return _scale(x, factor), sum(parts[1:], parts[0]) if parts else jnp.zeros_like(x)


_scale.defjvp(_scale_jvp, symbolic_zeros=True)


def _general(
    x: jax.Array, kernel: jax.Array, geometry: Geometry, layout: tuple[str, str, str]
) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.stride,
        geometry.pads,
        rhs_dilation=geometry.dilation,
        dimension_numbers=layout,
        feature_group_count=geometry.groups,
        precision=geometry.precision,
    )

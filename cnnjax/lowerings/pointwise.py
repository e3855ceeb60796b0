"""A convolution with a window of one pixel: one product of matrices, pixels by channels.

XLA's CPU backend does the same in the forward pass; the kernel's gradient it takes from a
convolution over transposed copies. Written as a product of two matrices (batch and image axes
folded into one: with more axes the copies come back), the gradients are products as well.

x is (N, *image, C), kernels are (*ones, C, O); see `cnnjax.layers.conv`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax.lowerings.conv import Geometry

__all__ = ["fits", "pointwise"]


def fits(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether `pointwise` can take this call: floats of known sizes, windows of one pixel."""
    return (
        all(isinstance(n, int) for n in (*x.shape, *kernel.shape))
        and all(taps == 1 for taps in kernel.shape[:-2])
        and geometry.groups == 1
        and x.size > 0
        and kernel.size > 0
        and not isinstance(geometry.pads, str)
        and all(pad == (0, 0) for pad in geometry.pads)
        and jnp.issubdtype(x.dtype, jnp.floating)
    )


def pointwise(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """As `cnnjax.lowerings.conv.plain`, by a product of matrices. Needs `fits`.

    >>> geometry = Geometry((2,), ((0, 0),), (1,))
    >>> pointwise(jnp.arange(4.0)[None, :, None], 3 * jnp.ones((1, 1, 2)), geometry)[0].tolist()
    [[0.0, 0.0], [6.0, 6.0]]
    """
    if any(step > 1 for step in geometry.stride):
        x = lax.slice(x, (0,) * x.ndim, x.shape, (1, *geometry.stride, 1))
    inputs, outputs = kernel.shape[-2:]
    y = lax.dot(
        x.reshape(-1, inputs), kernel.reshape(inputs, outputs), precision=geometry.precision
    )
    return y.reshape(*x.shape[:-1], outputs)

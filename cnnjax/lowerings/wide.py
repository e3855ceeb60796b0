"""Convolution of few channels as one of wide pixels, the gradients as `canonical` has them.

Several neighbours of the last image axis are one pixel of more channels: nothing moves, it is the
same memory once it is padded. So many outputs are one wide output, too, and the kernel becomes a
band (`blocked.py`) with zeros. With 3 channels, 5 taps and 4 neighbours there are 12 channels and
1.6 times the multiplications, and XLA's CPU backend, which fills its vectors along channels, needs
less time.

Its gradients would gain nothing. What is not finite spreads, as in `blocked`: over a wide pixel.

x is (N, *image, C), kernels are (*window, C, O); see `cnnjax.layers.conv`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax.lowerings import blocked
from cnnjax.lowerings.conv import Geometry, canonical_tangent, output_size, plain

__all__ = ["pays", "wide"]

_OUTPUTS = 128  # channels of a wide output; measured on a CPU
_LARGEST = 10_000  # numbers of a kernel
_IMAGES = 4  # for fewer ones `cnnjax.train.compiler` may take another backend


def pays(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether it is the faster way on a CPU, of calls that fit and that `blocked` does not take."""
    return (
        blocked.few_channels(x, kernel, geometry)
        and x.shape[0] >= _IMAGES
        and kernel.size <= _LARGEST
        and blocked.blocks_of(x, kernel, geometry, _OUTPUTS).size > 1
    )


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def wide(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """As `cnnjax.lowerings.conv.plain`, of wide pixels. Needs `blocked.fits`.

    >>> geometry = Geometry((1,), ((1, 1),), (1,))
    >>> wide(jnp.ones((1, 3, 1)), jnp.ones((3, 1, 1)), geometry)[0, :, 0].tolist()
    [2.0, 3.0, 2.0]
    """
    size = output_size(x, kernel, geometry)[-1]
    cut = blocked.blocks_of(x, kernel, geometry, _OUTPUTS)
    channels, outputs = cut.step * kernel.shape[-2], cut.size * kernel.shape[-1]
    edges = [(0, 0, 0)] * x.ndim
    edges[-2] = (*cut.edge, 0)
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)
    x = x.reshape(*x.shape[:-2], -1, channels)

    bands = blocked.band(kernel, geometry, cut.size)
    bands = bands.reshape(*kernel.shape[:-3], -1, outputs)
    edges = [(0, 0, 0)] * bands.ndim
    edges[-2] = (0, cut.pieces * channels - bands.shape[-2], 0)
    bands = lax.pad(bands, jnp.zeros((), bands.dtype), edges)
    bands = bands.reshape(*kernel.shape[:-3], cut.pieces, channels, outputs)

    y = plain(
        x,
        bands,
        Geometry(
            (*geometry.stride[:-1], 1),
            (*geometry.known_pads[:-1], (0, 0)),
            (*geometry.dilation[:-1], 1),
            precision=geometry.precision,
        ),
    )
    y = y.reshape(*y.shape[:-2], -1, kernel.shape[-1])
    return lax.slice_in_dim(y, 0, size, axis=-2)


def _jvp(geometry: Geometry, primals: Any, tangents: Any) -> Any:
    return wide(*primals, geometry), canonical_tangent(geometry, primals, tangents)


wide.defjvp(_jvp, symbolic_zeros=True)

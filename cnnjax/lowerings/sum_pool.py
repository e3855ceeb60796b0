"""Ways to sum the cells of each window; all are the same function. Mean pooling divides it.

    lax      `lax.reduce_window`
    folded   windows that do not overlap: the image is a grid of windows, and their cells are axes
             to sum over. The gradient is a broadcast, where XLA's CPU backend runs the one of `lax`
             as another pass over windows

Arrays are (*batch, *image, C); window and stride have one int an image axis, pads a pair.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.geometry import Pads
from cnnjax.lowerings.max_pool import Ints, grid

__all__ = ["folded", "folded_fits", "plain"]


def plain(x: jax.Array, window: Ints, stride: Ints, pads: Pads) -> jax.Array:
    """`lax.reduce_window`.

    >>> plain(jnp.arange(4.0)[:, None], (2,), (2,), ((0, 0),))[:, 0].tolist()
    [1.0, 5.0]
    """
    batch = x.ndim - len(window) - 1
    ones, zeros = (1,) * batch, ((0, 0),) * batch
    return lax.reduce_window(
        x,
        np.array(0, x.dtype),
        lax.add,
        (*ones, *window, 1),
        (*ones, *stride, 1),
        (*zeros, *pads, (0, 0)),
    )


def folded_fits(x: jax.Array, window: Ints, stride: Ints, pads: Pads) -> bool:
    """Whether `folded` can take this call: known sizes, no overlap, no padding."""
    known = all(isinstance(n, int) for n in x.shape)
    return known and window == stride and all(pad == (0, 0) for pad in pads)


def folded(x: jax.Array, window: Ints, stride: Ints, pads: Pads) -> jax.Array:
    """As `plain`, by a sum over axes. Needs `folded_fits`.

    >>> folded(jnp.arange(5.0)[:, None], (2,), (2,), ((0, 0),))[:, 0].tolist()
    [1.0, 5.0]
    """
    batch = x.ndim - len(window) - 1
    whole = [n // k * k for n, k in zip(x.shape[batch:-1], window, strict=True)]
    x = lax.slice(x, (0,) * x.ndim, (*x.shape[:batch], *whole, x.shape[-1]))
    cells = tuple(range(batch + 1, batch + 2 * len(window), 2))
    return jnp.sum(grid(x, window, batch), cells)

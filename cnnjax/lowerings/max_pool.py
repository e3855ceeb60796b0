"""Ways to compute max-pooling; all are the same function and give the gradient to the same input.

    lax       `lax.reduce_window`; its gradient (select_and_scatter) searches each window again,
              one element at a time on a CPU
    argmax    the forward pass of `lax`; where it is differentiated, one pass notes which cell of
              each window won, as uint8, and the gradient is a selection by that number

The tie rule, of both: the gradient of an output goes, whole, to the first maximum of its window in
row-major order. Padding counts as a cell that holds minus infinity: where all of a padded window is
minus infinity it may be the first, and the gradient is lost in it.

`argmax` is a `custom_jvp` whose tangent is linear and made of ordinary operations, so that forward
mode, reverse mode, `vmap` and higher derivatives all follow from the one rule.

Arrays are (*batch, *image, C); window and stride have one int an image axis, pads a pair.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.geometry import Pads

Ints = tuple[int, ...]
_CELLS = 256  # a uint8 can number so many


def plain(x: jax.Array, window: Ints, stride: Ints, pads: Pads) -> jax.Array:
    """`lax.reduce_window`, its gradient included.

    >>> plain(jnp.arange(4.0)[:, None], (2,), (2,), ((0, 0),))[:, 0].tolist()
    [1.0, 3.0]
    """
    ones, zeros = (1,) * (x.ndim - len(window) - 1), ((0, 0),) * (x.ndim - len(window) - 1)
    return lax.reduce_window(
        x,
        lowest(x.dtype),
        lax.max,
        (*ones, *window, 1),
        (*ones, *stride, 1),
        (*zeros, *pads, (0, 0)),
    )


def argmax_fits(x: jax.Array, window: Ints, pads: Pads) -> bool:
    """Whether `argmax` can take this call: floats of known sizes, windows of 2 to 256 cells."""
    known = all(isinstance(n, int) for n in (*x.shape, *itertools.chain(*pads)))
    floats = jnp.issubdtype(x.dtype, jnp.floating)
    return known and floats and 1 < math.prod(window) <= _CELLS and x.size > 0


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def argmax(x: jax.Array, window: Ints, stride: Ints, pads: Pads) -> jax.Array:
    """As `plain`, differentiated by the number of the cell that won.

    Needs `argmax_fits`.

    >>> def total(x): return argmax(x, (2,), (2,), ((0, 0),)).sum()
    >>> jax.grad(total)(jnp.asarray([[3.0], [3.0], [1.0], [2.0]]))[:, 0].tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    return plain(x, window, stride, pads)


@argmax.defjvp
def _(window: Ints, stride: Ints, pads: Pads, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    batch = x.ndim - len(window) - 1
    best, winner = _winners(x, window, stride, pads)
    size = best.shape[batch:-1]
    if window == stride:
        # Each cell belongs to one window: the image is a grid of windows, and selecting and its
        # transpose are elementwise. No cell is read or written twice.
        cells = grid(_extend(dx, window, stride, pads, size), window, batch)
        shape = [1] * cells.ndim
        for axis, k in enumerate(window):
            shape[batch + 2 * axis + 1] = k
        number = np.arange(math.prod(window), dtype=np.uint8).reshape(shape)
        inner = tuple(range(batch + 1, batch + 2 * len(window), 2))
        won = lax.expand_dims(winner, inner) == number
        return best, lax.reduce_sum(lax.select(won, cells, lax.full_like(cells, 0)), inner)
    shifts = _shifts(_extend(dx, window, stride, pads, size), window, stride, size)
    zero = jnp.zeros((), x.dtype)
    parts = [
        jnp.where(winner == np.uint8(number), cell, zero) for number, cell in enumerate(shifts)
    ]
    return best, sum(parts[1:], parts[0])


def _winners(x: jax.Array, window: Ints, stride: Ints, pads: Pads) -> tuple[jax.Array, jax.Array]:
    """The maximum of each window, and the row-major number of the first cell that has it."""
    image = x.shape[-len(window) - 1 : -1]
    size = tuple(
        (n + low + high - k) // s + 1
        for n, k, s, (low, high) in zip(image, window, stride, pads, strict=True)
    )
    # Padding is a cell that holds minus infinity. It is told by its place, not by its value: the
    # array is extended by zeros, which nothing below looks at.
    shifts = _shifts(_extend(x, window, stride, pads, size), window, stride, size)
    inside = _inside(x.ndim, image, window, stride, pads, size)
    best = next(shifts)
    winner = jnp.zeros(best.shape, np.uint8)
    seen: Any = next(inside)  # windows that have met a cell of the image
    for number, (cell, real) in enumerate(zip(shifts, inside, strict=True), start=1):
        # A NaN wins and stays, as in lax.max.
        wins = taken = lax.bitwise_and(lax.bitwise_not(lax.ge(best, cell)), lax.eq(best, best))
        if not (real.all() and seen.all()):
            # The first cell in the image is the best so far; it wins unless it ties with padding.
            wins = jnp.where(seen, wins, ~(cell == lowest(x.dtype))) & real
            taken = wins | (real & ~seen)
            seen = np.logical_or(seen, real)
        best = lax.select(taken, cell, best)
        winner = lax.select(wins, lax.full_like(winner, number), winner)
    return best, winner


def _extend(x: jax.Array, window: Ints, stride: Ints, pads: Pads, size: Ints) -> jax.Array:
    """``x`` with zeros around it, cropped to what the windows cover."""
    batch = x.ndim - len(window) - 1
    image = x.shape[batch:-1]
    edges = [
        (low, (m - 1) * s + k - n - low, 0)
        for n, k, s, m, (low, _) in zip(image, window, stride, size, pads, strict=True)
    ]
    if all(edge == (0, 0, 0) for edge in edges):
        return x
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0)] * batch + edges + [(0, 0, 0)])


def _shifts(x: jax.Array, window: Ints, stride: Ints, size: Ints) -> Iterator[jax.Array]:
    """The k-th cell of every window, for each k in row-major order."""
    batch = x.ndim - len(window) - 1
    for offset in np.ndindex(*window):
        limits = [o + (m - 1) * s + 1 for o, m, s in zip(offset, size, stride, strict=True)]
        yield lax.slice(
            x,
            (0,) * batch + offset + (0,),
            (*x.shape[:batch], *limits, x.shape[-1]),
            (1,) * batch + tuple(stride) + (1,),
        )


def grid(x: jax.Array, window: Ints, batch: int) -> jax.Array:
    """(*batch, H, W, C) -> (*batch, H / kh, kh, W / kw, kw, C)."""
    image = x.shape[batch:-1]
    split = itertools.chain(*((n // k, k) for n, k in zip(image, window, strict=True)))
    return x.reshape(*x.shape[:batch], *split, x.shape[-1])


def _inside(
    ndim: int, image: Sequence[int], window: Ints, stride: Ints, pads: Pads, size: Ints
) -> Iterator[np.ndarray]:
    """For each cell k of a window, whether it lies in the image: (1, ..., *size, 1) booleans."""
    for offset in np.ndindex(*window):
        mask = np.ones((1,) * (ndim - len(size) - 1), bool)
        for n, m, s, o, (low, _) in zip(image, size, stride, offset, pads, strict=True):
            position = np.arange(m) * s + o - low
            mask = mask[..., None] & ((position >= 0) & (position < n))
        yield mask[..., None]


def lowest(dtype: Any) -> np.ndarray:
    """What never wins a maximum: minus infinity, or the smallest integer."""
    if jnp.issubdtype(dtype, jnp.floating):
        return np.array(-np.inf, dtype)
    return np.array(jnp.iinfo(dtype).min, dtype)

"""Padding of an image: zeros, or values of the image itself.

What stands beyond the edge of an axis with elements a b c d, two on each side, by `mode`:

    zeros        0 0 | a b c d | 0 0
    reflect      c b | a b c d | c b      about the border element, which is not repeated
    replicate    a a | a b c d | d d      the border element
    circular     c d | a b c d | a b      the other end: the image is a torus

The names are PyTorch's (`padding_mode`); NumPy says constant, reflect, edge and wrap. Pieces of the
image are joined axis by axis, so corners are those of the padded rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax import geometry
from cnnjax.explicit import over_mesh, splits
from cnnjax.geometry import Pads
from cnnjax.layers import _check

MODES = ("zeros", "reflect", "replicate", "circular")


def pad(
    x: jax.Array, padding: int | Sequence[Any], *, mode: str = "zeros", spatial: int = 2
) -> jax.Array:
    """Pad the ``spatial`` image axes of ``x`` (*batch, *image, C); any dtype.

    ``padding`` is an int (every side), a pair (low, high) of every axis, or one pair an axis;
    ``mode`` is one of `MODES`.

    Errors: ValueError for an unknown mode, negative padding, and where the image has too few
    elements: "reflect" needs more than it pads, "circular" as many, "replicate" one.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([1, 2, 3])[:, None]
    >>> pad(x, 2, mode="reflect", spatial=1)[:, 0].tolist()
    [3, 2, 1, 2, 3, 2, 1]
    >>> pad(x, (1, 0), mode="circular", spatial=1)[:, 0].tolist()
    [3, 1, 2, 3]
    """
    x = _check.array("pad", "x", x)
    _check.spatial_axes("pad", x, spatial)
    image = x.shape[-spatial - 1 : -1]
    if isinstance(padding, str):
        raise TypeError(f"pad: padding must be numbers, there is no window; got {padding!r}")
    pads = geometry.pads(padding, image, 1, caller="pad")
    check_mode("pad", mode, image, pads)
    return over_mesh(lambda x: padded(x, pads, mode), x, out=lambda: splits(x))


def check_mode(name: str, mode: str, image: Sequence[int], pads: Pads) -> None:
    """Raise where there is no such mode, or the image has too little to pad with."""
    if mode not in MODES:
        raise ValueError(f"{name}: padding mode must be one of {', '.join(MODES)}; got {mode!r}")
    spare = {"reflect": 1, "circular": 0}.get(mode)
    for axis, (n, (low, high)) in enumerate(zip(image, pads, strict=True)):
        if not all(isinstance(v, int) for v in (n, low, high)) or not max(low, high):
            continue
        least = 1 if spare is None else max(low, high) + spare
        if mode != "zeros" and n < least:
            raise ValueError(
                f"{name}: {mode} padding ({low}, {high}) needs {least} elements along spatial "
                f"axis {axis} or more, there are {n}"
            )


def padded(x: jax.Array, pads: Pads, mode: str) -> jax.Array:
    """``x`` (*batch, *image, C) with ``pads`` around its image; arguments are checked."""
    first = x.ndim - 1 - len(pads)
    if mode == "zeros":
        if not any(p != 0 for pair in pads for p in pair):
            return x
        edges = [(0, 0, 0)] * first + [(low, high, 0) for low, high in pads] + [(0, 0, 0)]
        return lax.pad(x, jnp.zeros((), x.dtype), edges)
    for axis, (low, high) in enumerate(pads, first):
        pieces = [_before(x, axis, low, mode)] if low else []
        pieces += [x, *([_behind(x, axis, high, mode)] if high else [])]
        x = lax.concatenate(pieces, axis) if len(pieces) > 1 else x
    return x


def _before(x: jax.Array, axis: int, count: int, mode: str) -> jax.Array:
    n = x.shape[axis]
    if mode == "reflect":
        return lax.rev(lax.slice_in_dim(x, 1, count + 1, axis=axis), (axis,))
    if mode == "circular":
        return lax.slice_in_dim(x, n - count, n, axis=axis)
    return _repeated(lax.slice_in_dim(x, 0, 1, axis=axis), axis, count)


def _behind(x: jax.Array, axis: int, count: int, mode: str) -> jax.Array:
    n = x.shape[axis]
    if mode == "reflect":
        return lax.rev(lax.slice_in_dim(x, n - 1 - count, n - 1, axis=axis), (axis,))
    if mode == "circular":
        return lax.slice_in_dim(x, 0, count, axis=axis)
    return _repeated(lax.slice_in_dim(x, n - 1, n, axis=axis), axis, count)


def _repeated(edge: jax.Array, axis: int, count: int) -> jax.Array:
    return jnp.broadcast_to(edge, (*edge.shape[:axis], count, *edge.shape[axis + 1 :]))

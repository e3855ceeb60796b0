"""`blocks`: the tiles of the result one by one, for images larger than memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from cnnjax.tiling.grid import Grid, Sizes, check_tile, grid, traced
from cnnjax.tiling.spans import Box, sizes

Where = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Blocks:
    """Iterate for `(where, block)`: `result[where] = block` for all of them is the result.

    shape: `jax.ShapeDtypeStruct`s of the result, in its structure. `len` is the number of blocks.
    """

    shape: Any
    _grid: Grid
    _inputs: tuple[Any, ...]

    def __len__(self) -> int:
        return sum(map(len, self._grid.groups))

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        made, image = self._grid, self._inputs[-1]
        constants = jax.jit(made.constants)(list(self._inputs[:-1]))
        for members in made.groups:
            tile = jax.jit(functools.partial(made.evaluate, members))

            for index in members:
                patch = np.ascontiguousarray(image[_where(made.patch, image.shape, index)])
                parts = tile(index, constants, patch)
                places = [
                    _where(box, leaf.shape, index)
                    for box, leaf in zip(made.boxes, made.result, strict=True)
                ]
                yield tuple(
                    jax.tree.unflatten(made.tree, list(given))
                    for given in (places, map(np.asarray, parts))
                )


def _where(box: Box, shape: tuple[int, ...], index: np.ndarray) -> Where:
    found = []
    for span, n, size in zip(box, shape, sizes(box, shape), strict=True):
        first = 0 if span is None else int(span.first[index[span.along]])
        found.append(slice(first, n if span is None else first + size))
    return tuple(found)


def blocks(apply_fn: Callable[..., Any], tile: Sizes) -> Callable[..., Blocks]:
    """As `tiled`, but the tiles are given one by one, and the image stays where it is."""

    sides = check_tile(tile)

    @functools.wraps(apply_fn, updated=())
    def run(*args: Any) -> Blocks:
        *rest, x = args
        like = jax.ShapeDtypeStruct(x.shape, jax.dtypes.canonicalize_dtype(x.dtype))
        made = grid(traced(apply_fn, sides, (*rest, like)), jax.default_backend())
        inputs = (*made.plan.program.closed, *jax.tree.leaves(rest), x)
        return Blocks(jax.tree.unflatten(made.tree, made.result), made, inputs)

    return run

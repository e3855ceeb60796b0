"""`tiled`: the same function, tile by tile, as one JAX function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.explicit import over_mesh, splits
from cnnjax.tiling.grid import Grid, Sizes, check_tile, grid, traced
from cnnjax.tiling.spans import Box, sizes


def tiled(apply_fn: Callable[..., Any], tile: Sizes) -> Callable[..., Any]:
    """The same function as `apply_fn`, evaluated tile by tile.

    Args:
      apply_fn: a function of any arguments of which the last is the image, (*batch, H, W, C);
        parameters come before it (`apply_fn(params, x)`) or are closed over. It returns arrays
        (*batch, H', W', O), one or a pytree of them with the same H' and W'.
      tile: largest size of a tile in elements of the result: an int, or one int an image axis (its
        length says how many there are; an int means two). It need not divide H' and W'; tiles are
        made as equal as they can be (13 in tiles of at most 6: 5 + 5 + 5, two of them overlapping).

    Returns:
      A jitted function with the arguments and the result of `apply_fn`. It composes with `jit`,
      `vmap` and `grad`; gradients recompute a tile instead of keeping its maps.

    What a tile reads of the image and of every map in between (its halo) is found from the traced
    program. Equal over the reals; floating point may differ by rounding, since XLA may sum in
    another order for another shape.

    Raises:
      Untileable: (a ValueError) for an operation that reads all positions at once, such as
        `global_avg_pool`, `flatten` before `dense`, or batch statistics; it names your line.

    >>> import jax, jax.numpy as jnp
    >>> from cnnjax import conv, max_pool, relu
    >>> def network(kernel, x):
    ...     return max_pool(relu(conv(x, kernel)), 2)
    >>> kernel = jax.random.normal(jax.random.key(0), (5, 5, 3, 8))
    >>> x = jax.random.normal(jax.random.key(1), (50, 41, 3))
    >>> y = tiled(network, tile=8)(kernel, x)
    >>> y.shape, bool(jnp.allclose(y, network(kernel, x), atol=1e-4))
    ((25, 20, 8), True)
    """

    sides = check_tile(tile)

    def all_tiles(*args: Any) -> Any:
        function = traced(apply_fn, sides, args)

        def on(platform: str) -> Callable[..., Any]:
            def tiles(*leaves: Any) -> Any:
                made = grid(function, platform)
                inputs = [*made.plan.program.closed, *leaves]
                return jax.tree.unflatten(made.tree, _all_tiles(made, inputs))

            return tiles

        leaves = jax.tree.leaves(args)
        special = sorted(function.program.platforms())
        if not special:
            return on("")(*leaves)
        return lax.platform_dependent(*leaves, **{p: on(p) for p in special}, default=on(""))

    @functools.wraps(apply_fn, updated=())
    def run(*args: Any) -> Any:
        return over_mesh(all_tiles, *args, out=lambda: splits(args[-1])[:-1], all_alike=True)

    return jax.jit(run)


def _all_tiles(made: Grid, inputs: list[Any]) -> list[Any]:
    *rest, x = inputs
    constants = made.constants(rest)
    if sum(map(len, made.groups)) == 1:
        return made.evaluate(made.groups[0], made.groups[0][0], constants, x)
    out = [jnp.zeros(leaf.shape, leaf.dtype) for leaf in made.result]
    for members in made.groups:
        # Without the checkpoint, a gradient would keep the maps of all tiles: the whole image's.
        @functools.partial(jax.checkpoint, prevent_cse=False)
        def tile(index: Any, constants: Any, x: Any, members: np.ndarray = members) -> list[Any]:
            shape = sizes(made.patch, x.shape)
            patch = lax.dynamic_slice(x, _corner(made.patch, index), shape)
            return made.evaluate(members, index, constants, patch)

        def body(out: Any, index: Any, tile: Any = tile) -> tuple[Any, None]:
            parts = tile(index, constants, x)
            corners = [_corner(box, index) for box in made.boxes]
            written = map(lax.dynamic_update_slice, out, parts, corners)
            return list(written), None

        out, _ = lax.scan(body, out, jnp.asarray(members))
    return out


def _corner(box: Box, index: Any) -> list[Any]:
    """Where a part begins in its array."""
    return [
        0 if span is None else jnp.asarray(span.first, jnp.int32)[index[span.along]] for span in box
    ]

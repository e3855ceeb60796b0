"""Case A and Case B of the note: all layers for one patch, or all patches for one layer.

Case A computes each output position from its own patch of the image. One position of the last map
reads a square of every map before it; walking back from side and corner (1, i) through a layer with
pooling p and a kernel of k taps,

    side -> p side + k - 1,    corner -> p corner - (k - 1) // 2.

A square may reach beyond its map. Case B has zeros there (its padding), so Case A must put them
there as well: what the kernel computes beyond the border (bias and ReLU at the least) is no pixel
of any map.

Layers are a list of {"kernel": (k, k, C, O), "bias": (O,)}: convolution ("SAME"), bias, ReLU and
p x p max-pooling, dropping an odd last row or column, as in the note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax import conv, relu

Layer = Mapping[str, jax.Array]  # its kernel and its bias
Place = TypeVar("Place", int, jax.Array)
Layers = list[Layer]
Over = Literal["one after the other", "all at once"]


def case_b(x: jax.Array, layers: Layers, pool: int) -> jax.Array:
    """Layer by layer: each layer makes its whole map before the next one starts."""
    for layer in layers:
        x = max_pool(relu(conv(x, layer["kernel"], layer["bias"])), pool)
    return x


def max_pool(x: jax.Array, pool: int) -> jax.Array:
    """Max-pooling as JAX defines it: where maxima tie, the gradient goes to the first.

    Written out, since `cnnjax.max_pool` may compute the same in a way that depends on the shape.
    """
    window = (pool, pool, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def case_a(
    x: jax.Array, layers: Layers, pool: int, over: Over, *, zeros_outside: bool = True
) -> jax.Array:
    """Patch by patch: each output position goes through all layers before the next one starts.

    over: the positions "one after the other" (a loop) or "all at once" (vmapped).
    zeros_outside: whether the maps in between count as zero outside; without, only the image is
        padded, once, before the first layer.
    """
    height, width = (map_sizes(n, layers, pool)[-1] for n in x.shape[:2])
    side = squares(0, layers, pool)[0][1]
    halo = -squares(0, layers, pool)[0][0]  # how far the first patch reaches beyond the image
    padded = jnp.pad(x, ((halo, side), (halo, side), (0, 0)))

    def at(position: jax.Array) -> jax.Array:
        i, j = (squares(p, layers, pool)[0][0] + halo for p in position)
        patch = lax.dynamic_slice(padded, (i, j, 0), (side, side, x.shape[2]))
        return through_all_layers(patch, position, x.shape[:2], layers, pool, zeros_outside)

    positions = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), -1)
    positions = positions.reshape(-1, 2)
    answers = jax.vmap(at)(positions) if over == "all at once" else lax.map(at, positions)
    return answers.reshape(height, width, -1)


def through_all_layers(
    patch: jax.Array,
    position: jax.Array,
    image: tuple[int, ...],
    layers: Layers,
    pool: int,
    zeros_outside: bool,
) -> jax.Array:
    """The last map at one position, (O,), from that position's patch and nothing else."""
    for number, layer in enumerate(layers, 1):
        patch = relu(conv(patch, layer["kernel"], layer["bias"], padding="VALID"))
        patch = max_pool(patch, pool)
        if zeros_outside:
            rows, columns = (
                is_inside(p, n, number, layers, pool) for p, n in zip(position, image, strict=True)
            )
            patch = jnp.where(rows[:, None, None] & columns[:, None], patch, 0)
    return patch[0, 0]


def is_inside(position: Place, size: int, number: int, layers: Layers, pool: int) -> jax.Array:
    """Along one axis: which pixels of the square of map `number` lie on that map."""
    corner, side = squares(position, layers, pool)[number]
    places = corner + jnp.arange(side)
    return (places >= 0) & (places < map_sizes(size, layers, pool)[number])


def squares(position: Place, layers: Layers, pool: int) -> list[tuple[Place, int]]:
    """Along one axis: (corner, side) of what a position reads, of the image and of every map."""
    found = [(position, 1)]
    for layer in reversed(layers):
        corner, side = found[-1]
        taps = layer["kernel"].shape[0]
        found.append((corner * pool - (taps - 1) // 2, side * pool + taps - 1))
    return found[::-1]


def map_sizes(size: int, layers: Layers, pool: int) -> list[int]:
    """Along one axis: the sizes of the image and of every map."""
    sizes = [size]
    for _ in layers:
        sizes.append(sizes[-1] // pool)
    return sizes


def interior(size: int, layers: Layers, pool: int) -> slice:
    """Along one axis: the positions whose patch lies on the image."""
    on_image = [
        i
        for i in range(map_sizes(size, layers, pool)[-1])
        if squares(i, layers, pool)[0][0] >= 0 and sum(squares(i, layers, pool)[0]) <= size
    ]
    return slice(on_image[0], on_image[-1] + 1)

"""A batch a few images at a time, so that what lies between the layers stays in the cache.

A network's maps for a batch of 32 are far larger than a CPU's cache: each layer writes its result
to memory, mostly to pages the system has to find first, and the next one reads it back. A few
images at a time, all layers after another (Case A of the note, for images instead of patches), the
maps stay where they are fast. Gradients of a mean are the mean of gradients, so this is the same
function for every model whose images do not see each other: no batch statistics, no randomness.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax.train.loops import fast_in_loops
from verify.programs import Reading, make_as_given, read

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = ["in_parts", "mapped_in_parts", "parts_that_pay"]

# The named maps of one part, in bytes, ReLUs counted though they are fused. Measured on a CPU with
# 32 MiB of shared cache: 20 and 40 MiB are alike, twice as much is a tenth slower.
_CACHE = 48 << 20
_FEWEST = 8  # images; of fewer, convolutions lose more than the cache gains
# Arrays of so many numbers are summed on their own; smaller ones lie one after the other in one
# array. Every sum is a loop that XLA compiles, and so is the zero that it starts from: the note's
# training step compiles a tenth faster.
_ALONE = 1 << 18


def in_parts(f: Callable[..., Any], parts: int) -> Callable[..., Any]:
    """`f(fixed, *arrays)` as the sum of its results over `parts` equal parts of the arrays.

    The parts lie along the arrays' first axis, which `parts` must divide; `f` returns a pytree of
    arrays. For sums over examples, gradients included, it is the same function as `f`.

    >>> def f(w, x): return {"squares": jnp.sum((w * x) ** 2), "count": jnp.array(len(x))}
    >>> {k: int(v) for k, v in in_parts(f, 2)(2, jnp.arange(4)).items()}
    {'count': 4, 'squares': 56}
    """
    if parts == 1:
        return f

    def summed(fixed: Any, *arrays: jax.Array) -> Any:
        split = [_split(array, parts) for array in arrays]
        # Traced once, for the shapes of its results here and for the loop below; a new function
        # each time, because what `jax.jit` has traced of an old one may hold other lowerings.
        of_one = jax.jit(lambda *arguments: f(*arguments))
        part_shapes = (jax.ShapeDtypeStruct(part.shape[1:], part.dtype) for part in split)
        first = jax.eval_shape(of_one, fixed, *part_shapes)
        pack, unpack = _packing(first)

        def add(total: Any, part: Any) -> tuple[Any, None]:
            return jax.tree.map(lax.add, total, pack(of_one(fixed, *part))), None

        zeros = [jnp.zeros(like.shape, like.dtype) for like in jax.eval_shape(pack, first)]
        return unpack(lax.scan(add, zeros, split)[0])

    return summed


def _packing(
    like: Any,
) -> tuple[Callable[[Any], list[jax.Array]], Callable[[list[jax.Array]], Any]]:
    """A pytree of arrays to a few long ones and back: `pack(tree)`, `unpack(arrays)`."""
    leaves, structure = jax.tree.flatten(like)
    groups: dict[Any, list[int]] = {}
    for i, leaf in enumerate(leaves):
        groups.setdefault(leaf.dtype if leaf.size < _ALONE else i, []).append(i)

    def pack(tree: Any) -> list[jax.Array]:
        flat = [jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)]
        return [lax.concatenate([flat[i] for i in group], 0) for group in groups.values()]

    def unpack(arrays: list[jax.Array]) -> Any:
        flat: dict[int, jax.Array] = {}
        for array, group in zip(arrays, groups.values(), strict=True):
            parts = lax.split(array, [leaves[i].size for i in group])
            flat |= {i: part.reshape(leaves[i].shape) for i, part in zip(group, parts, strict=True)}
        return jax.tree.unflatten(structure, [flat[i] for i in range(len(leaves))])

    return pack, unpack


def mapped_in_parts(f: Callable[..., jax.Array], parts: int) -> Callable[..., jax.Array]:
    """`f(fixed, x)`, for f that treats each row of x for itself, computed in `parts` parts.

    >>> mapped_in_parts(lambda w, x: w * x, 2)(3, jnp.arange(4)).tolist()
    [0, 3, 6, 9]
    """
    if parts == 1:
        return f

    def mapped(fixed: Any, x: jax.Array) -> jax.Array:
        y = lax.map(lambda part: f(fixed, part), _split(x, parts))
        return y.reshape(-1, *y.shape[2:])

    return mapped


def _split(array: jax.Array, parts: int) -> jax.Array:
    return jnp.asarray(array).reshape(parts, array.shape[0] // parts, *array.shape[1:])


@lru_cache(maxsize=16)  # a run asks at its start more than once, and again after each epoch
def parts_that_pay(model: Model, batch: int, platform: str, *, training: bool) -> int:
    """Into how many parts a batch on one device is best cut; 1 where it is best left whole.

    >>> from cnnjax.models import lenet5, notes_cnn, resnet18
    >>> note = notes_cnn(10)
    >>> [parts_that_pay(note, n, "cpu", training=True) for n in (1, 8, 32, 128)]
    [1, 1, 4, 16]
    >>> parts_that_pay(lenet5(10), 32, "cpu", training=True)  # fits into the cache
    1
    >>> parts_that_pay(note, 32, "gpu", training=True)
    1
    """
    if platform != "cpu":
        return 1
    params = jax.eval_shape(model.init, jax.random.key(0))
    image = jax.ShapeDtypeStruct((1, *model.image), jnp.float32)
    if training and not _apart(model, params, image):
        return 1
    maps = jax.eval_shape(model.features, params, image)
    each = sum(math.prod(y.shape) * y.dtype.itemsize for y in maps.values())
    fitting = (n for n in range(1, batch // _FEWEST + 1) if batch % n == 0)
    parts = next((n for n in fitting if batch // n * each <= _CACHE), 1)
    if parts > 1:
        images = jax.ShapeDtypeStruct((batch // parts, *model.image), jnp.float32)
        f = _gradient(model) if training else model.apply
        if not fast_in_loops(f, params, images):
            return 1
    return parts


def _gradient(model: Model) -> Callable[..., Any]:
    def total(params: Any, images: Any) -> Any:
        return jnp.sum(model.apply_train(params, images, jax.random.key(0))[0])

    return jax.grad(total)


def _apart(model: Model, params: Any, image: Any) -> bool:
    """Whether images do not see each other in training, and nothing is random."""
    traced = make_as_given(model.apply_train, params, image, jax.random.key(0))
    program = read(traced, Reading(held=True))
    _, stats = traced.result
    key = program.inputs[-1]
    used = any(key is atom for equation in program.equations for atom in equation.inputs)
    return not jax.tree.leaves(stats) and not used

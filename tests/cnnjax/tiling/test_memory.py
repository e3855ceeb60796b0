"""Memory is bounded by the tile; images that do not fit into it are given block by block."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import tiled
from cnnjax.tiling import blocks
from cnnjax.tiling.grid import grid, traced
from tests.cnnjax.tiling.stacks import STACKS, abstract, integers

BY_NAME = {stack.name: stack for stack in STACKS}
# XLA counts what it allocates itself; the library that it uses by default for convolutions on a
# CPU allocates elsewhere.
COUNTED = {"xla_cpu_experimental_ynn_fusion_type": ""}


def scratch(function, *shapes):
    """Bytes that the compiled function needs besides its arguments and results."""
    compiled = jax.jit(function, compiler_options=COUNTED).lower(*shapes).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def gradient(f):
    return jax.grad(lambda params, x: f(params, x).sum())


@pytest.mark.parametrize("of", [lambda f: f, gradient], ids=["values", "gradients"])
def test_scratch_memory_does_not_grow_with_the_image(of):
    stack = BY_NAME["notes"]
    params = abstract(dict(stack.shapes))
    small, large = (abstract((n, n, 2)) for n in (96, 384))
    whole = of(stack.apply)
    parts = of(tiled(stack.apply, 8))
    result = 384 * 384 // 16 * 2 * 4  # the carried result counts as scratch inside of a gradient
    assert scratch(whole, params, large) > 10 * scratch(whole, params, small)
    assert scratch(parts, params, large) < 1.2 * scratch(parts, params, small) + 2 * result


@pytest.mark.parametrize("name", ["notes", "upsampled", "position"])
def test_blocks_make_up_the_result(name, tmp_path):
    """From a file and into a file, neither of them read as a whole."""
    stack = BY_NAME[name]
    params, x = integers(dict(stack.shapes)), integers((41, 37, 2), seed=1)
    np.save(tmp_path / "x.npy", x)
    image = np.load(tmp_path / "x.npy", mmap_mode="r")
    given = blocks(stack.apply, (4, 7))(params, image)
    result = np.lib.format.open_memmap(
        tmp_path / "y.npy", "w+", dtype=given.shape.dtype, shape=given.shape.shape
    )
    result[...] = 99
    count = 0
    for where, block in given:
        result[where] = block
        count += 1
    assert count == len(given) > 1
    np.testing.assert_array_equal(result, stack.apply(params, x))


def test_blocks_of_trees():
    def two(x):
        return {"twice": x * 2, "sum": x.sum(-1, keepdims=True)}

    x = integers((5, 6, 3))
    result = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), blocks(two, 2)(x).shape)
    for where, block in blocks(two, 2)(x):
        for name in result:
            result[name][where[name]] = block[name]
    jax.tree.map(np.testing.assert_array_equal, result, two(x))


@pytest.mark.parametrize(("name", "most"), [("reflected", 26), ("replicated", 22)])
def test_a_tile_of_a_padded_image_reads_no_more_than_others(name, most):
    stack = BY_NAME[name]
    shapes = abstract(dict(stack.shapes)), abstract((300, 300, 2))
    made = grid(traced(stack.apply, (8, 8), shapes), "cpu")
    assert [span.size <= most for span in made.patch[:2]] == [True, True]
    # Inside, where no piece of a border is met, there is nothing but the network.
    inside = made.groups[0]
    assert len(inside) > 0.8 * sum(map(len, made.groups))


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic"])
def test_a_tile_of_a_resized_image_reads_what_its_weights_say(method):
    def twice(x):
        return jax.image.resize(x, (600, 450, 2), method, antialias=False)

    made = grid(traced(twice, (30, 30), [abstract((300, 300, 2))]), "cpu")
    taps = {"nearest": 0, "linear": 1, "cubic": 3}[method]
    sizes = [span.size for span in made.patch[:2]]
    assert sizes[0] <= 15 + taps + 1
    assert sizes[1] <= 20 + taps + 1


def test_a_block_reads_its_halo_and_no_more():
    """What is asked of the image, counted: one row of NaN reaches the blocks that see it alone."""
    stack = BY_NAME["notes"]
    params, x = integers(dict(stack.shapes)), integers((40, 40, 2), seed=1)
    x = x.at[0].set(jnp.nan)
    touched = [
        where[0].start
        for where, block in blocks(stack.apply, 2)(params, x)
        if np.isnan(block).any()
    ]
    assert set(touched) == {0}

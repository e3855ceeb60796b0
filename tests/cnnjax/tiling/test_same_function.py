"""`tiled(f, tile)` is `f`: proved over the reals, and bit for bit on integers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import conv, max_pool, models, tiled
from tests.cnnjax.tiling.stacks import IDS, STACKS, abstract, integers
from verify import assert_equivalent

TILE = (4, 3)
BY_NAME = {stack.name: stack for stack in STACKS}
COMPILED = ["notes", "strided", "pools", "upsampled", "transposed", "depth to space", "position"]
COMPILED += ["reflected", "replicated", "resized, by rows"]


@pytest.mark.parametrize("stack", STACKS, ids=IDS)
def test_the_tiled_program_is_proved_equal(stack):
    shapes = abstract(dict(stack.shapes)), abstract(stack.image)
    assert_equivalent(tiled(stack.apply, TILE), stack.apply, *shapes)


def test_one_output_position_a_tile_is_proved_equal():
    """Case A, literally."""
    stack = BY_NAME["notes"]
    shapes = abstract(dict(stack.shapes)), abstract(stack.image)
    assert_equivalent(tiled(stack.apply, 1), stack.apply, *shapes)


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_tiles_compute_the_same_integers(name):
    """The compiler's half: no rounding, so no tolerance."""
    stack = BY_NAME[name]
    assert stack.exact
    params, x = integers(dict(stack.shapes)), integers(stack.image, seed=1)
    whole, parts = jax.jit(stack.apply)(params, x), tiled(stack.apply, TILE)(params, x)
    assert whole.shape == parts.shape
    assert whole.dtype == parts.dtype
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("size", [(7, 40), (31, 9)])
def test_the_nearest_pixels_of_jax_are_the_same_integers(size):
    """Not proved: `jax.image.resize` rounds down numbers that literals decide."""
    x = integers((2, 17, 19, 2))

    def resized(x):
        return jax.image.resize(x, (2, *size, 2), "nearest") * 2

    np.testing.assert_array_equal(tiled(resized, TILE)(x), resized(x), strict=True)


@pytest.mark.parametrize("tile", [1, 2, (3, 5), (100, 2), 100])
def test_every_tile_size_gives_the_same_integers(tile):
    stack = BY_NAME["notes"]
    params, x = integers(dict(stack.shapes)), integers((31, 45, 2), seed=1)
    np.testing.assert_array_equal(
        tiled(stack.apply, tile)(params, x), stack.apply(params, x), strict=True
    )


@pytest.mark.parametrize("wrt", ["parameters", "image"])
def test_gradients_are_proved_equal(wrt):
    stack = BY_NAME["notes"]
    shapes = abstract(dict(stack.shapes)), abstract((1, 12, 10, 2))

    def gradient(f):
        argument = 0 if wrt == "parameters" else 1
        return jax.grad(lambda params, x: (f(params, x) ** 2).sum(), argument)

    assert_equivalent(gradient(tiled(stack.apply, 2)), gradient(stack.apply), *shapes)


@pytest.mark.parametrize("name", ["notes", "strided"])
def test_compiled_gradients_are_the_same_integers(name):
    """Integer inputs are full of ties: of a maximum, and of a ReLU at 0."""
    stack = BY_NAME[name]
    params, x = integers(dict(stack.shapes)), integers(stack.image, seed=1)

    def gradients(f):
        result, back = jax.vjp(f, params, x)
        return back(integers(result.shape, seed=2))

    whole, parts = jax.jit(gradients, static_argnums=0), gradients
    jax.tree.map(np.testing.assert_array_equal, whole(stack.apply), parts(tiled(stack.apply, TILE)))


def test_forward_mode():
    stack = BY_NAME["strided"]
    given = integers(dict(stack.shapes)), integers((13, 12, 2), seed=1)
    direction = integers(dict(stack.shapes), seed=2), integers((13, 12, 2), seed=3)
    whole, parts = (jax.jvp(f, given, direction) for f in (stack.apply, tiled(stack.apply, 2)))
    jax.tree.map(np.testing.assert_array_equal, whole, parts)


def test_a_gradient_in_closed_over_parameters():
    stack = BY_NAME["strided"]
    params, x = integers(dict(stack.shapes)), integers((9, 8, 2), seed=1)

    def loss(params, f):
        return f(lambda x: stack.apply(params, x))(x).sum()

    whole = jax.grad(loss)(params, lambda f: f)
    parts = jax.grad(loss)(params, lambda f: tiled(f, 2))
    jax.tree.map(np.testing.assert_array_equal, whole, parts)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.int32])
def test_dtypes_stay(dtype):
    stack = BY_NAME["pools"]
    params, x = integers(dict(stack.shapes), dtype), integers(stack.image, dtype, seed=1)
    result = tiled(stack.apply, TILE)(params, x)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, stack.apply(params, x))


def test_vmap_over_images_and_parameters():
    stack = BY_NAME["notes"]
    params = jax.tree.map(
        lambda *p: jnp.stack(p), *(integers(dict(stack.shapes), seed=s) for s in (0, 1))
    )
    x = integers((2, 13, 12, 2), seed=2)
    whole, parts = (jax.vmap(f)(params, x) for f in (stack.apply, tiled(stack.apply, 2)))
    np.testing.assert_array_equal(whole, parts)


VOLUMES = [((3, 2, 3), (2, 29, 2), (5,)), ((2, 3, 3, 1, 2), (7, 8, 9, 1), (2, 3, 2))]


@pytest.mark.parametrize(("kernel", "image", "tile"), VOLUMES)
def test_one_and_three_image_axes(kernel, image, tile):
    def stack(kernel, x):
        return max_pool(conv(x, kernel), (2,) * len(tile))

    kernel, x = integers(kernel), integers(image, seed=1)
    np.testing.assert_array_equal(tiled(stack, tile)(kernel, x), stack(kernel, x))


def test_results_are_trees():
    stack = BY_NAME["residual"]
    params, x = integers(dict(stack.shapes)), integers(stack.image, seed=1)

    def two(params, x):
        y = stack.apply(params, x)
        return {"scores": y, "boxes": (y[..., :1],)}

    whole, parts = two(params, x), tiled(two, TILE)(params, x)
    jax.tree.map(np.testing.assert_array_equal, whole, parts)


def test_the_features_of_a_model():
    """A ResNet up to its second stage: residuals, padded pools, norms in inference mode."""
    model = models.build("resnet18", classes=10, image=(26, 30, 3), stem="imagenet", width=2)

    def features(params, x):
        return model.features(params, x)["layer2/block1"]

    params = jax.eval_shape(model.init, jax.random.key(0))
    assert_equivalent(tiled(features, 3), features, params, abstract((26, 30, 3)))

"""What holds for every layer: batch axes, jit, vmap, scan, gradients, dtypes.

The table is in table.py. Layers that are exact on whole numbers are compared for equality, the
others to a few units in the last place. Compiling is what the time goes to, so each test compiles
once a layer, with little optimisation.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
from tests.cnnjax.layers.grid import QUICK
from tests.cnnjax.layers.table import LAYERS, OVER_THE_BATCH, images

every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
with_those_over_the_batch = pytest.mark.parametrize(
    "layer", LAYERS + OVER_THE_BATCH, ids=lambda layer: layer.name
)
BATCHES = [(), (0,), (1,), (3,), (2, 3), (2, 0, 3)]
DTYPES = ["float16", "bfloat16", "float32", "float64"]
compiled = functools.partial(jax.jit, compiler_options=QUICK)


def same(layer, left, right):
    assert left.shape == right.shape
    assert left.dtype == right.dtype
    tolerance = 0 if layer.exact else 1e-5
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


def test_the_table_has_every_layer_that_is_exported():
    functions = {
        name
        for name in cnnjax.__all__
        if getattr(getattr(cnnjax, name), "__module__", "").startswith("cnnjax.layers.")
    }
    named = {layer.name.split(",")[0].split(" ")[0] for layer in LAYERS}
    # Random: see test_dropout.
    assert functions - named == {"dropout", "stochastic_depth"}


@every_layer
def test_batch_axes_are_a_loop_over_images(layer):
    parameters = layer.parameters(jnp.float32)
    batches = [images(layer, batch, jnp.float32) for batch in BATCHES]

    @compiled
    def at_once(batches):
        return [layer.call(parameters, x) for x in batches]

    @compiled
    def looped(batches):
        rows = [x.reshape(-1, *layer.image) for x in batches if x.size]
        return [jnp.stack([layer.call(parameters, row) for row in x]) for x in rows]

    one, *_ = results = at_once(batches)
    for batch, y in zip(BATCHES, results, strict=True):
        assert y.shape == (*batch, *one.shape)
    some = [y for y in results if y.size]
    for y, loop in zip(some, looped(batches), strict=True):
        same(layer, y, loop.reshape(y.shape))


@every_layer
def test_jit_and_scan_and_vmap_do_not_change_it(layer):
    parameters, x = layer.parameters(jnp.float32), images(layer, (3,), jnp.float32)
    call = functools.partial(layer.call, parameters)

    @compiled
    def others(x):
        return (
            call(x),
            jax.vmap(call)(x),
            jax.lax.scan(lambda _, row: (None, call(row)), None, x)[1],
        )

    y = call(x)
    for other in others(x):
        same(layer, other, y)


@pytest.mark.parametrize("layer", [x for x in LAYERS if x.shapes], ids=lambda layer: layer.name)
def test_vmap_over_parameters_is_a_loop(layer):
    draws = [layer.parameters(jnp.float32, seed) for seed in range(3)]
    stacked = tuple(jnp.stack(each) for each in zip(*draws, strict=True))
    x = images(layer, (2,), jnp.float32)

    @compiled
    def both(draws, stacked, x):
        looped = jnp.stack([layer.call(parameters, x) for parameters in draws])
        return jax.vmap(lambda p: layer.call(p, x))(stacked), looped

    same(layer, *both(draws, stacked, x))


@with_those_over_the_batch
def test_first_and_second_derivatives_are_those_of_finite_differences(layer):
    """Along one direction, central differences of the value and of the gradient, in float64."""
    rng, step = np.random.default_rng(2), 1e-5
    # Values 1 / 64 apart or more: no maximum changes and no kink is met within the step.
    shape = (2, *layer.image)
    x = (rng.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) // 2) / 64 + 1 / 128

    @compiled
    def derivatives(point, direction, weights):
        def loss(point):
            return jnp.sum(jnp.tanh(layer.call(*point) / 8) * weights)

        def move(by):
            return jax.tree.map(lambda p, d: p + by * d, point, direction)

        def slope(f):
            return jax.tree.map(lambda a, b: (a - b) / (2 * step), f(move(step)), f(move(-step)))

        value = (jax.jvp(loss, (point,), (direction,))[1], slope(loss))
        first = jax.grad(loss)
        second = (jax.jvp(first, (point,), (direction,))[1], slope(first))
        along = jax.tree.map(lambda g, d: jnp.sum(g * d), first(point), direction)
        return value, second, sum(jax.tree.leaves(along))

    with jax.enable_x64(True):
        point = (layer.parameters(jnp.float64), jnp.asarray(x))
        direction = jax.tree.map(lambda p: jnp.asarray(rng.normal(size=p.shape)), point)
        y = jax.eval_shape(layer.call, *point)
        weights = jnp.asarray(rng.normal(size=y.shape))
        results = derivatives(point, direction, weights)
        value, second, reverse = jax.tree.map(np.asarray, results)
    assert abs(value[0]) > 1e-4
    np.testing.assert_allclose(*value, rtol=1e-6, atol=1e-9, err_msg="forward mode")
    np.testing.assert_allclose(reverse, value[0], rtol=1e-12, err_msg="reverse mode")
    for found, slope in zip(*map(jax.tree.leaves, second), strict=True):
        close = 1e-6 * np.max(np.abs(slope)) + 1e-9
        np.testing.assert_allclose(found, slope, atol=close, rtol=0, err_msg="second derivative")


@every_layer
def test_gradients_inside_scan_equal_those_outside(layer):
    parameters, x = layer.parameters(jnp.float32), images(layer, (2, 2), jnp.float32)
    y = jax.eval_shape(functools.partial(layer.call, parameters), x[0])
    weights = jnp.asarray(np.random.default_rng(3).integers(-2, 3, y.shape), jnp.float32)

    def gradients(x):
        return jax.grad(lambda p, x: jnp.sum(layer.call(p, x) * weights), (0, 1))(parameters, x)

    @compiled
    def both(x):
        _, scanned = jax.lax.scan(lambda _, x: (None, gradients(x)), None, x)
        return scanned, jax.tree.map(lambda *g: jnp.stack(g), *[gradients(each) for each in x])

    jax.tree.map(functools.partial(same, layer), *both(x))


@with_those_over_the_batch
def test_dtype_stays_and_the_result_is_rounded_from_the_exact_one(layer):
    """Against float64 on the same numbers: sums are not rounded to the 8 bits of bfloat16."""

    @compiled
    def every_dtype(images):
        results = [layer.call(layer.parameters(x.dtype), x) for x in images]
        exact = [layer.call(layer.parameters("float64"), x.astype("float64")) for x in images]
        return results, exact

    with jax.enable_x64(True):
        results, exact = every_dtype([images(layer, (2,), dtype) for dtype in DTYPES])
    for dtype, y, want in zip(DTYPES, results, exact, strict=True):
        assert y.dtype == jnp.dtype(dtype)
        unit = float(jnp.finfo(dtype).eps) / 2
        y, want = np.asarray(y, np.float64), np.asarray(want)
        # Exact layers: one rounding before the bias (at most 3) and one after it. Others: a few
        # roundings of parameters and function values around 1.
        bound = unit * (2 * np.abs(want) + 3) if layer.exact else 16 * unit * (np.abs(want) + 1)
        assert np.all(np.abs(y - want) <= bound), dtype


@pytest.mark.parametrize("layer", OVER_THE_BATCH, ids=lambda layer: layer.name)
def test_layers_over_the_batch_ignore_how_the_batch_is_arranged(layer):
    call = functools.partial(layer.call, layer.parameters(jnp.float32))
    x = images(layer, (2, 3), jnp.float32)
    same(layer, call(x), call(x.reshape(6, *layer.image)).reshape(x.shape))

"""Pools: what padding means, which input gets the gradient, and the special cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax


def integers(shape, seed=0, dtype=np.float32):
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape), dtype)


def test_padding_never_wins_a_maximum():
    x = jnp.full((3, 3, 1), -7.0)
    np.testing.assert_array_equal(cnnjax.max_pool(x, 2, padding="SAME"), jnp.full((2, 2, 1), -7.0))


@pytest.mark.parametrize("dtype", [jnp.int8, jnp.uint8, jnp.int32, jnp.bfloat16])
def test_maximum_of_the_lowest_values_of_every_dtype(dtype):
    lowest = -jnp.inf if dtype == jnp.bfloat16 else jnp.iinfo(dtype).min
    x = jnp.full((4, 4, 2), lowest, dtype)
    y = cnnjax.max_pool(x, 3, stride=2, padding=1)
    assert y.dtype == dtype
    assert bool(jnp.all(y == x[0, 0, 0]))


def test_first_of_equal_maxima_gets_the_whole_gradient():
    def total(x):
        return jnp.sum(cnnjax.max_pool(x, 2))

    x = jnp.asarray([[3.0, 3.0], [3.0, 1.0]])[..., None]
    np.testing.assert_array_equal(jax.grad(total)(x)[..., 0], [[1, 0], [0, 0]])


def test_global_max_pool_is_max_pool_over_the_image_gradient_and_all():
    x = integers((3, 4, 5, 2))  # nine values on twenty cells: ties
    weights = jnp.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    def whole(x):
        return cnnjax.global_max_pool(x)

    def windowed(x):
        return cnnjax.max_pool(x, (4, 5))[:, 0, 0]

    for f in (whole, windowed):
        np.testing.assert_array_equal(f(x), jnp.max(x, (1, 2)))
    gradients = [jax.grad(lambda x, f=f: jnp.sum(f(x) * weights))(x) for f in (whole, windowed)]
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_global_pools_follow_the_number_of_image_axes(spatial):
    x = integers((2, *(3, 4, 2)[:spatial], 5))
    axes = tuple(range(1, spatial + 1))
    found = cnnjax.global_avg_pool(x, spatial=spatial)
    np.testing.assert_allclose(found, jnp.mean(x, axes), rtol=1e-6)
    np.testing.assert_array_equal(cnnjax.global_max_pool(x, spatial=spatial), jnp.max(x, axes))


def test_the_two_counts_differ_at_the_border_alone():
    x = jnp.ones((4, 4, 1))
    options = {"stride": 1, "padding": 1}
    inside = cnnjax.avg_pool(x, 3, count_padding=False, **options)[..., 0]
    counted = cnnjax.avg_pool(x, 3, count_padding=True, **options)[..., 0]
    np.testing.assert_array_equal(inside, jnp.ones((4, 4)))
    edge = jnp.asarray([2.0, 3.0, 3.0, 2.0]) / 3
    np.testing.assert_allclose(counted, jnp.outer(edge, edge), rtol=1e-6)


def test_count_padding_is_free_where_nothing_is_padded():
    x = integers((4, 4, 1))
    plain = cnnjax.avg_pool(x, 2)
    for counted in (True, False):
        np.testing.assert_array_equal(cnnjax.avg_pool(x, 2, count_padding=counted), plain)
    np.testing.assert_array_equal(cnnjax.avg_pool(x, 2, padding="SAME"), plain)


@pytest.mark.parametrize("padding", ["SAME", 1, (0, 1), ((0, 0), (1, 0))])
def test_count_padding_must_be_given_once_anything_is_padded(padding):
    with pytest.raises(TypeError, match=r"avg_pool: .*count_padding=True .*or False"):
        cnnjax.avg_pool(integers((5, 5, 1)), 2, padding=padding)


def test_windows_in_the_padding_alone():
    """A maximum and an uncounted mean do not exist there; a counted mean is 0."""
    x = integers((4, 4, 1))
    for padding in (2, ((0, 0), (2, 0)), ((0, 2), (0, 0))):
        with pytest.raises(ValueError, match=r"max_pool: .*without any cell of spatial axis"):
            cnnjax.max_pool(x, 2, stride=1, padding=padding)
        with pytest.raises(ValueError, match=r"avg_pool: .*without any cell of spatial axis"):
            cnnjax.avg_pool(x, 2, stride=1, padding=padding, count_padding=False)
    y = cnnjax.avg_pool(x, 2, stride=1, padding=2, count_padding=True)
    np.testing.assert_array_equal(y[0], 0)


def test_wide_padding_is_fine_where_the_stride_skips_the_empty_windows():
    x = integers((4, 1))
    # Windows start at -1, 2 and 5: the last one would be empty, but 2 cells high do not reach it.
    y = cnnjax.max_pool(x, (2,), stride=3, padding=(1, 2))
    np.testing.assert_array_equal(y[:, 0], [x[0, 0], jnp.max(x[2:4])])


def test_pool_of_window_one_is_the_identity():
    x = integers((2, 3, 4, 5))
    np.testing.assert_array_equal(cnnjax.max_pool(x, 1), x)
    np.testing.assert_array_equal(cnnjax.avg_pool(x, 1), x)


def test_window_length_says_how_many_axes_are_pooled():
    x = integers((4, 4, 4, 2))
    assert cnnjax.max_pool(x, (2,)).shape == (4, 4, 2, 2)
    assert cnnjax.max_pool(x, 2).shape == (4, 2, 2, 2)
    assert cnnjax.max_pool(x, (2, 2)).shape == (4, 2, 2, 2)
    assert cnnjax.max_pool(x, (2, 2, 2)).shape == (2, 2, 2, 2)


def test_average_of_many_bfloat16_ones_is_one():
    """Summed in bfloat16 it would stop at 256 of 400."""
    x = jnp.ones((20, 20, 1), jnp.bfloat16)
    assert float(cnnjax.avg_pool(x, 20)[0, 0, 0]) == 1.0
    assert float(cnnjax.global_avg_pool(x)[0]) == 1.0

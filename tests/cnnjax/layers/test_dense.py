"""Dense and flatten."""

import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax


def test_dense_is_a_matrix_product_over_any_batch():
    rng = np.random.default_rng(0)
    x, kernel = rng.integers(-4, 5, (2, 3, 4)), rng.integers(-4, 5, (4, 5))
    bias = rng.integers(-4, 5, 5)
    want = np.einsum("abi,io->abo", x, kernel) + bias
    found = cnnjax.dense(*(jnp.asarray(a, jnp.float32) for a in (x, kernel, bias)))
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_flatten_is_row_major_with_channels_fastest(spatial):
    shape = (2, 3, 4, 5)[-spatial - 1 :]
    x = jnp.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(cnnjax.flatten(x, spatial=spatial), jnp.arange(x.size))
    batch = cnnjax.flatten(jnp.stack([x, x])[None], spatial=spatial)
    assert batch.shape == (1, 2, x.size)


def test_flatten_keeps_a_batch_of_none():
    assert cnnjax.flatten(jnp.zeros((0, 3, 4, 5))).shape == (0, 60)

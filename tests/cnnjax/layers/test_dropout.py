"""Dropout: the rate is the probability to drop, the mean stays, the key decides."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax

KEY = jax.random.key(0)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_is_the_share_that_is_dropped_and_the_rest_is_scaled(rate):
    n = 40_000
    y = np.asarray(cnnjax.dropout(KEY, jnp.ones(n), rate))
    kept = y != 0
    np.testing.assert_allclose(y[kept], 1 / (1 - rate), rtol=1e-6)
    # Five standard deviations of a binomial.
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / n)


def test_rate_zero_returns_x_itself():
    x = jnp.ones(3)
    assert cnnjax.dropout(KEY, x, 0) is x
    assert cnnjax.dropout(KEY, x, 0.0) is x


def test_the_key_decides():
    x = jnp.ones(256)
    np.testing.assert_array_equal(cnnjax.dropout(KEY, x, 0.5), cnnjax.dropout(KEY, x, 0.5))
    other = cnnjax.dropout(jax.random.key(1), x, 0.5)
    assert bool(jnp.any(other != cnnjax.dropout(KEY, x, 0.5)))


def test_elements_are_drawn_apart():
    """Neither rows nor columns nor channels share a draw."""
    y = cnnjax.dropout(KEY, jnp.ones((16, 16, 16)), 0.5)
    for axis in range(3):
        constant = jnp.all(y == jnp.take(y, jnp.asarray([0]), axis), axis)
        assert float(jnp.mean(constant)) < 0.01


def test_gradient_is_the_mask():
    x = jnp.arange(1.0, 65.0)
    y, pull = jax.vjp(lambda x: cnnjax.dropout(KEY, x, 0.25), x)
    (gradient,) = pull(jnp.ones_like(y))
    np.testing.assert_allclose(gradient, y / x, rtol=1e-6)


def test_jit_and_vmap_over_keys():
    x = jnp.ones(64)
    keys = jax.random.split(KEY, 3)
    want = jnp.stack([cnnjax.dropout(key, x, 0.5) for key in keys])
    found = jax.jit(jax.vmap(lambda key: cnnjax.dropout(key, x, 0.5)))(keys)
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtype_stays(dtype):
    assert cnnjax.dropout(KEY, jnp.ones(8, dtype), 0.5).dtype == jnp.dtype(dtype)


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 1.5, float("nan")])
def test_other_rates_are_refused(rate):
    with pytest.raises(ValueError, match=r"dropout: rate is the probability to drop, in \[0, 1\)"):
        cnnjax.dropout(KEY, jnp.ones(3), rate)


def test_old_style_keys_work():
    x = jnp.ones(64)
    assert cnnjax.dropout(jax.random.PRNGKey(0), x, 0.5).shape == x.shape

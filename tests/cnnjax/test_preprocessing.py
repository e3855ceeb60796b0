"""Preprocessing: mean 0 and deviation 1 on what it was fitted on, whatever the dtype."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.preprocessing import Preprocessing


def images(count=5, channels=3):
    values = np.random.default_rng(1).integers(0, 200, (count, 6, 7, channels))
    return (values // np.arange(1, channels + 1)).astype(np.uint8)


def test_fitted_images_have_mean_0_and_deviation_1():
    x = np.asarray(Preprocessing.fit(images())(images()), np.float64)
    np.testing.assert_allclose(x.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(x.std((0, 1, 2)), 1, atol=1e-6)


def test_fit_is_the_mean_and_deviation_in_numpy():
    fitted = Preprocessing.fit(images(9000))  # more than one part
    scaled = images(9000).astype(np.float64) / 255
    np.testing.assert_allclose(fitted.mean, scaled.mean((0, 1, 2)), rtol=1e-10)
    np.testing.assert_allclose(fitted.std, scaled.std((0, 1, 2)), rtol=1e-10)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_any_batch_and_dtype(dtype, batch):
    given = np.broadcast_to(images(1)[0], (*batch, 6, 7, 3))
    fitted = Preprocessing.fit(images())
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        x = fitted(given, dtype)
        assert x.dtype == dtype
        assert x.shape == given.shape
        assert bool(jnp.all(x == fitted(given).astype(dtype)))  # rounded once, at the end


def test_a_constant_channel_becomes_zero():
    grey = np.full((2, 3, 3, 1), 77, np.uint8)
    np.testing.assert_allclose(Preprocessing.fit(grey)(grey), 0, atol=1e-6)


def test_wrong_images_are_refused():
    fitted = Preprocessing.fit(images())
    with pytest.raises(ValueError, match=r"must be uint8.*float32"):
        fitted(images().astype(np.float32))
    with pytest.raises(ValueError, match="fitted on 3 channels, images are"):
        fitted(images(channels=1))
    with pytest.raises(TypeError, match="must be a float type, got int32"):
        fitted(images(), jnp.int32)
    with pytest.raises(ValueError, match="non-empty"):
        Preprocessing.fit(images()[:0])
    with pytest.raises(ValueError, match="every std must be positive"):
        Preprocessing((0.0,), (0.0,))
    with pytest.raises(ValueError, match="one value a channel each"):
        Preprocessing((0.0, 0.0), (1.0,))

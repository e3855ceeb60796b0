"""Norms: invariances, the running statistics of batch_norm, and numbers that would cancel.

Agreement with NumPy and PyTorch, gradients included, is in test_grid.py.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
from tests.cnnjax import reference


def normal(shape, seed=0, dtype=np.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def affine(channels, dtype=jnp.float32):
    return {"scale": jnp.ones(channels, dtype), "bias": jnp.zeros(channels, dtype)}


def state(channels, mean=0.0, var=1.0, dtype=jnp.float32):
    return {"mean": jnp.full(channels, mean, dtype), "var": jnp.full(channels, var, dtype)}


def train(x, old=None, **options):
    channels = x.shape[-1]
    return cnnjax.batch_norm(x, affine(channels), old or state(channels), training=True, **options)


def test_batch_norm_makes_every_channel_mean_zero_and_variance_one():
    y, _ = train(normal((8, 5, 4, 3)) * 3 + 7)
    np.testing.assert_allclose(jnp.mean(y, (0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(jnp.var(y, (0, 1, 2)), 1, rtol=1e-4)


def test_layer_norm_makes_every_position_mean_zero_and_variance_one():
    y = cnnjax.layer_norm(normal((8, 5, 64)) * 3 + 7, affine(64))
    np.testing.assert_allclose(jnp.mean(y, -1), 0, atol=1e-5)
    np.testing.assert_allclose(jnp.var(y, -1), 1, rtol=1e-4)


def test_group_norm_from_one_group_to_one_channel_each():
    x = normal((2, 5, 4, 6)) * 3 + 7
    for groups in (1, 2, 3, 6):
        y = cnnjax.group_norm(x, affine(6), groups=groups).reshape(2, 5, 4, groups, -1)
        np.testing.assert_allclose(jnp.mean(y, (1, 2, 4)), 0, atol=1e-5)
        np.testing.assert_allclose(jnp.var(y, (1, 2, 4)), 1, rtol=1e-4)


def test_group_norm_treats_images_apart_and_batch_norm_does_not():
    x = normal((2, 4, 4, 2))
    moved = x.at[1].mul(5)
    group = [cnnjax.group_norm(v, affine(2), groups=1)[0] for v in (x, moved)]
    np.testing.assert_array_equal(*group)
    batch = [train(v)[0][0] for v in (x, moved)]
    assert float(jnp.max(jnp.abs(batch[0] - batch[1]))) > 0.1


def test_running_statistics_are_the_mean_and_the_unbiased_variance():
    x = normal((3, 2, 2, 4))
    mean, var = reference.running(np.asarray(x, np.float64))
    _, new = train(x, momentum=0.0)
    np.testing.assert_allclose(new["mean"], mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(new["var"], var, rtol=1e-5)


def test_momentum_is_the_weight_of_the_old_statistics():
    x, old = normal((4, 2)), state(2, mean=10.0, var=20.0)
    _, batch = train(x, old, momentum=0.0)
    _, kept = train(x, old, momentum=1.0)
    _, mixed = train(x, old, momentum=0.75)
    for name in ("mean", "var"):
        np.testing.assert_array_equal(kept[name], old[name])
        want = 0.75 * old[name] + 0.25 * batch[name]
        np.testing.assert_allclose(mixed[name], want, rtol=1e-6)


def test_running_statistics_equal_pytorch():
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    from tests.cnnjax import reference_torch

    x = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
    np.testing.assert_allclose(reference_torch.running(x), reference.running(x), rtol=1e-12)


def test_inference_uses_the_state_and_leaves_it():
    x, old = normal((4, 3)), state(3, mean=2.0, var=4.0)
    params = {"scale": jnp.asarray([1.0, 2.0, 3.0]), "bias": jnp.asarray([0.0, 1.0, 2.0])}
    y, new = cnnjax.batch_norm(x, params, old, training=False, eps=0.0)
    want = (np.asarray(x) - 2) / 2 * np.asarray(params["scale"]) + np.asarray(params["bias"])
    np.testing.assert_allclose(y, want, rtol=1e-5)
    assert new.keys() == old.keys()
    for name, value in old.items():
        np.testing.assert_array_equal(new[name], value)


def test_training_then_inference_agree_once_the_state_has_converged():
    x = normal((512, 3)) * 2 + 1
    y, new = train(x, momentum=0.0)
    again, _ = cnnjax.batch_norm(x, affine(3), new, training=False)
    # They differ by the unbiased variance: sqrt(511 / 512).
    np.testing.assert_allclose(again, y * np.sqrt(511 / 512), rtol=1e-4, atol=1e-5)


def test_no_gradient_reaches_the_new_state():
    def total(x):
        _, new = train(x)
        return jnp.sum(new["mean"]) + jnp.sum(new["var"])

    np.testing.assert_array_equal(jax.grad(total)(normal((4, 3))), 0)


def test_statistics_of_bfloat16_are_float32():
    """512 values near 100: bfloat16 sums would be off by more than their spread."""
    x = (normal((512, 1)) + 100).astype(jnp.bfloat16)
    y, new = train(x, momentum=0.0)
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(new["mean"], exact.mean(), rtol=1e-6)
    np.testing.assert_allclose(new["var"], exact.var(ddof=1), rtol=1e-4)
    assert y.dtype == jnp.bfloat16
    assert new["mean"].dtype == jnp.float32


def test_state_and_parameters_keep_their_own_dtype():
    x = normal((4, 2)).astype(jnp.bfloat16)
    y, new = cnnjax.batch_norm(x, affine(2), state(2, dtype=jnp.bfloat16), training=True)
    assert y.dtype == jnp.bfloat16
    assert {value.dtype for value in new.values()} == {jnp.dtype(jnp.bfloat16)}


def test_large_means_do_not_cancel():
    """E[x^2] - E[x]^2 in float32 would lose everything at a mean of 10^4."""
    x = normal((4096, 1)) + 1e4
    y, new = train(x, momentum=0.0)
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(new["var"], exact.var(ddof=1), rtol=1e-3)
    np.testing.assert_allclose(jnp.std(y), 1, rtol=1e-3)


def test_constant_channels_give_the_bias():
    params = {"scale": jnp.full(2, 3.0), "bias": jnp.asarray([1.0, -1.0])}
    x = jnp.full((4, 2), 5.0)
    y, _ = cnnjax.batch_norm(x, params, state(2), training=True)
    np.testing.assert_array_equal(y, jnp.broadcast_to(params["bias"], y.shape))
    assert bool(jnp.all(jnp.isfinite(jax.grad(lambda x: jnp.sum(train(x)[0] ** 2))(x))))


def test_extra_entries_of_the_state_pass_through():
    old = {**state(2), "count": jnp.asarray(3)}
    _, new = cnnjax.batch_norm(normal((4, 2)), affine(2), old, training=True)
    assert int(new["count"]) == 3

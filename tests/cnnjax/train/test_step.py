"""One step: accumulation, sharding, precision and smoothing do what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.losses import cross_entropy
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import TrainConfig, data_mesh
from cnnjax.train.mesh import split, to_mesh
from cnnjax.train.state import initial_state
from cnnjax.train.step import make_step

SGD = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant"}


def after(model, data, config, steps=3, devices=1):
    """The state and the metrics after some steps on the first images."""
    mesh = data_mesh(jax.devices()[:devices])
    preprocessing = Preprocessing.fit(data.images)
    state = to_mesh(initial_state(model, config, 10), mesh)
    metrics, step = [], None
    for index in range(steps):
        part = slice(index * config.batch_size, (index + 1) * config.batch_size)
        batch = jax.device_put((data.images[part], data.labels[part]), split(mesh))
        step = step or make_step(model, config, preprocessing, 10, mesh, (state, *batch))
        state, found = step(state, *batch)
        metrics.append(np.asarray(found))
    return jax.device_get(state), np.array(metrics)


def assert_close(left, right, rtol=2e-5, atol=2e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), left, right)


@pytest.mark.parametrize("parts", [2, 8])
def test_accumulated_micro_batches_are_the_big_batch(toy, parts):
    data = toy.quadrants(48)
    settings = {**SGD, "batch_size": 16, "augment": "shift+flip", "label_smoothing": 0.1}
    whole, losses = after(toy.plain(), data, TrainConfig(**settings))
    pieces, same = after(toy.plain(), data, TrainConfig(**settings, accumulate=parts))
    assert_close(whole.trained, pieces.trained)
    assert_close(losses, same)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("model", ["plain", "normed"])
def test_two_devices_are_one(toy, model, accumulate):
    data, model = toy.quadrants(48), getattr(toy, model)()
    config = TrainConfig(**SGD, batch_size=16, augment="shift+flip", accumulate=accumulate, seed=5)
    one, losses = after(model, data, config, devices=1)
    two, same = after(model, data, config, devices=2)
    assert_close(losses, same)
    assert_close(one.trained, two.trained)
    assert_close(one.batch_stats, two.batch_stats)


def test_batch_norm_sees_the_whole_batch_of_all_devices(toy):
    # The two devices' halves differ in brightness: the mean of the half variances would be less.
    data, model = toy.quadrants(16), toy.normed()
    images = np.concatenate([data.images[:8] // 8, data.images[8:] // 2 + 100])
    data = type(data)(images, data.labels, data.classes, "uneven")
    config = TrainConfig(**SGD, batch_size=16)
    params = initial_state(model, config, 10)
    state, _ = after(model, data, config, steps=1, devices=2)
    x = Preprocessing.fit(images)(images)
    kernel = params.trained["conv"]["kernel"]
    maps = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(
        state.batch_stats["bn"]["var"],
        0.9 + 0.1 * np.asarray(maps).var((0, 1, 2), ddof=1),
        rtol=1e-4,
    )


def test_bfloat16_computes_narrow_and_keeps_float32(toy):
    data = toy.quadrants(48)
    config = TrainConfig(**SGD, batch_size=16)
    narrow = TrainConfig(**SGD, batch_size=16, precision="bfloat16")
    for model in (toy.plain(), toy.normed(rate=0.1)):
        wide, losses = after(model, data, config)
        state, rough = after(model, data, narrow)
        for leaf in jax.tree.leaves((state.trained, state.batch_stats, state.opt_state)):
            assert leaf.dtype in (np.float32, np.int32)
        assert rough.dtype == np.float32
        np.testing.assert_allclose(rough[:, 0], losses[:, 0], rtol=0.05)
        assert (rough[:, 0] != losses[:, 0]).any()  # it did compute in bfloat16
        assert_close(state.trained, wide.trained, rtol=0.2, atol=0.05)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_smoothed_loss_is_a_mixture_of_losses(toy, share):
    # (1 - s) * loss of the label + s * mean of the losses of all classes
    data, model = toy.quadrants(16), toy.plain()
    config = TrainConfig(**SGD, batch_size=16, label_smoothing=share)
    params = initial_state(model, config, 10).trained
    logits = model.apply(params, Preprocessing.fit(data.images)(data.images))
    every = [cross_entropy(logits, jnp.full(16, label)).mean() for label in range(4)]
    expected = (1 - share) * cross_entropy(logits, data.labels).mean() + share * np.mean(every)
    _, metrics = after(model, data, config, steps=1)
    np.testing.assert_allclose(metrics[0, 0], expected, rtol=1e-5)


def test_metrics_count_the_right_answers(toy):
    data, model = toy.quadrants(16), toy.plain()
    config = TrainConfig(**SGD, batch_size=16)
    params = initial_state(model, config, 10).trained
    logits = model.apply(params, Preprocessing.fit(data.images)(data.images))
    _, metrics = after(model, data, config, steps=1)
    assert metrics[0, 1] == int((np.argmax(logits, -1) == data.labels).sum())

"""A batch in parts is the batch, for the models that are cut and only for those."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from cnnjax import batch_norm, conv, cross_entropy, dense, flatten, max_pool, models, relu
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import TrainConfig, evaluate, parts
from cnnjax.train.parts import in_parts, mapped_in_parts, parts_that_pay
from tests.cnnjax.train.test_step import SGD, after, assert_close


def spec(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


PARAMS = {"kernel": spec(3, 3, 1, 2), "bias": spec(2), "dense": spec(8, 3)}


def network(params, images, norm=False):
    y = conv(images, params["kernel"], params["bias"])
    if norm:
        ones = {"scale": jnp.ones(2), "bias": jnp.zeros(2)}
        y, _ = batch_norm(y, ones, {"mean": jnp.zeros(2), "var": jnp.ones(2)}, training=True)
    return dense(flatten(max_pool(relu(y), 2)), params["dense"], jnp.zeros(3))


def total_loss(params, images, labels, norm=False):
    return jnp.sum(cross_entropy(network(params, images, norm), labels))


def gradient(cuts, norm=False):
    return in_parts(jax.value_and_grad(partial(total_loss, norm=norm)), cuts)


@pytest.mark.parametrize("cuts", [2, 4])
def test_the_gradient_in_parts_is_the_gradient(cuts):
    labels = np.array([0, 2, 1, 1])

    def run(cuts, params, images):
        return gradient(cuts)(params, images, labels)

    verify.assert_equivalent(
        partial(run, cuts), partial(run, 1), PARAMS, spec(4, 4, 4, 1), seconds=60
    )


def _of_all_kinds(x, images):
    """Dtypes, sizes and shapes mixed, a scalar and an empty array among them."""
    return {
        "large": x * jnp.sum(images),
        "small": [jnp.sum(images, 0), jnp.sum(images), jnp.sum(images, 0)[:, :0]],
        "count": jnp.array(len(images)),
        "whole": jnp.sum(images.astype(jnp.int32), (0, 1)),
        "half": jnp.sum(images, 0).astype(jnp.float16),
    }


def test_sums_of_all_kinds_are_the_sums(monkeypatch):
    monkeypatch.setattr(parts, "_ALONE", 20)
    x = jnp.arange(20, dtype=jnp.float32).reshape(4, 5)
    images = jnp.arange(36, dtype=jnp.float32).reshape(6, 2, 3)
    whole, cut = (in_parts(_of_all_kinds, n)(x, images) for n in (1, 3))
    assert jax.tree.structure(whole) == jax.tree.structure(cut)
    for left, right in zip(jax.tree.leaves(whole), jax.tree.leaves(cut), strict=True):
        assert (left.shape, left.dtype) == (right.shape, right.dtype)
        np.testing.assert_array_equal(left, right)


def test_sums_that_come_back_in_another_order_are_refuted(monkeypatch):
    floats = {"a": spec(2), "b": spec(2)}

    def run(cuts):  # a new function each time: JAX keeps what it has traced
        f = in_parts(lambda _, x: {"a": jnp.sum(x, 0), "b": jnp.sum(2 * x, 0)}, cuts)
        return lambda x: f(None, x)

    verify.assert_equivalent(run(2), run(1), spec(4, 2))
    pack, unpack = parts._packing(floats)
    monkeypatch.setattr(parts, "_packing", lambda like: (pack, lambda a: unpack([a[0][::-1]])))
    verdict = verify.equivalent(run(2), run(1), spec(4, 2))
    assert verdict.status == "refuted", verdict


def test_statistics_over_the_batch_are_another_function_in_parts():
    """Why models with batch norm are left whole."""
    labels = np.array([0, 2, 1, 1])

    def run(cuts, params, images):
        return in_parts(partial(total_loss, norm=True), cuts)(params, images, labels)

    verdict = verify.equivalent(
        partial(run, 2), partial(run, 1), PARAMS, spec(4, 4, 4, 1), seconds=60
    )
    assert verdict.status == "refuted", verdict


def test_answers_in_parts_are_the_answers():
    verify.assert_equivalent(
        mapped_in_parts(network, 2), mapped_in_parts(network, 1), PARAMS, spec(4, 4, 4, 1)
    )


NOTE = models.notes_cnn(10)


@pytest.mark.parametrize(
    ("model", "batch", "expected"),
    [
        (NOTE, 32, 4),
        (NOTE, 40, 5),
        (NOTE, 31, 1),  # a prime
        (NOTE, 7, 1),
        (models.lenet5(10), 512, 1),  # fits
        (models.vgg11(10, image=(32, 32, 3)), 512, 1),  # dropout
        (models.resnet18(10, image=(32, 32, 3)), 512, 1),  # batch norm
    ],
)
def test_which_batches_are_cut(model, batch, expected):
    assert parts_that_pay(model, batch, "cpu", training=True) == expected
    assert parts_that_pay(model, batch, "tpu", training=True) == 1


def test_without_training_batch_norm_and_dropout_are_no_hindrance():
    for model in (models.vgg11(10, image=(32, 32, 3)), models.resnet18(10, image=(32, 32, 3))):
        assert parts_that_pay(model, 512, "cpu", training=False) > 1


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_step_in_parts_is_the_step(toy, monkeypatch, accumulate):
    data = toy.quadrants(48)
    config = TrainConfig(**SGD, batch_size=16, label_smoothing=0.1, accumulate=accumulate)
    whole, losses = after(toy.plain(), data, config)
    cut = []
    monkeypatch.setattr("cnnjax.train.step.parts_that_pay", lambda *_, **__: cut.append(1) or 4)
    pieces, same = after(toy.plain(), data, config)
    assert cut
    assert_close(whole.trained, pieces.trained)
    assert_close(losses, same)


def test_an_evaluation_in_parts_is_the_evaluation(toy, monkeypatch):
    data, model = toy.quadrants(30), toy.plain()
    params, preprocessing = model.init(jax.random.key(0)), Preprocessing.fit(data.images)
    run = partial(evaluate, model, params, data, preprocessing, batch_size=16)
    whole = run()
    monkeypatch.setattr(parts, "_CACHE", 0)
    parts_that_pay.cache_clear()
    assert run().loss == whole.loss  # nothing fits, nothing is cut
    monkeypatch.setattr("cnnjax.train.evaluation.parts_that_pay", lambda *_, **__: 4)
    pieces = run()
    np.testing.assert_allclose(pieces.loss, whole.loss, rtol=1e-5)
    assert (pieces.confusion == whole.confusion).all()

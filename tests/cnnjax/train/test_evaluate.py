"""Evaluation counts every image once, whatever the batch size."""

import jax
import numpy as np
import pytest

from cnnjax.preprocessing import Preprocessing
from cnnjax.train import data_mesh, evaluate


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 5, 7, 23, 100])
def test_evaluation_is_a_recount_in_numpy(toy, batch_size, devices):
    data, model = toy.quadrants(23), toy.plain()
    params = model.init(jax.random.key(3))
    preprocessing = Preprocessing.fit(data.images)
    logits = np.asarray(model.apply(params, preprocessing(data.images)), np.float64)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    confusion = np.zeros((4, 4), np.int64)
    for label, answer in zip(data.labels, logits.argmax(1), strict=True):
        confusion[label, answer] += 1

    mesh = data_mesh(jax.devices()[:devices])
    found = evaluate(model, params, data, preprocessing, batch_size=batch_size, mesh=mesh)
    np.testing.assert_array_equal(found.confusion, confusion)
    assert found.accuracy == np.trace(confusion) / 23
    loss = -np.log(shares[np.arange(23), data.labels]).mean()
    np.testing.assert_allclose(found.loss, loss, rtol=1e-5)


def test_data_that_does_not_fit_the_model_is_refused(toy):
    data, model = toy.quadrants(4), toy.plain()
    params = model.init(jax.random.key(0))
    preprocessing = Preprocessing.fit(data.images)
    smaller = type(data)(data.images[:, 1:], data.labels, data.classes, "smaller")
    more = type(data)(data.images, data.labels, (*data.classes, "none"), "more")
    with pytest.raises(ValueError, match=r"images are \(7, 8, 1\), the model reads \(8, 8, 1\)"):
        evaluate(model, params, smaller, preprocessing)
    with pytest.raises(ValueError, match="the data has 5 classes, the model 4"):
        evaluate(model, params, more, preprocessing)

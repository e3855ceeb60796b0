"""The network of the experiments is the note's, and exchanges one part at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.models import notes_cnn
from cnnjax.train import initial_params
from experiments.claims.network import CLASSES, network, train
from tests.experiments.tiny import RECIPE, WIDTHS

KEY = jax.random.key(3)
IMAGES = jax.random.normal(jax.random.key(4), (2, *RECIPE.image))


def test_with_relu_it_is_notes_cnn_bit_for_bit():
    ours = network(WIDTHS, RECIPE.image)
    note = notes_cnn(CLASSES, widths=WIDTHS, image=RECIPE.image)
    params = note.init(KEY)
    jax.tree.map(np.testing.assert_array_equal, ours.init(KEY), params)
    np.testing.assert_array_equal(ours.apply(params, IMAGES), note.apply(params, IMAGES))


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("tanh", np.tanh),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("identity", lambda x: x),
    ],
)
def test_only_the_activation_differs(activation, function):
    model = network(WIDTHS, RECIPE.image, activation=activation)
    maps = model.features(model.init(KEY), IMAGES)
    for layer in range(1, len(WIDTHS) + 1):
        expected = function(np.asarray(maps[f"conv{layer}"], np.float64))
        np.testing.assert_allclose(maps[f"activation{layer}"], expected, rtol=1e-5, atol=1e-6)


def test_the_two_scales_of_first_weights_are_the_same_draws():
    he, lecun = (network(WIDTHS, RECIPE.image, initial=i).init(KEY) for i in ("he", "lecun"))
    for layer in he:
        halved = he[layer]["kernel"] * jnp.sqrt(0.5)
        np.testing.assert_allclose(lecun[layer]["kernel"], halved, rtol=1e-6)


def test_frozen_layers_stay_bit_for_bit_and_the_others_learn():
    model = network(WIDTHS, RECIPE.image, frozen=("conv1",))
    first = initial_params(model, seed=0)
    last = train(model, RECIPE, seed=0, data_seed=0).params
    for layer in first:
        same = np.array_equal(first[layer]["kernel"], last[layer]["kernel"])
        assert same == (layer == "conv1")

"""What `fit` refuses before anything is trained."""

from dataclasses import replace

import numpy as np
import pytest

from cnnjax import models
from cnnjax.checkpoint import load_model
from cnnjax.data import DataError, Dataset, Splits
from cnnjax.train import TrainConfig, fit

CONFIG = TrainConfig(epochs=1, batch_size=8)
NAMES = ("dark", "light")


def images(classes=NAMES):
    rng = np.random.default_rng(0)
    return Dataset(
        rng.integers(0, 255, (16, 8, 8, 1)).astype(np.uint8),
        np.arange(16, dtype=np.int32) % 2,
        classes,
        "toy",
    )


MODEL = models.notes_cnn(2, widths=(2,), image=(8, 8, 1))
SPLITS = Splits(images(), images())


class Pairs:
    """A source of images with their labels."""

    def __init__(self, **given):
        self.__dict__.update(given)

    def __len__(self):
        return 16

    def __getitem__(self, i):
        return SPLITS.train.images[i], int(SPLITS.train.labels[i])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"callbacks": print}, "callbacks must be a sequence of functions, got builtin_function"),
        ({"callbacks": "rows.jsonl"}, "callbacks must be a sequence of functions, got str"),
        ({"callbacks": ["rows.jsonl"]}, "callbacks must be functions of a row, got 'rows.jsonl'"),
        ({"mesh": 2}, "mesh must be a jax Mesh, got int"),
    ],
)
def test_an_argument_of_another_kind(given, message):
    with pytest.raises(TypeError, match=f"fit: {message}"):
        fit(MODEL, SPLITS, CONFIG, progress=False, **given)


@pytest.mark.parametrize("given", [None, "folder:photos", images()])
def test_splits_of_another_kind(given):
    with pytest.raises(TypeError, match="fit: splits must be Splits"):
        fit(MODEL, given, CONFIG, progress=False)


def test_a_source_that_names_its_classes_in_another_order():
    with pytest.raises(DataError, match="classes"):
        fit(MODEL, SPLITS, CONFIG, progress=False, data=Pairs(classes=("light", "dark")))


@pytest.mark.parametrize("data", [images(), Pairs(), Pairs(classes=NAMES)])
def test_a_set_or_a_source_in_the_place_of_the_training_images(data):
    other = replace(SPLITS.train, images=255 - SPLITS.train.images)
    expected = fit(MODEL, SPLITS, CONFIG, progress=False)
    found = fit(MODEL, Splits(other, SPLITS.test), CONFIG, progress=False, data=data)
    assert found.history[0]["loss"] == expected.history[0]["loss"]


def test_a_function_that_makes_models_is_no_model(tmp_path):
    with pytest.raises(TypeError, match="model must be a Model, got notes_cnn"):
        load_model(tmp_path / "model.safetensors", model=models.notes_cnn)

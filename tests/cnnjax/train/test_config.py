"""Every wrong setting is refused by name, with what exists."""

import dataclasses

import numpy as np
import pytest

from cnnjax.data import Splits
from cnnjax.train import TrainConfig, data_mesh
from cnnjax.train.run import check


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": "lion"}, "optimizer 'lion' is unknown; there are sgd, adam, adamw"),
        ({"schedule": "step"}, "schedule 'step' is unknown; there are cosine, constant"),
        ({"precision": "float16"}, "there are float32, bfloat16"),
        ({"augment": "mixup"}, "there are none, shift, flip"),
        ({"epochs": 0}, "epochs must be a whole number from 1 on, got 0"),
        ({"batch_size": 1.5}, "batch_size must be a whole number"),
        ({"accumulate": True}, "accumulate must be a whole number"),
        ({"learning_rate": float("nan")}, "learning_rate must lie in"),
        ({"momentum": 1.0}, "momentum must lie in"),
        ({"momentum": "0.9"}, "momentum must lie in"),
        ({"weight_decay": None}, "weight_decay must lie in"),
        ({"checkpoint_seconds": "60"}, "checkpoint_seconds must be positive or None"),
        ({"label_smoothing": -0.1}, "label_smoothing must lie in"),
        ({"seed": 2**32}, "seed must be below"),
        ({"batch_size": 10, "accumulate": 3}, "accumulate 3 must divide batch_size 10"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "use adamw"),
        ({"checkpoint_steps": 0}, "checkpoint_steps must be positive or None"),
    ],
)
def test_wrong_settings_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**given)


def test_when_to_checkpoint_is_no_part_of_the_identity():
    often = TrainConfig(checkpoint_steps=1, checkpoint_seconds=None)
    assert often.identity() == TrainConfig().identity()
    assert TrainConfig(seed=1).identity() != TrainConfig().identity()


@pytest.mark.parametrize("only", [0, 2, 3])
def test_training_images_of_one_class_alone_are_refused(toy, only):
    splits = toy.splits()
    one = dataclasses.replace(splits.train, labels=np.full_like(splits.train.labels, only))
    with pytest.raises(
        ValueError, match=f"every training image is of the class '{one.classes[only]}'"
    ):
        check(toy.plain(), Splits(one, splits.test), TrainConfig(batch_size=8), data_mesh())
    check(toy.plain(), splits, TrainConfig(batch_size=8), data_mesh())

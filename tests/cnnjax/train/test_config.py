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
        ({"augment": "mixup"}, r"'mixup' is unknown; there are none, or shift, crop, flip, cutout"),
        ({"augment": "flip+none"}, r"augment 'flip\+none': 'none' is unknown"),
        ({"augment": "flip+flip"}, "'flip' is given twice"),
        ({"augment": None}, "augment None: None is unknown"),
        ({"crop": 0}, r"crop must lie in \(0, 1\], got 0"),
        ({"cutout": 0}, "cutout must be a whole number from 1 on, got 0"),
        ({"mixup": -1}, "mixup must lie in"),
        ({"ema": 1.0}, r"ema must lie in \[0, 1\), got 1.0"),
        ({"clip_norm": "1"}, "clip_norm must lie in"),
        ({"class_weights": "even"}, "'none', 'balanced' or a number from 0 on for each class"),
        ({"class_weights": (0, 0.0)}, "not all 0"),
        ({"class_weights": (1, -1)}, "a number from 0 on"),
        ({"class_weights": ()}, "a number from 0 on"),
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


def test_names_of_augmentations_have_one_order():
    assert TrainConfig(augment="cutout+flip+shift").augment == "shift+flip+cutout"
    assert TrainConfig(augment="flip+shift") == TrainConfig(augment="shift+flip")


def test_a_run_from_before_an_option_existed_is_still_the_same_run():
    """Its checkpoint says nothing of the option, which is at its default."""
    later = {"clip_norm", "ema", "class_weights", "mixup", "crop", "cutout"}
    assert not later & TrainConfig().identity().keys()
    assert TrainConfig(ema=0.9, crop=0.5).identity().keys() & later == {"ema", "crop"}
    given = TrainConfig(class_weights=[1, 2])
    assert given.identity()["class_weights"] == (1.0, 2.0)
    assert TrainConfig(**given.identity()) == given


@pytest.mark.parametrize("only", [0, 2, 3])
def test_training_images_of_one_class_alone_are_refused(toy, only):
    splits = toy.splits()
    one = dataclasses.replace(splits.train, labels=np.full_like(splits.train.labels, only))
    with pytest.raises(
        ValueError, match=f"every training image is of the class '{one.classes[only]}'"
    ):
        check(toy.plain(), Splits(one, splits.test), TrainConfig(batch_size=8), data_mesh())
    check(toy.plain(), splits, TrainConfig(batch_size=8), data_mesh())

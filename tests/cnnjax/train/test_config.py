"""Every wrong setting is refused by name, with what exists."""

import pytest

from cnnjax.train import TrainConfig


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

"""The note's network with one part exchanged, and one recipe to train it by.

`network` is `cnnjax.models.notes_cnn` with another activation, another scale of the first weights,
or layers that stay as they were drawn; with nothing exchanged it computes exactly the same.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax

from cnnjax import layers
from cnnjax.data import Splits, patterns
from cnnjax.models import Model, notes_cnn
from cnnjax.models.model import from_forward
from cnnjax.train import FitResult, TrainConfig, fit

ACTIVATIONS = {
    "relu": layers.relu,
    "tanh": layers.tanh,
    "sigmoid": layers.sigmoid,
    "identity": layers.identity,
}
# Variance of a first weight, times the number of terms an output sums (cnnjax/init.py).
INITIALS = {"he": 2.0, "lecun": 1.0}
CLASSES = len(patterns.CLASSES)


@dataclass(frozen=True)
class Recipe:
    """Images and training that all arms of an experiment share; images are drawn by the library.

    `size` pixels a side, `train` and `test` images; the rest as in `cnnjax.train.TrainConfig`.
    """

    size: int = 32
    train: int = 4096
    test: int = 1000
    epochs: int = 2
    batch_size: int = 32
    learning_rate: float = 3e-3
    schedule: str = "cosine"
    augment: str = "shift+flip"

    @property
    def image(self) -> tuple[int, int, int]:
        return (self.size, self.size, 3)

    @property
    def steps(self) -> int:
        return self.epochs * (self.train // self.batch_size)

    def data(self, seed: int) -> Splits:
        """The images of one seed; the last few seeds are remembered."""
        return _drawn(seed, self.size, self.train, self.test)


@functools.lru_cache(maxsize=2)
def _drawn(seed: int, size: int, train: int, test: int) -> Splits:
    return patterns.read(seed=seed, size=(size, size), train=train, test=test)


def network(
    widths: Sequence[int],
    image: Sequence[int],
    *,
    activation: str = "relu",
    initial: str = "he",
    frozen: Sequence[str] = (),
) -> Model:
    """`notes_cnn` with `activation` in the place of ReLU.

    initial: "he" or "lecun", the scale of the first weights (the draws are the same).
    frozen: layers that are not trained ("conv1"): no gradient reaches them.

    Raises KeyError for an activation or an initial that is not in the tables.

    >>> network((4, 8, 8), (16, 16, 3), activation="tanh").name
    'notes with tanh'
    """
    return _network(tuple(widths), tuple(image), activation, initial, tuple(frozen))


# One model object an arm, and one `init` for all arms that start alike: what JAX has compiled
# for one seed serves the next.
@functools.cache
def _network(
    widths: tuple[int, ...],
    image: tuple[int, ...],
    activation: str,
    initial: str,
    frozen: tuple[str, ...],
) -> Model:
    act = ACTIVATIONS[activation]
    init = _init(widths, image, INITIALS[initial])

    def forward(params: Any, x: jax.Array, *, key: Any, record: Any) -> Any:
        del key
        params = {
            name: jax.lax.stop_gradient(leaves) if name in frozen else leaves
            for name, leaves in params.items()
        }
        for i in range(1, len(widths) + 1):
            x = record(f"conv{i}", layers.conv(x, **params[f"conv{i}"]))
            x = record(f"activation{i}", act(x))
            x = record(f"pool{i}", layers.max_pool(x, 2))
        return record("dense", layers.dense(layers.flatten(x), **params["dense"])), {}

    config = {
        "classes": CLASSES, "widths": widths, "kernel": 5, "image": image,
        "activation": activation, "initial": initial, "frozen": frozen,
    }  # fmt: skip
    return from_forward(f"notes with {activation}", config, init, forward)


@functools.cache
def _init(widths: tuple[int, ...], image: tuple[int, ...], variance: float) -> Any:
    drawn = notes_cnn(CLASSES, widths=widths, image=image).init
    if variance == INITIALS["he"]:
        return drawn
    scale = (variance / INITIALS["he"]) ** 0.5
    # Biases start at zero: scaling everything scales the kernels.
    return lambda key: jax.tree.map(lambda leaf: leaf * scale, drawn(key))


def train(model: Model, recipe: Recipe, *, seed: int, data_seed: int, **changes: Any) -> FitResult:
    """Train by the recipe; `seed` draws first weights, order and shifts, `data_seed` the images.

    changes: fields of `TrainConfig` that this arm alone has otherwise.
    """
    config = TrainConfig(
        **{
            "epochs": recipe.epochs,
            "batch_size": recipe.batch_size,
            "learning_rate": recipe.learning_rate,
            "schedule": recipe.schedule,
            "augment": recipe.augment,
            "seed": seed,
            **changes,
        }
    )
    return fit(model, recipe.data(data_seed), config, progress=False)


def curve(result: FitResult) -> list[float]:
    """Accuracy on the test images after each epoch."""
    return [round(row["test_accuracy"], 4) for row in result.history]

"""What stays the same from the first step of a run to the last, and whether it fits together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from cnnjax import run_folder
from cnnjax.arguments import form
from cnnjax.data.streaming import Images, Reader
from cnnjax.losses import balanced_weights
from cnnjax.models.model import check_returned
from cnnjax.notices import shown
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import functions as given_functions
from cnnjax.train import start as starting
from cnnjax.train.agreement import agree
from cnnjax.train.batches import Feed, feeder
from cnnjax.train.config import TrainConfig
from cnnjax.train.evaluation import Evaluation, check_labels, evaluate
from cnnjax.train.functions import Functions
from cnnjax.train.mesh import require_divisible
from cnnjax.train.programs import fingerprints
from cnnjax.train.resume import identity
from cnnjax.train.start import Start
from cnnjax.train.state import State, initial_state

if TYPE_CHECKING:
    from cnnjax.data import Splits
    from cnnjax.models import Model

__all__ = ["MEASURED", "Callback", "Run", "check", "prepare"]

MEASURED = 2048
"""Streamed training images whose mean and standard deviation stand for those of all."""

Callback = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Run:
    """`feed` makes training batches, `test` evaluates parameters on the test images, `rate` is the
    schedule (None where the optimiser keeps its own); `folder` is None where nothing is written."""

    model: Model
    config: TrainConfig
    mesh: Mesh
    preprocessing: Preprocessing
    images: int
    per_epoch: int
    rate: Callable[[int], Any] | None
    functions: Functions
    callbacks: tuple[Callback, ...]
    feed: Feed
    test: Callable[[Any], Evaluation]
    folder: Path | None
    identity: dict[str, Any]
    checkpoints: str = "safetensors"

    @property
    def steps(self) -> int:
        return self.per_epoch * self.config.epochs

    @property
    def answers(self) -> int:
        """The answers of an epoch's steps: one an image, or one a pixel."""
        each = math.prod(self.model.image[:2]) if self.model.per_pixel else 1
        return self.per_epoch * self.config.batch_size * each

    @property
    def writes(self) -> bool:
        return self.folder is not None and jax.process_index() == 0

    @property
    def together(self) -> bool:
        """Whether all processes must take part in writing a checkpoint, so that none decides by
        its own clock."""
        parts = self.checkpoints == "orbax" or "model" in self.mesh.axis_names
        return jax.process_count() > 1 and parts

    @property
    def checkpoint(self) -> Path:
        assert self.folder is not None
        return self.folder / run_folder.CHECKPOINT

    @property
    def replaces(self) -> bool:
        """Whether an earlier run is still in the folder: this one has no checkpoint yet."""
        return self.writes and (self.folder / run_folder.NEW).is_dir()  # type: ignore[operator]


def check(model: Model, splits: Splits, config: TrainConfig, mesh: Mesh) -> None:
    """Raise ValueError where model, data, batch size and devices do not fit each other."""
    train = splits.train
    check_labels("train", model, train)
    if tuple(train.images.shape[1:]) != tuple(model.image):
        raise ValueError(
            f"train: images are {tuple(train.images.shape[1:])}, "
            f"the model reads {tuple(model.image)}"
        )
    _check_model(model, config.batch_size)
    if len(train.classes) != model.classes:
        raise ValueError(
            f"train: the data has {len(train.classes)} classes, the model {model.classes}"
        )
    if model.classes < 2 or (labels := np.unique(train.labels)).size < 2:
        only = train.classes[0] if model.classes < 2 else train.classes[int(labels[0])]
        raise ValueError(
            f"train: every {'pixel' if train.per_pixel else 'training image'} is of the class "
            f"'{shown(only)}'; "
            "to tell classes apart there must be two or more"
        )
    if len(train.images) < config.batch_size:
        raise ValueError(
            f"train: batch_size {config.batch_size} is larger than the training set "
            f"({len(train.images)} images); expected at most {len(train.images)}"
        )
    weights = config.class_weights
    if isinstance(weights, tuple) and len(weights) != model.classes:
        raise ValueError(
            f"train: class_weights has {len(weights)} numbers, the model {model.classes} classes"
        )
    require_divisible(mesh, config.batch_size, "batch_size")
    if config.accumulate > 1:
        require_divisible(mesh, config.batch_size // config.accumulate, "batch_size / accumulate =")


def _check_model(model: Model, batch: int) -> None:
    """Raise ValueError unless the model returns logits and running statistics (traced, not run)."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    if not isinstance(params, dict):
        raise TypeError(
            f"fit: init of model {model.name!r} must return nested dicts of arrays, got "
            f"{form(params)}"
        )
    images = jax.ShapeDtypeStruct((batch, *model.image), jnp.float32)
    logits = (batch, *(model.image[:2] if model.per_pixel else ()), model.classes)
    trained = jax.eval_shape(model.apply_train, params, images, jax.random.key(0))
    check_returned(f"fit: apply_train of model {model.name!r}", trained, logits, params, True)
    found = jax.eval_shape(model.apply, params, images)
    if getattr(found, "shape", None) != logits:
        raise ValueError(
            f"fit: apply of model {model.name!r} must return logits {list(logits)}, "
            f"got {form(found)}"
        )


def _measured(images: np.ndarray | Images) -> Preprocessing:
    """The preprocessing of training images; of streamed ones at most `MEASURED` are looked at.

    Evenly spaced, so that a resumed run finds the same: of a folder some of every class.
    """
    if isinstance(images, np.ndarray):
        return Preprocessing.fit(images)
    chosen = np.linspace(0, len(images) - 1, min(len(images), MEASURED)).round().astype(np.int64)
    parts = np.array_split(chosen, -(-len(chosen) // 32))
    reader = Reader(images)
    reader.plan(parts)
    return Preprocessing.measured(reader.take(part) for part in parts)


def prepare(
    model: Model,
    splits: Splits,
    config: TrainConfig,
    mesh: Mesh,
    folder: Path | None,
    functions: Functions,
    start: Start,
    callbacks: tuple[Callback, ...] = (),
) -> tuple[Run, State]:
    """The run, and the state before its first step.

    Raises ValueError or TypeError where what the user gives does not fit it.
    """
    train = splits.train
    per_epoch = len(train.images) // config.batch_size
    steps = per_epoch * config.epochs
    preprocessing = start.preprocessing or _measured(train.images)
    if len(preprocessing.mean) != model.image[-1]:
        raise ValueError(
            f"fit: preprocessing is for {len(preprocessing.mean)} channels, "
            f"the images have {model.image[-1]}"
        )
    functions = replace(functions, weights=_weights(config, train.labels, model.classes))
    if start.params is not None:
        start = replace(start, params=starting.checked(model, start.params))
    trained, _ = starting.without_stats(jax.eval_shape(model.init, jax.random.key(0)))
    trained, _ = starting.divide(trained, start.frozen)
    given_functions.check(functions, model, config, steps, trained)
    given: dict[str, Any] = {}
    if folder or jax.process_count() > 1:
        given = {
            **fingerprints(functions, model, config, steps, trained),
            **starting.of_start(start),
        }
    agree(given)
    test_feed = feeder(splits.test, mesh)

    def test(params: Any) -> Evaluation:
        return evaluate(
            model,
            params,
            splits.test,
            preprocessing,
            batch_size=config.batch_size,
            precision=config.precision,
            mesh=mesh,
            feed=test_feed,
        )

    run = Run(
        model=model,
        config=config,
        mesh=mesh,
        preprocessing=preprocessing,
        images=len(train.images),
        per_epoch=per_epoch,
        rate=given_functions.schedule(functions, config, steps),
        functions=functions,
        callbacks=callbacks,
        feed=feeder(train, mesh),
        test=test,
        folder=folder,
        identity=identity(model, splits, config, given) if folder else {},
    )
    state = initial_state(model, config, steps, functions, params=start.params, frozen=start.frozen)
    return run, state


def _weights(config: TrainConfig, labels: Any, classes: int) -> tuple[float, ...] | None:
    """The weights of the classes that the configuration asks for."""
    if config.class_weights == "none":
        return None
    if isinstance(config.class_weights, str):
        return balanced_weights(labels, classes)
    return config.class_weights

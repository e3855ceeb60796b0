"""Loss, accuracy and confusion matrix over a whole data set, exactly.

The last batch is filled up to size and the filling masked out, so that every image counts once
and one compiled program serves all batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from cnnjax.data.streaming import reading
from cnnjax.losses import cross_entropy
from cnnjax.notices import shown
from cnnjax.preprocessing import Preprocessing
from cnnjax.train.batches import Feed, feeder
from cnnjax.train.compiler import compiler_options
from cnnjax.train.mesh import (
    automatic,
    data_mesh,
    replicated,
    shares,
    split,
    spread,
    within,
)
from cnnjax.train.parts import mapped_in_parts, parts_that_pay

if TYPE_CHECKING:
    from cnnjax.data import Dataset
    from cnnjax.models import Model

__all__ = ["Evaluation", "check_labels", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """`loss`: mean cross-entropy; `accuracy`: share of right answers; `confusion`: (classes,
    classes) int64 counts, rows the true class, columns the answer. Answers are those of images, or
    of pixels where the labels are."""

    loss: float
    accuracy: float
    confusion: np.ndarray

    @property
    def mean_iou(self) -> float:
        """Intersection over union, the mean over the classes that occur or are answered.

        >>> Evaluation(0.1, 0.75, np.array([[2, 1, 0], [0, 1, 0], [0, 0, 0]])).mean_iou
        0.5833333333333333
        """
        right = np.diag(self.confusion)
        union = self.confusion.sum(0) + self.confusion.sum(1) - right
        return float((right[union > 0] / union[union > 0]).mean())


def evaluate(
    model: Model,
    params: Any,
    dataset: Dataset,
    preprocessing: Preprocessing,
    *,
    batch_size: int = 128,
    precision: str = "float32",
    mesh: Mesh | None = None,
    feed: Feed | None = None,
) -> Evaluation:
    """Evaluate `model` on every image of `dataset`.

    `batch_size` changes memory and speed, and the result by rounding only; it is rounded up to a
    multiple of the devices.  `mesh` is as in `fit`; `feed` is a `feeder(dataset, mesh)` to use
    again.

    Raises ValueError where the data set is empty or its images or classes do not fit the model.
    """
    count = len(dataset.images)
    if count == 0:
        raise ValueError(f"evaluate: data set {dataset.name!r} is empty")
    if tuple(dataset.images.shape[1:]) != tuple(model.image):
        raise ValueError(
            f"evaluate: images are {tuple(dataset.images.shape[1:])}, "
            f"the model reads {tuple(model.image)}"
        )
    if len(dataset.classes) != model.classes:
        raise ValueError(
            f"evaluate: the data has {len(dataset.classes)} classes, the model {model.classes}"
        )
    check_labels("evaluate", model, dataset)
    mesh = data_mesh() if mesh is None else automatic(mesh, "evaluate")
    batch = -(-min(batch_size, count) // shares(mesh)) * shares(mesh)
    feed = feeder(dataset, mesh) if feed is None else feed
    share = batch // shares(mesh)
    platform = mesh.devices.flat[0].platform
    parts = parts_that_pay(model, share, platform, training=False) if mesh.size == 1 else 1
    measure = _measure(model.apply, preprocessing, precision, mesh, share, parts)
    params = spread(params, mesh)
    confusion = np.zeros((model.classes, model.classes), np.int64)
    losses: list[float] = []
    waiting: deque[tuple[jax.Array, jax.Array]] = deque()

    def add(loss: jax.Array, counts: jax.Array) -> None:
        losses.append(float(loss))
        confusion[...] += np.asarray(counts)  # here, for pixels are more than an int32 counts

    def indices_from(start: int) -> tuple[np.ndarray, np.ndarray]:
        """The indices of a batch, and which of them are not there to fill it."""
        indices = np.arange(start, start + batch, dtype=np.int32)
        return np.where(indices < count, indices, 0).astype(np.int32), indices < count

    starts = range(0, count, batch)
    with within(mesh), reading(dataset):
        feed.ahead(indices_from(start)[0] for start in starts)
        for start in starts:
            indices, real = indices_from(start)
            images, labels = feed(indices)
            waiting.append(measure(params, images, labels, jax.device_put(real, split(mesh))))
            if len(waiting) > 4:  # so that batches do not pile up in the devices' memory
                add(*waiting.popleft())
    for measured in waiting:
        add(*measured)
    right = float(np.trace(confusion) / confusion.sum())
    return Evaluation(float(np.sum(losses)) / count, right, confusion)


def check_labels(caller: str, model: Model, dataset: Dataset) -> None:
    """Raise ValueError unless there is a label wherever the model gives logits."""
    if model.per_pixel != dataset.per_pixel:
        gives, has = ("each pixel", "an image") if model.per_pixel else ("the image", "a pixel")
        raise ValueError(
            f"{caller}: {model.name} gives logits for {gives}, the labels of "
            f"{shown(dataset.name)} are one {has}"
        )


@lru_cache(maxsize=16)
def _measure(
    apply: Any, preprocessing: Preprocessing, precision: str, mesh: Mesh, share: int, parts: int
) -> Callable[..., Any]:
    """The jitted step of an evaluation; cached, so that the next epoch does not compile again."""
    dtype = jnp.dtype(precision)

    def answer(params: Any, images: Any) -> jax.Array:
        return apply(params, preprocessing(images, dtype)).astype(jnp.float32)

    logits_of = mapped_in_parts(answer, parts)

    def measure(params: Any, images: Any, labels: Any, real: Any) -> Any:
        logits = logits_of(params, images)
        pixels = tuple(range(1, labels.ndim))
        loss = jnp.mean(cross_entropy(logits, labels), pixels)
        counted = jnp.broadcast_to(jnp.expand_dims(real, pixels), labels.shape)
        confusion = jnp.zeros(logits.shape[-1:] * 2, jnp.int32)
        confusion = confusion.at[labels, jnp.argmax(logits, -1)].add(counted.astype(jnp.int32))
        return jnp.sum(jnp.where(real, loss, jnp.zeros(()))), confusion

    everywhere, batch = replicated(mesh), split(mesh)
    return jax.jit(
        measure,
        in_shardings=(None, batch, batch, batch),  # parameters lie as they do
        out_shardings=everywhere,
        compiler_options=compiler_options(
            mesh.devices.flat[0].platform, dtype, share, training=False
        ),
    )

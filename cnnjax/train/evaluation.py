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
    to_mesh,
    within,
)
from cnnjax.train.parts import mapped_in_parts, parts_that_pay

if TYPE_CHECKING:
    from cnnjax.data import Dataset
    from cnnjax.models import Model

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """`loss`: mean cross-entropy; `accuracy`: share of right answers; `confusion`: (classes,
    classes) int64 counts, rows the true class, columns the answer."""

    loss: float
    accuracy: float
    confusion: np.ndarray


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
    mesh = data_mesh() if mesh is None else automatic(mesh, "evaluate")
    batch = -(-min(batch_size, count) // shares(mesh)) * shares(mesh)
    feed = feeder(dataset, mesh) if feed is None else feed
    share = batch // shares(mesh)
    platform = mesh.devices.flat[0].platform
    parts = parts_that_pay(model, share, platform, training=False) if mesh.size == 1 else 1
    measure = _measure(model.apply, preprocessing, precision, mesh, share, parts)
    params = spread(params, mesh)
    confusion = to_mesh(np.zeros((model.classes, model.classes), np.int32), mesh)
    losses: list[float] = []
    waiting: deque[jax.Array] = deque()

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
            loss, confusion = measure(
                params, confusion, images, labels, jax.device_put(real, split(mesh))
            )
            waiting.append(loss)
            if len(waiting) > 4:  # so that batches do not pile up in the devices' memory
                losses.append(float(waiting.popleft()))
    losses.extend(float(loss) for loss in waiting)
    counts = np.asarray(confusion).astype(np.int64)
    return Evaluation(float(np.sum(losses)) / count, float(np.trace(counts) / count), counts)


@lru_cache(maxsize=16)
def _measure(
    apply: Any, preprocessing: Preprocessing, precision: str, mesh: Mesh, share: int, parts: int
) -> Callable[..., Any]:
    """The jitted step of an evaluation; cached, so that the next epoch does not compile again."""
    dtype = jnp.dtype(precision)

    def answer(params: Any, images: Any) -> jax.Array:
        return apply(params, preprocessing(images, dtype)).astype(jnp.float32)

    logits_of = mapped_in_parts(answer, parts)

    def measure(params: Any, confusion: Any, images: Any, labels: Any, real: Any) -> Any:
        logits = logits_of(params, images)
        loss = jnp.sum(jnp.where(real, cross_entropy(logits, labels), jnp.zeros(())))
        answers = jnp.argmax(logits, -1)
        return loss, confusion.at[labels, answers].add(real.astype(confusion.dtype))

    everywhere, batch = replicated(mesh), split(mesh)
    return jax.jit(
        measure,
        donate_argnums=1,
        in_shardings=(None, everywhere, batch, batch, batch),  # parameters lie as they do
        out_shardings=everywhere,
        compiler_options=compiler_options(
            mesh.devices.flat[0].platform, dtype, share, training=False
        ),
    )

"""The pictures of a run, from its model and data: what `cnnjax train` and `cnnjax show` write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax import pictures, softmax
from cnnjax.data import Dataset, Splits
from cnnjax.geometry import ReceptiveField
from cnnjax.models import Model
from cnnjax.preprocessing import Preprocessing
from cnnjax.summary import summary
from cnnjax.train import evaluate, initial_params

_SEARCHED = 256  # test images in which the best patches are looked for
_BATCH = 32


def write_pictures(
    folder: Path,
    model: Model,
    params: Any,
    preprocessing: Preprocessing,
    splits: Splits,
    history: Sequence[Mapping[str, Any]],
    *,
    confusion: np.ndarray | None = None,
    seed: int | None = None,
    index: int | None = None,
    before: Any = None,
) -> Iterator[tuple[Path, str]]:
    """Write every picture of a run into `folder`; yields (path, what it shows) as each is done.

    confusion: of the test images, measured here if None. seed: of the run, or before: the
    parameters that it started from; without either there are no kernels "before training". index:
    the test image whose feature maps are drawn, by default the first one that is answered rightly.
    """
    if history:
        path = folder / "learning_curves.png"
        pictures.learning_curves(history, path, title=f"{model.name}: learning curves")
        yield path, "loss, accuracy and learning rate, epoch by epoch"

    if confusion is None:
        confusion = evaluate(model, params, splits.test, preprocessing).confusion
    path = folder / "confusion.png"
    title = f"{model.name} on {splits.test.name}"
    pictures.confusion(confusion, splits.test.classes, path, title=title)
    yield path, "which class is taken for which"

    if before is None and seed is not None:
        before = initial_params(model, seed)
    # A model of the user's own may have no convolution called so, and no maps.
    if before is not None and _has_kernels(params, "conv1"):
        path = folder / "kernels.png"
        pictures.kernels(before["conv1"]["kernel"], params["conv1"]["kernel"], path)
        yield path, "the kernels of layer 1 before and after training"

    maps = _maps(model)
    # Its title says how the image is classified, its last column the probabilities of the classes.
    if not model.per_pixel and any(len(shape) == 3 for shape in maps.values()):
        path = folder / "feature_maps.png"
        _feature_maps(path, model, params, preprocessing, splits.test, index)
        yield path, "one test image through all layers"

    searched = splits.test.images[:_SEARCHED]
    for layer, fields in patch_layers(model).items():
        if layer not in maps or not _has_kernels(params, layer):
            continue
        path = folder / f"best_patches_{layer}.png"
        _best_patches(path, layer, fields, model, params, preprocessing, searched)
        yield path, f"the patches that excite each kernel of {layer} most"


def _maps(model: Model) -> dict[str, tuple[int, ...]]:
    """The shapes of an image's maps, by name."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    image = jax.ShapeDtypeStruct(model.image, jnp.float32)
    return {name: y.shape for name, y in jax.eval_shape(model.features, params, image).items()}


def _has_kernels(params: Any, layer: str) -> bool:
    kernel = params[layer].get("kernel") if isinstance(params.get(layer), dict) else None
    return kernel is not None and kernel.ndim == 4


def patch_layers(model: Model) -> dict[str, pictures.Fields]:
    """The convolutions whose best patches are worth drawing, with what they see of the image.

    Those that see at most two thirds of it, at most three: wider ones would show whole images.
    """
    chosen: dict[str, pictures.Fields] = {}
    for row in summary(model).rows:
        if row.kind == "conv" and row.name.startswith("conv") and len(chosen) < 3:
            height, width = (
                ReceptiveField(int(field), int(stride), -int(offset))
                for field, stride, offset in zip(row.field, row.stride, row.offset, strict=True)
            )
            if 3 * height.field <= 2 * model.image[0] and 3 * width.field <= 2 * model.image[1]:
                chosen[row.name] = (height, width)
    return chosen


def _feature_maps(
    path: Path,
    model: Model,
    params: Any,
    preprocessing: Preprocessing,
    dataset: Dataset,
    index: int | None,
) -> None:
    apply = jax.jit(lambda p, x: model.apply(p, preprocessing(x)))
    if index is None:
        answers = np.asarray(apply(params, dataset.images[:_BATCH])).argmax(-1)
        right = np.flatnonzero(answers == dataset.labels[:_BATCH])
        index = int(right[0]) if right.size else 0
    image = dataset.images[index]
    maps = jax.jit(lambda p, x: model.features(p, preprocessing(x)))(params, image)
    shares = np.asarray(softmax(apply(params, image)))
    truth = dataset.classes[dataset.labels[index]]
    pictures.feature_maps(
        image,
        maps,
        path,
        probabilities=dict(zip(dataset.classes, shares.tolist(), strict=True)),
        title=f"{model.name}: test image {index} ({truth}) through all layers",
    )


def _best_patches(
    path: Path,
    layer: str,
    fields: pictures.Fields,
    model: Model,
    params: Any,
    preprocessing: Preprocessing,
    images: np.ndarray,
) -> None:
    respond = jax.jit(lambda p, x: model.features(p, preprocessing(x))[layer])
    first = layer == "conv1"
    found = pictures.strongest(
        lambda x: np.asarray(respond(params, x)),
        images,
        fields,
        top=9 if first else 5,
        batch_size=_BATCH,
    )
    kernel = params[layer]["kernel"] if first else None
    pictures.best_patches(found, path, kernel=kernel, title=f"What excites {layer} most")

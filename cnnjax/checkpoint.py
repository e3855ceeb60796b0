"""A trained model on disk: its arrays and all that is needed to predict, in one safetensors file.

`save_model` and `load_model` are for a trained model; `cnnjax.train` keeps its running state
through `write` and `read` (`container.py`, which says what such a file is).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import jax

from cnnjax.container import CheckpointError, flatten, read, understood, unflatten, write
from cnnjax.files import atomic, write_json
from cnnjax.notices import shown
from cnnjax.preprocessing import Preprocessing

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = [
    "CheckpointError",
    "SavedModel",
    "atomic",
    "flatten",
    "load_model",
    "read",
    "save_model",
    "understood",
    "unflatten",
    "write",
    "write_json",
]


@dataclass(frozen=True)
class SavedModel:
    """What `load_model` returns: all that is needed to predict."""

    model: Model
    params: Any
    classes: tuple[str, ...]
    preprocessing: Preprocessing


def save_model(
    path: str | os.PathLike[str],
    model: Model,
    params: Any,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
) -> None:
    """Write a model, its parameters, class names and preprocessing as one .safetensors file."""
    if len(classes) != model.classes:
        raise ValueError(
            f"save_model: {len(classes)} class names given, the model has {model.classes} classes"
        )
    record = {
        "model": model.name,
        "config": dict(model.config),
        "classes": list(classes),
        "preprocessing": asdict(preprocessing),
    }
    write(path, params, record, kind="model")


def load_model(path: str | os.PathLike[str], *, model: Model | None = None) -> SavedModel:
    """Read what `save_model` wrote; the model is rebuilt by `models.build(name, **config)`.

    `model` is a network of the user's own to take in its place, of the same name and config: one
    that `build` does not know (see `models.register`).

    Raises FileNotFoundError, or CheckpointError where the file is damaged, is no model, or does
    not fit the model that this version of the library builds or that is given.
    """
    if model is not None and not (hasattr(model, "init") and hasattr(model, "config")):
        found = getattr(model, "__name__", type(model).__name__)
        raise TypeError(f"load_model: model must be a Model, got {found}; made by {found}(...)?")
    tensors, record = read(path, kind="model")
    if model is None:
        model = _rebuilt(path, record)
    else:
        with understood(path):
            _check_is(path, model, record)
    with understood(path):
        template = jax.eval_shape(model.init, jax.random.key(0))
        classes = tuple(record["classes"])
        if len(classes) != model.classes or not all(isinstance(name, str) for name in classes):
            raise ValueError(f"it does not name the {model.classes} classes of its model")
        preprocessing = Preprocessing(**record["preprocessing"])
        if len(preprocessing.mean) != model.image[-1]:
            raise ValueError(f"its preprocessing is for {len(preprocessing.mean)} channels")
    params = jax.tree.map(jax.numpy.asarray, unflatten(template, tensors, str(path)))
    return SavedModel(model, params, classes, preprocessing)


def _rebuilt(path: str | os.PathLike[str], record: Mapping[str, Any]) -> Model:
    from cnnjax.models import MODELS, build  # here, so that reading a checkpoint needs no models

    name = record.get("model")
    if isinstance(name, str) and name not in MODELS:
        raise CheckpointError(
            f"{path}: cannot rebuild its model: unknown model '{shown(name)[:100]}', there are "
            f"{', '.join(MODELS)}; one of your own: models.register, or load_model(path, model=...)"
        )
    try:
        return build(record["model"], **{k: _tuples(v) for k, v in record["config"].items()})
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot rebuild its model: {shown(error)[:300]}") from error


def _check_is(path: str | os.PathLike[str], model: Model, record: Mapping[str, Any]) -> None:
    """Raise unless `model` has the name and the config of the record."""
    saved, given = dict(record["config"]), json.loads(json.dumps(dict(model.config)))
    found = [(record["model"], model.name)] if record["model"] != model.name else []
    found += [
        (f"{name}={saved.get(name)!r}", f"{name}={given.get(name)!r}")
        for name in {**saved, **given}
        if saved.get(name) != given.get(name)
    ]
    if found:
        was, now = (", ".join(map(shown, side)) for side in zip(*found, strict=True))
        raise CheckpointError(f"{path}: holds the model {was}, the one given is {now}")


def _tuples(value: Any) -> Any:
    """JSON has lists only; model options are tuples."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value

"""`cnnjax train --from`: a trained network to start from, and what becomes of its head.

What a run started from is written into its run.json: with the checkpoint, that is all that resuming
needs, wherever the network it came from is by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnjax.cli import runs
from cnnjax.cli.problems import BadUsage, Failed, on_one_line
from cnnjax.cli.train_options import START_DEFAULTS
from cnnjax.notices import shown

if TYPE_CHECKING:
    from cnnjax.data import Splits
    from cnnjax.models import Model
    from cnnjax.preprocessing import Preprocessing

__all__ = ["Begun", "Source", "begin", "read", "recorded", "source"]


@dataclass(frozen=True)
class Source:
    """A network to start from. `classes` and `preprocessing` are None where a file says nothing of
    them: then it is a PyTorch state dict, and `model` is built for the data."""

    path: Path
    name: str
    options: Mapping[str, Any]
    image: tuple[int, int, int] | None = None
    classes: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    params: Any = None
    state: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Begun:
    """The model of a run and where it starts; `params` is None where a checkpoint has them."""

    model: Model
    params: Any = None
    frozen: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    said: str = ""
    head: str = "new"

    def record(self, source: Path) -> dict[str, Any]:
        """What run.json keeps of it."""
        options = {k: v for k, v in self.model.config.items() if k not in ("classes", "image")}
        return {
            "source": str(source.resolve()),
            "head": self.head,
            "freeze": list(self.frozen),
            "options": options,
            "preprocessing": asdict(self.preprocessing) if self.preprocessing else None,
        }


def source(start: Mapping[str, Any], model: str | None, *, kept: bool) -> Source | None:
    """What the options `start` say to start from, if anything; nothing where a checkpoint is
    `kept` that has all there is to know."""
    path = start["source"]
    if path is None:
        for name in ("head", "freeze"):
            if start[name] != START_DEFAULTS[name]:
                raise BadUsage(f"cnnjax train: --{name} needs --from RUN, a network to start from")
        return None
    return None if kept else read(Path(path), model)


def read(path: Path, model: str | None) -> Source:
    """The network at `path`; `model` is the name that was asked for, if one was."""
    if path.is_dir() or not path.exists() or _is_ours(path):
        saved = runs.load(path)
        if model is not None and model != saved.model.name:
            raise BadUsage(
                f"cnnjax train: --model {model}: {path} holds a {saved.model.name} network"
            )
        config = dict(saved.model.config)
        return Source(
            path, saved.model.name,
            {k: v for k, v in config.items() if k not in ("classes", "image")},
            saved.model.image, saved.classes, saved.preprocessing, saved.params,
        )  # fmt: skip
    if model is None:
        raise BadUsage(f"cnnjax train: --from {path} is no file of cnnjax; name its --model")
    from cnnjax.convert import ConversionError
    from cnnjax.convert.torch import unwrapped

    try:
        return Source(path, model, {}, state=unwrapped(path))
    except ConversionError as error:
        raise Failed(f"cnnjax train: {on_one_line(error)}") from error


def begin(source: Source, splits: Splits, start: Mapping[str, Any], *, seed: int) -> Begun:
    """The model for the data, with the parameters of the source.

    The options in `start` are the head ("keep", "new", or "auto": kept if the classes have the same
    names) and what to freeze, names of layers; "body" stands for all but the head.
    """
    import jax

    from cnnjax import models
    from cnnjax.train.start import divide, without_stats

    head, freeze = start["head"], start["freeze"]
    classes, shape = splits.train.classes, splits.train.images.shape[1:]
    model = _build(source, len(classes), shape)
    old, params = _of_source(source, shape)
    if head == "auto":
        head = "keep" if source.classes == classes else "new"
    if head == "keep" and old.classes != model.classes:
        raise BadUsage(
            f"cnnjax train: --head keep: {source.path} has {old.classes} classes, the data "
            f"{model.classes}"
        )
    if head == "new":
        try:
            params = models.with_head(model, params, jax.random.key(seed))
        except ValueError as error:
            fault = str(error)
            if old.image != model.image:
                fault += (
                    f"; it reads images of {'x'.join(map(str, old.image))}, the data has "
                    f"{'x'.join(map(str, shape))}: --size {old.image[0]}x{old.image[1]}"
                )
            raise BadUsage(f"cnnjax train: --from {source.path}: {fault}") from error
    elif old.image != model.image:
        raise BadUsage(
            f"cnnjax train: --head keep: {source.path} reads images of "
            f"{'x'.join(map(str, old.image))}, the data has {'x'.join(map(str, shape))}"
        )
    frozen = tuple(
        layer for name in freeze for layer in (models.body(model) if name == "body" else (name,))
    )
    try:
        divide(without_stats(params)[0], frozen)
    except ValueError as error:
        raise BadUsage(f"cnnjax train: --freeze: {error}") from error
    layers = ", ".join(models.head(model))
    said = f"{shown(source.path)}; head ({layers}) {'kept' if head == 'keep' else 'new'}"
    if frozen:
        said += f"; frozen {', '.join(frozen)}"
    preprocessing = source.preprocessing
    if preprocessing is not None and len(preprocessing.mean) != shape[-1]:
        raise BadUsage(
            f"cnnjax train: --from {source.path} reads {len(preprocessing.mean)} channels, the "
            f"data has {shape[-1]}"
        )
    return Begun(model, params, frozen, preprocessing, said, head)


def recorded(name: str, record: Mapping[str, Any] | None, splits: Splits) -> Begun:
    """A model for the data and no parameters: the seed or a checkpoint has them.

    record: what `Begun.record` made of the run's start, if it did not begin with random parameters.
    """
    from cnnjax.preprocessing import Preprocessing

    classes, shape = len(splits.train.classes), splits.train.images.shape[1:]
    if record is None:
        return Begun(_build(Source(Path(), name, {}), classes, shape))
    path = Path(record["source"])
    options = {k: _tuples(v) for k, v in record["options"].items()}
    model = _build(Source(path, name, options), classes, shape)
    given = record["preprocessing"]
    preprocessing = None if given is None else Preprocessing(**given)
    said = f"{shown(path)}, when it began"
    return Begun(model, None, tuple(record["freeze"]), preprocessing, said, record["head"])


def _is_ours(path: Path) -> bool:
    """Whether a file was written by cnnjax (whatever of it)."""
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(path, framework="numpy") as file:
            return "cnnjax" in (file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise Failed(f"cnnjax train: {path} is damaged or no safetensors file ({error})") from error


def _of_source(source: Source, shape: tuple[int, ...]) -> tuple[Model, Any]:
    """The model that the source is of, and its parameters."""
    from cnnjax import models
    from cnnjax.convert import ConversionError, from_torch
    from cnnjax.convert.torch import torch_name, without_prefix

    if source.state is None:
        assert source.classes is not None
        return _build(source, len(source.classes), source.image or shape), source.params
    probe = _build(source, 2, shape)
    name = torch_name(probe, (models.head(probe)[0], "kernel"))
    weight = without_prefix(dict(source.state), {name: None}).get(name)
    if weight is None or len(weight.shape) != 2:
        raise BadUsage(
            f"cnnjax train: {source.path} holds no {name}, the head of {source.name} in PyTorch; "
            f"it has {', '.join(map(shown, list(source.state)[:4]))}, ..."
        )
    model = _build(source, int(weight.shape[0]), shape)
    try:
        return model, from_torch(model, source.state)
    except ConversionError as error:
        raise BadUsage(f"cnnjax train: {source.path}: {on_one_line(error)}") from error


def _build(source: Source, classes: int, shape: tuple[int, ...]) -> Model:
    from cnnjax import models

    try:
        return models.build(source.name, classes=classes, image=shape, **source.options)
    except (TypeError, ValueError) as error:
        raise BadUsage(f"cnnjax: {error}; --size resizes the images") from error


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

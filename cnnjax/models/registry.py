"""The models by name, the user's own among them once they are registered.

A saved model is the name and the configuration that rebuild it, beside its arrays: `load_model`
finds a model of the user's own here, or is given it (`load_model(path, model=mine)`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from cnnjax.models.conv_next import convnext
from cnnjax.models.lenet import lenet5
from cnnjax.models.mobilenet import mobilenet_v2
from cnnjax.models.model import Model
from cnnjax.models.notes import notes_cnn
from cnnjax.models.resnet import resnet18, resnet34, resnet50
from cnnjax.models.u_net import unet
from cnnjax.models.vgg import vgg11, vgg16

__all__ = ["MODELS", "NAMES", "build", "register"]

Builder = Callable[..., Model]

MODELS: dict[str, Builder] = {
    "notes": notes_cnn,
    "lenet": lenet5,
    "vgg11": vgg11,
    "vgg16": vgg16,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "convnext": convnext,
    "unet": unet,
}
NAMES: tuple[str, ...] = tuple(MODELS)
"""The models of the library."""


def register(name: str) -> Callable[[Builder], Builder]:
    """Make a model of your own known to `build`, and so to `load_model`, by a name.

    The function takes `classes`, `image` if images may have several sizes, and options of its own;
    it returns a `Model` with this name, whose `config` are the arguments that rebuild it.

    Raises:
      ValueError: if the name belongs to a model of the library, or to a function of another name
        (the same function may be registered again, as when a notebook's cell is run twice).
      TypeError: if the function takes no `classes`.

    >>> from cnnjax.models import Model, from_forward, dense_params
    >>> from cnnjax import dense, flatten
    >>> @register("linear")
    ... def linear(classes, image=(28, 28, 1)):
    ...     height, width, channels = image
    ...     def init(key):
    ...         return {"dense": dense_params(key, height * width * channels, classes)}
    ...     def forward(params, x, *, key, record):
    ...         return record("dense", dense(flatten(x), **params["dense"])), {}
    ...     return from_forward("linear", {"classes": classes, "image": image}, init, forward)
    >>> build("linear", classes=3).classes
    3
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"register: name must be a string, got {name!r}; @register('mine')")

    def registered(function: Builder) -> Builder:
        if "classes" not in inspect.signature(function).parameters:
            raise TypeError(f"register: the function of {name!r} takes no argument 'classes'")
        known = MODELS.get(name)
        if name in NAMES or (known is not None and not _alike(known, function)):
            whose = "a model of the library" if name in NAMES else f"taken by {known!r}"
            raise ValueError(f"register: {name!r} is {whose}; choose another name")
        MODELS[name] = function
        return function

    return registered


def _alike(one: Builder, other: Builder) -> bool:
    def place(f: Any) -> Any:
        return getattr(f, "__module__", None), getattr(f, "__qualname__", f)

    return one is other or place(one) == place(other)


def build(name: str, *, classes: int, image: Sequence[int] | None = None, **options: Any) -> Model:
    """The model called `name`; `build(model.name, **model.config)` rebuilds `model`.

    Args:
      name: one of `NAMES`, or of those registered.
      classes: the number of logits.
      image: (H, W, C); None is the size the model was published for.
      **options: what the model's function takes beside these two.

    Raises:
      ValueError: for an unknown name or option (it lists what exists), or whatever the model
        itself refuses.
    """
    if name not in MODELS:
        raise ValueError(f"build: unknown model {name!r}, there are {', '.join(MODELS)}")
    known = [p for p in inspect.signature(MODELS[name]).parameters if p not in ("classes", "image")]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"build: {name} has no option {', '.join(map(repr, unknown))}, "
            f"there are {', '.join(known) or 'none'}"
        )
    if image is not None:
        options["image"] = image
    model = MODELS[name](classes, **options)
    if not isinstance(model, Model) or model.name != name:
        found = f"one called {model.name!r}" if isinstance(model, Model) else type(model).__name__
        raise ValueError(f"build: {name} must return a Model called {name!r}, got {found}")
    return model

"""The models, by name.

>>> model = build("notes", classes=10, image=(28, 28, 1), widths=(8, 16))
>>> model.name, model.image
('notes', (28, 28, 1))
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnjax.models.lenet import lenet5
from cnnjax.models.model import BATCH_STATS, Model, Params
from cnnjax.models.notes import notes_cnn
from cnnjax.models.resnet import resnet18
from cnnjax.models.vgg import vgg11

MODELS: Mapping[str, Callable[..., Model]] = {
    "notes": notes_cnn,
    "lenet": lenet5,
    "vgg11": vgg11,
    "resnet18": resnet18,
}
NAMES: tuple[str, ...] = tuple(MODELS)

__all__ = [
    "BATCH_STATS",
    "MODELS",
    "NAMES",
    "Model",
    "Params",
    "build",
    "lenet5",
    "notes_cnn",
    "resnet18",
    "vgg11",
]


def build(name: str, *, classes: int, image: Sequence[int] | None = None, **options: Any) -> Model:
    """The model called `name`; `build(model.name, **model.config)` rebuilds `model`.

    Args:
      name: one of `NAMES`.
      classes: the number of logits.
      image: (H, W, C); None is the size the model was published for.
      **options: what the model's function takes beside these two.

    Raises:
      ValueError: for an unknown name or option (it lists what exists), or whatever the model
        itself refuses.
    """
    if name not in MODELS:
        raise ValueError(f"build: unknown model {name!r}, there are {', '.join(NAMES)}")
    known = [p for p in inspect.signature(MODELS[name]).parameters if p not in ("classes", "image")]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"build: {name} has no option {', '.join(map(repr, unknown))}, "
            f"there are {', '.join(known) or 'none'}"
        )
    if image is not None:
        options["image"] = image
    return MODELS[name](classes, **options)

"""For which images and classes given weights are, where they are not those of the model at hand.

A dense layer after a flattened map is as large as the map, so its weights fit images of one size
only; the shapes say which. Told only where a model of those sizes has exactly the given shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnjax.models import build
from cnnjax.models.model import Model

__all__ = ["fitting"]

Shapes = Mapping[str, tuple[int, ...]]

_CHANNELS = (1, 3, 4)
_NEAR = 16  # pixels: pools round, so that maps of one size belong to images of several
_LIKELY = (28, 32, 64, 96, 100, 128, 224, 256)
_LARGEST, _TRIED = 4096, 16


def fitting(
    model: Model, shapes: Shapes, classes: int, expected: Callable[[Model], Shapes]
) -> dict[str, Any]:
    """What to give `build` for a model with these `shapes` and `classes`, where that differs from
    `model`: classes, or an image (H, W, C) of the model's proportions. `{}` where nothing fits.

    `expected(model)` says which names and shapes a model has.
    """
    ours = expected(model)
    if ours.keys() != shapes.keys():
        return {}
    height, width, channels = model.image
    for side in _sides(height, ours, shapes):
        for depth in dict.fromkeys((channels, *_CHANNELS)):
            given = {
                "classes": classes,
                "image": (side, max(1, round(side * width / height)), depth),
            }
            try:
                other = build(model.name, **{**model.config, **given})
            except (TypeError, ValueError):  # too small for the model, say
                continue
            theirs = expected(other)
            if theirs == shapes:
                return {k: v for k, v in given.items() if v != getattr(model, k)}
            if all(theirs[k] == s for k, s in shapes.items() if len(s) == 4):
                break  # the channels are right
    return {}


def _sides(height: int, ours: Shapes, given: Shapes) -> list[int]:
    """Heights of images to try, the likely ones first."""
    guesses = [
        round(height * (there / here) ** 0.5)
        for name, shape in ours.items()
        if len(shape) == len(given[name]) == 2
        for here, there in zip(shape, given[name], strict=True)
        if here != there
    ]
    near = [g + d for d in sorted(range(-_NEAR, _NEAR + 1), key=abs) for g in guesses]
    first = [side for side in _LIKELY if side in near]
    sides = dict.fromkeys([height, *first, *near])
    return [side for side in sides if 0 < side <= _LARGEST][:_TRIED]

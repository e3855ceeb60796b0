"""The function that is exported, and the arrays that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import export

if TYPE_CHECKING:
    from cnnjax.checkpoint import SavedModel

BATCH = "batch"  # the name of the number of images


class ExportError(ValueError):
    """What cannot be exported: the operation, the layer, what to do."""


def logits_of(saved: SavedModel) -> Callable[[Any], jax.Array]:
    """images (B, H, W, C) uint8 -> logits (B, classes) float32, preprocessing included."""

    def logits(images: Any) -> jax.Array:
        return saved.model.apply(saved.params, saved.preprocessing(images))

    return logits


def images_of(saved: SavedModel) -> jax.ShapeDtypeStruct:
    """The images, any number of them."""
    shape = ", ".join(map(str, (BATCH, *saved.model.image)))
    return jax.ShapeDtypeStruct(export.symbolic_shape(shape), jnp.uint8)

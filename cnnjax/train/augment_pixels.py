"""Random changes of images with a class a pixel: what moves a pixel moves its label.

The images become what `augment.py` makes of them with the same key. A mirrored image has its
labels mirrored; a crop is enlarged bilinearly, its labels by the nearest pixel, so that no class is
made up between two. What is cut out keeps its labels: they are to be guessed from what is around.
There is no `shift`: the black that comes in would have no class.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from cnnjax.train import augment as of_images
from cnnjax.train.config import augmentations

__all__ = ["augment", "flip", "random_resized_crop"]

Both = tuple[jax.Array, jax.Array]


def flip(key: jax.Array, images: jax.Array, labels: jax.Array) -> Both:
    """Mirror each of (B, H, W, C) images and its (B, H, W) labels with probability 1/2.

    >>> labels = jnp.arange(12).reshape(4, 1, 3)
    >>> images, moved = flip(jax.random.key(0), labels[..., None], labels)
    >>> bool((images[..., 0] == moved).all()), moved[:, 0, 0].tolist()
    (True, [0, 3, 8, 11])
    """
    mirrored = of_images.mirrored(key, len(images))[..., 0]
    return of_images.flip(key, images), jnp.where(mirrored, labels[:, :, ::-1], labels)


def random_resized_crop(
    key: jax.Array,
    images: jax.Array,
    labels: jax.Array,
    area: float = 0.25,
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Both:
    """A random box of each of (B, H, W, C) images and its (B, H, W) labels, enlarged to H x W.

    Raises ValueError as `augment.random_resized_crop` does.

    >>> labels = jnp.zeros((2, 8, 8), jnp.int32).at[:, :, 4:].set(1)
    >>> images = jnp.stack([255 * labels], -1).astype(jnp.uint8)
    >>> images, labels = random_resized_crop(jax.random.key(1), images, labels)
    >>> bool(((images[..., 0] > 127) == labels).all())
    True
    """
    changed = of_images.random_resized_crop(key, images, area, ratio)
    rows, columns = of_images.boxes(key, images.shape, area, ratio)
    nearest = rows.argmax(-1)[:, :, None], columns.argmax(-1)[:, None, :]
    batch = jnp.arange(len(labels))[:, None, None]
    return changed, labels.at[batch, *nearest].get(mode="clip")


def augment(
    key: jax.Array,
    images: jax.Array,
    labels: jax.Array,
    kind: str,
    *,
    crop: float = 0.25,
    side: int = 8,
    fill: int | Sequence[int] = 0,
) -> Both:
    """What `TrainConfig.augment` names, on (B, H, W, C) images and (B, H, W) labels.

    Raises ValueError where it names `shift`.
    """
    names = augmentations(kind)
    if "shift" in names:
        raise ValueError(
            f"augment {kind!r}: shift brings black in, and its pixels have no class; crop and flip "
            "move labels along"
        )
    changed = of_images.augment(key, images, kind, crop=crop, side=side, fill=fill)
    if "crop" in names:
        _, labels = random_resized_crop(jax.random.fold_in(key, 2), images, labels, crop)
    if "flip" in names:
        _, labels = flip(jax.random.split(key)[1], images, labels)
    return changed, labels

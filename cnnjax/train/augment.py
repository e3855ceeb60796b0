"""Random shifts and flips of uint8 images, on the device, from a key.

`shift`: pad with black by p pixels and crop at a random place, so each image moves by up to p
pixels each way (Lee et al. 2015; He et al. 2016 with p = 4).  `flip`: mirror left to right with
probability 1/2.  Both act before the normalisation, so the border is black as in the picture.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from cnnjax.train.config import AUGMENTATIONS

__all__ = ["augment", "flip", "shift"]


def shift(key: jax.Array, images: jax.Array, pixels: int) -> jax.Array:
    """Move each of (B, H, W, C) images by up to `pixels` in height and width; black comes in."""
    batch, *shape = images.shape
    padded = jnp.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    corners = jax.random.randint(key, (batch, 2), 0, 2 * pixels + 1)

    def crop(image: jax.Array, corner: jax.Array) -> jax.Array:
        start = (corner[0], corner[1], jnp.zeros((), corner.dtype))
        return jax.lax.dynamic_slice(image, start, shape)

    return jax.vmap(crop)(padded, corners)


def flip(key: jax.Array, images: jax.Array) -> jax.Array:
    """Mirror each of (B, H, W, C) images left to right with probability 1/2."""
    mirrored = jax.random.bernoulli(key, shape=(len(images), 1, 1, 1))
    return jnp.where(mirrored, images[:, :, ::-1], images)


def augment(key: jax.Array, images: jax.Array, kind: str, pixels: int) -> jax.Array:
    """One of `AUGMENTATIONS` on (B, H, W, C) images; the same key gives the same result.

    >>> import numpy as np
    >>> dot = np.zeros((1, 5, 5, 1), np.uint8); dot[0, 2, 2] = 255
    >>> augment(jax.random.key(0), jnp.asarray(dot), "shift+flip", 1).sum().item()
    255
    """
    if kind not in AUGMENTATIONS:
        raise ValueError(f"augment: {kind!r} is unknown; there are {', '.join(AUGMENTATIONS)}")
    for_shift, for_flip = jax.random.split(key)
    if "shift" in kind and pixels:
        images = shift(for_shift, images, pixels)
    if "flip" in kind:
        images = flip(for_flip, images)
    return images

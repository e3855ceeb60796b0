"""Random changes of uint8 images, on the device, from a key: as functions, and by name.

`shift`: pad with black by p pixels and crop at a random place, so each image moves by up to p
pixels each way (Lee et al. 2015; He et al. 2016 with p = 4).  `flip`: mirror left to right with
probability 1/2.  `random_resized_crop`: a random box, enlarged to the size of the image (Szegedy et
al. 2015).  `cutout`: a square at a random place, in one colour (DeVries & Taylor 2017).  `mixup`:
the mean of two images, with weights that their labels share (Zhang et al. 2018).

All act before the normalisation, so a border is black as in the picture. Every image of a batch
draws for itself, and the same key gives the same result. `compose` puts them one after another,
with functions of the user's own:

    augment = compose(partial(shift, pixels=4), flip, mine)
    fit(model, splits, config, augment=augment)

Where each pixel has a label of its own, `augment_pixels.py` moves it along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import jax
import jax.numpy as jnp

from cnnjax.arguments import check_takes, form, named
from cnnjax.train.config import augmentations

__all__ = ["augment", "compose", "cutout", "flip", "mixup", "random_resized_crop", "shift"]


def shift(key: jax.Array, images: jax.Array, pixels: int) -> jax.Array:
    """Move each of (B, H, W, C) images by up to `pixels` in height and width; black comes in."""
    _check("shift", key, images)
    _check_number("shift", "pixels", pixels, whole=True)
    if pixels < 0:
        raise ValueError(f"shift: pixels must be 0 or more, got {pixels!r}")
    batch, *shape = images.shape
    padded = jnp.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    corners = jax.random.randint(key, (batch, 2), 0, 2 * pixels + 1)

    def crop(image: jax.Array, corner: jax.Array) -> jax.Array:
        start = (corner[0], corner[1], jnp.zeros((), corner.dtype))
        return jax.lax.dynamic_slice(image, start, shape)

    return jax.vmap(crop)(padded, corners)


def flip(key: jax.Array, images: jax.Array) -> jax.Array:
    """Mirror each of (B, H, W, C) images left to right with probability 1/2."""
    _check("flip", key, images)
    return jnp.where(mirrored(key, len(images)), images[:, :, ::-1], images)


def mirrored(key: jax.Array, batch: int) -> jax.Array:
    """Which images `flip` mirrors: (B, 1, 1, 1) of bool."""
    return jax.random.bernoulli(key, shape=(batch, 1, 1, 1))


def random_resized_crop(
    key: jax.Array,
    images: jax.Array,
    area: float = 0.25,
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> jax.Array:
    """A random box of each of (B, H, W, C) images, enlarged to H x W.

    The box has a share of the image's area drawn evenly from [area, 1], and is `ratio` times as
    wide, for its height, as the image is (drawn evenly on a logarithmic scale), as far as the image
    reaches. Enlarged bilinearly, from the pixels of the box alone.

    Raises ValueError unless 0 < area <= 1 and 0 < ratio[0] <= ratio[1].

    >>> flat = jnp.full((2, 8, 8, 1), 7, jnp.uint8)
    >>> bool((random_resized_crop(jax.random.key(0), flat) == 7).all())
    True
    """
    _check("random_resized_crop", key, images)
    _check_number("random_resized_crop", "area", area)
    if not 0 < area <= 1:
        raise ValueError(f"random_resized_crop: area must lie in (0, 1], got {area!r}")
    if not 0 < ratio[0] <= ratio[1]:
        raise ValueError(f"random_resized_crop: ratio must be (least, most) above 0, got {ratio!r}")
    rows, columns = boxes(key, images.shape, area, ratio)
    x = images.astype(jnp.float32)
    x = jnp.einsum("bih,bhwc->biwc", rows, x, precision="highest")
    x = jnp.einsum("bjw,biwc->bijc", columns, x, precision="highest")
    return _pixels(x, images.dtype)


def boxes(
    key: jax.Array, shape: Sequence[int], area: float, ratio: tuple[float, float] = (3 / 4, 4 / 3)
) -> tuple[jax.Array, jax.Array]:
    """What `random_resized_crop` reads of (B, H, W, C) images: weights (B, H, H), (B, W, W)."""
    batch, height, width, _ = shape
    for_area, for_ratio, for_place = jax.random.split(key, 3)
    share = jax.random.uniform(for_area, (batch,), jnp.float32, area, 1.0)
    low, high = (jnp.log(jnp.float32(r)) for r in ratio)
    stretch = jnp.exp(jax.random.uniform(for_ratio, (batch,), jnp.float32) * (high - low) + low)
    place = jax.random.uniform(for_place, (2, batch), jnp.float32)
    rows = _box(height, jnp.sqrt(share / stretch), place[0])
    return rows, _box(width, jnp.sqrt(share * stretch), place[1])


def _box(side: int, share: jax.Array, place: jax.Array) -> jax.Array:
    """(B, side, side) weights that enlarge whole pixels, about `share` of the side, to the side."""
    length = jnp.clip(jnp.round(share * side), 1, side)
    start = jnp.minimum(jnp.floor(place * (side - length + 1)), side - length)
    at = (jnp.arange(side, dtype=jnp.float32) + 0.5)[None] * (length / side)[:, None] - 0.5
    # The pixels at the border of the box are repeated beyond it: nothing outside is read.
    at = start[:, None] + jnp.clip(at, jnp.zeros(()), (length - 1)[:, None])
    distance = jnp.abs(at[:, :, None] - jnp.arange(side, dtype=jnp.float32)[None, None])
    return jnp.maximum(1 - distance, 0)


def cutout(
    key: jax.Array, images: jax.Array, side: int = 8, fill: int | Sequence[int] = 0
) -> jax.Array:
    """Paint a square of `side` pixels in each of (B, H, W, C) images.

    Its centre is any pixel, so that squares at the border are cut off there. `fill` is a value
    from 0 to 255, or one a channel; the paper's is the mean colour of the images.

    >>> white = jnp.full((1, 9, 9, 1), 255, jnp.uint8)
    >>> int((cutout(jax.random.key(0), white, side=3) == 0).sum()) in (4, 6, 9)
    True
    """
    _check("cutout", key, images)
    _check_number("cutout", "side", side, whole=True)
    if side < 1:
        raise ValueError(f"cutout: side must be 1 or more, got {side!r}")
    batch, *sides, channels = images.shape
    colour = jnp.asarray(fill, images.dtype)
    if colour.shape not in ((), (channels,)):
        raise ValueError(f"cutout: fill must be a value or {channels} of them, got {fill!r}")
    inside = []
    for axis, (length, of_axis) in enumerate(zip(sides, jax.random.split(key), strict=True)):
        first = jax.random.randint(of_axis, (batch, 1), 0, length) - side // 2
        pixel = jnp.arange(length)[None]
        covered = (pixel >= first) & (pixel < first + side)
        inside.append(covered[:, :, None, None] if axis == 0 else covered[:, None, :, None])
    colour = jnp.broadcast_to(colour, (1, 1, 1, channels))
    return jnp.where(inside[0] & inside[1], colour, images)


def mixup(
    key: jax.Array, images: jax.Array, labels: jax.Array, alpha: float = 0.2
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Mix each image with another one of its batch: `share` of itself, the rest of the other.

    (B, H, W, C) uint8 and (B,) integer labels -> the mixed images (rounded to uint8), the labels of
    the others (B,), and the shares (B,) float32, drawn from Beta(alpha, alpha). Its loss is
    `share * loss(logits, labels) + (1 - share) * loss(logits, others)`: what `fit` makes of it.

    >>> images = jnp.asarray([0, 200], jnp.uint8).reshape(2, 1, 1, 1)
    >>> mixed, others, share = mixup(jax.random.key(0), images, jnp.asarray([3, 4]), alpha=1.0)
    >>> others.tolist(), abs(float(mixed[1, 0, 0, 0]) - 200 * float(share[1])) <= 0.5
    ([4, 3], True)
    """
    _check("mixup", key, images)
    _check_number("mixup", "alpha", alpha)
    if getattr(labels, "shape", None) != images.shape[:1]:
        raise ValueError(f"mixup: labels must be ({len(images)},) integers, got {form(labels)}")
    if not alpha > 0:
        raise ValueError(f"mixup: alpha must be above 0, got {alpha!r}")
    batch = len(images)
    for_share, for_others = jax.random.split(key)
    share = jax.random.beta(for_share, alpha, alpha, (batch,), jnp.float32)
    # All others lie equally far away in the batch, whose order is random: nobody meets itself.
    away = jax.random.randint(for_others, (), 1, max(batch, 2))
    other = (jnp.arange(batch, dtype=away.dtype) + away) % batch
    own = share[:, None, None, None]
    x, y = images.astype(jnp.float32), jnp.take(images, other, 0, mode="clip").astype(jnp.float32)
    return (
        _pixels(own * x + (1 - own) * y, images.dtype),
        jnp.take(labels, other, mode="clip"),
        share,
    )


def compose(*functions: Callable[[jax.Array, jax.Array], jax.Array]) -> Any:
    """One function of key and images that applies `functions` in turn, each with its own key.

    Raises TypeError for what is no such function, and, when called, ValueError naming the function
    that returns no images.

    >>> from functools import partial
    >>> both = compose(partial(shift, pixels=1), flip)
    >>> both(jax.random.key(0), jnp.zeros((2, 4, 4, 1), jnp.uint8)).shape
    (2, 4, 4, 1)
    """

    for number, function in enumerate(functions):
        check_takes(f"compose: functions[{number}]", function, ["key", "images"])

    def composed(key: jax.Array, images: jax.Array) -> jax.Array:
        _check("compose", key, images)
        for number, function in enumerate(functions):
            changed = function(jax.random.fold_in(key, number), images)
            if getattr(changed, "shape", None) != images.shape:
                raise ValueError(
                    f"compose: functions[{number}] ({named(function)}) must return images like "
                    f"those it is given, {form(images)}, got {form(changed)}"
                )
            images = changed
        return images

    return composed


def augment(
    key: jax.Array,
    images: jax.Array,
    kind: str,
    pixels: int = 2,
    *,
    crop: float = 0.25,
    side: int = 8,
    fill: int | Sequence[int] = 0,
) -> jax.Array:
    """What `TrainConfig.augment` names, on (B, H, W, C) images.

    >>> import numpy as np
    >>> dot = np.zeros((1, 5, 5, 1), np.uint8); dot[0, 2, 2] = 255
    >>> augment(jax.random.key(0), jnp.asarray(dot), "shift+flip", 1).sum().item()
    255
    """
    names = augmentations(kind)
    for_shift, for_flip = jax.random.split(key)
    if "shift" in names and pixels:
        images = shift(for_shift, images, pixels)
    if "crop" in names:
        images = random_resized_crop(jax.random.fold_in(key, 2), images, crop)
    if "flip" in names:
        images = flip(for_flip, images)
    if "cutout" in names:
        images = cutout(jax.random.fold_in(key, 3), images, side, fill)
    return images


def _pixels(x: jax.Array, dtype: Any) -> jax.Array:
    return jnp.clip(jnp.round(x), 0, 255).astype(dtype)


def _check(caller: str, key: Any, images: Any) -> None:
    """Raise unless `key` is one of JAX's and `images` is (B, H, W, C)."""
    dtype = getattr(key, "dtype", None)
    new = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key) and key.ndim == 0
    if not new and not (dtype == jnp.uint32 and key.ndim == 1):  # the old kind has no dtype
        raise TypeError(f"{caller}: key must be a key, jax.random.key(0) say, got {form(key)}")
    if len(getattr(images, "shape", ())) != 4:
        raise ValueError(f"{caller}: images must be an array (B, H, W, C), got {form(images)}")


def _check_number(caller: str, name: str, value: Any, *, whole: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise TypeError(
            f"{caller}: {name} must be a {'whole ' if whole else ''}number, got {value!r}"
        )

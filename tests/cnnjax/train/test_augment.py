"""Augmentation: a shift is a shift, a flip is a flip, and the key decides."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.train.augment import augment, flip, shift


def images(count=200, side=6):
    values = np.random.default_rng(0).integers(1, 256, (count, side, side, 2))
    return values.astype(np.uint8)


def moved(image, down, right):
    """`image` moved, black where nothing comes from."""
    height, width, _ = image.shape
    out = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                out[row, column] = image[row - down, column - right]
    return out


def test_shift_moves_each_image_by_up_to_p_pixels_and_fills_with_black():
    given, pixels = images(), 2
    result = np.asarray(shift(jax.random.key(0), jnp.asarray(given), pixels))
    seen = set()
    for before, after in zip(given, result, strict=True):
        offsets = [
            (down, right)
            for down in range(-pixels, pixels + 1)
            for right in range(-pixels, pixels + 1)
            if np.array_equal(moved(before, down, right), after)
        ]
        assert len(offsets) == 1
        seen.add(offsets[0])
    assert len(seen) == 25  # every offset occurs among 200 images


def test_flip_mirrors_about_half_of_the_images():
    given = images()
    result = np.asarray(flip(jax.random.key(0), jnp.asarray(given)))
    mirrored = [np.array_equal(b[:, ::-1], a) for b, a in zip(given, result, strict=True)]
    kept = [np.array_equal(b, a) for b, a in zip(given, result, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 60 < sum(mirrored) < 140


def test_none_changes_nothing_and_the_key_decides():
    given = jnp.asarray(images(20))
    np.testing.assert_array_equal(augment(jax.random.key(0), given, "none", 2), given)
    one, again, other = (augment(jax.random.key(k), given, "shift+flip", 2) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert bool(jnp.any(one != other))
    assert one.dtype == jnp.uint8


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"there are none, shift, flip, shift\+flip"):
        augment(jax.random.key(0), jnp.asarray(images(2)), "rotate", 2)

"""Augmentation: a shift is a shift, a flip is a flip, and the key decides."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.train.augment import (
    _box,
    augment,
    compose,
    cutout,
    flip,
    mixup,
    random_resized_crop,
    shift,
)


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


def coordinates(side=16, count=100):
    """Images whose value at (row, column) is its place, in two channels."""
    rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    return jnp.asarray(np.tile(10 * np.stack([rows, columns], -1), (count, 1, 1, 1)), jnp.uint8)


@pytest.mark.parametrize(("area", "ratio"), [(0.2, (3 / 4, 4 / 3)), (1.0, (1, 1))])
def test_a_crop_is_a_box_within_the_image_of_the_size_asked_for(area, ratio):
    side, given = 16, coordinates()
    result = np.asarray(random_resized_crop(jax.random.key(0), given, area, ratio), np.int64)
    # From each result the box is read off: its rows and columns are the least and the largest.
    low, high = result.min((1, 2)) / 10, result.max((1, 2)) / 10
    assert (low >= 0).all()
    assert (high <= side - 1).all()
    np.testing.assert_allclose(low, np.round(low))  # whole pixels
    lengths = high - low + 1
    share = lengths.prod(1) / side**2
    slack = 1.2 / (area**0.5 * side)  # whole pixels: half of one at each side
    assert (share >= area - slack).all()
    assert share.mean() == pytest.approx((1 + area) / 2, abs=0.1)
    stretch = lengths[:, 1] / lengths[:, 0]
    assert (stretch <= ratio[1] * (1 + slack)).all()
    assert (stretch >= ratio[0] / (1 + slack)).all()
    # It is a picture still: rows go down, columns to the right.
    assert (np.diff(result[..., 0], axis=1) >= 0).all()
    assert (np.diff(result[..., 1], axis=2) >= 0).all()
    if area < 1:
        assert len(np.unique(low, axis=0)) > 20
    else:
        np.testing.assert_array_equal(result, given)


def test_a_crop_enlarges_as_pillow_does():
    from PIL import Image

    source = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    share, place = jnp.asarray([0.5]), jnp.asarray([0.4])  # 8 pixels, from the third on
    weights = np.asarray(_box(16, share, place))[0]
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    ours = weights @ source @ weights.T
    box = Image.fromarray(source[3:11, 3:11]).resize((16, 16), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(ours, np.asarray(box), atol=1)  # Pillow rounds after each axis


@pytest.mark.parametrize(("side", "fill"), [(1, 0), (4, (7, 8)), (5, 0), (40, 3)])
def test_cutout_paints_one_square_and_nothing_else(side, fill):
    given = 255 - images(count=200, side=16) // 2  # from 128 on: the colour is not among them
    result = np.asarray(cutout(jax.random.key(1), jnp.asarray(given), side, fill))
    painted = (result == np.asarray(fill)).all(-1)
    np.testing.assert_array_equal(result[~painted], given[~painted])
    seen = set()
    for mask in painted:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        for lines in (rows, columns):
            cut_off = lines[0] == 0 or lines[-1] == 15
            assert len(lines) == min(side, 16) or (cut_off and len(lines) >= min(side // 2, 16))
        seen.add((rows[0], columns[0]))
    assert len(seen) > (50 if side < 16 else 0)


def test_mixing_shares_pixels_and_labels_in_one_proportion():
    alpha, count = 0.3, 20_000
    given = np.random.default_rng(0).integers(0, 256, (count, 1, 1, 2), np.uint8)
    given, labels = jnp.asarray(given), jnp.arange(count, dtype=jnp.int32)
    mixed, others, share = mixup(jax.random.key(0), given, labels, alpha)
    assert mixed.dtype == jnp.uint8
    assert (others != labels).all()  # nobody is mixed with itself
    assert sorted(others.tolist()) == labels.tolist()  # and everybody with somebody
    own = np.asarray(share, np.float64)[:, None, None, None]
    exact = own * np.asarray(given) + (1 - own) * np.asarray(given)[np.asarray(others)]
    np.testing.assert_allclose(mixed, exact, atol=0.5 + 1e-3)  # but for rounding
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)); five standard errors of the mean.
    assert float(share.mean()) == pytest.approx(0.5, abs=5 * 0.5 / count**0.5)
    assert float(share.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_a_batch_of_one_is_mixed_with_itself():
    given = jnp.asarray(images(1))
    mixed, others, _ = mixup(jax.random.key(0), given, jnp.asarray([3]))
    np.testing.assert_array_equal(mixed, given)
    assert others.tolist() == [3]


EVERY = {
    "shift": lambda key, x: shift(key, x, 2),
    "flip": flip,
    "crop": random_resized_crop,
    "cutout": cutout,
    "mixup": lambda key, x: mixup(key, x, jnp.zeros(len(x), jnp.int32))[0],
    "composed": compose(flip, random_resized_crop, lambda key, x: cutout(key, x, 3)),
}


@pytest.mark.parametrize("name", EVERY)
def test_the_key_decides_and_form_is_kept(name):
    given = jnp.asarray(images(40, side=16))
    one, again, other = (EVERY[name](jax.random.key(k), given) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert bool(jnp.any(one != other))
    assert (one.shape, one.dtype) == (given.shape, given.dtype)


def test_composed_functions_have_keys_of_their_own():
    given = jnp.asarray(images(40))
    key = jax.random.key(3)
    expected = flip(jax.random.fold_in(key, 1), flip(jax.random.fold_in(key, 0), given))
    np.testing.assert_array_equal(compose(flip, flip)(key, given), expected)
    assert bool(jnp.any(expected != given))  # the same key twice would undo it
    np.testing.assert_array_equal(compose()(key, given), given)


def test_names_are_the_functions():
    given, key = jnp.asarray(images(40, side=16)), jax.random.key(5)
    for_shift, for_flip = jax.random.split(key)
    both = flip(for_flip, shift(for_shift, given, 2))
    np.testing.assert_array_equal(augment(key, given, "shift+flip", 2), both)
    every = augment(key, given, "shift+crop+flip+cutout", 2, crop=0.5, side=3, fill=9)
    cropped = random_resized_crop(jax.random.fold_in(key, 2), shift(for_shift, given, 2), 0.5)
    expected = cutout(jax.random.fold_in(key, 3), flip(for_flip, cropped), 3, 9)
    np.testing.assert_array_equal(every, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k, x: random_resized_crop(k, x, 0.0), r"area must lie in \(0, 1\], got 0.0"),
        (lambda k, x: random_resized_crop(k, x, 0.5, (2, 1)), r"ratio must be .*, got \(2, 1\)"),
        (lambda k, x: cutout(k, x, 0), "side must be 1 or more, got 0"),
        (lambda k, x: cutout(k, x, 2, (1, 2, 3)), r"fill must be a value or 2 of them, got \(1"),
        (lambda k, x: mixup(k, x, x[:, 0, 0, 0], 0.0), "alpha must be above 0, got 0.0"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(jax.random.key(0), jnp.asarray(images(2)))


def test_none_changes_nothing_and_the_key_decides():
    given = jnp.asarray(images(20))
    np.testing.assert_array_equal(augment(jax.random.key(0), given, "none", 2), given)
    one, again, other = (augment(jax.random.key(k), given, "shift+flip", 2) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert bool(jnp.any(one != other))
    assert one.dtype == jnp.uint8


def test_an_unknown_kind_is_refused():
    with pytest.raises(
        ValueError, match=r"there are none, or shift, crop, flip, cutout joined by \+"
    ):
        augment(jax.random.key(0), jnp.asarray(images(2)), "rotate", 2)

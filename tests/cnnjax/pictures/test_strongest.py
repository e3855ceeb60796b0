"""The patches that excite a kernel most: found by looking, checked against brute force."""

import numpy as np
import pytest

from cnnjax.geometry import ReceptiveField
from cnnjax.pictures import strongest
from cnnjax.pictures.activations import OUTSIDE, crop


def fields(window, stride, padding):
    """The receptive fields (height, width) of one layer."""
    return tuple(
        ReceptiveField().then(k, stride=s, padding=p)
        for k, s, p in zip(window, stride, padding, strict=True)
    )


def correlate(images: np.ndarray, kernel: np.ndarray, seen) -> np.ndarray:
    """Windowed dot products by plain loops: (n, H', W', K), zeros outside the image."""
    (kh, kw), (sh, sw), (ph, pw) = (
        [getattr(axis, name) for axis in seen] for name in ("field", "stride", "padding")
    )
    padded = np.pad(images, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    rows = (padded.shape[1] - kh) // sh + 1
    columns = (padded.shape[2] - kw) // sw + 1
    out = np.empty((len(images), rows, columns, kernel.shape[-1]))
    for row in range(rows):
        for column in range(columns):
            part = padded[:, row * sh : row * sh + kh, column * sw : column * sw + kw]
            out[:, row, column] = np.tensordot(part, kernel, 3)
    return out


FIELDS = [
    fields((3, 3), (1, 1), (0, 0)),
    fields((3, 3), (1, 1), (1, 1)),
    fields((5, 3), (2, 3), (2, 0)),
]
ONE_PIXEL = fields((1, 1), (1, 1), (0, 0))


@pytest.mark.parametrize("seen", FIELDS, ids=str)
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_the_patch_shown_is_the_patch_that_answered(seen, batch_size):
    """Redoing the dot product on the cropped patch gives the response that was reported."""
    rng = np.random.default_rng(3)
    images = rng.random((9, 11, 10, 3))
    kernel = rng.normal(size=(*(axis.field for axis in seen), 3, 6))
    found = strongest(
        lambda x: correlate(x, kernel, seen), images, seen, top=4, batch_size=batch_size
    )
    patches = np.where(found.patches == OUTSIDE, 0.0, found.patches)
    again = np.einsum("kthwc,hwck->kt", patches, kernel)
    np.testing.assert_allclose(found.responses, again, rtol=1e-12, atol=1e-12)


def test_are_the_largest_of_all_images_best_first_one_an_image():
    rng = np.random.default_rng(4)
    images = rng.random((10, 8, 8, 1))
    kernel = rng.normal(size=(3, 3, 1, 5))
    seen = fields((3, 3), (1, 1), (0, 0))
    everything = correlate(images, kernel, seen)
    found = strongest(lambda x: correlate(x, kernel, seen), images, seen, top=4)
    best = np.sort(everything.max((1, 2)), axis=0)[::-1][:4].T
    np.testing.assert_allclose(found.responses, best)
    assert all(len(set(row)) == 4 for row in found.images.tolist())


def test_fewer_images_than_asked_give_fewer_patches():
    images = np.random.default_rng(0).random((2, 4, 4, 3))
    found = strongest(lambda x: x, images, ONE_PIXEL, top=9)
    assert found.patches.shape == (3, 2, 1, 1, 3)


def test_a_window_wholly_outside_is_grey():
    seen = fields((2, 2), (4, 4), (6, 6))
    assert (crop(np.ones((4, 4, 3)), (0, 0), seen) == OUTSIDE).all()
    assert (crop(np.ones((4, 4, 3)), (9, 9), seen) == OUTSIDE).all()


def test_no_images_is_an_error():
    with pytest.raises(ValueError, match="no images"):
        strongest(lambda x: x, np.ones((0, 4, 4, 3)), ONE_PIXEL)

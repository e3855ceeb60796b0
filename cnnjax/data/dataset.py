"""What every reader returns, and what the readers share: splitting, limiting, resizing.

Images stay uint8 from the file to the training step: a quarter of the memory of float32, and
what the numbers mean (0 black, 255 white) needs no agreement about scaling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnnjax.data.errors import DataError
from cnnjax.data.memory import available
from cnnjax.notices import notice, shown

if TYPE_CHECKING:
    from cnnjax.data.streaming.images import Images

TEST_SHARE = 0.2
"""The share of each class that becomes the test split where a source has no split of its own."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images of one size.

    Attributes:
        images: (N, H, W, C) uint8, C = 1 (grey) or 3 (RGB), N >= 1; an array, or `Images` that
            are read when they are asked for (`cnnjax.data.streaming`).
        labels: int32 indices into `classes`: (N,), one an image, or (N, H, W), one a pixel.
        classes: the name of every class, without repeats.
        name: what to call the data in messages and titles.

    Raises:
        DataError: when the fields do not fit together.

    >>> import numpy as np
    >>> Dataset(np.zeros((2, 8, 8, 1), np.uint8), np.array([0, 1], np.int32), ("a", "b"), "tiny")
    Dataset(tiny: 2 images 8x8x1, 2 classes)
    """

    images: np.ndarray | Images
    labels: np.ndarray
    classes: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
            raise DataError(
                f"{self.name}: images must be (N, H, W, C) uint8 and not empty, "
                f"got {images.shape} {images.dtype}"
            )
        if images.shape[3] not in (1, 3):
            raise DataError(f"{self.name}: images have {images.shape[3]} channels, expected 1 or 3")
        if labels.dtype != np.int32 or labels.shape not in (images.shape[:1], images.shape[:3]):
            raise DataError(
                f"{self.name}: labels must be ({len(images)},) int32, or "
                f"{tuple(images.shape[:3])} for a class a pixel, got {labels.shape} {labels.dtype}"
            )
        if not all(name.isprintable() for name in self.classes):
            raise DataError(
                f"{self.name}: class names must be printable, got "
                f"{', '.join(repr(shown(n)) for n in self.classes if not n.isprintable())}"
            )
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"{self.name}: class names repeat: {list(self.classes)}")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= len(self.classes):
            raise DataError(
                f"{self.name}: labels lie in {low}..{high}, "
                f"{len(self.classes)} classes allow 0..{len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def streamed(self) -> bool:
        """Whether the images are read when they are asked for."""
        return not isinstance(self.images, np.ndarray)

    @property
    def per_pixel(self) -> bool:
        """Whether every pixel has a label, not the image as a whole."""
        return self.labels.ndim == 3

    def __repr__(self) -> str:
        count, *shape = self.images.shape
        size, each = "x".join(map(str, shape)), " of pixels" if self.per_pixel else ""
        return f"Dataset({self.name}: {count} images {size}, {len(self.classes)} classes{each})"


@dataclass(frozen=True, eq=False)
class Splits:
    """A training and a test set with the same classes, image shape and kind of labels.

    Raises:
        DataError: when the two differ in one of these.
    """

    train: Dataset
    test: Dataset

    def __post_init__(self) -> None:
        if self.train.classes != self.test.classes:
            raise DataError(
                f"{self.train.name} has the classes {list(self.train.classes)}, "
                f"{self.test.name} has {list(self.test.classes)}{self._hint()}"
            )
        if self.train.images.shape[1:] != self.test.images.shape[1:]:
            raise DataError(
                f"{self.train.name} has images {self.train.images.shape[1:]}, "
                f"{self.test.name} has {self.test.images.shape[1:]}; give a size"
            )
        if self.train.per_pixel != self.test.per_pixel:
            one, each = (self.train, self.test)[:: -1 if self.train.per_pixel else 1]
            raise DataError(f"{each.name} has a label a pixel, {one.name} one an image")

    def _hint(self) -> str:
        """What to do where nobody has named the classes, and one set lacks some."""
        numbered = all(
            data.streamed and data.classes == tuple(map(str, range(len(data.classes))))
            for data in (self.train, self.test)
        )
        return "; give `streamed` the same `classes` for both" if numbered else ""


def balanced(labels: Sequence[int] | np.ndarray, limit: int | None, seed: int) -> np.ndarray:
    """Indices of at most `limit` items, as evenly over the classes as they allow, ascending.

    Which items of a class are taken is drawn from `seed`; a smaller limit with the same seed
    takes a subset.

    >>> labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2]
    >>> chosen = balanced(labels, 6, seed=0)
    >>> sorted(labels[i] for i in chosen)
    [0, 0, 0, 1, 1, 2]
    """
    labels = np.asarray(labels)
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    # An item's turn is how many of its class come before it: first turns first.
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        turn[members] = np.arange(len(members))
    by_turn = shuffled[np.argsort(turn[shuffled], kind="stable")]
    return np.sort(by_turn[:limit])


def stratified(
    labels: Sequence[int] | np.ndarray, classes: Sequence[str], seed: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a training and a test split, `TEST_SHARE` of every class in the test split.

    Each class gives at least one item to either split; a class with one item gives it to the
    training split.

    Raises:
        DataError: when nothing is left to test with.

    >>> train, test = stratified([0] * 10 + [1] * 5, ("a", "b"), seed=0, name="tiny")
    >>> len(train), len(test)
    (12, 3)
    """
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    tests = [np.zeros(0, np.int64)]
    for index in range(len(classes)):
        members = np.flatnonzero(labels == index)
        count = max(1, round(TEST_SHARE * len(members)))
        tests.append(rng.permutation(members)[: count if len(members) > 1 else 0])
    test = np.sort(np.concatenate(tests))
    if not test.size:
        raise DataError(
            f"{name}: no class has more than one image; a split into train and test needs 2"
        )
    return np.setdiff1d(np.arange(len(labels)), test), test


def tell_gaps(name: str, classes: Sequence[str], train: np.ndarray, test: np.ndarray) -> None:
    """A notice for the classes (of whole splits, given by their labels) that a split lacks."""
    for split, labels in (("training", train), ("test", test)):
        missing = sorted(set(range(len(classes))) - set(np.unique(labels).tolist()))
        if missing:
            named = ", ".join(repr(shown(classes[i])) for i in missing[:5])
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            plural = "es" if len(missing) > 1 else ""
            notice(f"{name}: no {split} image is of the class{plural} {named}{more}")


def allocate(shape: tuple[int, ...], name: str, otherwise: str = "") -> np.ndarray:
    """An empty uint8 array for images, if memory holds it; `otherwise` ends the message if not.

    Raises:
        DataError: what is needed, what there is, and what to do.
    """
    needed, free = math.prod(shape), available()
    if free is not None and needed > free:
        count, height, width, _ = shape
        raise DataError(
            f"{name}: {count:,} images of {height}x{width} pixels need {needed / 1e9:,.1f} GB of "
            f"memory, {free / 1e9:,.1f} GB are free; give a size that they are resized to "
            f"(--size 224 needs {count * 224 * 224 * shape[3] / 1e9:,.2f} GB), or a limit"
            + otherwise
        )
    return np.empty(shape, np.uint8)


def resize(images: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Images (N, H, W, C) uint8 at `size` = (height, width); `None` or the same size: unchanged.

    Pillow's bilinear filter, which averages over all the pixels it merges when it shrinks. The
    aspect ratio is not kept.

    >>> resize(np.full((1, 8, 8, 1), 7, np.uint8), (28, 20)).shape
    (1, 28, 20, 1)
    """
    if size is None or images.shape[1:3] == tuple(size):
        return images
    height, width = size
    resized = allocate((len(images), height, width, images.shape[3]), "resize")
    for source, target in zip(images, resized, strict=True):
        picture = Image.fromarray(source[..., 0] if source.shape[-1] == 1 else source)
        small = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
        target[...] = small.reshape(target.shape)
    return resized


def resize_labels(labels: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Labels (N, H, W) at `size`: each pixel's is that of the nearest pixel, none is made up.

    >>> resize_labels(np.array([[[0, 0, 5, 5]]]), (2, 2)).tolist()
    [[[0, 5], [0, 5]]]
    """
    if size is None or labels.shape[1:] == tuple(size):
        return labels
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64)
        for new, old in zip(size, labels.shape[1:], strict=True)
    )
    return labels[:, rows[:, None], columns]

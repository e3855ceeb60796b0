"""Labelled images: the embedded `patterns`, `digits`, and readers for files (see README.md).

>>> from cnnjax.data import load
>>> load("patterns", size=(32, 32), limit=80).train
Dataset(patterns train: 80 images 32x32x3, 8 classes)
"""

from cnnjax.data import cifar10, digits, folder, idx, patterns
from cnnjax.data.dataset import DataError, Dataset, Splits
from cnnjax.data.picture import read_image

__all__ = ["SPECS", "DataError", "Dataset", "Splits", "load", "read_image"]

EMBEDDED = {"patterns": patterns.read, "digits": digits.read}
READERS = {"idx": idx.read, "cifar10": cifar10.read, "folder": folder.read}
SPECS = (*EMBEDDED, *(f"{kind}:DIR" for kind in READERS))


def load(
    spec: str,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Splits:
    """The training and test images that `spec` names.

    Args:
        spec: "patterns", "digits", "idx:DIR", "cifar10:DIR" or "folder:DIR".
        seed: draws the patterns, the test split where the source has none, and what `limit` takes.
        size: (height, width) that images are resized to (patterns: drawn in); the aspect ratio is
            not kept. `None`: as they are (patterns 100x100, digits 32x32).
        limit: at most so many images in either split, spread evenly over the classes.

    Returns:
        Images (N, H, W, C) uint8 and labels (N,) int32, both splits; the same for the same
        arguments and files.

    Raises:
        DataError: an unknown spec (lists what exists), or a file that is not what it should be
            (names the file and the fault).
        ValueError: a seed, size or limit that makes no sense.
    """
    if seed < 0:
        raise ValueError(f"load: seed must be 0 or more, got {seed}")
    if limit is not None and limit < 1:
        raise ValueError(f"load: limit must be 1 or more, got {limit}")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"load: size must be (height, width), both 1 or more, got {size}")
    kind, colon, where = spec.partition(":")
    if kind in EMBEDDED and not colon:
        return EMBEDDED[kind](seed=seed, size=size, limit=limit)
    if kind in READERS and where:
        return READERS[kind](where, seed=seed, size=size, limit=limit)
    if kind in EMBEDDED:
        raise DataError(f"load: {kind} takes no folder, got {spec!r}; write {kind!r}")
    if kind in READERS:
        raise DataError(f"load: {spec!r} lacks its folder; write '{kind}:DIR'")
    raise DataError(f"load: unknown data {spec!r}; there are {', '.join(SPECS)}")

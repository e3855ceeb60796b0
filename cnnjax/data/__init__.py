"""Labelled images: the embedded `patterns`, `digits`, and readers for files (see README.md).

>>> from cnnjax.data import load
>>> load("patterns", size=(32, 32), limit=80).train
Dataset(patterns train: 80 images 32x32x3, 8 classes)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cnnjax.data import cifar, digits, folder, idx, npz, patterns, table
from cnnjax.data.dataset import Dataset, Splits
from cnnjax.data.errors import DataError
from cnnjax.data.picture import read_image
from cnnjax.data.streaming import Source, streamed

__all__ = [
    "SPECS",
    "DataError",
    "Dataset",
    "Source",
    "Splits",
    "load",
    "read_image",
    "streamed",
]

EMBEDDED = {"patterns": patterns.read, "digits": digits.read}
READERS: dict[str, tuple[str, Callable[..., Splits]]] = {
    "idx": ("DIR", idx.read),
    "cifar10": ("DIR", cifar.read_cifar10),
    "cifar100": ("DIR", cifar.read_cifar100),
    "folder": ("DIR", folder.read),
    "npz": ("FILE", npz.read),
    "csv": ("FILE", table.read),
}
SPECS = (*EMBEDDED, *(f"{kind}:{where}" for kind, (where, _) in READERS.items()))
DECODES = ("folder", "csv")
"""The kinds that read image files: there is a largest one, and they can be streamed."""


def load(
    spec: str,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
    max_pixels: int | None = None,
    stream: bool | None = False,
    workers: int | None = None,
) -> Splits:
    """The training and test images that `spec` names.

    Args:
        spec: "patterns", "digits", "idx:DIR", "cifar10:DIR", "cifar100:DIR", "folder:DIR",
            "npz:FILE" or "csv:FILE".
        seed: draws the patterns, the test split where the source has none, and what `limit` takes.
        size: (height, width) that images are resized to (patterns: drawn in); the aspect ratio is
            not kept. `None`: as they are (patterns 100x100, digits 32x32).
        limit: at most so many images in either split, spread evenly over the classes.
        max_pixels: the largest image file that is decoded (`picture.MAX_PIXELS` if None).
        stream: decode image files ("folder", "csv") when a batch needs them, in processes of their
            own, and keep none. None: if they would fill more than half of the free memory, which a
            notice says.
        workers: how many such processes; by default one a processor, at most 8.

    Returns:
        Images (N, H, W, C) uint8 (or `streaming.Images`) and labels (N,) int32 ((N, H, W) where the
        file has a class a pixel), both splits; the same for the same arguments and files.

    Raises:
        DataError: an unknown spec (lists what exists), or a file that is not what it should be
            (names the file and the fault).
        ValueError: a seed, size or limit that makes no sense.
    """
    if seed < 0:
        raise ValueError(f"load: seed must be 0 or more, got {seed}")
    if limit is not None and limit < 1:
        raise ValueError(f"load: limit must be 1 or more, got {limit}")
    if size is not None and (np.shape(size) != (2,) or min(size) < 1):
        raise ValueError(f"load: size must be (height, width), both 1 or more, got {size}")
    if workers is not None and workers < 1:
        raise ValueError(f"load: workers must be 1 or more, got {workers}")
    kind, colon, where = spec.partition(":")
    if stream and kind not in DECODES:
        raise DataError(
            f"load: {spec!r} is read into memory whole; what can be streamed is "
            f"{' and '.join(f'{k}:{READERS[k][0]}' for k in DECODES)}, and any source by `streamed`"
        )
    if kind in EMBEDDED and not colon:
        return EMBEDDED[kind](seed=seed, size=size, limit=limit)
    if max_pixels is not None and max_pixels < 1:
        raise ValueError(f"load: max_pixels must be 1 or more, got {max_pixels}")
    if kind in READERS and where:
        more: dict[str, Any] = {}
        if kind in DECODES:
            more = {"max_pixels": max_pixels, "stream": stream, "workers": workers}
        return READERS[kind][1](where, seed=seed, size=size, limit=limit, **more)
    if kind in EMBEDDED:
        raise DataError(f"load: {kind} takes no folder, got {spec!r}; write {kind!r}")
    if kind in READERS:
        place = READERS[kind][0]
        what = "folder" if place == "DIR" else "file"
        raise DataError(f"load: {spec!r} lacks its {what}; write '{kind}:{place}'")
    known = f"; for what is there, write 'folder:{spec}'" if spec and Path(spec).is_dir() else ""
    raise DataError(f"load: unknown data {spec!r}; there are {', '.join(SPECS)}{known}")

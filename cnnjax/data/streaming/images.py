"""A source of images, and the array that it looks like.

    class Source:
        def __len__(self): ...               how many
        def __getitem__(self, index): ...    an image (H, W, C) uint8, or a pair (image, label)

A NumPy array (memory-mapped, say), a PyTorch dataset and a `grain.MapDataset` are sources already.
`streamed` makes a `Dataset` of one, whose `images` are read when they are asked for and never all
at once. The labels are known beforehand: four bytes an image fit into any memory.
"""

from __future__ import annotations

import math
import os
import zlib
from typing import Any, Protocol

import numpy as np

from cnnjax.data.errors import DataError
from cnnjax.data.streaming.pool import Pool

__all__ = ["Images", "Source", "element_of"]

_LOOKED_AT = 64  # elements that a fingerprint reads where the source has none of its own


class Source(Protocol):
    """What can be trained on: a length and elements, each the same whenever it is asked for.

    `source[i]` is an image (H, W, C) uint8 or (H, W), or a pair of an image and its label.
    Optional: `labels` (a whole number for each element), `classes` (their names), `fingerprint()`
    (JSON values that change when the data do, found without reading all of them).
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class Images:
    """(N, H, W, C) uint8 images that are read when asked for: `images[3]`, `images[5:9]`.

    Attributes:
        source: where they come from.
        name: for messages.
        pool: who reads them when training.
        processes: whether in processes of their own and not in threads.
        dtype, ndim, shape, nbytes: as of an array.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        source: Source,
        name: str,
        *,
        pool: Pool | None = None,
        processes: bool = False,
        image: tuple[int, int, int] | None = None,
    ) -> None:
        """`image` is the shape of each; by default that of the first."""
        if len(source) == 0:
            raise DataError(f"{name}: the source is empty")
        self.source, self.name = source, name
        self.pool = Pool() if pool is None else pool
        self.processes = processes
        if image is None:
            first = _image(element_of(source, 0, name))
            if first.ndim not in (2, 3) or first.dtype != np.uint8:
                raise DataError(
                    f"{name}: element 0 is {first.dtype} {first.shape}, expected uint8 (H, W, C)"
                )
            image = (*first.shape, 1) if first.ndim == 2 else first.shape
        self.shape: tuple[int, int, int, int] = (len(source), *image)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Images({self.name}: {'x'.join(map(str, self.shape))}, read when asked for)"

    def with_source(self, source: Source) -> Images:
        """Images of the same kind from another source, a part of this one for example."""
        return Images(source, self.name, pool=self.pool, image=self.shape[1:])

    def __getstate__(self) -> dict[str, Any]:
        """What another process must know: not who reads here."""
        return {**self.__dict__, "pool": None}

    def __getitem__(self, key: Any) -> np.ndarray:
        if isinstance(key, (int, np.integer)):
            if not -len(self) <= key < len(self):
                raise IndexError(f"{self.name}: index {key} of {len(self)} images")
            return self.read(int(key) % len(self))
        indices = np.arange(len(self))[key]
        if indices.ndim != 1:
            raise IndexError(f"{self.name}: images are taken by a number, a slice or a list")
        taken = np.empty((len(indices), *self.shape[1:]), np.uint8)
        for place, index in enumerate(indices.tolist()):
            taken[place] = self.read(index)
        return taken

    def read(self, index: int) -> np.ndarray:
        """Image `index` (from 0 on), checked.

        Raises:
            DataError: it cannot be read, or is of another shape or type than the first.
        """
        image = _image(element_of(self.source, index, self.name))
        if image.shape == self.shape[1:3]:
            image = image[..., None]
        if image.dtype != np.uint8 or image.shape != self.shape[1:]:
            raise DataError(
                f"{self.name}: element {index} is {image.dtype} {image.shape}, "
                f"expected uint8 {self.shape[1:]} as the first"
            )
        return image

    def fingerprint(self) -> dict[str, Any]:
        """What tells these images from others, as JSON values, without reading all of them."""
        source = self.source
        if hasattr(source, "fingerprint"):
            return dict(source.fingerprint())
        found: dict[str, Any] = {}
        if isinstance(source, np.memmap) and source.filename is not None:
            status = os.stat(source.filename)
            found = {"bytes": status.st_size, "modified": int(status.st_mtime)}
        crc = 0
        for index in np.linspace(0, len(self) - 1, min(len(self), _LOOKED_AT)).astype(int).tolist():
            crc = zlib.crc32(np.ascontiguousarray(self.read(index)), crc)
        return {**found, "some_crc32": crc}


def element_of(source: Source, index: int, name: str) -> Any:
    try:
        return source[index]
    except DataError:
        raise
    except Exception as error:  # a source is anybody's code
        what = str(error) or "no reason given"
        raise DataError(
            f"{name}: element {index} cannot be read ({type(error).__name__}: {what})"
        ) from error


def _image(element: Any) -> np.ndarray:
    return np.asarray(
        element[0] if isinstance(element, (tuple, list)) and len(element) == 2 else element
    )

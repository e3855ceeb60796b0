"""A source of image files, decoded when they are asked for."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnjax.data.errors import DataError
from cnnjax.data.picture import read_image

__all__ = ["ImageFiles"]


@dataclass(frozen=True)
class ImageFiles:
    """Image files as RGB of one size; `root` is what their names are counted from.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (30, 20), 255).save(f"{folder}/white.png")
    ...     ImageFiles([f"{folder}/white.png"], folder, (10, 15))[0].shape
    (10, 15, 3)
    """

    files: Sequence[str | Path]
    root: str | Path
    size: tuple[int, int]
    max_pixels: int | None = None
    resized: bool = True
    """Whether files of another size are resized; otherwise they are errors."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        file = self.files[index]
        image = read_image(
            file, size=self.size if self.resized else None, max_pixels=self.max_pixels
        )
        if image.shape[:2] != tuple(self.size):
            raise DataError(
                f"{file} has {image.shape[0]}x{image.shape[1]} pixels, the first image has "
                f"{self.size[0]}x{self.size[1]} (height x width); give a size that all are "
                "resized to"
            )
        return image

    def part(self, indices: Sequence[int]) -> ImageFiles:
        """Only these files: what a process that reads them must know."""
        files = [self.files[index] for index in indices]
        return ImageFiles(files, self.root, self.size, self.max_pixels, self.resized)

    def fingerprint(self) -> dict[str, Any]:
        """Names, sizes and times of the files (to the second, as archives keep them)."""
        crc, total = 0, 0
        for file in self.files:
            try:
                status = os.stat(file)
            except OSError as fault:
                raise DataError(f"{file}: cannot be read ({fault.strerror or fault})") from fault
            name = os.fsencode(os.path.relpath(file, self.root))
            line = b"%s\0%d %d\n" % (name, status.st_size, int(status.st_mtime))
            crc, total = zlib.crc32(line, crc), total + status.st_size
        return {"bytes": total, "files_crc32": crc, "resized": self.resized}

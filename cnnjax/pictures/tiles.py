"""Small arrays made into one big one: grids of tiles, and colours for them. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def grid_shape(count: int, columns: int) -> tuple[int, int]:
    """Rows and columns for `count` tiles in at most `columns` columns.

    >>> grid_shape(32, 8), grid_shape(3, 8)
    ((4, 8), (1, 3))
    """
    columns = max(1, min(columns, count))
    return -(-count // columns), columns


def mosaic(
    tiles: Sequence[Floats], columns: int, *, gap: int = 1, zoom: int = 8, background: float = 1.0
) -> Floats:
    """Tiles of one shape (h, w, 3), each pixel `zoom` wide, laid out row by row.

    Between them (and not around them) are `gap` tile-pixel fractions of `background`: the gap is
    `gap` pixels of the result. Returns (H, W, 3).

    >>> mosaic([np.zeros((2, 2, 3))] * 3, columns=2, gap=1, zoom=1).shape
    (5, 5, 3)
    """
    rows, columns = grid_shape(len(tiles), columns)
    height, width = (side * zoom for side in tiles[0].shape[:2])
    out = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3), background, np.float64
    )
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        out[top : top + height, left : left + width] = tile.repeat(zoom, 0).repeat(zoom, 1)
    return out


def as_rgb(image: NDArray) -> Floats:
    """An image (H, W, 1 or 3), uint8 or floats in 0..1, as floats (H, W, 3) in 0..1."""
    array = np.asarray(image)
    scaled = array / 255.0 if array.dtype == np.uint8 else array.astype(np.float64)
    if scaled.ndim != 3 or scaled.shape[-1] not in (1, 3):
        raise ValueError(f"pictures: an image is (H, W, 1) or (H, W, 3), given {array.shape}")
    return np.clip(np.broadcast_to(scaled, (*scaled.shape[:2], 3)), 0.0, 1.0)

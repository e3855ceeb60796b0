"""Where a sliding window reads: the index arithmetic that convolutions and poolings share.

Along one axis, output position i and window offset k meet the input, spread by the base dilation
and shifted by the low padding, at

    t = i * stride + k * dilation - low,    read if 0 <= t, t is a multiple of `base`,
                                            and t / base < size.

Negative padding needs no rule of its own: it shifts t, and the output's size does the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Algebra, V
from verify.primitives.registry import flat_index, offsets

BLOCK = 2**19  # elements of patches that exist at a time: residues take up to 160 bytes each
OUTSIDE = -1


@dataclass(frozen=True)
class Axis:
    """How a window slides along one axis."""

    size: int  # of the input
    outputs: int
    window: int
    stride: int = 1
    low: int = 0
    base: int = 1  # dilation of the input
    dilation: int = 1  # of the window

    def table(self) -> np.ndarray:
        """(outputs, window): the input position that is read, or OUTSIDE."""
        steps = np.arange(self.outputs, dtype=np.int64)[:, None] * self.stride
        place = steps + np.arange(self.window, dtype=np.int64) * self.dilation - self.low
        inside = (place >= 0) & (place % self.base == 0) & (place // self.base < self.size)
        return np.where(inside, place // self.base, OUTSIDE)


def axes(
    sizes: Sequence[int],
    outputs: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    base: Sequence[int],
    dilation: Sequence[int],
) -> list[Axis]:
    """One Axis for each dimension."""
    lows = [low for low, _ in padding]
    columns = (sizes, outputs, window, strides, lows, base, dilation)
    return [Axis(*map(int, row)) for row in zip(*columns, strict=True)]


def patch_blocks(
    slides: Sequence[Axis], strides: Sequence[int], width: int
) -> Iterator[np.ndarray]:
    """Blocks (m, window elements) of flat input positions or OUTSIDE, all outputs in order.

    `strides`: how far apart neighbours along each axis lie in the flat input. `width`: how many
    elements each position stands for, so that a block stays below BLOCK of them.
    """
    tables = [slide.table() for slide in slides]
    outputs = tuple(slide.outputs for slide in slides)
    window = int(np.prod([slide.window for slide in slides]))
    total = int(np.prod(outputs))
    step = max(1, BLOCK // max(1, window * width))
    for start in range(0, total, step):
        rows_here = np.arange(start, min(start + step, total))
        places = np.unravel_index(rows_here, outputs) if outputs else ()
        flat, inside = np.zeros((len(rows_here), 1), np.int64), None
        for table, place, stride in zip(tables, places, strides, strict=True):
            rows = table[place]
            here = rows != OUTSIDE
            flat = (flat[:, :, None] + rows[:, None] * stride).reshape(len(rows), -1)
            both = here if inside is None else (inside[:, :, None] & here[:, None])
            inside = both.reshape(len(rows), -1)
        yield flat if inside is None else np.where(inside, flat, OUTSIDE)


def row_strides(shape: Sequence[int]) -> list[int]:
    """How far apart neighbours along each axis lie in the flattened array."""
    return [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]


def join(algebra: Algebra[V], parts: Sequence[V], shape: tuple[int, ...]) -> V:
    """Parts laid end to end along their first axis, as an array of `shape`."""
    if len(parts) == 1:
        return algebra.reshape(parts[0], shape)
    index = [flat_index(p, start) for p, start in zip(parts, offsets(parts), strict=True)]
    return algebra.pick(list(parts), np.concatenate(index, axis=0).reshape(shape))

"""What of an array to draw: two-dimensional slices, cropped around what matters.

An array of any rank is cut into slices along its two spatial axes; only slices with non-zero
elements are kept. A large slice is cropped to the non-zero elements and, if they fit too, to the
windows that the caller wants to frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from verify.dtypes import Number

MOST_SLICES = 3
_MOST_CELLS = 9  # along an axis: what fits a phone with every value written
_MOST_SMALL_CELLS = 20  # with the zeros left out: only to show a whole window
_MARGIN = 1  # zeros around what matters, for orientation

Index = tuple[int, ...]
Box = tuple[slice, ...]


@dataclass(frozen=True)
class Window:
    """A rectangle of cells of a picture, and which of its sides are not cut off by the crop."""

    rows: range
    columns: range
    top: bool = True
    right: bool = True
    bottom: bool = True
    left: bool = True


@dataclass(frozen=True)
class Grid:
    """A rectangle of cells of one slice of an array.

    axes: the array's axes that run down and across; None where it has too few.
    at: an index of the array; its entries on `axes` do not count, the others say which slice it is.
    rows, columns: the indices shown. height, width: of the whole slice. values: [row][column].
    outside: non-zero elements of the slice that are not shown.
    """

    axes: tuple[int | None, int | None]
    at: Index
    rows: range
    columns: range
    height: int
    width: int
    values: tuple[tuple[Number, ...], ...]
    outside: int

    @property
    def place(self) -> str:
        """The slice as an index: "[0, :, :, 2]"; empty for a number."""
        shown = [":" if axis in self.axes else str(i) for axis, i in enumerate(self.at)]
        return f"[{', '.join(shown)}]" if shown else ""

    def cell(self, index: Sequence[int]) -> tuple[int, int] | None:
        """Where an element of the array is in the picture: (row, column), or None."""
        if any(i != j for k, (i, j) in enumerate(zip(index, self.at, strict=True)) if self._off(k)):
            return None
        row, column = (0 if axis is None else index[axis] for axis in self.axes)
        if row not in self.rows or column not in self.columns:
            return None
        return row - self.rows.start, column - self.columns.start

    def window(self, box: Box) -> Window | None:
        """The part of a box of the array that lies in the picture, in cells; None if nothing."""
        if any(
            not s.start <= i < s.stop
            for k, (s, i) in enumerate(zip(box, self.at, strict=True))
            if self._off(k)
        ):
            return None
        sides = []
        for axis, shown in zip(self.axes, (self.rows, self.columns), strict=True):
            wanted = range(1) if axis is None else range(box[axis].start, box[axis].stop)
            low, high = max(wanted.start, shown.start), min(wanted.stop, shown.stop)
            if low >= high:
                return None
            ends = (low == wanted.start, high == wanted.stop)
            sides.append((range(low - shown.start, high - shown.start), ends))
        (rows, (top, bottom)), (columns, (left, right)) = sides
        return Window(rows, columns, top, right, bottom, left)

    def _off(self, axis: int) -> bool:
        return axis not in self.axes


def grids(array: np.ndarray, boxes: Sequence[Box] = ()) -> tuple[list[Grid], int]:
    """The slices with non-zero elements, at most `MOST_SLICES`, and how many more there are.

    >>> x = np.zeros((1, 9, 9, 3)); x[0, 4, 5, 2] = 1
    >>> shown, more = grids(x)
    >>> [g.place for g in shown], more, shown[0].cell((0, 4, 5, 2))
    (['[0, :, :, 2]'], 0, (4, 5))
    """
    axes = plane(array.shape)
    slices: dict[Index, Index] = {}
    for where in np.argwhere(array).tolist():
        key = tuple(-1 if axis in axes else i for axis, i in enumerate(where))
        slices.setdefault(key, tuple(where))
    found = list(itertools.islice(slices.values(), MOST_SLICES))
    return [slice_at(array, where, boxes) for where in found], len(slices) - len(found)


def slice_at(array: np.ndarray, at: Index, boxes: Sequence[Box] = ()) -> Grid:
    """The slice that the element `at` lies in, cropped around the non-zero elements and `at`."""
    axes = plane(array.shape)
    flat = array[tuple(slice(None) if k in axes else i for k, i in enumerate(at))]
    flat = flat.reshape((1,) * (2 - flat.ndim) + flat.shape)
    nonzero = [*np.argwhere(flat).tolist()]
    here = [0 if axis is None else at[axis] for axis in axes]
    sides = []
    for k, axis in enumerate(axes):
        ends = () if axis is None else _ends(boxes, axis)
        sides.append(_crop(flat.shape[k], here[k], [place[k] for place in nonzero], ends))
    rows, columns = sides
    outside = sum(r not in rows or c not in columns for r, c in nonzero)
    values = tuple(tuple(flat[r, c] for c in columns) for r in rows)
    return Grid(axes, at, rows, columns, flat.shape[0], flat.shape[1], values, outside)


def plane(shape: Sequence[int]) -> tuple[int | None, int | None]:
    """The two axes to draw. Images are channels last, kernels (height, width, ...).

    >>> plane((1, 6, 6, 1)), plane((5, 5, 3, 32)), plane((2, 6, 7, 3)), plane((8,)), plane(())
    ((1, 2), (0, 1), (1, 2), (None, 0), (None, None))
    """
    rank = len(shape)
    if rank < 3:
        return (0, 1) if rank == 2 else (None, 0 if rank else None)
    pairs = [(k, k + 1) for k in range(rank - 1) if shape[k] == shape[k + 1] > 1]
    usual = (rank - 3, rank - 2)
    chosen = usual if usual in pairs or not pairs else pairs[0]
    if shape[chosen[0]] == shape[chosen[1]] == 1:
        larger = [k for k in range(rank) if shape[k] > 1]
        if len(larger) >= 2:
            return larger[-2], larger[-1]
        if larger and larger[0] not in chosen:
            return min(chosen[0], larger[0]), max(chosen[0], larger[0])
    return chosen


def _ends(boxes: Iterable[Box], axis: int) -> tuple[int, ...]:
    return tuple(end for box in boxes for end in (box[axis].start, box[axis].stop - 1))


def _crop(size: int, here: int, nonzero: Sequence[int], ends: Sequence[int]) -> range:
    """The indices to show of an axis: everything, else what matters, else what is near `here`."""
    if size <= _MOST_CELLS + 2 * _MARGIN:
        return range(size)
    choices = (
        ((here, *nonzero, *ends), _MOST_CELLS),
        ((here, *nonzero, *ends), _MOST_SMALL_CELLS if ends else 0),
        ((here, *nonzero), _MOST_CELLS),
    )
    for wanted, most in choices:
        if size <= most:
            return range(size)
        low, high = max(min(wanted) - _MARGIN, 0), min(max(wanted) + 1 + _MARGIN, size)
        if high - low <= most:
            break
    else:
        low, high = here - _MOST_CELLS // 2, here + _MOST_CELLS // 2 + 1
    missing = max(5 - (high - low), 0)  # a lone cell says nothing about where it is
    low, high = low - missing // 2, high + missing - missing // 2
    low = max(min(low, size - (high - low)), 0)
    return range(low, min(max(high, low + 5), size))

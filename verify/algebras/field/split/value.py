"""Split values: tables of cases, one for each value of a selector, and what selectors they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from verify.algebras import machine
from verify.algebras.field.growth import Growth
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType

NOBODY = -1  # the selector of what depends on none


class Wider(Exception):
    """A selector with more values than this trial's have: once more, with so many."""

    def __init__(self, values: int) -> None:
        self.values = values


class Tables(Protocol):
    """What a table asks of its trial."""

    def written_out(self, x: Split) -> FieldArray: ...
    def digest(self, rows: np.ndarray) -> np.ndarray: ...


@dataclass(eq=False)
class Split:
    """cases: (K, *shape); selector: (*shape) numbers of selectors, NOBODY where all cases agree."""

    field: Tables
    cases: FieldArray
    selector: np.ndarray
    _whole: FieldArray | None = None
    settled: bool = False  # whether it is known to be `whole` in another way: `places.py`

    @property
    def concrete(self) -> None:
        return None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.selector.shape

    @property
    def dtype(self) -> DType:
        return self.cases.dtype

    @property
    def nonnegative(self) -> bool:
        return self.cases.nonnegative

    @property
    def bounds(self) -> machine.Interval:
        return self.cases.bounds

    @property
    def possible(self) -> np.ndarray | None:
        """(K, *shape) constants, if that is what the cases are."""
        return self.cases.concrete

    @property
    def growth(self) -> Growth:
        return self.whole.growth

    @property
    def rows(self) -> np.ndarray:
        return self.whole.rows

    @property
    def whole(self) -> FieldArray:
        """The table written out, with the indicators."""
        if self._whole is None:
            self._whole = self.field.written_out(self)
        return self._whole


Residues = FieldArray | Split  # what depends on no selector is not split


def table_of(field: Tables, cases: FieldArray, selector: np.ndarray) -> FieldArray:
    """A split value. It has all that operations ask of an array of residues, and counts as one."""
    return cast(FieldArray, Split(field, cases, selector))


def as_split(x: object) -> Split | None:
    return x if isinstance(x, Split) else None


def whole(x: Residues) -> FieldArray:
    return x.whole if isinstance(x, Split) else x


def joined(xs: Sequence[Residues]) -> np.ndarray | None:
    """The selectors behind values of one shape, element by element; None where they differ."""
    found = np.full(xs[0].shape, NOBODY, np.int64)
    for x in xs:
        if isinstance(x, Split):
            both = _both(found, x.selector)
            if both is None:
                return None
            found = both
    return found


def _both(one: np.ndarray, two: np.ndarray) -> np.ndarray | None:
    differ = (one != NOBODY) & (two != NOBODY) & (one != two)
    return None if differ.any() else np.where(one == NOBODY, two, one)


def along(x: Split, axis: int = -1) -> np.ndarray | None:
    """The one selector behind each lane along an axis; None where there are several."""
    shape = np.delete(x.shape, axis)
    if 0 in x.shape:
        return np.full(shape, NOBODY, np.int64)
    most = x.selector.max(axis=axis, keepdims=True)
    one = ((x.selector == most) | (x.selector == NOBODY)).all()
    return most.squeeze(axis) if one else None


def behind_dot(a: Residues, b: Residues) -> np.ndarray | None:
    """Of (B, M, T) x (B, T, N), for each sum; None where there are several."""
    shape = (*a.shape[:2], b.shape[-1])
    found: np.ndarray | None = np.full(shape, NOBODY, np.int64)
    for x, axis in ((a, 2), (b, 1)):
        if isinstance(x, Split) and found is not None:
            lanes = along(x, axis)
            if lanes is None:
                return None
            found = _both(found, np.broadcast_to(np.expand_dims(lanes, axis), shape))
    return found

"""Sets of the elements of one array, by number: equal sets have equal numbers.

Number 0 is the empty set, number 1 + i the set of element i alone; all others are kept in a table.
The elements of an activation have few different sets (all channels at one position see the same
pixels), so an array of sets is an array of numbers, and copying elements is copying numbers.
"""

from __future__ import annotations

import numpy as np

_CHUNK = 2**23  # members that are sorted at a time


class ElementSets:
    """The sets of an array of `size` elements."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._numbers: dict[bytes, int] = {}
        self._sets: list[np.ndarray] = []

    def members(self, number: int) -> np.ndarray:
        """The elements of a set, ascending.

        >>> sets = ElementSets(10)
        >>> number = sets.union(np.array([[1 + 7, 1 + 2, 0]]))[0]
        >>> sets.members(number).tolist()
        [2, 7]
        """
        if number == 0:
            return np.empty(0, np.int32)
        if number <= self.size:
            return np.array([number - 1], np.int32)
        return self._sets[number - self.size - 1]

    def union(self, numbers: np.ndarray) -> np.ndarray:
        """(..., K) -> (...): the union of the sets along the last axis."""
        shape = numbers.shape[:-1]
        rows = numbers.reshape(int(np.prod(shape)), numbers.shape[-1])
        if rows.shape[1] == 0 or rows.shape[0] == 0:
            return np.zeros(shape, np.int32)
        result = rows.max(axis=1)  # right where all others are empty, or the same set
        mixed = ((rows != result[:, None]) & (rows != 0)).any(axis=1)
        if mixed.any():
            wanted, where = np.unique(np.sort(rows[mixed], axis=1), axis=0, return_inverse=True)
            result[mixed] = self._unions(wanted)[where.reshape(-1)]
        return result.reshape(shape).astype(np.int32)

    def _unions(self, rows: np.ndarray) -> np.ndarray:
        """Rows of sorted numbers, all different."""
        new = rows != 0
        new[:, 1:] &= rows[:, 1:] != rows[:, :-1]
        owner, column = np.nonzero(new)
        numbers = rows[owner, column]
        lengths = self._lengths(numbers)
        per_row = np.bincount(owner, weights=lengths, minlength=len(rows)).astype(np.int64)
        chunk = np.cumsum(per_row) // _CHUNK
        first = np.searchsorted(owner, np.arange(len(rows) + 1))
        result = np.zeros(len(rows), np.int32)
        for part in np.unique(chunk):
            inside = np.flatnonzero(chunk == part)
            span = slice(first[inside[0]], first[inside[-1] + 1])
            members = self._gather(numbers[span])
            keys = np.repeat(owner[span], lengths[span]) * np.int64(self.size) + members
            keys.sort()  # np.unique hashes, which is slower
            keys = keys[np.append(True, keys[1:] != keys[:-1])]
            rows_of, elements = keys // self.size, (keys % self.size).astype(np.int32)
            bounds = np.searchsorted(rows_of, np.arange(inside[0], inside[-1] + 2))
            for row, start, stop in zip(inside, bounds[:-1], bounds[1:], strict=True):
                result[row] = self._number(elements[start:stop])
        return result

    def _lengths(self, numbers: np.ndarray) -> np.ndarray:
        lengths = np.ones(len(numbers), np.int64)
        large = numbers > self.size
        if large.any():
            sizes = np.array([len(members) for members in self._sets], np.int64)
            lengths[large] = sizes[numbers[large] - self.size - 1]
        return lengths

    def _gather(self, numbers: np.ndarray) -> np.ndarray:
        """The members of many sets, end to end."""
        if len(numbers) == 0:
            return np.empty(0, np.int64)
        if not (numbers > self.size).any():
            return numbers.astype(np.int64) - 1
        return np.concatenate([self.members(int(number)) for number in numbers]).astype(np.int64)

    def _number(self, elements: np.ndarray) -> int:
        if len(elements) < 2:
            return 0 if len(elements) == 0 else 1 + int(elements[0])
        name = elements.tobytes()
        number = self._numbers.get(name)
        if number is None:
            number = self.size + 1 + len(self._sets)
            self._numbers[name] = number
            self._sets.append(elements.copy())
        return number

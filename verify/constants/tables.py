"""Whole literals that are what one of the programs makes of constants alone, element by element.

In a table of rotary angles cos(0.0001) is 1: a number that somebody may have written, and that has
to stand for itself anywhere else. Here it does not, as the table is known: all of its elements are
those of an array that a program computes, in their order (transposed, turned round, repeated or
every second, as a slice has them), and each rounds to what the table holds, certainly. So a table
is read as a whole, whatever its single numbers may be read as elsewhere.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np

from verify.constants.literals import halves, residues, rounded, significands
from verify.constants.readings import Source
from verify.limits import budget

_LEAST, _MOST = 8, 2**20  # elements of a table
_NUMBERS = 4  # different numbers in it that were rounded
_ZERO = 2.0**-43  # of the largest: certainly no larger is what is left of a zero, and it may be one
_OPTIONS = 8  # elements that may be the same one of the table
_TRIED = 256  # orders

Key = tuple[str, tuple[int, ...], bytes]


@dataclass(frozen=True, eq=False)
class Array:
    """What a program makes of constants, and how far the numbers may be off; of which literals it
    is made, as the significands of those that may have been rounded."""

    source: Source
    values: np.ndarray
    errors: np.ndarray
    literals: frozenset[float]

    @functools.cached_property
    def order(self) -> np.ndarray:
        """The (flat) places of the values, from the least."""
        return np.argsort(self.values.reshape(-1))


@dataclass(frozen=True, eq=False)
class Literal:
    """An array of floats that may be a table; the significands of those numbers in it that may have
    been rounded, and how far from each what it stands for may be; where it is what is left of a
    zero, if that is what an array may have there."""

    values: np.ndarray
    key: Key
    numbers: frozenset[float]
    width: np.ndarray
    residue: np.ndarray


@dataclass(frozen=True, eq=False)
class Table:
    """A literal: the elements of an array at these (flat) places, times the sign."""

    literal: Literal
    array: Array
    index: np.ndarray
    sign: int

    @property
    def values(self) -> np.ndarray:
        return self.sign * self.array.values.reshape(-1)[self.index]

    @property
    def errors(self) -> np.ndarray:
        return self.array.errors.reshape(-1)[self.index]


def key(values: np.ndarray, dtype: object) -> Key:
    """Equal for literals that hold the same numbers."""
    data = np.ascontiguousarray(values, np.float64).tobytes()
    return str(dtype), values.shape, hashlib.blake2b(data, digest_size=16).digest()


def candidates(literals: Iterable[tuple[np.ndarray, np.dtype]], fixed: Set[float]) -> list[Literal]:
    """Literals that may be tables; not of numbers that are `fixed`, as their bits are seen."""
    found: dict[Key, Literal] = {}
    for values, dtype in literals:
        if not _LEAST <= values.size <= _MOST or not np.isfinite(values).all():
            continue
        numbers = frozenset(significands(values[rounded(values, dtype)]).tolist())
        if len(numbers) < _NUMBERS or not numbers.isdisjoint(fixed):
            continue
        residue = residues(values, dtype, float(np.abs(values).max()))
        width = np.where(residue, np.abs(values), halves(values, dtype))
        one = Literal(values, key(values, dtype), numbers, width, residue)
        found.setdefault(one.key, one)
    return list(found.values())


def tables(literals: Iterable[Literal], arrays: Sequence[Array]) -> dict[Key, Table]:
    """The literals that are tables of these arrays' elements."""
    found: dict[Key, Table] = {}
    for literal in literals:
        for array in arrays:
            if not literal.numbers.isdisjoint(array.literals):
                continue
            table = _table(literal, array)
            if table is not None:
                found[literal.key] = table
                break
    return found


def _table(literal: Literal, array: Array) -> Table | None:
    values, residue = literal.values, literal.residue
    zero = _ZERO * np.abs(values).max()  # what may be one
    width = np.where(residue, zero, literal.width)
    flat, errors = array.values.reshape(-1), array.errors.reshape(-1)
    budget.spend(flat.size + values.size)
    order, sorted_ = array.order, flat[array.order]
    for sign in (1, -1):
        towards = sign * values
        first = np.searchsorted(sorted_, towards - width, "left")
        last = np.searchsorted(sorted_, towards + width, "right")
        if (last <= first).any():  # an element that is none of the array's
            continue
        for index in _orders(order, first, last):
            if index.min() < 0 or index.max() >= flat.size:
                continue
            budget.spend(values.size)
            found, error = flat[index], errors[index]
            fits = np.abs(sign * found - values) + error < width
            if (fits & (~residue | (np.abs(found) <= error))).all():
                return Table(literal, array, index, sign)
    return None


def _orders(order: np.ndarray, first: np.ndarray, last: np.ndarray) -> Iterator[np.ndarray]:
    """Places of a table's elements in an array that are affine in the table's indices: told by what
    one element and its neighbours may be, where that is known best."""
    count = last - first
    total = count.copy()
    axes = [k for k, size in enumerate(count.shape) if size > 1]
    for k in axes:
        total += np.where(_last(count.shape, k), np.roll(count, 1, k), np.roll(count, -1, k))
    at = np.unravel_index(int(np.argmin(total)), count.shape)

    def options(place: tuple[int, ...]) -> list[int]:
        return np.sort(order[first[place] : last[place]])[:_OPTIONS].tolist()

    steps, neighbours = [], []
    for k in axes:
        step = -1 if at[k] == count.shape[k] - 1 else 1
        steps.append(step)
        neighbours.append(options(tuple(int(i) + step * (j == k) for j, i in enumerate(at))))
    here = np.indices(count.shape)
    for start, *nexts in itertools.islice(
        itertools.product(options(tuple(map(int, at))), *neighbours), _TRIED
    ):
        index = np.full(count.shape, start)
        for k, step, one in zip(axes, steps, nexts, strict=True):
            index += (one - start) * step * (here[k] - at[k])
        yield index


def _last(shape: tuple[int, ...], axis: int) -> np.ndarray:
    return np.asarray(np.indices(shape)[axis] == shape[axis] - 1)

"""Which square roots there are: sqrt(u) is a new unknown, or it is made of those seen before.

For radicands v and w that were seen before, or are small whole numbers, and a fraction c > 0,

    u = c**2 v          sqrt(u) = c sqrt(v)
    u = c**2 v w        sqrt(u) = c sqrt(v) sqrt(w)
    u = c**2 v / w      sqrt(u) = c sqrt(v) sqrt(w) / w.

They are found by a key: two points of a trial share each prime, and u(first point) / u(second) is
the same for all constant multiples of u, and multiplicative in u. Where keys agree, the residues at
the first points say what c**2 is, and then both points of every prime agree.

Why this is sound where radicands are negative (sqrt(v w) beside a sqrt(v) that a choice discards):
programs that are formally equal are equal whatever the roots are, complex numbers too, if only each
of them squared is its radicand and the lines above hold. Where v < 0, take an imaginary sqrt(v), up
or down. If sqrt(u) is to be the positive root, the second line, with v and w both negative, wants
one of their roots up and the other down; the third wants the same direction. A line is used only if
its wish agrees with those of all lines before: sqrt(v w) sqrt(w u) sqrt(u v) is |u v w|, not u v w.
So every root that is defined is the real one, and those that are not were discarded. (Where v and w
are complex, made of roots that are not defined, up and down are plus and minus half an angle.)

In the error bound, each line that is tried, with each c that is possible, is two values that may be
confused (`bound.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws.signs import Signs
from verify.algebras.field.moduli import POINTS_A_PRIME
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType

LARGEST = 2**10  # of c's numerator and denominator, and of the whole numbers that are radicands
_MOST = 2**12  # elements of one array that are looked up
_MOST_TRIED = 2**24  # products and quotients that are tried for one array


@dataclass(frozen=True)
class Line:
    """sqrt(u) = top / bottom sqrt(v) sqrt(w), or that divided by w; v and w by their number.
    Besides times the positive number of `times`: sqrt(v v) = v."""

    v: int
    w: int = 0  # 1
    top: int = 1
    bottom: int = 1
    divided: bool = False
    times: int = 0


class Radicals:
    """The radicands of one trial."""

    def __init__(self, field: State) -> None:
        self.field = field
        self.primes = field.moduli.primes
        self.tried = 0
        self.found = False  # whether any of those tried is used
        self.late = False  # whether a factor came after a product, which was taken for a new one
        self.above_zero = False  # whether what is looked up is positive, whatever the input is
        self._clear()

    def _clear(self) -> None:
        self.columns: list[np.ndarray] = []  # the residues of each v, (rows,)
        self.growths: list[Growth] = []
        self.keys: list[np.ndarray] = []
        self.known: dict[bytes, list[tuple[np.ndarray, Line]]] = {}  # by key; with their residues
        # Those that are no multiples; and whether they are positive.
        self.seen: list[tuple[np.ndarray, Growth, np.ndarray, bool]] = []
        self.numbers: dict[int, int] = {}  # where whole numbers are
        self.signs = Signs()
        self.ratios: dict[tuple[int, ...], tuple[int, int, int] | None] = {}
        self._number(1)

    def radicand(self, numbers: np.ndarray, dtype: DType) -> FieldArray:
        """The v of these numbers."""
        growth = self.growths[0]
        for n in np.unique(numbers):
            growth = growth.union(self.growths[n])
        rows = np.stack(self.columns, axis=1)[:, numbers]
        like = self.field.lift(np.zeros(numbers.shape), dtype)
        return self.field.plain(rows, like, growth)

    def error(self, state: State, primes: int) -> float:
        """The probability that for some (u, v, w) tried and some c = a / b that is not the one,
        b**2 u = a**2 v w at both points of every prime; a, b, and w where it is a number, are at
        most `LARGEST`."""
        if not self.found:
            return 0.0
        one_point, bad_prime = state.coincidences()  # of two values: here are three
        constant = 3 * math.log2(LARGEST) / math.log2(state.moduli.low) / state.moduli.choices
        one_prime = min(1.0, (1.5 * one_point) ** POINTS_A_PRIME + 1.5 * bad_prime + constant)
        return float(self.tried * LARGEST**3 * one_prime**primes)

    def again(self) -> None:
        """The same radicands, the last one first, so that factors come before their products."""
        seen = self.seen
        self.tried += len(seen) ** 2  # as multiples of each other
        self._clear()
        for column, growth, key, self.above_zero in reversed(seen):
            self._line(column, growth, key, self._partners(key[:, None])[0])

    def lines(self, u: FieldArray) -> np.ndarray | None:
        """A `Line` for each element: a structured array. None where u is not looked up: where each
        row is in a branch of its own, where u is right modulo q only, where there is too much."""
        if self.field.mode.decides or u.growth.logs or not 0 < u.rows[0].size <= _MOST:
            return None
        field, points = self.field, self.field.points
        flat = u.rows.reshape(len(field.m), -1)
        packed = np.ascontiguousarray(flat[:points].T)
        packed = packed.view(np.dtype((np.void, packed.shape[1] * 8)))[:, 0]
        _, first, where = np.unique(packed, return_index=True, return_inverse=True)
        # In the order in which they come, so that all trials number them in the same way.
        order = np.argsort(first)
        columns = flat[:, first[order]]
        primes = field.moduli.p[::2]
        one, two = columns[0:points:2], columns[1:points:2]
        keys = residues.multiply(one, residues.inverse(two, primes), primes)
        usable = (columns[:points] != 0).all(axis=0)
        self.tried += len(order) * len(self.columns) + len(order) ** 2
        new = [n for n in range(len(order)) if usable[n] and keys[:, n].tobytes() not in self.known]
        partners, before, self.above_zero = self._partners(keys[:, new]), len(self.keys), u.positive
        possible = dict(zip(new, partners, strict=True))
        lines = [
            self._line(columns[:, n], u.growth, keys[:, n], possible.get(n, ()))
            if usable[n]
            else self._new(columns[:, n], u.growth, None)
            for n in range(len(order))
        ]
        self.late |= self._splits(before)
        table = np.array(
            [(x.v, x.w, x.top, x.bottom, x.times, x.divided, x != Line(x.v)) for x in lines],
            dtype=[
                *((name, np.int64) for name in ("v", "w", "top", "bottom", "times")),
                *((name, np.bool_) for name in ("divided", "changed")),
            ],
        )
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return table[back[where]].reshape(u.shape)

    def _line(
        self,
        column: np.ndarray,
        growth: Growth,
        key: np.ndarray,
        partners: Iterable[tuple[int, bool]],
    ) -> Line:
        first = column[: self.field.points : 2]
        line = self._multiple(key, first)
        if line is None:
            self.seen.append((column, growth, key, self.above_zero))
            line = self._product(key, first, growth, partners)
            line = line or self._new(column, growth, key)
        return line

    def _new(self, column: np.ndarray, growth: Growth, key: np.ndarray | None) -> Line:
        line = Line(len(self.columns))
        self.columns.append(column)
        self.growths.append(growth)
        self.keys.append(np.zeros(len(self.primes), np.int64) if key is None else key)
        if self.above_zero:
            self.signs.positive.add(line.v)
        if key is not None:
            first = column[: self.field.points : 2]
            self.known.setdefault(key.tobytes(), []).append((first, line))
        return line

    def _number(self, n: int) -> int:
        """The radicand n."""
        if n not in self.numbers:
            column, growth = n % self.field.m, Growth(0.0, math.log2(n))
            line = self._new(column, growth, np.ones(len(self.primes), np.int64))
            self.numbers[n] = line.v
            self.signs.positive.add(line.v)
        return self.numbers[n]

    def _multiple(self, key: np.ndarray, first: np.ndarray) -> Line | None:
        """Of a radicand with the same key."""
        for other, line in self.known.get(key.tobytes(), ()):
            ratio = self._ratio(first, other)
            if ratio is None or (ratio[2] > 1 and line.w):
                continue
            top, bottom, n = ratio
            found = replace(line, top=line.top * top, bottom=line.bottom * bottom)
            if n == 1:
                return found
            number = self._number(n)
            return replace(found, w=number) if line.v else replace(found, v=number)
        return None

    def _product(
        self,
        key: np.ndarray,
        first: np.ndarray,
        growth: Growth,
        partners: Iterable[tuple[int, bool]],
    ) -> Line | None:
        """c**2 v w or c**2 v / w, for the w that `_partners` suggests."""
        primes = self.field.moduli.p[::2]
        for w, divided in partners:
            factor, its_first = self.keys[w], self.columns[w][: self.field.points : 2]
            if not divided:
                factor, its_first = self._inverse(factor), self._inverse(its_first)
            rest, rest_first = key * factor % primes, first * its_first % primes
            for other, line in self.known.get(rest.tobytes(), ()):
                ratio = self._ratio(rest_first, other) if line == Line(line.v) else None
                if ratio is None or ratio[2] > 1 or (divided and line.v == w):
                    continue
                if self.signs.join(line.v, w, opposite=not divided):
                    smaller = growth.degree < self.growths[line.v].degree  # so it is no quotient
                    self.late |= divided and (smaller or line.v not in self.signs.positive)
                    if line.v == w:
                        line = Line(0, 0, *ratio[:2], times=w)
                    else:
                        line = Line(line.v, w, *ratio[:2], divided)
                    self.known.setdefault(key.tobytes(), []).append((first, line))
                    return line
        return None

    def _partners(self, keys: np.ndarray) -> list[list[tuple[int, bool]]]:
        """For each of (primes, N) keys the w, and whether to divide by it, for which there may be a
        v: those for which the first prime's keys agree."""
        found: list[list[tuple[int, bool]]] = [[] for _ in range(keys.shape[1])]
        count = len(self.keys)
        if keys.size == 0 or keys.shape[1] * count**2 > _MOST_TRIED:
            return found
        self.tried += 2 * keys.shape[1] * count * (count + keys.shape[1])
        p = self.primes[0]
        own = np.array([key[0] for key in self.keys])
        inverses = residues.inverse(own[None], np.array([p]))[0]
        for divided, factors in ((False, inverses), (True, own)):
            wanted = keys[0][:, None] * factors % p
            for n, w in np.argwhere(np.isin(wanted, own) & (own != 0)):
                if w > 0:
                    found[n].append((int(w), divided))
        return found

    def _splits(self, before: int) -> bool:
        """Whether a radicand that was there before is a product in which one has come now, as the
        first prime's keys say."""
        p = self.primes[0]
        own = np.array([key[0] for key in self.keys])
        old, new = (x[x > 1] for x in (own[:before], own[before:]))
        if not len(old) or not len(new) or len(own) * len(new) > _MOST_TRIED:
            return False
        return bool(np.isin(new[:, None] * own[own > 1] % p, old).any())

    def _inverse(self, column: np.ndarray) -> np.ndarray:
        return np.array([pow(x, -1, p) for x, p in zip(column.tolist(), self.primes, strict=True)])

    def _ratio(self, one: np.ndarray, other: np.ndarray) -> tuple[int, int, int] | None:
        """(a, b, n), where one / other is the number (a / b)**2 n."""
        if np.array_equal(one, other):
            return 1, 1, 1
        ratio = tuple((one * self._inverse(other) % self.field.moduli.p[::2]).tolist())
        if ratio not in self.ratios:
            found = residues.rational(list(ratio), self.primes, (LARGEST**2).bit_length())
            self.ratios[ratio] = None if found is None else _without_squares(*found)
        return self.ratios[ratio]


def _without_squares(top: int, bottom: int) -> tuple[int, int, int] | None:
    """(a, b, n) with top / bottom = (a / b)**2 n and n without square factors, if all are small.

    >>> _without_squares(8, 9), _without_squares(1, 5), _without_squares(-4, 1)
    ((2, 3, 2), (1, 5, 5), None)
    """
    if top <= 0:
        return None
    (a, m), (b, n) = _largest_square(top), _largest_square(bottom)
    found = a, b * n, m * n
    return found if max(found) <= LARGEST else None


def _largest_square(n: int) -> tuple[int, int]:
    """The largest a, and m, with n = a**2 m."""
    a = next(a for a in range(math.isqrt(n), 0, -1) if n % a**2 == 0)
    return a, n // a**2

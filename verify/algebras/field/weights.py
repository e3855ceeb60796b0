"""Random weights of the candidates of a maximum: a function of their differences, with sum one.

`maxima.py` says why. Here: which candidates there are and which repeat others, the digest of the
set of their differences, weights drawn from it, and the weights that are known because the
differences are numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.state import State
from verify.limits import budget


@dataclass(frozen=True)
class Weighed:
    """The weights of a batch of sets, and the digests that other masks of the same sets use."""

    weights: np.ndarray  # (rows, N, S); a candidate that repeats an earlier one has weight 0
    sets: np.ndarray  # (WORDS, N) digest of the set of differences
    distinct: np.ndarray  # (N, S) bool: the first of its kind
    constant: np.ndarray  # (N,) bool: all differences are known numbers, so the order is known
    drawn: np.ndarray  # (rows, N, S) what the weights were made of


class Weights:
    """The weights of one trial; remembers which sets are multiples of which."""

    def __init__(self, field: State) -> None:
        self.field = field
        self.scales: dict[bytes, tuple[int, ...]] = {}
        self.known = [np.ones(len(field.m), np.int64)]  # inverses of small integers
        self.reconstructions = 0  # rational reconstructions relied on, for the error bound
        self.scaled = 0  # sets that were compared up to a factor, for the error bound

    def weigh(self, rows: np.ndarray, present: np.ndarray | None) -> Weighed:
        """Weights for (rows, N, S) candidates; `present` (N, S) masks some out."""
        field, m = self.field, self.field.m
        size = rows.shape[-1]
        distinct = self.distinct(rows, present)
        count = distinct.sum(axis=-1)
        inverses = self.inverses(size)[:, count]  # (rows, N)
        kept = np.where(distinct, rows, 0)
        mean = residues.multiply(residues.total(kept, m), inverses, m)
        difference = np.where(distinct, residues.reduce(rows - mean[..., None], m), 0)
        constant = self._constant(difference, count)
        normal = difference[: field.points]
        if field.mode.scaling:
            normal = self._normalised(normal, distinct, count)
            self.scaled += len(count)
        members = mixing.digest(normal, field.key)
        sets = mixing.unordered(members, distinct)
        drawn = mixing.expand(mixing.combine(sets[..., None], members, tag="winner"), m)
        field.atoms += len(sets[0])
        field.inner_pairs += distinct.size * size
        if field.mode.patterns:
            weights = self.one(drawn, distinct)
        else:
            here = np.where(distinct, drawn, 0)
            rest = residues.reduce(1 - residues.total(here, m), m)
            share = residues.multiply(rest, inverses, m)
            weights = np.where(distinct, residues.reduce(here + share[..., None], m), 0)
        if constant.any():
            self._decide(weights, difference, distinct, constant)
        field.note(sets, np.where(constant, 1, count))
        return Weighed(weights, sets, distinct, constant, drawn)

    def bits(self, weighed: Weighed) -> np.ndarray:
        """(points, N, S) weights modulo two: 1 for one of the candidates, which is a function of
        the set as well; the largest, where that is known."""
        points = self.field.points
        if self.field.mode.patterns:
            return weighed.weights[:points]
        one = self.one(weighed.drawn, weighed.distinct)[:points]
        return np.where(weighed.constant[None, :, None], weighed.weights[:points], one)

    def inverses(self, most: int) -> np.ndarray:
        """(rows, most + 1 or more) inverses of 0 (1 in its place), 1, 2, ..."""
        if len(self.known) <= most:
            of = range(max(len(self.known), 1), most + 1)
            self.known += [residues.inverse_of_integer(n, self.field.m) for n in of]
        return np.stack(self.known, axis=1)

    def one(self, drawn: np.ndarray, distinct: np.ndarray) -> np.ndarray:
        """One of the candidates in each row, any with the same probability; a point's rows modulo p
        and modulo q agree."""
        points = self.field.points
        best = np.where(distinct, drawn[:points], -1).argmax(axis=-1)
        weights = (np.arange(distinct.shape[-1]) == best[..., None]).astype(np.int64)
        weights *= distinct
        return self.field.for_all(weights)

    def distinct(self, rows: np.ndarray, present: np.ndarray | None) -> np.ndarray:
        """Which candidates are there, and the first of their kind."""
        here = np.ones(rows.shape[1:], bool) if present is None else present
        return self.first(mixing.digest(rows[: self.field.points], self.field.key), here)

    def first(self, digests: np.ndarray, here: np.ndarray) -> np.ndarray:
        """The same of their digests, where they are there."""
        order = np.lexsort(
            (np.broadcast_to(np.arange(here.shape[-1]), here.shape), digests[0], ~here)
        )
        ordered = np.take_along_axis(digests, order[None], axis=-1)
        there = np.take_along_axis(here, order, axis=-1)
        repeats = (ordered[..., 1:] == ordered[..., :-1]).all(axis=0) & there[..., :-1]
        first = there.copy()
        first[..., 1:] &= ~repeats
        out = np.empty_like(first)
        np.put_along_axis(out, order, first, axis=-1)
        return out

    def _constant(self, difference: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Whether the differences are numbers: equal at both points of every prime."""
        points = difference[: self.field.points]
        return (points[0::2] == points[1::2]).all(axis=(0, 2)) & (count > 1)

    def _decide(
        self,
        weights: np.ndarray,
        difference: np.ndarray,
        distinct: np.ndarray,
        constant: np.ndarray,
    ) -> None:
        """Where differences are rational numbers, the largest is known: weight one, in place."""
        primes = self.field.moduli.primes
        budget.spend(2 * budget.OPERATION * int(constant.sum()))
        known: dict[bytes, int | None] = {}
        for n in np.flatnonzero(constant):
            columns = difference[: self.field.points : 2, n]
            key = columns.tobytes() + distinct[n].tobytes()
            if key not in known:
                known[key] = self._largest(columns, distinct[n], primes)
            best = known[key]
            if best is None:
                constant[n] = False
            else:
                weights[:, n] = 0
                weights[:, n, best] = 1

    def _largest(self, columns: np.ndarray, distinct: np.ndarray, primes: list[int]) -> int | None:
        best: tuple[Fraction, int] | None = None
        for i in np.flatnonzero(distinct):
            ratio = residues.rational([int(r) for r in columns[:, i]], primes)
            if ratio is None:
                return None
            self.reconstructions += 1
            number = Fraction(*ratio)
            if best is None or number > best[0]:
                best = number, int(i)
        return None if best is None else best[1]

    def _normalised(
        self, difference: np.ndarray, distinct: np.ndarray, count: np.ndarray
    ) -> np.ndarray:
        """Differences divided by a scale that a positive factor of the set multiplies.

        The scale T of a set is, for two elements, their difference (either sign), else the ratio of
        the third moment to the second: T(c S) = c T(S). S / T is then the same for all multiples of
        S. The first set seen of a class fixes the sign: a later one whose T is a negative rational
        multiple of the first's is divided by -T.
        """
        field = self.field
        primes = field.moduli.p[::2]
        even = difference[::2]
        index = np.argmax(distinct, axis=-1)[None, :, None]
        scale = np.take_along_axis(even, np.broadcast_to(index, (len(even), *index.shape[1:])), -1)
        scale = scale[..., 0]
        if (count > 2).any():
            squares = residues.multiply(even, even, primes)
            second = residues.total(squares, primes)
            third = residues.total(residues.multiply(squares, even, primes), primes)
            moments = residues.multiply(third, residues.inverse(second, primes), primes)
            scale = np.where(count > 2, moments, scale)
        usable = (scale != 0).all(axis=0) & (count > 1)
        inverse = np.where(usable, residues.inverse(scale, primes), 1)
        factor = np.repeat(inverse, 2, axis=0)[..., None]
        normal = residues.multiply(difference, factor, field.moduli.p)
        digests = mixing.digest(normal, field.key)
        keys = mixing.unordered(digests, distinct)
        sign = self._signs(keys, scale, usable, primes)
        normal = np.where((sign < 0)[None, :, None], field.moduli.p[:, None, None] - normal, normal)
        normal = np.where(normal == field.moduli.p[:, None, None], 0, normal)
        return np.where((usable & (sign != 0))[None, :, None], normal, difference)

    def _signs(
        self, keys: np.ndarray, scale: np.ndarray, usable: np.ndarray, primes: np.ndarray
    ) -> np.ndarray:
        """+1 or -1: the sign of scale / (scale of the class); 0 where it is no small fraction."""
        names = np.ascontiguousarray(keys.T).view(np.dtype((np.void, keys.shape[0] * 8)))[:, 0]
        columns = scale.T.tolist()
        budget.spend(4 * budget.OPERATION * len(names))
        sign = np.zeros(len(names), np.int64)
        seen: dict[tuple[int, ...], int] = {}
        listed = primes.tolist()
        for n in np.flatnonzero(usable):
            column = tuple(columns[n])
            first = self.scales.setdefault(names[n].tobytes(), column)
            if first == column:
                sign[n] = 1
                continue
            ratio = tuple(
                a * pow(b, -1, p) % p for a, b, p in zip(column, first, listed, strict=True)
            )
            if ratio not in seen:
                found = residues.rational(list(ratio), listed)
                self.reconstructions += 1
                seen[ratio] = 0 if found is None else (1 if found[0] > 0 else -1)
            sign[n] = seen[ratio]
        return sign

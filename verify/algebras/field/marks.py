"""Which choices are behind an element, and how well the rows of a trial cover their branches.

A choice that the rows make at random is seen by one in two (or n) of them. What the inputs decide,
truth values among them, is laid out over the rows so that all combinations occur (`Design`), and
how often each of them does is counted.
"""

from __future__ import annotations

import numpy as np

_WORDS = WORDS = 16  # 64 bits each
_ENUMERATED = 10  # truth values of which all combinations are laid out evenly
_COUNTED = 14  # of which it is counted how often each combination occurs


class Marks:
    """Sets of choices, one an array element, as bits. Choices that share a bit count together."""

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {}
        self.flips = np.zeros(64 * _WORDS)  # log2 of the candidates, summed over a bit's choices
        self.values = np.zeros(64 * _WORDS)  # how many values were told apart
        self.rows: dict[int, np.ndarray] = {}  # (points,) of the inputs that rows decide, by bit
        self.counts: dict[int, int] = {}  # and how many values each of them has
        self.degrees = np.zeros(64 * _WORDS)  # of values of which it was asked where they are zero

    def of(
        self, digests: np.ndarray, count: np.ndarray, degree: float = 0.0, *, decides: bool = True
    ) -> np.ndarray:
        """(N, _WORDS): one bit each for (WORDS, N) digests of choices among (N,) candidates, or of
        values of this degree that were asked for their zeros."""
        out = np.zeros((digests.shape[1], _WORDS), np.uint64)
        flips, values = np.log2(np.maximum(count, 1)), count + 1.0
        for n, column in enumerate(np.ascontiguousarray(digests.T)):
            name = column.tobytes()
            bit = self.places.get(name)
            if bit is None:
                bit = self.places[name] = len(self.places) % len(self.flips)
                self.flips[bit] += flips[n] * decides
                self.values[bit] += values[n]
                self.degrees[bit] += degree
            out[n, bit // 64] |= np.uint64(1 << (bit % 64))
        return out

    def totals(self, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coin flips, values told apart, and degrees, of each of (N, _WORDS) sets."""
        bits = np.unpackbits(marks.view(np.uint8), axis=1, bitorder="little").astype(np.float64)
        return bits @ self.flips, bits @ self.values, bits @ self.degrees

    def decided(self, digests: np.ndarray, rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """(N, _WORDS) for inputs that (points, N) rows decide: whole numbers below (N,) counts."""
        out = self.of(digests, counts)
        for n in range(rows.shape[1]):
            (bit,) = np.flatnonzero(np.unpackbits(out[n].view(np.uint8), bitorder="little"))
            self.rows[int(bit)], self.counts[int(bit)] = rows[:, n], int(counts[n])
        if len(self.places) > len(self.flips):
            self.rows.clear()
        return out

    def covered(self, marks: np.ndarray, *, apart: bool) -> tuple[float, int]:
        """For one (_WORDS,) set: the coin flips among choices that are made at random, and how many
        primes at least show each combination of what the inputs decide, at one of their points
        (`apart`: at one of them only). Where combinations are not counted they are flips too."""
        bits = np.flatnonzero(np.unpackbits(marks.view(np.uint8), bitorder="little"))
        if len(self.places) > len(self.flips):
            return float(self.flips[bits].sum()), -1
        own = [bit for bit in bits.tolist() if bit in self.rows]
        if not own or self.flips[own].sum() > _COUNTED:
            return float(self.flips[bits].sum()), -1
        code, size = np.zeros(len(self.rows[own[0]]), np.int64), 1
        for bit in own:
            code += size * self.rows[bit]
            size *= self.counts[bit]
        even, odd = code[::2], code[1::2]
        one, two = even != odd, even == odd
        seen = np.bincount(even[one], minlength=size) + np.bincount(odd[one], minlength=size)
        if not apart:
            seen += np.bincount(even[two], minlength=size)
        return float(self.flips[bits].sum() - self.flips[own].sum()), int(seen.min())


class Design:
    """The rows' values of inputs that are decided: (points,) whole numbers below a count each."""

    def __init__(self, rng: np.random.Generator, points: int) -> None:
        self.rng, self.points = rng, points
        self.index, self.combinations = rng.permutation(points), 1

    def drawn(self, count: int) -> np.ndarray:
        """As long as there are more rows than combinations, all of these occur equally often."""
        following = self.combinations * count
        if following > min(self.points, 2**_ENUMERATED):
            return self.rng.integers(0, count, self.points)
        found = self.index // self.combinations % count
        self.combinations = following
        return np.asarray(found)

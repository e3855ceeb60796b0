"""What a precondition says of signs, for one trial.

`x <= y` makes y - x a value that is not negative, and every positive multiple of it. Such values
are known by the ratio of their residues at the two points of each prime, which all multiples share;
which multiple it is follows from the residues (`residues.rational`). Where two values are compared,
or the larger one is taken, and their difference is such a multiple, nothing is left to chance; sums
and differences that are one are known not to be negative.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.moduli import Moduli
from verify.algebras.field.value import FieldArray
from verify.dtypes import is_real

STRICT = 2  # a sign that excludes zero; 1 is one that does not
EVERY = 4096  # elements of one value that are looked up


class Trial(Protocol):
    """What is needed of a trial."""

    points: int
    moduli: Moduli
    key: np.ndarray
    atoms: int

    def rests(self, x: FieldArray) -> bool: ...


class Given:
    """The signs known in one trial: by the ratios of a value, (its residues, its sign)."""

    def __init__(self, state: Trial) -> None:
        self.state = state
        self.known: dict[bytes, tuple[np.ndarray, int]] = {}

    def tell(self, rows: np.ndarray, strict: np.ndarray) -> None:
        """These columns of residues are not negative; where `strict`, not zero either."""
        names, firsts, usable = self._names(rows)
        for n in np.flatnonzero(usable):
            sign = STRICT if strict[n] else 1
            before = self.known.get(names[n])
            if before is None or before[1] < sign:
                self.known[names[n]] = (firsts[:, n], sign)

    def signs(self, rows: np.ndarray) -> np.ndarray:
        """For each column 2 (positive), 1 (not negative), 0 (unknown), -1 or -2."""
        found = np.zeros(rows.shape[1], np.int64)
        if not self.known or rows.shape[1] > EVERY:
            return found
        names, firsts, usable = self._names(rows)
        self.state.atoms += int(usable.sum())
        for n in np.flatnonzero(usable):
            known = self.known.get(names[n])
            if known is not None:
                multiple = self._multiple(firsts[:, n], known[0])
                found[n] = known[1] * (multiple > 0) - known[1] * (multiple < 0)
        return found

    def above_zero(self, rows: np.ndarray) -> bool:
        """Whether all of these residues are those of positive numbers."""
        signs = self.signs(rows.reshape(len(rows), -1))
        return bool((signs == STRICT).all()) and len(signs) > 0

    def notice(self, x: FieldArray) -> FieldArray:
        """x, known not to be negative if it is; undecided maxima stay undecided."""
        if self.known and not x.nonnegative and not x.undecided and is_real(x.dtype):
            if self.state.rests(x):  # in the branches of these rows only
                return x
            if x.concrete is None and x.shape != () and 0 in x.shape:
                return x
            signs = self.signs(x.rows.reshape(len(x.rows), -1))
            x.nonnegative = bool((signs > 0).all()) and len(signs) > 0
            x.positive = x.nonnegative and bool((signs == STRICT).all())
        return x

    def _names(self, rows: np.ndarray) -> tuple[list[bytes], np.ndarray, np.ndarray]:
        points = self.state.points
        one, two = rows[0:points:2], rows[1:points:2]
        p = self.state.moduli.p[::2]
        usable = (one != 0).all(axis=0)
        ratios = residues.multiply(two, residues.inverse(np.where(one == 0, 1, one), p), p)
        words = mixing.digest(ratios, self.state.key)
        columns = np.ascontiguousarray(words.reshape(mixing.WORDS, -1).T)
        return [column.tobytes() for column in columns], one, usable

    def _multiple(self, one: np.ndarray, other: np.ndarray) -> int:
        """The sign of the number that one is times other; 0 where that is no small fraction."""
        p = self.state.moduli.p[::2]
        ratio = residues.multiply(one, residues.inverse(other, p), p)
        found = residues.fraction(ratio, p)
        return 0 if found is None else (found > 0) - (found < 0)

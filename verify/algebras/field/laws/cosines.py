"""(x . y)**2 <= (x . x)(y . y) (Cauchy, Schwarz), so that clip(v, -1, 1) = v for a cosine v.

Correlations and cosine similarities are cut to [-1, 1] against rounding; over the reals there is
nothing to cut off. A value v is a cosine if its square is (x . y)**2 / ((x . x)(y . y)) for vectors
x and y of which the trial has seen the product. That holds for all real vectors for which v has a
value, also where v is 1 or -1: max(v, -1) and v are equal at a tie too. Where x . x is zero v has
none, as long as it is the quotient whose square this is.

The error: squares are compared by their residues with those of all products seen
(`State.inner_pairs`).
"""

from __future__ import annotations

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import is_real
from verify.limits import budget

_PRODUCTS, _ELEMENTS, _ASKED = 64, 2048, 1024


class Cosines:
    """The vectors of one trial whose products have been taken."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []  # (points, N, K) each, pair by pair
        self.names: set[bytes] = set()

    def dotted(self, a: FieldArray, b: FieldArray) -> None:
        """(B, M, K) x (B, K, N)."""
        (batch, m, k), n = a.shape, b.shape[2]
        if not self._counts(a, b) or not 0 < batch * m * n * k <= _ELEMENTS:
            return
        points, shape = self.state.points, (self.state.points, batch, m, n, k)
        left = np.broadcast_to(a.rows[:points, :, :, None], shape)
        right = np.broadcast_to(b.rows[:points].swapaxes(2, 3)[:, :, None], shape)
        self._see(left.reshape(points, -1, k), right.reshape(points, -1, k))

    def summed(self, x: FieldArray) -> None:
        """A sum of products along the last axis."""
        if not is_real(x.dtype) or not 0 < x.rows[0].size <= _ELEMENTS or len(x.factors) != 2:
            return
        points = self.state.points
        left, right = (rows[:points].reshape(points, -1, x.shape[-1]) for rows, _ in x.factors)
        self._see(left, right)

    def _counts(self, a: FieldArray, b: FieldArray) -> bool:
        known = a.concrete is not None or b.concrete is not None
        return not known and is_real(a.dtype) and is_real(b.dtype)

    def _see(self, left: np.ndarray, right: np.ndarray) -> None:
        if len(self.seen) < _PRODUCTS:
            self.seen.append((left, right))

    def is_one(self, x: FieldArray) -> bool:
        """Whether every element is the cosine of the angle between two vectors."""
        state = self.state
        if not self.seen and not self.names:
            return False
        if x.undecided or x.growth.logs or not 0 < x.rows[0].size <= _ASKED:
            return False
        if not is_real(x.dtype) or x.concrete is not None:
            return False
        for left, right in self.seen:
            self._name(left, right)
        self.seen.clear()
        square = state.mul(x, x)
        state.inner_pairs += x.rows[0].size * len(self.names)
        return self.names.issuperset(state.names(square))

    def _name(self, left: np.ndarray, right: np.ndarray) -> None:
        state, m = self.state, self.state.m[: self.state.points]
        budget.spend(6 * left.size)

        def product(one: np.ndarray, two: np.ndarray) -> np.ndarray:
            return residues.total(residues.multiply(one, two, m), m)

        across = product(left, right)
        sizes = residues.multiply(product(left, left), product(right, right), m)
        usable = (sizes != 0).all(axis=0)
        if not usable.any():
            return
        inverse = residues.inverse(sizes[:, usable], m)
        squares = residues.multiply(across[:, usable], across[:, usable], m)
        digests = mixing.digest(residues.multiply(squares, inverse, m), state.key)
        columns = np.ascontiguousarray(digests.reshape(mixing.WORDS, -1).T)
        self.names.update(column.tobytes() for column in columns)

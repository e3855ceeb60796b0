"""c (x_1**2 + ... + x_n**2) - d (x_1 + ... + x_n)**2 >= 0 where c >= n d (Cauchy, Schwarz).

E[x**2] - E[x]**2 is how normalisations compute a variance, with max(0, .) around it against
rounding; over the reals there is nothing to cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.laws.absolute import ABSOLUTE_VALUES
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.algebras.field.weights import Weights
from verify.dtypes import DType, is_real

_LARGEST = 2**20  # elements that are squared


class SumsOfSquares(Law[np.ndarray]):
    """The fact: the residues (rows, *shape, n) of the numbers x_1 .. x_n of whose squares' sum each
    element is some multiple. Which one is asked of the residues, when it matters."""

    reads = (ABSOLUTE_VALUES,)

    def summed(self, state: State, x: FieldArray) -> np.ndarray | None:
        base = ABSOLUTE_VALUES.of(x)
        if base is None or not is_real(x.dtype) or base.rows[0].size > _LARGEST:
            return None
        return base.rows

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> np.ndarray | None:
        return self.of(a) if b.growth.degree == 0 else self.of(b) if a.growth.degree == 0 else None

    def moved(self, state: State, fact: np.ndarray, move: Move) -> np.ndarray:
        count = len(fact)
        flat = np.moveaxis(fact, -1, 0).reshape(-1, *fact.shape[1:-1])
        there = move.rows(flat)
        apart = there.reshape(fact.shape[-1], count, *there.shape[1:])
        return np.moveaxis(apart, 0, -1)

    def picked(
        self, state: State, operands: Sequence[FieldArray], index: np.ndarray
    ) -> np.ndarray | None:
        fact = self.of(operands[0]) if len(operands) == 1 else None
        if fact is None or index.size * fact.shape[-1] > _LARGEST:
            return None
        return fact.reshape(len(fact), -1, fact.shape[-1])[:, index]

    def cast(self, state: State, fact: np.ndarray, dtype: DType) -> np.ndarray | None:
        return fact if is_real(dtype) else None

    def not_negative(self, state: State, a: FieldArray, b: FieldArray) -> bool:
        return any(self._dominates(state, x, y) for x, y in ((a, b), (b, a)))

    def _dominates(self, state: State, a: FieldArray, b: FieldArray) -> bool:
        """Whether a is c sum x**2, b is -d (sum x)**2, and c >= n d, with constants c and d."""
        base = self.of(a)
        if base is None or b.undecided or not base.size:
            return False
        numbers = base[: state.points]
        m = state.m[: state.points]
        squares = residues.total(residues.multiply(numbers, numbers, m), m)
        plain = residues.total(numbers, m)
        c = _constant(state, a.rows, squares)
        d = _constant(state, b.rows, residues.multiply(plain, plain, m))
        if c is None or d is None or c <= 0:
            return False
        return d >= 0 or c >= -d * base.shape[-1]


def _constant(state: State, rows: np.ndarray, over: np.ndarray) -> Fraction | None:
    """The number that every element of one array is times the other's, if there is one."""
    points, m = state.points, state.m[: state.points]
    top = rows[:points].reshape(points, -1)
    under = over.reshape(points, -1)
    if (under == 0).any():
        return None
    ratio = residues.multiply(top, residues.inverse(under, m), m)
    one = ratio[:, 0]
    if not (ratio == one[:, None]).all() or not (one[0::2] == one[1::2]).all():
        return None
    state.law(Weights).reconstructions += 1
    state.inner_pairs += ratio.shape[1]
    return residues.fraction(one[0::2], m[0::2])


SUMS_OF_SQUARES = SumsOfSquares()

"""The order part of one trial: maxima, comparisons, and what they select."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verify.algebras import machine
from verify.algebras.field import arithmetic, mixing, residues
from verify.algebras.field.comparisons import Comparisons
from verify.algebras.field.growth import Growth
from verify.algebras.field.maxima import growth_of_choice
from verify.algebras.field.value import FieldArray, Tie
from verify.dtypes import is_integer


class Chooser(Comparisons):
    """Maxima, comparisons and selections."""

    def select(self, which: FieldArray, cases: Sequence[FieldArray]) -> FieldArray:
        field = self.field
        size = int(np.prod(which.shape))
        if which.concrete is not None:
            known = machine.exact(which.concrete)  # (an unsigned one may be beyond int64)
            chosen = np.asarray(np.clip(known, 0, len(cases) - 1)).astype(np.int64)
            if size and (chosen == chosen.flat[0]).all():
                return cases[int(chosen.flat[0])]
            index = chosen * size + np.arange(size).reshape(which.shape)
            return field.pick(list(cases), index)
        if len(cases) == 1:
            return cases[0]
        if which.dtype != np.bool_:
            return self._select_many(which, cases)
        no, yes = cases
        integer = is_integer(no.dtype)
        if which.tie is not None:
            there, elsewhere = (yes, no) if which.tie.true else (no, yes)
            if self._is_zero_there(which.tie, there, elsewhere):
                field.almost |= not which.tie.whole
                return elsewhere
        if no.dtype == np.bool_:
            kept = field.logical_and(field.logical_not(which), no)
            return field.plain(
                residues.reduce(field.logical_and(which, yes).rows + kept.rows, field.m),
                no,
                which.growth.times(no.growth.union(yes.growth), 2),
                nonnegative=True,
            )
        if no.concrete is not None and not no.concrete.any() and self._is_masked(which, yes):
            return yes
        # Over Z, where what is chosen lies between the two: nothing is looked at.
        difference = arithmetic.add(field, yes, arithmetic.neg(field, no))
        if which.mask is not None:
            # where(a > b, a, b) is max(a, b), and where(a > b, b, a) is min(a, b).
            d, points = which.mask.difference[: field.points], field.points
            rows = difference.rows
            if np.array_equal(rows[:points], d):
                return self._read_off(
                    self.larger(yes, no) if integer else self.maximum(yes, no), which
                )
            if np.array_equal(residues.reduce(-rows, field.m)[:points], d):
                turned = [arithmetic.neg(field, x) for x in (yes, no)]
                largest = self.larger(*turned) if integer else self.maximum(*turned)
                return self._read_off(arithmetic.neg(field, largest), which)
        product = arithmetic.mul(field, field.cast(which, no.dtype), difference)
        result = arithmetic.add(field, product, no)
        if integer:
            if result is no:
                return no
            result = replace(result, bounds=machine.hull(yes.bounds, no.bounds))
        else:
            result.nonnegative = yes.nonnegative and no.nonnegative
            result.positive = yes.positive and no.positive
        result.growth = growth_of_choice(result.growth, result.growth, field.mode.patterns)
        return result

    def _read_off(self, largest: FieldArray, which: FieldArray) -> FieldArray:
        """A maximum by what the rows say of the condition."""
        if self.field.rests(which) or self.field.rests(largest):
            self.field.sign_is_read_off(largest)
        return largest

    def _is_masked(self, which: FieldArray, x: FieldArray) -> bool:
        """Whether x is a product with this truth value, so that it is zero where that is false."""
        points = self.field.points
        here = which.rows[:points]
        self.field.inner_pairs += len(x.factors) * here[0].size
        return any(np.array_equal(rows[:points], here) for rows, _ in x.factors)

    def _is_zero_there(self, tie: Tie, there: FieldArray, elsewhere: FieldArray) -> bool:
        """where(x == 0, 0, x y) = x y: true wherever y has a value, and where it has none at x = 0
        (a logarithm) the proof assumes so, of a set of measure zero. Zero is no
        such set among whole numbers: there y has to have a value. x (1 / x) is not meant."""
        if there.concrete is None or there.concrete.any() or len(elsewhere.factors) != 2:
            return False
        if not (tie.difference[: self.field.points] != 0).all():
            return False
        (one, first), (two, second) = elsewhere.factors
        return any(
            not (own.logs or other.power)
            and (not tie.whole or self._has_values(factor, other))
            and bool(self.field.proportional(rows, tie.difference).all())
            for rows, own, factor, other in ((one, first, two, second), (two, second, one, first))
        )

    def _has_values(self, rows: np.ndarray, growth: Growth) -> bool:
        """Whether a factor has a value whatever the inputs are: a polynomial, or the logarithm of
        what is positive."""
        if growth.analytic and not growth.logs:
            return True
        digests = self.field.digest(rows).reshape(mixing.WORDS, -1)
        names = (column.tobytes() for column in np.ascontiguousarray(digests.T))
        return growth.logs and self.field.total.issuperset(names)

    def _select_many(self, which: FieldArray, cases: Sequence[FieldArray]) -> FieldArray:
        field = self.field
        kind = which.dtype
        result = cases[-1]
        for j in range(len(cases) - 1):
            index = field.lift(np.full(which.shape, j), kind)
            # Out of range, it is the nearest case that is taken.
            here = field.compare("eq" if j else "le", which, index)
            result = self.select(here, [result, cases[j]])
        return result

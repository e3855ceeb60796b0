"""a / n > b where a > b n, for a divisor n above zero; and max(a / n, b) is chosen by that.

So min(1, c / norm) and a choice by norm > c are one, as gradients are clipped; and so is
c / max(c, norm), as 1 / max(u, v) is 1 / u where u > v, and else 1 / v. In trials whose mode says
so (`Mode.increasing`). The divisor is known not to be negative, and where the quotient has a value
it is not zero. Ties are ties on both sides.

The fact: the numerator and the divisor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real


@dataclass(frozen=True, eq=False)
class Quotient:
    """top / bottom, the bottom above zero."""

    top: FieldArray
    bottom: FieldArray


class Quotients(Law[Quotient]):
    def made(self, state: State, a: FieldArray, b: FieldArray, y: FieldArray) -> FieldArray:
        """Told of y = a / b."""
        known = y.concrete is not None or b.concrete is not None or y is a
        if state.mode.increasing and b.nonnegative and is_real(b.dtype) and not known:
            self.know(y, Quotient(a, b))
        return y

    def of_maximum(self, state: State, x: FieldArray) -> FieldArray | None:
        """1 / x for an undecided maximum, or minimum, of two."""
        if not state.mode.increasing or state.mode.patterns or not x.undecided:
            return None
        p = x.pending
        if p is None or p.rows.shape[-1] != 2 or (p.present is not None and not p.present.all()):
            return None
        one, two = (state.plain(p.rows[..., n], x, x.growth) for n in (0, 1))
        larger = state.compare("gt", one, two)
        ones = state.lift(np.ones(x.shape), x.dtype)
        found = state.select(larger, [state.div(ones, each) for each in (two, one)])
        return found if p.sign > 0 else state.neg(found)

    def negated(self, state: State, x: FieldArray) -> Quotient | None:
        known = self.of(x)
        return None if known is None else Quotient(state.neg(known.top), known.bottom)

    def moved(self, state: State, fact: Quotient, move: Move) -> Quotient:
        return Quotient(move.value(fact.top), move.value(fact.bottom))

    def cast(self, state: State, fact: Quotient, dtype: DType) -> Quotient | None:
        if not is_real(dtype):
            return None
        return Quotient(state.cast(fact.top, dtype), state.cast(fact.bottom, dtype))

    def stands_for(self, fact: Quotient) -> tuple[FieldArray, ...]:
        return fact.top, fact.bottom

    def larger(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        found = self.pair(state, a, b)
        return None if found is None else state.select(state.compare("gt", *found), [b, a])

    def pair(
        self, state: State, a: FieldArray, b: FieldArray
    ) -> tuple[FieldArray, FieldArray] | None:
        """What two values are ordered as: both, multiplied with the divisor of one."""
        one, two = self.of(a), self.of(b)
        if one is not None and not b.undecided:
            return one.top, state.mul(b, one.bottom)
        if two is not None and not a.undecided:
            return state.mul(a, two.bottom), two.top
        return None


QUOTIENTS = Quotients()

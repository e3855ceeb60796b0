"""log(1 + exp(-|d|)) = log(1 + exp(d)) - max(d, 0), for all real numbers d.

For d >= 0 both sides are log(1 + exp(-d)), for d <= 0 log(1 + exp(d)); at d = 0 these are the same.
It is how softplus, `logaddexp` and stable cross-entropies are written, and the right-hand side
needs no case distinction: log(1 + exp(x - y)) + max(x, y) - max(x - y, 0) is log(exp(x) + exp(y)),
by the laws of logarithms and maxima alone, however often it is nested.

The fact of a value: that it is |d| or -|d| (from max(d, -d)), or that it is 1 + exp(-|d|). Whether
a candidate is minus the other is asked of residues, modulo p and modulo q: one more pair of values
an element (`State.inner_pairs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.laws.exponentials import EXPONENTIALS
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, all_one
from verify.dtypes import DType, is_real


@dataclass(frozen=True, eq=False)
class Magnitude:
    """sign * |of|, or, of sign 0, 1 + exp(-|of|)."""

    of: FieldArray
    sign: int

    def map(self, f: Callable[[FieldArray], FieldArray]) -> Magnitude:
        return Magnitude(f(self.of), self.sign)


class Magnitudes(Law[Magnitude]):
    functions = frozenset({"log"})
    reads = (EXPONENTIALS,)

    def chosen(self, state: State, a: FieldArray, b: FieldArray) -> Magnitude | None:
        """Of max(a, b)."""
        if not state.exponents or not is_real(a.dtype) or a.undecided or b.undecided:
            return None
        if a.concrete is not None or b.concrete is not None:
            return None
        state.inner_pairs += a.rows[0].size
        if not np.array_equal(residues.reduce(-a.rows, state.m), b.rows):
            return None
        return Magnitude(a, 1)

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        known = self.of(args[0])
        if known is None or known.sign:
            return None
        d = known.of
        zero, one = (state.lift(np.full(d.shape, x), d.dtype) for x in (0.0, 1.0))
        sum_ = state.add(one, state.function("exp", [d], d.shape, d.dtype))
        logarithm = state.function("log", [sum_], d.shape, d.dtype)
        result = state.sub(logarithm, state.maximum(d, zero))
        fact = LOGARITHMS.of(result)
        LOGARITHMS.know(result, None if fact is None else replace(fact, of_powers=True))
        return result

    def negated(self, state: State, x: FieldArray) -> Magnitude | None:
        known = self.of(x)
        return None if known is None or not known.sign else Magnitude(known.of, -known.sign)

    def added(self, state: State, a: FieldArray, b: FieldArray) -> Magnitude | None:
        """1 + exp(-|d|)."""
        for x, one in ((a, b), (b, a)):
            exponent = EXPONENTIALS.of(x)
            if exponent is None or one.concrete is None or not all_one(one.concrete):
                continue
            known = self.of(exponent)
            if known is not None and known.sign < 0:
                return Magnitude(known.of, 0)
        return None

    def moved(self, state: State, fact: Magnitude, move: Move) -> Magnitude:
        return fact.map(move.value)

    def cast(self, state: State, fact: Magnitude, dtype: DType) -> Magnitude | None:
        return fact.map(lambda x: state.cast(x, dtype)) if is_real(dtype) else None

    def stands_for(self, fact: Magnitude) -> tuple[FieldArray, ...]:
        return (fact.of,)


MAGNITUDES = Magnitudes()

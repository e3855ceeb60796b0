"""argmax(softmax(x)) = argmax(x): exponentials with a common positive factor are ordered as their
exponents are, ties included. And log(exp(a) c) = a + log(c), sqrt(exp(a)) = exp(a / 2).

Positive is what an inverse of something not negative is: where it has a value it is not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify.algebras.field.laws.exponentials import EXPONENTIALS
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.laws.multiples import Sum
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real


@dataclass(frozen=True, eq=False)
class Scaled:
    """exp(exponent) factor; the factor, None for 1, is above zero."""

    exponent: FieldArray
    factor: FieldArray | None

    def map(self, f: Callable[[FieldArray], FieldArray]) -> Scaled:
        return Scaled(f(self.exponent), None if self.factor is None else f(self.factor))


class ScaledExponentials(Law[Scaled]):
    """The fact: which exponential, and with which factor."""

    functions = frozenset({"log", "sqrt"})
    reads = (EXPONENTIALS,)

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: Any
    ) -> FieldArray | None:
        (x,) = args
        known = self.made_of(x)
        if known is None or not state.exponents or state.mode.circle:
            return None
        if known.factor is None:
            return known.exponent if name == "log" else self._root(state, known.exponent)
        return self._log(state, x, known) if name == "log" else None

    def _root(self, state: State, exponent: FieldArray) -> FieldArray | None:
        if exponent.growth.logs:  # of which a half may be another kind of power
            return None
        half = state.mul(state.lift(np.full(exponent.shape, 0.5), exponent.dtype), exponent)
        return state.function("exp", [half], half.shape, half.dtype)

    def _log(self, state: State, x: FieldArray, known: Scaled) -> FieldArray:
        assert known.factor is not None
        found = state.add(known.exponent, state.function("log", [known.factor], x.shape, x.dtype))
        logs = LOGARITHMS.of(found) or Sum(None)
        found = state.plain(found.rows, found, replace(found.growth, logs=True))
        LOGARITHMS.know(found, replace(logs, antilog=x, of_powers=True))
        if x.positive:
            state.total.update(state.names(found))
        return found

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Scaled | None:
        one, two = self.made_of(a), self.made_of(b)
        if one is not None and two is not None:
            factors = [f for f in (one.factor, two.factor) if f is not None]
            factor = factors[0] if factors else None
            if len(factors) == 2:
                factor = state.mul(*factors)
            return Scaled(state.add(one.exponent, two.exponent), factor)
        for known, other in ((one, b), (two, a)):
            if known is not None and _is_positive(other):
                factor = other if known.factor is None else state.mul(known.factor, other)
                return Scaled(known.exponent, factor)
        return None

    def moved(self, state: State, fact: Scaled, move: Move) -> Scaled:
        return fact.map(move.value)

    def cast(self, state: State, fact: Scaled, dtype: DType) -> Scaled | None:
        return fact.map(lambda x: state.cast(x, dtype)) if is_real(dtype) else None

    def stands_for(self, fact: Scaled) -> tuple[FieldArray, ...]:
        return (fact.exponent,) if fact.factor is None else (fact.exponent, fact.factor)

    def made_of(self, x: FieldArray) -> Scaled | None:
        known, exponent = self.of(x), EXPONENTIALS.of(x)
        return known if exponent is None else Scaled(exponent, None)

    def ordered(self, state: State, x: FieldArray) -> FieldArray:
        """x, or what its lanes along the last axis are ordered as."""
        known = self.made_of(x)
        if known is None or x.shape[-1:] == (0,):
            return x
        if known.factor is not None:
            rows = known.factor.rows[: state.points]
            state.inner_pairs += rows[0].size
            if not np.array_equal(rows, np.broadcast_to(rows[..., :1], rows.shape)):
                return x
        return known.exponent


def _is_positive(x: FieldArray) -> bool:
    known = x.concrete
    return x.positive or (known is not None and bool((known > 0).all()))


SCALED = ScaledExponentials()

"""sqrt(x * x) = |x|."""

from __future__ import annotations

from collections.abc import Sequence

from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real


class AbsoluteValues(Law[FieldArray]):
    """The fact: this value is the square of that one."""

    functions = frozenset({"sqrt"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        base = self.of(args[0])
        if base is None or base.nonnegative:
            return base
        return state.maximum(base, state.neg(base))

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        return a if a is b and is_real(a.dtype) else None

    def moved(self, state: State, fact: FieldArray, move: Move) -> FieldArray:
        return move.value(fact)

    def cast(self, state: State, fact: FieldArray, dtype: DType) -> FieldArray | None:
        return fact

    def stands_for(self, fact: FieldArray) -> tuple[FieldArray, ...]:
        return (fact,)


ABSOLUTE_VALUES = AbsoluteValues()

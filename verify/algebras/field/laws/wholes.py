"""floor(n) = n, round(n) = n and rem of it, for what is a whole number: an integer that was made a
float, and sums, differences and products of such.

True of all real numbers that are whole; that an integer has as many digits as its format holds is
assumed where it is converted (`../casts.py`). The fact is that a value is one. A quotient is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_integer, is_real


class WholeNumbers(Law[bool]):
    functions = frozenset(("floor", "round", "round_even"))

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        return args[0] if self.holds(args[0]) else None

    def holds(self, x: FieldArray) -> bool:
        """Whether every element is a whole number; of constants that is seen."""
        if self.of(x) or is_integer(x.dtype) or x.dtype == np.bool_:
            return True
        known = x.concrete
        return known is not None and bool((np.isfinite(known) & (known == np.rint(known))).all())

    def negated(self, state: State, x: FieldArray) -> bool | None:
        return self.of(x)

    def added(self, state: State, a: FieldArray, b: FieldArray) -> bool | None:
        return (self.holds(a) and self.holds(b)) or None

    def summed(self, state: State, x: FieldArray) -> bool | None:
        return self.of(x)

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> bool | None:
        return (self.holds(a) and self.holds(b)) or None

    def dotted(self, state: State, a: FieldArray, b: FieldArray) -> bool | None:
        return (self.holds(a) and self.holds(b)) or None

    def moved(self, state: State, fact: bool, move: Move) -> bool:
        return fact

    def picked(
        self, state: State, operands: Sequence[FieldArray], index: np.ndarray
    ) -> bool | None:
        return all(map(self.holds, operands)) or None

    def cast(self, state: State, fact: bool, dtype: DType) -> bool | None:
        return fact if is_real(dtype) else None


WHOLE_NUMBERS = WholeNumbers()

"""floor, round and truncation of what is a number, whatever the inputs are: floor(7 / 2) = 3.

Such numbers come up where a step count is taken value by value (`../split/`). Of anything else a
step is an unknown function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from verify.algebras.field.laws.law import Law
from verify.algebras.field.laws.numbers import fractions
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_integer, limits

_MOST = 8192  # elements


def _away_from_zero(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2)) if x > 0 else math.ceil(x - Fraction(1, 2))


_STEPS: dict[str, Callable[[Fraction], int]] = {
    "floor": math.floor,
    "round": _away_from_zero,
    "round_even": round,
    "truncate": math.trunc,
}


class Steps(Law[None]):
    """No facts: the residues of a number say which one it is."""

    functions = frozenset(_STEPS)

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        (x,) = args
        known = fractions(state, x) if 0 < math.prod(x.shape) <= _MOST else None
        if known is None:
            return None
        whole = list(map(_STEPS[name], known))
        if not _held(whole, dtype):
            return None
        kind = dtype if is_integer(dtype) else np.float64
        return state.lift(np.array(whole).astype(kind).reshape(x.shape), dtype)


def _held(numbers: Sequence[int], dtype: DType) -> bool:
    """Whether all are numbers of an integer dtype, or short enough for any float."""
    low, high = limits(dtype) if is_integer(dtype) else (-(2**53), 2**53)
    return low <= min(numbers) and max(numbers) <= high


STEPS = Steps()

"""floor, round and truncation of what is a number, whatever the inputs are: floor(7 / 2) = 3.

Such numbers come up where a step count is taken value by value (`../split/`). Of anything else a
step is an unknown function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.laws.law import Law
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.algebras.field.weights import Weights
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
        if state.mode.decides or x.growth.logs or not 0 < x.rows[0].size <= _MOST:
            return None
        flat = x.rows[: state.points].reshape(state.points, -1)
        if not (flat[0::2] == flat[1::2]).all():
            return None
        primes, known = state.moduli.primes, dict[bytes, int | None]()
        found = []
        for column in np.ascontiguousarray(flat[0::2].T):
            key = column.tobytes()
            if key not in known:
                ratio = residues.rational(column.tolist(), primes)
                state.law(Weights).reconstructions += 1
                known[key] = None if ratio is None else _STEPS[name](Fraction(*ratio))
            found.append(known[key])
        whole = [n for n in found if n is not None]
        if len(whole) < len(found) or not _held(whole, dtype):
            return None
        kind = dtype if is_integer(dtype) else np.float64
        return state.lift(np.array(whole).astype(kind).reshape(x.shape), dtype)


def _held(numbers: Sequence[int], dtype: DType) -> bool:
    """Whether all are numbers of an integer dtype, or short enough for any float."""
    low, high = limits(dtype) if is_integer(dtype) else (-(2**53), 2**53)
    return low <= min(numbers) and max(numbers) <= high


STEPS = Steps()

"""erf_inv(erf(x)) = x for all real x, and erf(erf_inv(u)) = u wherever erf_inv has a value.

That it has one is assumed where it is taken (`../functions.py`), so that the second needs nothing
more: erf(erf_inv(u)) alone has no value at u = 2, and a search finds that it differs from u there.
Both functions are odd, so that the law is one of -erf(x) as well.

No fact is written to values: what comes between the two is arithmetic as a rule. The normal
distribution function is (1 + erf(x / sqrt(2))) / 2, and its inverse sqrt(2) erf_inv(2 p - 1). The
trial remembers which elements either function has made, and of what (`_Seen`), and knows them again
by their residues, whatever has been done with them in between.

The error: that is one more pair for each element that is asked about and each that was seen, twice
for the sign (`State.inner_pairs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from verify.algebras.field.laws.law import Law
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType

_INVERSE = {"erf": "erf_inv", "erf_inv": "erf"}
_MOST = 4096  # elements of one result; of all that are remembered eight times as many


class _Place(NamedTuple):
    which: int  # of the arguments
    element: int
    minus: bool


class _Seen:
    """The arguments of one trial, and by the name of function and result where they are."""

    def __init__(self, state: State) -> None:
        self.arguments: list[FieldArray] = []
        self.names: dict[tuple[str, bytes], _Place] = {}


class ErrorFunctions(Law[None]):
    """No facts: see above."""

    functions = frozenset(_INVERSE)

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        """What the inverse function was taken of, if each element of args is a result of it."""
        (y,), seen = args, state.law(_Seen)
        if not seen.names or not _tells(state, y):
            return None
        state.inner_pairs += y.rows[0].size * len(seen.names)
        places = [seen.names.get((_INVERSE[name], element)) for element in state.names(y)]
        known = [place for place in places if place is not None]
        return _put_together(state, known, y, dtype) if len(known) == len(places) else None

    def after_function(
        self, state: State, name: str, args: Sequence[FieldArray], y: FieldArray
    ) -> None:
        seen = state.law(_Seen)
        if not _tells(state, y) or len(seen.names) > 8 * _MOST:
            return
        seen.arguments.append(args[0])
        for minus, result in ((False, y), (True, state.neg(y))):
            for n, element in enumerate(state.names(result)):
                place = _Place(len(seen.arguments) - 1, n, minus)
                seen.names.setdefault((name, element), place)


def _tells(state: State, y: FieldArray) -> bool:
    """Whether residues tell values apart (not where each row is in a branch of its own, nor where
    they are right modulo q only), and there are not too many of them."""
    return not state.mode.decides and not y.growth.logs and 0 < y.rows[0].size <= _MOST


def _put_together(
    state: State, places: Sequence[_Place], like: FieldArray, dtype: DType
) -> FieldArray:
    """The argument itself where it is one as a whole, so that what laws know of it is not lost."""
    seen = state.law(_Seen)
    which = sorted({(place.which, place.minus) for place in places})
    operands, starts, end = [], {}, 0
    for n, minus in which:
        x = state.cast(seen.arguments[n], dtype)
        operands.append(state.neg(x) if minus else x)
        starts[n, minus], end = end, end + int(np.prod(x.shape))
    index = np.array([starts[place.which, place.minus] + place.element for place in places])
    whole = len(operands) == 1 and operands[0].shape == like.shape
    if whole and (index == np.arange(end)).all():
        return operands[0]
    return state.pick(operands, index.reshape(like.shape))


ERROR_FUNCTIONS = ErrorFunctions()

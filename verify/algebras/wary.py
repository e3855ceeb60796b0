"""Numbers in many rows, and which rows may ask a function for a value that it does not have.

`healing.py` finds what is certainly undefined, one input at a time. Most inputs have nothing of the
kind. Here all are evaluated at once, and those with something of it are kept: what is certainly
outside of a domain has its centre outside, and what is exactly zero alone is exactly zero in a
batch, however much wider the bounds of a batch may be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.healing import VIOLATIONS, both_infinite, opposed
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_value import Bounded, kind
from verify.dtypes import DType

# The ends of where a function has a value, the poles among them.
_ENDS: dict[str, tuple[float, float]] = {
    "sqrt": (0.0, np.inf),
    "rsqrt": (0.0, np.inf),
    "log": (0.0, np.inf),
    "log1p": (-1.0, np.inf),
    "asin": (-1.0, 1.0),
    "acos": (-1.0, 1.0),
    "acosh": (1.0, np.inf),
    "atanh": (-1.0, 1.0),
    "erf_inv": (-1.0, 1.0),
}
_OVERFLOW = frozenset(("exp", "sinh", "cosh"))  # which is no question of bounds


class Wary(Numeric):
    """The numeric domain, with the rows of its values (first axis) that are suspect.

    >>> wary = Wary(2)
    >>> _ = wary.function("log", [wary.lift(np.array([[1.0], [0.0]]))], (2, 1), np.dtype(float))
    >>> wary.suspect
    array([False,  True])
    """

    def __init__(self, count: int) -> None:
        self.suspect = np.zeros(count, bool)

    def _note(self, bad: np.ndarray) -> None:
        """(rows or 1, ...): one row is that of a constant, which all have."""
        if bad.any():
            self.suspect |= bad.reshape(len(bad), -1).any(axis=1) if bad.ndim else True

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Bounded:
        result = super().lift(array, dtype)
        if kind(result.dtype) == "float":
            self._note(np.isnan(result.value))
        return result

    def div(self, a: Bounded, b: Bounded) -> Bounded:
        self._note((b.value == 0) & ~b.unknown & ~a.unknown | both_infinite(a, b))
        return super().div(a, b)

    def add(self, a: Bounded, b: Bounded) -> Bounded:
        if kind(a.dtype) == "float":
            self._note(both_infinite(a, b) & (a.value == -b.value))
        return super().add(a, b)

    def mul(self, a: Bounded, b: Bounded) -> Bounded:
        if kind(a.dtype) == "float":
            for x, other in ((a, b), (b, a)):
                self._note((x.value == 0) & np.isinf(other.value))
        return super().mul(a, b)

    def sum(self, x: Bounded) -> Bounded:
        if kind(x.dtype) == "float":
            self._note(opposed(x))
        return super().sum(x)

    def compare(self, op: str, a: Bounded, b: Bounded) -> Bounded:
        result = super().compare(op, a, b)
        self._unsure(result, a, b)
        return result

    def cast(self, x: Bounded, dtype: DType) -> Bounded:
        result = super().cast(x, dtype)
        self._unsure(result, x)
        return result

    def _unsure(self, result: Bounded, *operands: Bounded) -> None:
        """What a batch does not know, and one row alone may: behind it, anything may follow."""
        if result.error is not None:
            self._note(result.unknown & _known(operands))

    def function(
        self,
        name: str,
        args: Sequence[Bounded],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Bounded:
        if name in VIOLATIONS and all(kind(x.dtype) == "float" for x in args):
            with np.errstate(all="ignore"):
                known = _known(args)
                if name in _ENDS:
                    low, high = _ENDS[name]
                    known = known & ((args[0].value <= low) | (args[0].value >= high))
            self._note(np.asarray(known))
        result = super().function(name, args, shape, dtype, params)
        if name not in _OVERFLOW and name not in _ENDS:
            self._unsure(result, *args)
        return result


def _known(several: Sequence[Bounded]) -> np.ndarray:
    """Where all of them are, broadcast against one another."""
    found = np.ones((), bool)
    for x in several:
        found = found & ~x.unknown
        if kind(x.dtype) == "float":
            found = found & ~np.isnan(x.value)
    return found

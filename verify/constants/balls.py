"""Floats with a certified error in which a literal is any number that rounds to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.algebras.numeric import Bounded, Numeric
from verify.constants.literals import MOST, Key, halves, key, rounded
from verify.program import Const


class AnyRounded(Numeric):
    """A difference between two programs that is beyond these errors, no rounding of constants
    explains.

    >>> tenth = AnyRounded().literal(np.float32(0.1))
    >>> bool(abs(tenth.value - 0.1) < tenth.errors)
    True
    """

    def __init__(self, width: float = 1.0, same: frozenset[Key] = frozenset()) -> None:
        """width: of the intervals, in units of what the rounding may have changed. same: literals
        that are taken for the numbers that they hold."""
        self.width, self.same = width, same

    def literal(self, array: Any) -> Bounded:
        """A constant of the program itself, where it is a real float."""
        value = self.lift(np.asarray(array))
        if value.value.size > MOST:
            return value
        open_ = rounded(value.value, value.dtype)
        if not open_.any() or key(Const(array)) in self.same:
            return value
        error = np.where(open_, self.width * halves(value.value, value.dtype), 0.0)
        return Bounded(value.value, error, value.dtype)

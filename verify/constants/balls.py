"""Floats with a certified error in which a literal is any number that rounds to it."""

from __future__ import annotations

import numpy as np

from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.numeric_value import make
from verify.constants.numbers import Numbers


class AnyRounded(Numeric):
    """A difference between two programs that is beyond these errors, no rounding of constants
    explains."""

    def __init__(self, numbers: Numbers, width: float = 1.0) -> None:
        """numbers: those that may have been rounded; width: of the intervals, in units of what the
        rounding may have changed."""
        self.literals, self.width = numbers, width

    def literal(self, array: np.ndarray) -> Bounded:
        """A constant of the program itself, of real floats."""
        value = self.lift(np.asarray(array))
        width = self.literals.width(array, value.value, value.dtype)
        return value if width is None else make(value.value, self.width * width, value.dtype)

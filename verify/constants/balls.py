"""Floats with a certified error in which a literal is any number that rounds to it."""

from __future__ import annotations

import numpy as np

from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.numeric_value import make
from verify.constants.literals import halves, significands
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
        table = self.literals.table(value.value, value.dtype)
        if table is not None:
            return make(value.value, self.width * table.literal.width, value.dtype)
        open_ = self.literals.among(value.value)
        if not open_.any():
            return value
        width = halves(value.value, value.dtype)
        if self.literals.residues:
            zero = np.isin(significands(value.value), list(self.literals.residues))
            width = np.where(zero, np.abs(value.value), width)
        error = np.where(open_, self.width * width, 0.0)
        return make(value.value, error, value.dtype)

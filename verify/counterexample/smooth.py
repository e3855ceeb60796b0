"""What counts as a difference between two derivatives.

At a tie, where a maximum or a choice changes sides, there is no derivative: every program has its
own custom there (ReLU has 0, 1/2 or 1), and none is wrong. So a difference counts only where the
derivative to be trusted is continuous: its value there is then the limit of derivatives, and with
it the derivative.

Continuity is tried at pairs of points on opposite sides. Of two values that tie one is the larger
on one side and the smaller on the other, so that what a tie decides, changes.
"""

from __future__ import annotations

import numpy as np

from verify.counterexample.confirm import Comparison, Inputs, Witness, values
from verify.dtypes import is_kind
from verify.program import Program

_PAIRS = 4
_STEPS = (2.0**-20, 2.0**-32)  # relative; the smaller one where derivatives are steep
_CLOSE = 0.25  # of the difference


class Smooth(Comparison):
    """Differences where `right` is continuous. The left program may be anything."""

    def __init__(self, left: Program, right: Program) -> None:
        super().__init__(left, right)
        self.nearby = np.random.default_rng(0)

    def at(
        self, inputs: Inputs, where: tuple[int, tuple[int, ...]] | None = None
    ) -> Witness | None:
        witness = super().at(inputs, where)
        if witness is None or not any(self._continuous(witness, step) for step in _STEPS):
            return None
        return witness

    def _continuous(self, witness: Witness, step: float) -> bool:
        here, there = (np.asarray(side) + 0.0 for side in (witness.right, witness.left))
        if not np.isfinite(here):
            return False
        apart = np.abs(there - here)
        allowed = _CLOSE * (apart if np.isfinite(apart) else max(1.0, float(np.abs(here))))
        for _ in range(_PAIRS):
            moves = [self._move(array, step) for array in witness.inputs]
            for sign in (1, -1):
                near = [
                    x if m is None else x + sign * m
                    for x, m in zip(witness.inputs, moves, strict=True)
                ]
                output = values(self.right, near)[witness.output]
                value, error = (np.asarray(a)[witness.index] for a in (output.value, output.errors))
                if not np.abs(value - here) + error <= allowed:  # NaN is not close
                    return False
        return True

    def _move(self, array: np.ndarray, step: float) -> np.ndarray | None:
        """A small step in every element, relative to the larger of it and 1; None for integers."""
        if not is_kind(array.dtype, np.inexact):
            return None
        return np.asarray(
            step * np.maximum(np.abs(array), 1.0) * self.nearby.standard_normal(array.shape)
        )

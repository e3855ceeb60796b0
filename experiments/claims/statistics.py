"""Mean, spread, and what a handful of seeds allow to say.

Two settings are compared seed by seed (the same seed draws the same images, first weights and
order of batches for both), so what is judged is the mean of the differences, with Student's
interval at 95 %:  mean +- t(n - 1) s / sqrt(n).  An interval that holds 0 is "cannot tell", however
large the mean looks.  Several comparisons share no correction: one interval in twenty misses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Student's t, two-sided 95 %, by degrees of freedom 1, 2, ...
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Difference:
    """The mean difference of `n` pairs, and its interval at 95 %."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0, else 0: cannot tell.

        >>> Difference(0.1, 0.05, 0.15, 5).sign, Difference(0.1, -0.05, 0.25, 5).sign
        (1, 0)
        """
        return (self.low > 0) - (self.high < 0)

    def points(self) -> str:
        """In percentage points.

        >>> Difference(0.031, 0.01, 0.052, 5).points()
        '+3.1 points (95 %: +1.0 to +5.2)'
        """
        if not math.isfinite(self.low):
            return f"{100 * self.mean:+.1f} points (one seed: no interval)"
        low, high = 100 * self.low, 100 * self.high
        return f"{100 * self.mean:+.1f} points (95 %: {low:+.1f} to {high:+.1f})"


def paired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """How much larger `first` is than `second`, pair by pair.

    Raises ValueError for no pairs or unequal lengths.

    >>> paired([0.5, 0.6, 0.7], [0.4, 0.4, 0.5]).sign
    1
    >>> paired([0.5, 0.6, 0.7], [0.4, 0.7, 0.5]).sign
    0
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"paired: {len(first)} and {len(second)} values are not pairs")
    differences = np.asarray(first, float) - np.asarray(second, float)
    n, mean = len(differences), float(differences.mean())
    if n == 1:
        return Difference(mean, -math.inf, math.inf, 1)
    t = _T95[min(n - 1, len(_T95)) - 1]  # beyond the table: a little wider than it need be
    half = t * float(differences.std(ddof=1)) / math.sqrt(n)
    return Difference(mean, mean - half, mean + half, n)


def spread(values: Sequence[float]) -> float:
    """The standard deviation of a sample; 0 for a single value.

    >>> spread([1.0, 3.0]), spread([1.0])
    (1.4142135623730951, 0.0)
    """
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def percent(values: Sequence[float]) -> str:
    """Mean and standard deviation, in per cent.

    >>> percent([0.80, 0.84])
    '82.0 ± 2.8 %'
    """
    return f"{100 * np.mean(values):.1f} ± {100 * spread(values):.1f} %"


def number(values: Sequence[float], digits: int = 2) -> str:
    """Mean and standard deviation.

    >>> number([1.0, 3.0])
    '2.00 ± 1.41'
    """
    return f"{np.mean(values):.{digits}f} ± {spread(values):.{digits}f}"


def names(words: Sequence[str], conjunction: str = "and") -> str:
    """A list in words.

    >>> names(["tanh"]), names(["tanh", "sigmoid", "identity"])
    ('tanh', 'tanh, sigmoid and identity')
    """
    *most, last = words
    return f"{', '.join(most)} {conjunction} {last}" if most else last

"""Floats with a certified error bound, and exact integers: the algebra of refutations.

A float value is float64 `value` with `error`: the real number that the program computes lies within
`error` of it, element by element. `error` None means exact: float64 arithmetic on integers (and
dyadic numbers) that never leaves 53 bits is exact, and this is detected, so that small-integer
inputs are evaluated without any error at all. Integers and booleans are NumPy arrays of the
program's dtype, with its wrap-around.

Sources: Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.1 (gamma_n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported

UNIT = 2.0**-53
_TINY = 2.0**-1060  # covers underflow of the bounds themselves

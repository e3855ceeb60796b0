"""Minima by way of maxima, exact for every dtype.

For floats min(a, b) = -max(-a, -b). For integers that is wrong at the ends of the range (-(-128) is
-128 in int8, and unsigned negation turns 0 into 0), so the order is turned round by the complement
~a = -1 - a, which never leaves the range. For booleans it is `not`.
"""

from __future__ import annotations

import jax
import numpy as np

from verify.algebras.base import Algebra, V
from verify.dtypes import DType


def is_integer(dtype: DType) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, np.integer))


def reverse(algebra: Algebra[V], x: V) -> V:
    """A one-to-one map that turns the order round; applied twice it gives x."""
    if x.dtype == np.bool_:
        return algebra.logical_not(x)
    if not is_integer(x.dtype):
        return algebra.neg(x)
    ones = np.full(x.shape, -1).astype(x.dtype)  # -1, or the largest number of an unsigned dtype
    return algebra.sub(algebra.lift(ones), x)


def maximum(algebra: Algebra[V], a: V, b: V) -> V:
    return algebra.logical_or(a, b) if a.dtype == np.bool_ else algebra.maximum(a, b)


def minimum(algebra: Algebra[V], a: V, b: V) -> V:
    if a.dtype == np.bool_:
        return algebra.logical_and(a, b)
    return reverse(algebra, algebra.maximum(reverse(algebra, a), reverse(algebra, b)))


def least(algebra: Algebra[V], x: V) -> V:
    """The minimum over the last axis, which has at least one element."""
    return reverse(algebra, algebra.max(reverse(algebra, x)))

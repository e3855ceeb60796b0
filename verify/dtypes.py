"""Kinds and limits of dtypes, the narrow ones included.

NumPy does not know that int4, uint2, bfloat16 or float8 are numbers: `np.issubdtype(int4,
np.integer)` is false. Everything in `verify` that asks what a dtype is asks here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol, TypeAlias, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

DType: TypeAlias = np.dtype
"""What a program says of an array's numbers, bfloat16 and int4 among them. Random keys have a type
of JAX's own, which has a name and an equality and nothing else of a dtype: `algebras/keys.py`."""

PyTree: TypeAlias = object
"""Arrays in tuples, lists, dictionaries and whatever else JAX knows as a container."""

Array: TypeAlias = np.ndarray | jax.Array
"""Numbers, and random keys, which NumPy has no arrays of."""

Number: TypeAlias = complex | np.number | np.bool_

Function: TypeAlias = Callable[..., object]
"""A function of the user's, of pytrees, and to a pytree."""

DTypeLike: TypeAlias = np.dtype | type | str
"""What a dtype is made of."""


class Shaped(Protocol):
    """What is like an array, as the examples of a question are."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> DType: ...


def is_array(x: object) -> TypeGuard[Shaped]:
    """Whether x is like an array: of a shape and a dtype. The dtypes themselves are not."""
    return not isinstance(x, type) and hasattr(x, "shape") and hasattr(x, "dtype")


def is_kind(dtype: DTypeLike, kind: type) -> bool:
    """Whether the dtype is of a kind of NumPy's (np.floating, np.integer, ...).

    >>> is_kind(jnp.dtype("int4"), np.integer), is_kind(jnp.dtype("bfloat16"), np.floating)
    (True, True)
    """
    return bool(jax.dtypes.issubdtype(dtype, kind))


def is_integer(dtype: DTypeLike) -> bool:
    """A machine integer, which can overflow. Booleans are none."""
    return is_kind(dtype, np.integer)


def is_real(dtype: DTypeLike) -> bool:
    """Not an integer: a float, a complex number or a truth value."""
    return not is_integer(dtype)


def all_finite(numbers: np.ndarray) -> bool:
    """Whether there is no infinity among them, and no NaN.

    >>> all_finite(np.array([1, 2])), all_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    return not is_kind(numbers.dtype, np.inexact) or bool(np.isfinite(numbers).all())


def limits(dtype: DTypeLike) -> tuple[int, int]:
    """The smallest and the largest value of an integer dtype.

    >>> limits(jnp.dtype("int4"))
    (-8, 7)
    """
    info = jnp.iinfo(dtype)
    return int(info.min), int(info.max)


def contains(wide: DTypeLike, narrow: DTypeLike) -> bool:
    """Whether every value of one integer dtype is a value of the other."""
    (low, high), (least, most) = limits(wide), limits(narrow)
    return low <= least and high >= most


@functools.cache
@functools.cache
def has_infinity(dtype: DTypeLike) -> bool:
    """Whether a float format has infinities.

    >>> has_infinity(jnp.dtype("float8_e5m2")), has_infinity(jnp.dtype("float8_e4m3fn"))
    (True, False)
    """
    with np.errstate(all="ignore"):
        return bool(np.isinf(np.asarray(np.inf).astype(dtype).astype(np.float64)))


def nearest(x: Fraction | float) -> float:
    """The float64 next to a number; an infinity beyond them all.

    >>> nearest(Fraction(1, 3)), nearest(-(10**400))
    (0.3333333333333333, -inf)
    """
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def least(dtype: DTypeLike) -> float:
    """The least value of a float format: minus infinity, if it has that.

    >>> least(jnp.dtype("float8_e5m2")), least(jnp.dtype("float8_e4m3fn"))
    (-inf, -448.0)
    """
    return -np.inf if has_infinity(dtype) else float(jnp.finfo(dtype).min)

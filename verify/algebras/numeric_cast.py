"""Constants and conversions between kinds of numbers, in the numeric algebra."""

from __future__ import annotations

import jax
import numpy as np

from verify.algebras.numeric_value import (
    UNIT,
    Bounded,
    discrete,
    kind,
    make,
)
from verify.dtypes import DType


def lift(array: np.ndarray, dtype: DType | None = None) -> Bounded:
    """An exact constant; its own dtype unless the program's is given."""
    array = np.asarray(array)
    dtype = np.dtype(array.dtype if dtype is None else dtype)
    to = kind(dtype)
    if to in ("bool", "int"):
        return Bounded(array.astype(dtype), None, dtype)
    if kind(array.dtype) == "int":
        return _from_integers(Bounded(array, None, array.dtype), dtype)
    return make(array.astype(np.float64), None, dtype)


def cast(x: Bounded, dtype: DType) -> Bounded:
    """convert_element_type. Between floats it is the identity: programs are over the reals."""
    dtype = np.dtype(dtype)
    source, target = kind(x.dtype), kind(dtype)
    if source == target == "float":
        return Bounded(x.value, x.error, dtype)
    if target == "bool":
        if source == "float":
            return _to_bool(x)
        return discrete(x.value.astype(np.bool_), None if x.error is None else x.unknown, dtype)
    if target == "int":
        if source == "float":
            return _to_integers(x, dtype)
        return discrete(wrap(x.value, dtype), None if x.error is None else x.unknown, dtype)
    if source == "bool":
        value = x.value.astype(np.float64)
        if x.error is None:
            return Bounded(value, None, dtype)
        return make(np.where(x.unknown, 0.5, value), np.where(x.unknown, 0.5, 0.0), dtype)
    return _from_integers(x, dtype)


def wrap(value: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Integers modulo 2**bits, as JAX's conversions between integer types do."""
    if dtype.kind in "iu" or value.dtype == np.bool_:
        return value.astype(dtype)
    bits = int(jax.dtypes.iinfo(dtype).bits)  # int4 and the like are not NumPy's own
    low = value.astype(np.int64) & ((1 << bits) - 1)
    if jax.dtypes.issubdtype(dtype, np.signedinteger):
        low = np.where(low >> (bits - 1), low - (1 << bits), low)
    return low.astype(dtype)


def _from_integers(x: Bounded, dtype: DType) -> Bounded:
    """Exact below 2**53."""
    wide = x.value if x.value.dtype.kind in "iu" else x.value.astype(np.int64)
    value = wide.astype(np.float64)
    error = None
    if wide.dtype.itemsize == 8:
        rounded = (np.abs(value) >= 2.0**53) & ((wide & ((1 << 11) - 1)) != 0)
        error = np.where(rounded, np.abs(value) * UNIT, 0.0)
    if x.error is not None:
        error = np.where(x.unknown, np.nan, 0.0 if error is None else error)
    return make(value, error, dtype)


def _to_integers(x: Bounded, dtype: np.dtype) -> Bounded:
    """Truncation towards zero; unknown where the interval holds two truncations, and outside the
    integers' range, where backends differ."""
    low, high = interval(x)
    limits = jax.dtypes.iinfo(dtype)
    with np.errstate(all="ignore"):
        low, high = np.trunc(low), np.trunc(high)
        known = (low == high) & (low >= float(limits.min))
        known &= low < float(int(limits.max) + 1)
    whole = np.where(known, low, 0.0)
    # Through the widest integer of the same sign: exact, as the number is in range.
    wide = whole.astype(np.uint64 if dtype == np.uint64 else np.int64)
    return discrete(wrap(wide, dtype), ~known, dtype)


def _to_bool(x: Bounded) -> Bounded:
    value = x.value != 0
    if x.error is None:
        return Bounded(value, None, np.dtype(np.bool_))
    with np.errstate(invalid="ignore"):
        known = (np.abs(x.value) > x.error) | (x.error == 0)
    return discrete(value, ~known, np.dtype(np.bool_))


def interval(x: Bounded) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval that x lies in, rounded outwards."""
    if x.error is None:
        return x.value, x.value
    with np.errstate(all="ignore"):
        open_ = x.error != 0
        low = np.where(open_, np.nextafter(x.value - x.error, -np.inf), x.value)
        high = np.where(open_, np.nextafter(x.value + x.error, np.inf), x.value)
    return low, high

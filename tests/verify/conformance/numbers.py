"""How operands are drawn: numbers of every dtype, in manners that hit what rules get wrong.

A draw function takes (rng, shape, dtype) and returns an array. `anything` changes its manner from
call to call: small whole numbers (exact in every format, with ties and zeros), few different ones,
the ends of the dtype's range, numbers of any size, reals, and now and then infinities and NaN.
There is no negative zero: over the reals zero has no sign.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from verify.dtypes import is_kind, limits

Draw = Callable[[np.random.Generator, tuple[int, ...], Any], Any]


def anything(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return np.asarray(rng.random(shape) < rng.choice([0.5, 0.5, 0.1, 0.9]))
    if is_kind(dtype, np.integer):
        return _integers(rng, shape, dtype)
    if is_kind(dtype, np.complexfloating):
        part = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        value = np.empty(shape, dtype)
        value.real, value.imag = _floats(rng, shape, part), _floats(rng, shape, part)
        return value
    return _floats(rng, shape, dtype)


def _integers(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    low, high = limits(dtype)
    manner = rng.integers(5)
    if manner == 0:  # ties
        few = rng.integers(max(low, -4), min(high, 5), 2, endpoint=True)
        return few[rng.integers(0, 2, shape)].astype(dtype)
    if manner == 1:  # the ends of the range
        ends = [low, low + 1, high - 1, high, 0, 1, max(low, -1), high // 2, min(2, high)]
        wide = np.array(ends, np.int64 if low else np.uint64)
        return wide[rng.integers(0, len(ends), shape)].astype(dtype)
    if manner == 2:  # numbers of any size
        return _uniform(rng, shape, low, high).astype(dtype)
    return _uniform(rng, shape, max(low, -5), min(high, 6)).astype(dtype)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    kind = np.uint64 if high > np.iinfo(np.int64).max else np.int64
    return np.asarray(rng.integers(low, high, shape, dtype=kind, endpoint=True))


def _floats(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    info = jnp.finfo(dtype)
    manner = rng.integers(8)
    if manner <= 2:
        drawn = rng.integers(-4, 5, shape).astype(np.float64)
    elif manner == 3:  # ties, and halves
        drawn = (rng.integers(-4, 5, 2) / 2)[rng.integers(0, 2, shape)]
    elif manner == 4:
        drawn = rng.normal(size=shape)
    elif manner == 5:
        drawn = rng.uniform(-1, 1, shape)
    elif manner == 6:  # of any size, within the square root of the range
        top = np.log2(float(info.max)) / 2
        drawn = rng.normal(size=shape) * 2.0 ** rng.uniform(-top, top, shape)
    else:
        special = np.array([np.inf, -np.inf, np.nan, float(info.max), float(info.min), 0.0, 1.0])
        drawn = np.where(
            rng.random(shape) < 0.3,
            special[rng.integers(0, len(special), shape)],
            rng.integers(-3, 4, shape),
        )
    with np.errstate(all="ignore"):
        array = np.asarray(drawn).astype(dtype)
        zero = np.zeros((), dtype)
        wide = array.astype(np.float64)
        subnormal = (wide != 0) & (np.abs(wide) < float(info.tiny))  # XLA flushes those to zero
        return np.asarray(np.where((wide == 0) | subnormal, np.abs(zero), array)).astype(dtype)


def within(low: float, high: float) -> Draw:
    """Whole numbers and reals between the two."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        if is_kind(dtype, np.inexact) and rng.random() < 0.5:
            return np.asarray(rng.uniform(low, high, shape)).astype(dtype) + np.zeros((), dtype)
        least, most = int(np.ceil(low)), int(np.floor(high))
        if is_kind(dtype, np.integer):
            ends = limits(dtype)
            least, most = max(least, ends[0]), min(most, ends[1])
        return _uniform(rng, shape, min(least, most), most).astype(dtype)

    return draw


def indices(size: int) -> Draw:
    """Positions along an axis of this size, some of them outside, now and then far outside."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        if not is_kind(dtype, np.integer):
            return anything(rng, shape, dtype)
        low, high = limits(dtype)
        manner = rng.integers(4)
        if manner < 2:
            near = _uniform(rng, shape, 0, min(max(size - 1, 0), high))
        else:
            near = _uniform(rng, shape, max(-2, low), min(size + 2, high))
        if manner == 3:
            far = np.array([low, high], np.uint64 if low == 0 else np.int64)
            place = rng.integers(0, 2, shape)
            near = np.where(rng.random(shape) < 0.2, far[place], near.astype(far.dtype))
        return np.asarray(near).astype(dtype)

    return draw


def distinct(size: int) -> Draw:
    """Different positions along an axis, as many as fit."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        count = int(np.prod(shape))
        order = rng.permutation(max(size, count, 1))[:count]
        return order.reshape(shape).astype(dtype)

    return draw


def definite(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Matrices that are Hermitian and positive definite."""
    *batch, n, _ = shape
    half = rng.integers(-2, 3, (*batch, n, n)).astype(np.float64)
    if is_kind(dtype, np.complexfloating):
        half = half + 1j * rng.integers(-2, 3, (*batch, n, n))
    whole = half @ np.conj(half.swapaxes(-1, -2)) + np.eye(n) * (n + 1)
    return whole.astype(dtype)


def triangular(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Matrices with a diagonal of powers of two, and anything beside it."""
    n = shape[-1]
    array = np.asarray(rng.integers(-3, 4, shape)).astype(dtype)
    diagonal = 2.0 ** rng.integers(-1, 3, (*shape[:-2], n))
    array[..., np.arange(n), np.arange(n)] = diagonal.astype(dtype)
    return array

"""Order, choice and logic on numbers with error bounds: what the bounds do not decide is unknown.

A comparison of numbers whose intervals overlap is an unknown boolean; a choice by an unknown
boolean is the hull of what may be chosen. So `where(x > 0, x, 0)` is well known at x = 0 +- e.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.numeric_value import MORE, Bounded, discrete, kind, make

COMPARE = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def compare(op: str, a: Bounded, b: Bounded) -> Bounded:
    """Decided where both are exact or their intervals are apart, and of a value with itself, which
    is how programs ask for NaN."""
    with np.errstate(all="ignore"):
        value = COMPARE[op](a.value, b.value)
        if a is b:
            return discrete(value, np.isnan(a.errors), np.dtype(np.bool_))
        if a.error is None and b.error is None:
            return Bounded(value, None, np.dtype(np.bool_))
        if kind(a.dtype) in ("bool", "int"):
            return discrete(value, a.unknown | b.unknown, np.dtype(np.bool_))
        return discrete(value, ~_decided(a, b), np.dtype(np.bool_))


def _decided(a: Bounded, b: Bounded) -> np.ndarray:
    """Are the intervals apart, or both points? False where either is NaN."""
    spread = a.errors + b.errors
    apart = np.abs(a.value - b.value) > spread * MORE * MORE
    return (apart & np.isfinite(spread)) | (spread == 0)


def maximum(a: Bounded, b: Bounded) -> Bounded:
    """|max(a, b) - max(A, B)| <= max(ea, eb), and the loser's error does not count if it is
    certain who loses."""
    with np.errstate(all="ignore"):
        value = np.maximum(a.value, b.value)
        if kind(a.dtype) == "int":
            return discrete(value, _either_unknown(a, b), a.dtype)
        if a.error is None and b.error is None:
            return make(value, None, a.dtype)
        ea, eb = a.errors, b.errors
        error = np.maximum(ea, eb)
        apart = _decided(a, b)
        error = np.where(apart & (a.value > b.value), ea, error)
        error = np.where(apart & (b.value > a.value), eb, error)
        return make(value, error, a.dtype)


def _either_unknown(*values: Bounded) -> np.ndarray | None:
    marks = [v.unknown for v in values if v.error is not None]
    return functools.reduce(np.logical_or, marks) if marks else None  # of shapes that broadcast


def max_last(x: Bounded) -> Bounded:
    """Over the last axis."""
    if x.shape[-1] == 0:
        raise Unsupported("max of no elements")
    value = x.value.max(axis=-1)
    if x.error is None:
        return Bounded(value, None, x.dtype)
    if kind(x.dtype) == "int":
        return discrete(value, np.asarray(x.unknown.any(axis=-1)), x.dtype)
    error = np.where(_contenders(x), x.error, 0.0).max(axis=-1)
    return make(value, np.where(np.isinf(value), 0.0, error), x.dtype)


def _contenders(x: Bounded) -> np.ndarray:
    """Which elements along the last axis may be the maximum (too many rather than too few)."""
    with np.errstate(all="ignore"):
        surely = (x.value - x.errors).max(axis=-1, keepdims=True)
        slack = (np.abs(x.value) + x.errors + np.abs(surely)) * 2.0**-50
        return ~(x.value + x.errors < surely - slack)


def winner(x: Bounded, last: bool) -> Bounded:
    """1 at the first (last) maximum, 0 elsewhere, 1/2 +- 1/2 where the bounds leave it open."""
    dtype = x.dtype if kind(x.dtype) == "float" else np.dtype(np.float32)
    if x.error is None:
        return Bounded(_one_hot(x.value, last), None, dtype)
    if kind(x.dtype) != "float":
        open_rows = x.unknown.any(axis=-1, keepdims=True)
        possible = np.broadcast_to(open_rows, x.shape)
        chosen = _one_hot(x.value, last)
    else:
        contenders = _contenders(x)
        lost = np.isnan(x.value).any(axis=-1, keepdims=True)
        alone = contenders.sum(axis=-1, keepdims=True) == 1
        points = ~(contenders & (x.error != 0)).any(axis=-1, keepdims=True)
        chosen = _one_hot(np.where(lost, 0.0, x.value), last)
        possible = contenders & ~(alone | points) & ~lost
        chosen = np.where(lost, np.nan, chosen)
    value = np.where(possible, 0.5, chosen)
    return make(value, np.where(possible, 0.5, 0.0), dtype)


def _one_hot(value: np.ndarray, last: bool) -> np.ndarray:
    size = value.shape[-1]
    place = size - 1 - value[..., ::-1].argmax(axis=-1) if last else value.argmax(axis=-1)
    return (np.arange(size) == place[..., None]).astype(np.float64)


def select(which: Bounded, cases: Sequence[Bounded]) -> Bounded:
    """cases[which], element by element, an index out of range taken as the nearest one; the hull of
    all cases where `which` is unknown."""
    dtype = cases[0].dtype
    index = np.clip(which.value.astype(np.int64), 0, len(cases) - 1)
    value = _choose(index, [case.value for case in cases])
    errors = None
    if any(case.error is not None for case in cases):
        errors = _choose(index, [case.errors for case in cases])
    discretely = kind(dtype) in ("bool", "int")
    if which.error is None:
        if discretely:
            return discrete(value, None if errors is None else errors > 0, dtype)
        return make(value, errors, dtype)
    if discretely:
        same = np.logical_and.reduce([case.value == cases[0].value for case in cases])
        doubtful = _either_unknown(*cases)
        same = same if doubtful is None else same & ~doubtful
        unknown = np.where(which.unknown, ~same, False if errors is None else errors > 0)
        return discrete(value, unknown, dtype)
    value_hull, error_hull = _hull(cases)
    chosen = np.zeros(value.shape) if errors is None else errors
    return make(
        np.where(which.unknown, value_hull, value),
        np.where(which.unknown, error_hull, chosen),
        dtype,
    )


def _choose(index: np.ndarray, arrays: Sequence[np.ndarray]) -> np.ndarray:
    if len(arrays) == 2:
        return np.where(index != 0, arrays[1], arrays[0])
    return np.take_along_axis(np.stack(arrays), index[None], axis=0)[0]


def _hull(cases: Sequence[Bounded]) -> tuple[np.ndarray, np.ndarray]:
    """A ball around the first case that contains all of them."""
    with np.errstate(all="ignore"):
        value, error = cases[0].value, cases[0].errors
        for case in cases[1:]:
            same = case.value == cases[0].value  # equal infinities too
            distance = np.where(same, 0.0, np.abs(case.value - cases[0].value) * MORE)
            error = np.maximum(error, (distance + case.errors) * MORE)
        return value, error


def logical_not(a: Bounded) -> Bounded:
    return discrete(np.logical_not(a.value), _either_unknown(a), a.dtype)


def logical_and(a: Bounded, b: Bounded) -> Bounded:
    """Kleene's: false and unknown is false."""
    value = a.value & b.value
    unknown = _either_unknown(a, b)
    if unknown is not None:
        false = (~a.value & ~a.unknown) | (~b.value & ~b.unknown)
        unknown = unknown & ~false
    return discrete(value, unknown, a.dtype)


def logical_or(a: Bounded, b: Bounded) -> Bounded:
    return logical_not(logical_and(logical_not(a), logical_not(b)))


def fold_last(combine: Callable[[Bounded, Bounded], Bounded], x: Bounded) -> Bounded:
    """A tree of `combine` over the last axis, which has at least one element."""
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        paired = combine(_part(x, slice(0, half)), _part(x, slice(half, 2 * half)))
        x = _append(paired, _part(x, slice(2 * half, None)))
    return _part(x, 0)


def _part(x: Bounded, where: slice | int) -> Bounded:
    error = None if x.error is None else x.error[..., where]
    return Bounded(x.value[..., where], error, x.dtype)


def _append(a: Bounded, b: Bounded) -> Bounded:
    if b.shape[-1] == 0:
        return a
    error = None
    if a.error is not None or b.error is not None:
        error = np.concatenate([a.errors, b.errors], axis=-1)
    return Bounded(np.concatenate([a.value, b.value], axis=-1), error, a.dtype)

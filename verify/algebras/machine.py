"""Machine integers: in which interval an exact value lies, and what its dtype makes of it.

A proof domain holds an integer value as an exact expression E over Z; the machine's value is
wrap_w(E), w being the value's own dtype. Sums and products of machine numbers are those of the
expressions, wrap(wrap(a) + wrap(b)) = wrap(a + b), and a cast to a dtype of as many bits or fewer
only replaces w. Everything else looks at the machine's value, and may look at the expression in its
place only if that lies within the dtype's limits.

An `Interval` holds every element of E, as Python integers; None says that nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.dtypes import DType, is_integer, limits

Interval = tuple[int, int] | None


class Whole(Value, Protocol):
    """A value of a proof domain; `bounds`: of the expressions of its integers."""

    @property
    def bounds(self) -> Interval: ...


_MOST_BITS = 512  # beyond that an interval says too little to be worth its arithmetic


def of_dtype(dtype: DType) -> Interval:
    """The limits of an integer dtype; 0 and 1 for truth values; None for others.

    >>> of_dtype(np.dtype("int8")), of_dtype(np.dtype("float32"))
    ((-128, 127), None)
    """
    if dtype == np.bool_:
        return 0, 1
    return limits(dtype) if is_integer(dtype) else None


def of_array(array: np.ndarray) -> Interval:
    """What a constant array of integers or truth values lies in."""
    if array.size == 0:
        return 0, 0
    return int(array.min()), int(array.max())


def fits(interval: Interval, dtype: DType) -> bool:
    """Whether every value of the interval is a value of the dtype."""
    if interval is None:
        return False
    low, high = limits(dtype)
    return low <= interval[0] and interval[1] <= high


def inside(interval: Interval, low: int, high: int) -> bool:
    """Whether an interval lies within low .. high."""
    return interval is not None and low <= interval[0] and interval[1] <= high


def hull(*intervals: Interval) -> Interval:
    """What holds each of them."""
    known = [i for i in intervals if i is not None]
    if not known or len(known) < len(intervals):
        return None
    return min(i[0] for i in known), max(i[1] for i in known)


def meet(one: Interval, other: Interval) -> Interval:
    """What lies in both; an interval that ends before it begins says that nothing does."""
    if one is None or other is None:
        return other if one is None else one
    return max(one[0], other[0]), min(one[1], other[1])


def negated(a: Interval) -> Interval:
    return None if a is None else (-a[1], -a[0])


def plus(a: Interval, b: Interval) -> Interval:
    return None if a is None or b is None else _kept(a[0] + b[0], a[1] + b[1])


def times(a: Interval, b: Interval) -> Interval:
    if a is None or b is None:
        return None
    ends = [x * y for x in a for y in b]
    return _kept(min(ends), max(ends))


def squared(a: Interval) -> Interval:
    """Of a value times itself, which is never negative.

    >>> squared((-3, 2))
    (0, 9)
    """
    if a is None:
        return None
    ends = sorted(x * x for x in a)
    return _kept(0 if a[0] <= 0 <= a[1] else ends[0], ends[1])


def repeated(a: Interval, count: int) -> Interval:
    """A sum of so many values."""
    return (0, 0) if count == 0 else times(a, (count, count))


def larger(a: Interval, b: Interval) -> Interval:
    return None if a is None or b is None else (max(a[0], b[0]), max(a[1], b[1]))


def remainder(a: Interval, b: Interval, dtype: DType) -> Interval:
    """Of a - b (a / b) over Z, the quotient being the machine's (truncated; -1, all bits set, for
    b = 0): None where the least integer may be divided by -1, whose quotient wraps."""
    if a is None or b is None:
        return None
    if a[0] <= limits(dtype)[0] < 0 and b[0] <= -1 <= b[1]:
        return None
    low, high = min(a[0], 0), max(a[1], 0)
    if not b[0] <= 0 <= b[1]:
        most = max(abs(b[0]), abs(b[1])) - 1
        low, high = max(low, -most), min(high, most)
    return low, high


def range_of(x: Whole) -> Interval:
    """Where the machine value of a domain's value lies."""
    if not is_integer(x.dtype):
        return of_dtype(x.dtype)
    return x.bounds if fits(x.bounds, x.dtype) else limits(x.dtype)


def of_function(name: str, args: Sequence[Interval], dtype: DType) -> Interval:
    """Where the result of a function of machine numbers lies (`primitives/integers.py`)."""
    whole = of_dtype(dtype)
    if whole is None or not is_integer(dtype):
        return None
    bits = (whole[1] - whole[0]).bit_length()
    if name in ("population_count", "clz"):
        return (0, bits) if bits <= whole[1] else whole
    if len(args) != 2 or args[0] is None or args[1] is None:
        return whole
    (low, high), (least, most) = args[0], args[1]
    if name == "int_and":
        tops = [i[1] for i in args if i is not None and i[0] >= 0]
        return (0, min(tops)) if tops else whole
    if name in ("int_or", "int_xor") and low >= 0 and least >= 0:
        return 0, min(whole[1], (1 << max(high, most).bit_length()) - 1)
    if name == "shift_right_logical" and low >= 0:
        return (low >> least, high >> least) if 0 <= least == most < bits else (0, high)
    if name == "shift_right_arithmetic" and whole[0] < 0:
        return min(low, 0), max(high, 0)
    if name == "int_div" and least > 0:
        return min(-(-low // least), 0), max(high // least, 0)
    return whole


def wrapped(value: int, dtype: DType) -> int:
    """The machine's value of a number.

    >>> wrapped(200, np.dtype("int8")), wrapped(-3, np.dtype("uint8"))
    (-56, 253)
    """
    low, high = limits(dtype)
    return (value - low) % (high - low + 1) + low


def wrapped_array(values: np.ndarray, dtype: DType) -> np.ndarray:
    """The machine's values of an array of Python integers."""
    low, high = limits(dtype)
    return np.asarray((values - low) % (high - low + 1) + low).astype(dtype)


HELD = "an integer that is converted to a float is one that the float holds"


def must_be_held(x: Whole, dtype: DType) -> bool:
    """Whether it has to be assumed that a float dtype holds a domain's integers: not of labels from
    0 to 99. Raises `Unsupported` for constants of which it is wrong."""
    if x.concrete is None:
        most = 2 ** (int(jnp.finfo(dtype).nmant) + 1)
        return not inside(range_of(x), -most, most)
    if not are_held(x.concrete, dtype):
        raise Unsupported(f"a constant integer that {np.dtype(dtype).name} does not hold")
    return False


def are_held(values: np.ndarray, dtype: DType) -> bool:
    """Whether a float dtype holds these integers.

    >>> are_held(np.array([4097]), np.dtype("float16")), are_held(np.array([4100]), "float16")
    (False, True)
    """
    with np.errstate(over="ignore"):
        narrow = np.asarray(values, np.float64).astype(dtype).astype(np.float64)
    return bool(np.isfinite(narrow).all()) and bool((exact(narrow) == exact(values)).all())


def exact(array: np.ndarray) -> np.ndarray:
    """A constant as Python integers: nothing that is done to it wraps."""
    return np.asarray(array).astype(object)


def centred(array: np.ndarray, dtype: DType) -> np.ndarray | None:
    """Another expression of the same unsigned constant: of 253 in eight bits -3, so that x - 3 and
    x + 253 are one expression. None where it is no other."""
    low, high = limits(dtype)
    if low < 0 or not array.size or int(array.max()) <= high // 2:
        return None
    values = exact(array)
    return np.asarray(np.where(values > high // 2, values - (high + 1), values))


def narrows(to: DType, of: DType) -> bool:
    """Whether a cast keeps no more bits than there are: then it drops inner wraps."""
    (low, high), (least, most) = limits(to), limits(of)
    return high - low <= most - least


def _kept(low: int, high: int) -> Interval:
    if max(low.bit_length(), high.bit_length()) > _MOST_BITS:
        return None
    return low, high

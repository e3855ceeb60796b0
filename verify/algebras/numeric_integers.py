"""Integer division, shifts and bits on NumPy arrays, with the meaning that JAX gives them.

`FUNCTIONS[name](*arrays, params=())`: the arrays have the program's dtypes, the result has the
dtype that the function says. The same functions in JAX: `lax.div`, `lax.rem`, `lax.mulhi`,
`lax.shift_left`, ..., `lax.bitcast_convert_type` (names `bitcast:<new dtype>`, see
`primitives/integers.py` for its parameters).

>>> FUNCTIONS["int_div"](np.int32([7, -7, 7]), np.int32([2, 2, 0])).tolist()
[3, -3, -1]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from verify.dtypes import is_kind

Function = Callable[..., np.ndarray]


def _quotient(a: np.ndarray, b: np.ndarray, params: Any = ()) -> np.ndarray:
    """Towards zero; by zero -1 (all bits set); the least integer by -1 is itself."""
    safe = np.where(b == 0, np.ones((), b.dtype), b)
    if is_kind(a.dtype, np.signedinteger):
        with np.errstate(over="ignore"):
            down = a // np.where(safe == -1, np.ones((), b.dtype), safe)
            exact = down * safe == a
            truncated = down + (~exact & ((a < 0) != (safe < 0))).astype(a.dtype)
            quotient = np.where(safe == -1, -a, truncated)
    else:
        quotient = a // safe
    return np.where(b == 0, ~np.zeros((), a.dtype), quotient)


def _high_product(a: np.ndarray, b: np.ndarray, params: Any = ()) -> np.ndarray:
    """The upper half of the double-width product."""
    bits = 8 * a.dtype.itemsize
    product = a.astype(object) * b.astype(object)
    return np.asarray(product // (1 << bits)).astype(a.dtype)


def _outside(places: np.ndarray, bits: int) -> np.ndarray:
    return (places < 0) | (places >= bits)


def _shift(a: np.ndarray, places: np.ndarray, kind: str) -> np.ndarray:
    bits = 8 * a.dtype.itemsize
    outside = _outside(places, bits)
    unsigned = np.dtype(f"u{a.dtype.itemsize}")
    if kind == "arithmetic":  # of unsigned numbers too: their first bit counts as a sign
        signed = np.dtype(f"i{a.dtype.itemsize}")
        step = np.where(outside, bits - 1, places).astype(signed)
        return np.asarray(_contiguous(a).view(signed) >> step).view(a.dtype)
    step = np.where(outside, 0, places).astype(unsigned)
    pattern = _pattern(a)
    moved = pattern << step if kind == "left" else pattern >> step
    return np.where(outside, np.zeros((), unsigned), moved).astype(unsigned).view(a.dtype)


def _pattern(a: np.ndarray) -> np.ndarray:
    return _contiguous(a).view(np.dtype(f"u{a.dtype.itemsize}"))


def _contiguous(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a).reshape(a.shape)  # NumPy gives scalars an axis


def _ones(a: np.ndarray, params: Any = ()) -> np.ndarray:
    pattern = _pattern(a).astype(np.uint64)
    total = np.zeros(a.shape, np.uint64)
    for bit in range(8 * a.dtype.itemsize):
        total += (pattern >> np.uint64(bit)) & np.uint64(1)
    return total.astype(a.dtype)


def _leading_zeros(a: np.ndarray, params: Any = ()) -> np.ndarray:
    bits = 8 * a.dtype.itemsize
    pattern = _pattern(a).astype(np.uint64)
    count = np.zeros(a.shape, np.int64)
    for bit in range(bits):
        count += (pattern >> np.uint64(bit)) == 0
    return count.astype(a.dtype)


def _bitcast(new: np.dtype) -> Function:
    def apply(*parts: np.ndarray, params: Any) -> np.ndarray:
        _, piece, pieces = params
        if len(parts) > 1:  # narrow pieces laid together, least significant first
            joined = np.ascontiguousarray(np.stack(parts, axis=-1))
            return np.asarray(joined.view(new)[..., 0])
        x = _contiguous(parts[0])
        if pieces == 1:
            return x.view(new)
        return x.reshape(*x.shape, 1).view(new)[..., piece]

    return apply


_DTYPES = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64"),
)

FUNCTIONS: dict[str, Function] = {
    "int_div": _quotient,
    "mulhi": _high_product,
    "shift_left": lambda a, s, params=(): _shift(a, s, "left"),
    "shift_right_logical": lambda a, s, params=(): _shift(a, s, "logical"),
    "shift_right_arithmetic": lambda a, s, params=(): _shift(a, s, "arithmetic"),
    "int_and": lambda a, b, params=(): a & b,
    "int_or": lambda a, b, params=(): a | b,
    "int_xor": lambda a, b, params=(): a ^ b,
    "population_count": _ones,
    "clz": _leading_zeros,
    **{f"bitcast:{name}": _bitcast(np.dtype(getattr(jnp, name))) for name in _DTYPES},
}

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

import jax.numpy as jnp
import numpy as np

from verify.algebras.numeric_cast import wrap
from verify.dtypes import DType, is_kind

Function = Callable[..., np.ndarray]


def _width(dtype: DType) -> int:
    return int(jnp.iinfo(dtype).bits)


def _wide(a: np.ndarray) -> np.ndarray:
    """Numbers of less than a byte as int64: NumPy's own arithmetic does not know them."""
    return a if a.dtype.kind in "iu" else a.astype(np.int64)


def _pattern(a: np.ndarray) -> np.ndarray:
    """The bits, as the low ones of uint64."""
    whole = a if a.dtype == np.uint64 else a.astype(np.int64).view(np.uint64)
    return np.asarray(whole & np.uint64(2 ** _width(a.dtype) - 1))


def _signed(a: np.ndarray) -> np.ndarray:
    """The number that the bits are if the first of them is a sign, as int64."""
    sign = np.uint64(1 << (_width(a.dtype) - 1))
    with np.errstate(over="ignore"):
        return np.asarray((_pattern(a) ^ sign) - sign).view(np.int64)


def _quotient(a: np.ndarray, b: np.ndarray, params: object = ()) -> np.ndarray:
    """Towards zero; by zero -1 (all bits set); the least integer by -1 is itself."""
    dtype, a, b = a.dtype, _wide(a), _wide(b)
    safe = np.where(b == 0, np.ones((), b.dtype), b)
    if is_kind(dtype, np.signedinteger):
        with np.errstate(over="ignore"):
            down = a // np.where(safe == -1, np.ones((), b.dtype), safe)
            exact = down * safe == a
            truncated = down + (~exact & ((a < 0) != (safe < 0))).astype(a.dtype)
            quotient = np.where(safe == -1, -a, truncated)
    else:
        quotient = a // safe
    return wrap(np.where(b == 0, ~np.zeros((), a.dtype), quotient), dtype)


def _high_product(a: np.ndarray, b: np.ndarray, params: object = ()) -> np.ndarray:
    """The upper half of the double-width product."""
    product = np.asarray(a.astype(object) * b.astype(object), object)
    return np.asarray(product // (1 << _width(a.dtype))).astype(a.dtype)


def _shift(a: np.ndarray, places: np.ndarray, kind: str) -> np.ndarray:
    bits, places = _width(a.dtype), _wide(places)
    outside = (places < 0) | (places >= bits)
    if kind == "arithmetic":  # of unsigned numbers too: their first bit counts as a sign
        moved = _signed(a) >> np.where(outside, bits - 1, places).astype(np.int64)
        return wrap(np.asarray(moved), a.dtype)
    step = np.where(outside, 0, places).astype(np.uint64)
    pattern = _pattern(a) << step if kind == "left" else _pattern(a) >> step
    return wrap(np.where(outside, np.uint64(0), pattern), a.dtype)


def _ones(a: np.ndarray, params: object = ()) -> np.ndarray:
    pattern = _pattern(a)
    total = np.zeros(a.shape, np.int64)
    for bit in range(_width(a.dtype)):
        total += ((pattern >> np.uint64(bit)) & np.uint64(1)).astype(np.int64)
    return wrap(total, a.dtype)


def _leading_zeros(a: np.ndarray, params: object = ()) -> np.ndarray:
    pattern = _pattern(a)
    count = np.zeros(a.shape, np.int64)
    for bit in range(_width(a.dtype)):
        count += (pattern >> np.uint64(bit)) == 0
    return wrap(count, a.dtype)


def _bits(operation: Callable[..., np.ndarray]) -> Function:
    def apply(a: np.ndarray, b: np.ndarray, params: object = ()) -> np.ndarray:
        return wrap(np.asarray(operation(_wide(a), _wide(b))), a.dtype)

    return apply


def _contiguous(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a).reshape(a.shape)  # NumPy gives scalars an axis


def _bitcast(new: np.dtype) -> Function:
    def apply(*parts: np.ndarray, params: tuple[object, int, int]) -> np.ndarray:
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
    "int_and": _bits(np.bitwise_and),
    "int_or": _bits(np.bitwise_or),
    "int_xor": _bits(np.bitwise_xor),
    "population_count": _ones,
    "clz": _leading_zeros,
    **{f"bitcast:{name}": _bitcast(np.dtype(getattr(jnp, name))) for name in _DTYPES},
}

"""Elementwise arithmetic, comparison, choice and casts.

Integer operations that are not ring operations (division, shifts, bits) are in `integer`, functions
such as exp and tanh in `functions`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from verify.algebras.base import Unsupported
from verify.primitives.indexing import assume_somewhere, assumes
from verify.primitives.order import maximum, minimum
from verify.primitives.registry import Context, elementwise


@elementwise("add", "add_any")
def _add(ctx: Context, a: Any, b: Any, **_: Any) -> Any:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_or(a, b)
    return ctx.algebra.add(a, b)


@elementwise("sub")
def _sub(ctx: Context, a: Any, b: Any, **_: Any) -> Any:
    return ctx.algebra.sub(a, b)


@elementwise("mul")
def _mul(ctx: Context, a: Any, b: Any, **_: Any) -> Any:
    # `out_dtype` may ask for a product wider than its operands.
    a, b = ctx.algebra.cast(a, ctx.dtype), ctx.algebra.cast(b, ctx.dtype)
    if a.dtype == np.bool_:
        return ctx.algebra.logical_and(a, b)
    return ctx.algebra.mul(a, b)


@elementwise("neg")
def _neg(ctx: Context, a: Any, **_: Any) -> Any:
    return ctx.algebra.neg(a)


@elementwise("square")
def _square(ctx: Context, a: Any, **_: Any) -> Any:
    return ctx.algebra.mul(a, a)


@elementwise("integer_pow")
def _integer_pow(ctx: Context, a: Any, *, y: int) -> Any:
    if y == 0:
        return ctx.fill(a.shape, 1, a.dtype)
    result, base, n = None, a, abs(y)
    while n:
        if n & 1:
            result = base if result is None else ctx.algebra.mul(result, base)
        n >>= 1
        if n:
            base = ctx.algebra.mul(base, base)
    return result if y > 0 else ctx.algebra.div(ctx.fill(a.shape, 1, a.dtype), result)


@elementwise("max")
def _max(ctx: Context, a: Any, b: Any, **_: Any) -> Any:
    return maximum(ctx.algebra, a, b)


@elementwise("min")
def _min(ctx: Context, a: Any, b: Any, **_: Any) -> Any:
    return minimum(ctx.algebra, a, b)


@elementwise("clamp")
def _clamp(ctx: Context, low: Any, x: Any, high: Any) -> Any:
    """min(max(x, low), high); the bounds may be scalars."""
    return minimum(ctx.algebra, maximum(ctx.algebra, x, low), high)


def compared(ctx: Context, op: str, a: Any, b: Any) -> Any:
    """As IEEE 754 has it, also of values that say where they are NaN (`algebras/guarded`): what a
    domain's `compare` refuses, as most rules that compare have not thought of NaN."""
    if any(hasattr(x, "guards") for x in (a, b)):
        return ctx.algebra.ieee(op, a, b)
    return ctx.algebra.compare(op, a, b)


# The total orders (searchsorted) differ from the others at NaN and at -0 only: not over the reals.
_COMPARISONS = {name: name for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_COMPARISONS |= {"eq_to": "eq", "lt_to": "lt", "le_to": "le"}

for _name, _order in _COMPARISONS.items():

    def _compare(
        ctx: Context, a: Any, b: Any, _op: str = _order, _name: str = _name, **_: Any
    ) -> Any:
        return compared(ctx, _op, a, b) if _name == _op else ctx.algebra.compare(_op, a, b)

    elementwise(_name)(_compare)


@elementwise("select_n")
def _select_n(ctx: Context, which: Any, *cases: Any) -> Any:
    return ctx.algebra.select(which, cases)


@elementwise("not")
def _not(ctx: Context, a: Any, **_: Any) -> Any:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_not(a)
    # Two's complement: ~a = -1 - a.
    return ctx.algebra.sub(ctx.lift(np.full(a.shape, -1).astype(a.dtype)), a)


@elementwise("convert_element_type")
def _convert(ctx: Context, x: Any, *, new_dtype: Any, **_: Any) -> Any:
    return ctx.algebra.cast(x, np.dtype(new_dtype))


@elementwise("reduce_precision")
def _reduce_precision(ctx: Context, x: Any, *, exponent_bits: int, mantissa_bits: int) -> Any:
    """The identity over the reals, of numbers that the narrower format holds. It is no conversion,
    for which that goes without saying: rounding is all that it is for."""
    rounded = getattr(ctx.algebra, "reduce_precision", None)
    if rounded is not None:
        return rounded(x, exponent_bits, mantissa_bits)
    own = jnp.finfo(x.dtype)
    if exponent_bits >= own.nexp and mantissa_bits >= own.nmant:
        return x
    if assumes(ctx):
        if x.concrete is None:
            assume_somewhere(ctx, NO_ROUNDING)
        elif not _is_held(x.concrete, exponent_bits, mantissa_bits):
            raise Unsupported("a constant that reduce_precision changes")
    return x


def _is_held(values: np.ndarray, exponent_bits: int, mantissa_bits: int) -> bool:
    """Whether a float format holds these numbers."""
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        narrow = lax.reduce_precision(np.asarray(values, np.float64), exponent_bits, mantissa_bits)
    return bool(np.array_equal(narrow, values, equal_nan=True))


NO_ROUNDING = "no number is changed by reduce_precision: the format that it names holds each"


@elementwise("is_finite")
def _is_finite(ctx: Context, x: Any) -> Any:
    """Over the reals only a constant -inf or inf, chosen by a mask say, is not finite."""
    if x.concrete is not None:
        return ctx.lift(np.isfinite(x.concrete))
    algebra = ctx.algebra
    low, high = (ctx.lift(np.full(x.shape, end), x.dtype) for end in (-np.inf, np.inf))
    return algebra.logical_and(compared(ctx, "gt", x, low), compared(ctx, "lt", x, high))

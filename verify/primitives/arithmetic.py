"""Elementwise arithmetic, comparison, choice and casts.

Integer operations that are not ring operations (division, shifts, bits) are in `integer`, functions
such as exp and tanh in `functions`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from verify.algebras.base import Unsupported, V
from verify.dtypes import DType
from verify.primitives.indexing import assume_somewhere, assumes
from verify.primitives.order import maximum, minimum
from verify.primitives.registry import Context, elementwise


@elementwise("add", "add_any")
def _add(ctx: Context[V], a: V, b: V, **_: object) -> V:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_or(a, b)
    return ctx.algebra.add(a, b)


@elementwise("sub")
def _sub(ctx: Context[V], a: V, b: V, **_: object) -> V:
    return ctx.algebra.sub(a, b)


@elementwise("mul")
def _mul(ctx: Context[V], a: V, b: V, **_: object) -> V:
    # `out_dtype` may ask for a product wider than its operands.
    a, b = ctx.algebra.cast(a, ctx.dtype), ctx.algebra.cast(b, ctx.dtype)
    if a.dtype == np.bool_:
        return ctx.algebra.logical_and(a, b)
    return ctx.algebra.mul(a, b)


@elementwise("neg")
def _neg(ctx: Context[V], a: V, **_: object) -> V:
    return ctx.algebra.neg(a)


@elementwise("square")
def _square(ctx: Context[V], a: V, **_: object) -> V:
    return ctx.algebra.mul(a, a)


@elementwise("integer_pow")
def _integer_pow(ctx: Context[V], a: V, *, y: int) -> V:
    return integer_power(ctx, a, y)


def integer_power(ctx: Context[V], a: V, y: int) -> V:
    if y == 0:
        return ctx.fill(a.shape, 1, a.dtype)
    result: V | None = None
    base, n = a, abs(y)
    while n:
        if n & 1:
            result = base if result is None else ctx.algebra.mul(result, base)
        n >>= 1
        if n:
            base = ctx.algebra.mul(base, base)
    assert result is not None
    return result if y > 0 else ctx.algebra.div(ctx.fill(a.shape, 1, a.dtype), result)


@elementwise("max")
def _max(ctx: Context[V], a: V, b: V, **_: object) -> V:
    return maximum(ctx.algebra, a, b)


@elementwise("min")
def _min(ctx: Context[V], a: V, b: V, **_: object) -> V:
    return minimum(ctx.algebra, a, b)


@elementwise("clamp")
def _clamp(ctx: Context[V], low: V, x: V, high: V) -> V:
    """min(max(x, low), high); the bounds may be scalars."""
    return minimum(ctx.algebra, maximum(ctx.algebra, x, low), high)


def compared(ctx: Context[V], op: str, a: V, b: V) -> V:
    """As IEEE 754 has it, also of values that say where they are NaN (`algebras/guarded`): what a
    domain's `compare` refuses, as most rules that compare have not thought of NaN."""
    found = ctx.algebra.ieee(op, a, b)
    return ctx.algebra.compare(op, a, b) if found is None else found


# The total orders (searchsorted) differ from the others at NaN and at -0 only: not over the reals.
_COMPARISONS = {name: name for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_COMPARISONS |= {"eq_to": "eq", "lt_to": "lt", "le_to": "le"}

for _name, _order in _COMPARISONS.items():

    def _compare(
        ctx: Context[V], a: V, b: V, _op: str = _order, _name: str = _name, **_: object
    ) -> V:
        return compared(ctx, _op, a, b) if _name == _op else ctx.algebra.compare(_op, a, b)

    elementwise(_name)(_compare)


@elementwise("select_n")
def _select_n(ctx: Context[V], which: V, *cases: V) -> V:
    return ctx.algebra.select(which, cases)


@elementwise("not")
def _not(ctx: Context[V], a: V, **_: object) -> V:
    if a.dtype == np.bool_:
        return ctx.algebra.logical_not(a)
    # Two's complement: ~a = -1 - a.
    return ctx.algebra.sub(ctx.lift(np.full(a.shape, -1).astype(a.dtype)), a)


@elementwise("convert_element_type")
def _convert(ctx: Context[V], x: V, *, new_dtype: DType, **_: object) -> V:
    return ctx.algebra.cast(x, np.dtype(new_dtype))


@elementwise("reduce_precision")
def _reduce_precision(ctx: Context[V], x: V, *, exponent_bits: int, mantissa_bits: int) -> V:
    """The identity over the reals, of numbers that the narrower format holds. It is no conversion,
    for which that goes without saying: rounding is all that it is for."""
    rounded = ctx.algebra.reduce_precision(x, exponent_bits, mantissa_bits)
    if rounded is not None:
        return rounded
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
def _is_finite(ctx: Context[V], x: V) -> V:
    """Over the reals only a constant -inf or inf, chosen by a mask say, is not finite."""
    if x.concrete is not None:
        return ctx.lift(np.isfinite(x.concrete))
    algebra = ctx.algebra
    low, high = (ctx.lift(np.full(x.shape, end), x.dtype) for end in (-np.inf, np.inf))
    return algebra.logical_and(compared(ctx, "gt", x, low), compared(ctx, "lt", x, high))

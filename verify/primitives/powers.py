"""Powers: by products and square roots where the exponent is half of a known whole number, else by
logarithms."""

from __future__ import annotations

import numpy as np

from verify.algebras.base import Unsupported, V
from verify.dtypes import is_kind
from verify.primitives.arithmetic import integer_power
from verify.primitives.functions import call, derived, exp, log, number
from verify.primitives.indexing import assume, assume_somewhere
from verify.primitives.registry import Context, elementwise

# JAX's complex sqrt takes every zero for a positive one, and its rsqrt does not.
NO_CUT = "no rsqrt of a complex number on the negative half-axis: there the sign of a zero decides"


@derived("rsqrt")
def _rsqrt(ctx: Context[V], x: V, **_: object) -> V:
    if is_kind(x.dtype, np.complexfloating):
        known = x.concrete
        if known is None or bool(((known.imag == 0) & (known.real <= 0)).any()):
            assume_somewhere(ctx, NO_CUT)
    return ctx.algebra.div(number(ctx, 1.0, x), call(ctx, "sqrt", x))


_MOST_EXPONENTS = 64  # different ones in an array: more of them are left to the plain function


_LARGEST_EXPONENT = 64


POWERS = "no power x**y with x <= 0, but for constant y in steps of 1/2, 64 at most"


@elementwise("pow")
def _pow(ctx: Context[V], x: V, y: V) -> V:
    """x**y: products and square roots for exponents in Z/2, else exp(y log x), which is undefined
    for x <= 0 (and says so) where x**y may be a number; numbers have the function itself."""
    if is_kind(x.dtype, np.integer):
        raise Unsupported("an integer power whose exponent is an array")
    result = _power(ctx, x, y)
    # However it is worked out here: it is one function in the compiled program.
    return ctx.algebra.power(result)


def _power(ctx: Context[V], x: V, y: V) -> V:
    exponents = None if y.concrete is None else np.asarray(y.concrete)
    if exponents is None or exponents.size == 0:
        return _general_power(ctx, x, y)
    values, where = np.unique(exponents, return_inverse=True)
    exact = [v for v in values if _is_half_integer(v)][:_MOST_EXPONENTS]
    if not exact:
        return _general_power(ctx, x, y)
    powers = [_half_integer_power(ctx, x, float(v)) for v in exact]
    if len(exact) < len(values):
        # Also at the places of the others, where it is not looked at: with exponent 1 there.
        rest = ~np.isin(exponents, exact)
        powers.append(_general_power(ctx, x, ctx.lift(np.where(rest, exponents, 1.0))))
    number = {v: n for n, v in enumerate(exact)}
    chosen = np.array([number.get(v, len(exact)) for v in values])[where.reshape(exponents.shape)]
    place = np.arange(exponents.size).reshape(exponents.shape)
    return powers[0] if len(powers) == 1 else ctx.algebra.pick(powers, chosen * place.size + place)


def _general_power(ctx: Context[V], x: V, y: V) -> V:
    base = x.concrete
    _check_numbers(ctx, x, y)
    y = ctx.algebra.cast(y, ctx.dtype)
    real = all(is_kind(v.dtype, np.floating) for v in (x, y))
    positive = base is not None and not np.iscomplexobj(base) and (base > 0).all()
    if positive or (real and "pow" not in ctx.algebra.native):
        if not positive:
            assume(ctx, POWERS)
        return exp(ctx, ctx.algebra.mul(y, log(ctx, x)))
    return call(ctx, "pow", x, y)


def _is_half_integer(y: complex) -> bool:
    real = not np.iscomplexobj(y)
    return real and bool(abs(y) <= _LARGEST_EXPONENT and (2 * y.real) % 1 == 0)


def _check_base(ctx: Context[V], x: V) -> None:
    """IEEE 754 has a power of minus infinity, where there is no logarithm and no root."""
    if ctx.algebra.may_be_minus_infinity(x):
        raise Unsupported("a power of what may be minus infinity")


def _check_numbers(ctx: Context[V], x: V, y: V) -> None:
    """IEEE 754: all is 1 to the power of 0, infinities and NaN too, and so is 1 to any power, these
    among them; exp(y log x) is not."""
    ctx.only_numbers(x)
    if x.concrete is None or bool((x.concrete == 1).any()):
        ctx.only_numbers(y)


def _half_integer_power(ctx: Context[V], x: V, y: float) -> V:
    _check_base(ctx, x)
    whole = int(abs(y))
    result = integer_power(ctx, x, whole)
    if abs(y) != whole:
        root = call(ctx, "sqrt", x)
        result = root if whole == 0 else ctx.algebra.mul(result, root)
    return result if y >= 0 else ctx.algebra.div(number(ctx, 1.0, x), result)

"""Functions of real and complex numbers, element by element: exp, tanh, sqrt, pow, erf, round, ...

A function that other functions express exactly, wherever it is defined, is written in terms of
them, so that programs that spell it in different ways agree:

    logistic(x) = 1 / (1 + exp(-x))      tanh(x) = 1 - 2 / (exp(2x) + 1)     expm1(x) = exp(x) - 1
    log1p(x) = log(1 + x)                exp2(x) = exp(x log 2)              log2(x) = log x / log 2
    rsqrt(x) = 1 / sqrt(x)               pow(x, n) = x x ... x               pow(x, 1/2) = sqrt(x)
    erfc(x) = 1 - erf(x)                 tan(x) = sin x / cos x              |x| = max(x, -x)
    sign(x) = [x > 0] - [x < 0]          ceil(x) = -floor(-x)                Q(a, x) = 1 - P(a, x)

The others are functions that the algebra knows by name, or knows nothing about: exp, log, sqrt,
cbrt, sin, cos, asin, acos, atan, atan2, erf, erf_inv, floor, round (half away from zero),
round_even (half to even), rem, pow, nextafter, lgamma, digamma, igamma, igamma_grad_a,
random_gamma_grad, regularized_incomplete_beta, bessel_i0e, bessel_i1e, polygamma, zeta.

An algebra may know one of the functions on the left better than its expression (`native`, a set of
names: numbers have exact tanh and log1p where the expressions would overflow or cancel).

The parameter `accuracy` concerns rounding alone. Complex numbers: what `algebras/complex.py` has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.dtypes import is_kind
from verify.primitives.indexing import OF_BITS, assume, assume_somewhere
from verify.primitives.registry import RULES, Context, Rule, elementwise


def call(ctx: Context, name: str, *args: Any, params: Any = ()) -> Any:
    """The algebra's function of that name, with the result's shape and dtype."""
    return ctx.algebra.function(name, list(args), ctx.shape, ctx.dtype, params)


def number(ctx: Context, x: float, like: Any) -> Any:
    """A constant array of `like`'s shape and dtype."""
    return ctx.fill(like.shape, x, like.dtype)


def derived(name: str) -> Callable[[Rule], Rule]:
    """Registers a function by its expression in others; floats by itself where it is native."""

    def register(expression: Rule) -> Rule:
        def apply(ctx: Context, *args: Any, **params: Any) -> Any:
            real = all(is_kind(x.dtype, np.floating) for x in args)
            if real and name in getattr(ctx.algebra, "native", ()):
                return call(ctx, name, *args)
            return expression(ctx, *args, **params)

        elementwise(name)(apply)
        return expression

    return register


_PLAIN = (
    *("exp", "log", "sqrt", "cbrt", "sin", "cos", "asin", "acos", "atan", "atan2"),
    *("erf", "erf_inv", "floor", "lgamma", "digamma", "igamma", "igamma_grad_a"),
    *("random_gamma_grad", "regularized_incomplete_beta", "bessel_i0e", "bessel_i1e"),
    *("polygamma", "zeta"),
)

for _name in _PLAIN:

    def _function(ctx: Context, *args: Any, _name: str = _name, accuracy: Any = None) -> Any:
        return call(ctx, _name, *args)

    elementwise(_name)(_function)


@elementwise("nextafter")
def _nextafter(ctx: Context, x: Any, y: Any) -> Any:
    """The next number of x's own format, which is therefore part of the name."""
    if x.concrete is None or y.concrete is None:
        assume_somewhere(ctx, OF_BITS)
    return call(ctx, "nextafter", x, y, params=(np.dtype(x.dtype).name,))


# -- exponentials and logarithms --------------------------------------------------------------


def exp(ctx: Context, x: Any) -> Any:
    return call(ctx, "exp", x)


def log(ctx: Context, x: Any) -> Any:
    return call(ctx, "log", x)


def log_two(ctx: Context, like: Any) -> Any:
    """log 2, an irrational number: the algebra's own logarithm of the constant."""
    return log(ctx, number(ctx, 2.0, like))


@derived("expm1")
def _expm1(ctx: Context, x: Any, **_: Any) -> Any:
    return ctx.algebra.sub(exp(ctx, x), number(ctx, 1.0, x))


@derived("log1p")
def _log1p(ctx: Context, x: Any, **_: Any) -> Any:
    return log(ctx, ctx.algebra.add(number(ctx, 1.0, x), x))


@derived("exp2")
def _exp2(ctx: Context, x: Any, **_: Any) -> Any:
    return exp(ctx, ctx.algebra.mul(x, log_two(ctx, x)))


@derived("log2")
def _log2(ctx: Context, x: Any, **_: Any) -> Any:
    return ctx.algebra.div(log(ctx, x), log_two(ctx, x))


@derived("logistic")
def _logistic(ctx: Context, x: Any, **_: Any) -> Any:
    algebra, one = ctx.algebra, number(ctx, 1.0, x)
    return algebra.div(one, algebra.add(one, exp(ctx, algebra.neg(x))))


@derived("tanh")
def _tanh(ctx: Context, x: Any, **_: Any) -> Any:
    algebra, one, two = ctx.algebra, number(ctx, 1.0, x), number(ctx, 2.0, x)
    return algebra.sub(one, algebra.div(two, algebra.add(exp(ctx, algebra.mul(two, x)), one)))


@derived("sinh")
def _sinh(ctx: Context, x: Any, **_: Any) -> Any:
    algebra = ctx.algebra
    twice = algebra.sub(exp(ctx, x), exp(ctx, algebra.neg(x)))
    return algebra.div(twice, number(ctx, 2.0, x))


@derived("cosh")
def _cosh(ctx: Context, x: Any, **_: Any) -> Any:
    algebra = ctx.algebra
    twice = algebra.add(exp(ctx, x), exp(ctx, algebra.neg(x)))
    return algebra.div(twice, number(ctx, 2.0, x))


@derived("asinh")
def _asinh(ctx: Context, x: Any, **_: Any) -> Any:
    """log(x + sqrt(x**2 + 1)), defined everywhere."""
    _only_real("asinh", x)
    algebra = ctx.algebra
    root = call(ctx, "sqrt", algebra.add(algebra.mul(x, x), number(ctx, 1.0, x)))
    return log(ctx, algebra.add(x, root))


@derived("acosh")
def _acosh(ctx: Context, x: Any, **_: Any) -> Any:
    """log(x + sqrt(x**2 - 1)): for x < -1 a logarithm of a negative number, for |x| < 1 a root of
    one, so it is defined where acosh is."""
    _only_real("acosh", x)
    algebra = ctx.algebra
    root = call(ctx, "sqrt", algebra.sub(algebra.mul(x, x), number(ctx, 1.0, x)))
    return log(ctx, algebra.add(x, root))


@derived("atanh")
def _atanh(ctx: Context, x: Any, **_: Any) -> Any:
    _only_real("atanh", x)
    algebra, one = ctx.algebra, number(ctx, 1.0, x)
    twice = algebra.sub(log(ctx, algebra.add(one, x)), log(ctx, algebra.sub(one, x)))
    return algebra.div(twice, number(ctx, 2.0, x))


@derived("tan")
def _tan(ctx: Context, x: Any, **_: Any) -> Any:
    return ctx.algebra.div(call(ctx, "sin", x), call(ctx, "cos", x))


# -- powers ------------------------------------------------------------------------------------


# JAX's complex sqrt takes every zero for a positive one, and its rsqrt does not.
NO_CUT = "no rsqrt of a complex number on the negative half-axis: there the sign of a zero decides"


@derived("rsqrt")
def _rsqrt(ctx: Context, x: Any, **_: Any) -> Any:
    if is_kind(x.dtype, np.complexfloating):
        known = x.concrete
        if known is None or bool(((known.imag == 0) & (known.real <= 0)).any()):
            assume_somewhere(ctx, NO_CUT)
    return ctx.algebra.div(number(ctx, 1.0, x), call(ctx, "sqrt", x))


_MOST_EXPONENTS = 64  # different ones in an array: more of them are left to the plain function
_LARGEST_EXPONENT = 64
POWERS = "no power x**y with x <= 0, but for constant y in steps of 1/2, 64 at most"


@elementwise("pow")
def _pow(ctx: Context, x: Any, y: Any) -> Any:
    """x**y: products and square roots for exponents in Z/2, else exp(y log x), which is undefined
    for x <= 0 (and says so) where x**y may be a number; numbers have the function itself."""
    if is_kind(x.dtype, np.integer):
        raise Unsupported("an integer power whose exponent is an array")
    result = _power(ctx, x, y)
    # However it is worked out here: it is one function in the compiled program.
    compiled = getattr(ctx.algebra, "power", None)
    return result if compiled is None else compiled(result)


def _power(ctx: Context, x: Any, y: Any) -> Any:
    exponents = None if y.concrete is None else np.asarray(y.concrete)
    if exponents is None or exponents.size == 0:
        return _general_power(ctx, x, y)
    values, where = np.unique(exponents, return_inverse=True)
    exact = [v for v in values if _is_half_integer(v)][:_MOST_EXPONENTS]
    if not exact:
        return _general_power(ctx, x, y)
    powers = [_half_integer_power(ctx, x, v) for v in exact]
    if len(exact) < len(values):
        # Also at the places of the others, where it is not looked at: with exponent 1 there.
        rest = ~np.isin(exponents, exact)
        powers.append(_general_power(ctx, x, ctx.lift(np.where(rest, exponents, 1.0))))
    number = {v: n for n, v in enumerate(exact)}
    chosen = np.array([number.get(v, len(exact)) for v in values])[where.reshape(exponents.shape)]
    place = np.arange(exponents.size).reshape(exponents.shape)
    return powers[0] if len(powers) == 1 else ctx.algebra.pick(powers, chosen * place.size + place)


def _general_power(ctx: Context, x: Any, y: Any) -> Any:
    _check_base(x)
    y = ctx.algebra.cast(y, ctx.dtype)
    base = x.concrete
    real = all(is_kind(v.dtype, np.floating) for v in (x, y))
    positive = base is not None and not np.iscomplexobj(base) and (base > 0).all()
    if positive or (real and "pow" not in getattr(ctx.algebra, "native", ())):
        if not positive and getattr(x, "log", None) is None:
            assume(ctx, POWERS)
        return exp(ctx, ctx.algebra.mul(y, log(ctx, x)))
    return call(ctx, "pow", x, y)


def _is_half_integer(y: Any) -> bool:
    return not np.iscomplexobj(y) and bool(abs(y) <= _LARGEST_EXPONENT and (2 * y) % 1 == 0)


def _check_base(x: Any) -> None:
    """IEEE 754 has a power of minus infinity, where there is no logarithm and no root."""
    if getattr(x, "low", None) is not None:
        raise Unsupported("a power of what may be minus infinity")


def _half_integer_power(ctx: Context, x: Any, y: Any) -> Any:
    _check_base(x)
    y = float(y)
    whole = int(abs(y))
    result = RULES["integer_pow"](ctx, x, y=whole)
    if abs(y) != whole:
        root = call(ctx, "sqrt", x)
        result = root if whole == 0 else ctx.algebra.mul(result, root)
    return result if y >= 0 else ctx.algebra.div(number(ctx, 1.0, x), result)


@elementwise("one_minus_square")
def _one_minus_square(ctx: Context, x: Any) -> Any:
    return ctx.algebra.sub(number(ctx, 1, x), ctx.algebra.mul(x, x))


@elementwise("polynomial")
def _polynomial(ctx: Context, x: Any, *coefficients: Any, **_: Any) -> Any:
    """c0 + x (c1 + x (c2 + ...))."""
    if not coefficients:
        return number(ctx, 0, x)
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = ctx.algebra.add(coefficient, ctx.algebra.mul(x, total))
    return total


# -- signs, remainders and rounding -------------------------------------------------------------


@derived("abs")
def _abs(ctx: Context, x: Any) -> Any:
    """max(x, -x); of the least integer that is itself, as in JAX."""
    algebra = ctx.algebra
    if is_kind(x.dtype, np.complexfloating):
        return algebra.absolute(x)
    if is_kind(x.dtype, np.unsignedinteger) or getattr(x, "nonnegative", False):
        return x
    return algebra.maximum(x, algebra.neg(x))


@derived("sign")
def _sign(ctx: Context, x: Any) -> Any:
    """[x > 0] - [x < 0]; of a complex number x / |x|, and 0 of 0."""
    algebra = ctx.algebra
    if is_kind(x.dtype, np.complexfloating):
        raise Unsupported("the sign of a complex number")
    zero = number(ctx, 0, x)
    positive = algebra.cast(algebra.compare("gt", x, zero), x.dtype)
    if is_kind(x.dtype, np.unsignedinteger):
        return positive
    return algebra.sub(positive, algebra.cast(algebra.compare("lt", x, zero), x.dtype))


@derived("ceil")
def _ceil(ctx: Context, x: Any) -> Any:
    return ctx.algebra.neg(call(ctx, "floor", ctx.algebra.neg(x)))


_ROUNDINGS = {0: "round", 1: "round_even"}


@elementwise("round")
def _round(ctx: Context, x: Any, *, rounding_method: Any) -> Any:
    if int(rounding_method) not in _ROUNDINGS:
        raise Unsupported(f"rounding method {rounding_method}")
    return call(ctx, _ROUNDINGS[int(rounding_method)], x)


# -- special functions ---------------------------------------------------------------------------


@derived("erfc")
def _erfc(ctx: Context, x: Any, **_: Any) -> Any:
    return ctx.algebra.sub(number(ctx, 1.0, x), call(ctx, "erf", x))


@derived("igammac")
def _igammac(ctx: Context, a: Any, x: Any) -> Any:
    """The regularised upper incomplete gamma function Q = 1 - P."""
    return ctx.algebra.sub(number(ctx, 1.0, x), call(ctx, "igamma", a, x))


def _only_real(name: str, x: Any) -> None:
    if is_kind(x.dtype, np.complexfloating):
        raise Unsupported(f"{name} of a complex number (its branch cuts)")

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
from typing import SupportsInt

import numpy as np

from verify.algebras.base import Unsupported, V
from verify.algebras.pairs import absolute
from verify.dtypes import is_kind
from verify.primitives.indexing import OF_BITS, assume_somewhere
from verify.primitives.registry import Context, Rule, elementwise


def call(ctx: Context[V], name: str, *args: V, params: object = ()) -> V:
    """The algebra's function of that name, with the result's shape and dtype."""
    return ctx.algebra.function(name, list(args), ctx.shape, ctx.dtype, params)


def number(ctx: Context[V], x: float, like: V) -> V:
    """A constant array of `like`'s shape and dtype."""
    return ctx.fill(like.shape, x, like.dtype)


def derived(name: str) -> Callable[[Rule], Rule]:
    """Registers a function by its expression in others; floats by itself where it is native."""

    def register(expression: Rule) -> Rule:
        def apply(ctx: Context[V], *args: V, **params: object) -> object:
            real = all(is_kind(x.dtype, np.floating) for x in args)
            if real and name in ctx.algebra.native:
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

    def _function(ctx: Context[V], *args: V, _name: str = _name, accuracy: object = None) -> V:
        return call(ctx, _name, *args)

    elementwise(_name)(_function)


@elementwise("nextafter")
def _nextafter(ctx: Context[V], x: V, y: V) -> V:
    """The next number of x's own format, which is therefore part of the name."""
    if x.concrete is None or y.concrete is None:
        assume_somewhere(ctx, OF_BITS)
    return call(ctx, "nextafter", x, y, params=(np.dtype(x.dtype).name,))


# -- exponentials and logarithms --------------------------------------------------------------


def exp(ctx: Context[V], x: V) -> V:
    return call(ctx, "exp", x)


def log(ctx: Context[V], x: V) -> V:
    return call(ctx, "log", x)


def log_two(ctx: Context[V], like: V) -> V:
    """log 2, an irrational number: the algebra's own logarithm of the constant."""
    return log(ctx, number(ctx, 2.0, like))


@derived("expm1")
def _expm1(ctx: Context[V], x: V, **_: object) -> V:
    return ctx.algebra.sub(exp(ctx, x), number(ctx, 1.0, x))


@derived("log1p")
def _log1p(ctx: Context[V], x: V, **_: object) -> V:
    return log(ctx, ctx.algebra.add(number(ctx, 1.0, x), x))


@derived("exp2")
def _exp2(ctx: Context[V], x: V, **_: object) -> V:
    return exp(ctx, ctx.algebra.mul(x, log_two(ctx, x)))


@derived("log2")
def _log2(ctx: Context[V], x: V, **_: object) -> V:
    return ctx.algebra.div(log(ctx, x), log_two(ctx, x))


@derived("logistic")
def _logistic(ctx: Context[V], x: V, **_: object) -> V:
    algebra, one = ctx.algebra, number(ctx, 1.0, x)
    return algebra.div(one, algebra.add(one, exp(ctx, algebra.neg(x))))


@derived("tanh")
def _tanh(ctx: Context[V], x: V, **_: object) -> V:
    algebra, one, two = ctx.algebra, number(ctx, 1.0, x), number(ctx, 2.0, x)
    return algebra.sub(one, algebra.div(two, algebra.add(exp(ctx, algebra.mul(two, x)), one)))


@derived("sinh")
def _sinh(ctx: Context[V], x: V, **_: object) -> V:
    algebra = ctx.algebra
    twice = algebra.sub(exp(ctx, x), exp(ctx, algebra.neg(x)))
    return algebra.div(twice, number(ctx, 2.0, x))


@derived("cosh")
def _cosh(ctx: Context[V], x: V, **_: object) -> V:
    algebra = ctx.algebra
    twice = algebra.add(exp(ctx, x), exp(ctx, algebra.neg(x)))
    return algebra.div(twice, number(ctx, 2.0, x))


@derived("asinh")
def _asinh(ctx: Context[V], x: V, **_: object) -> V:
    """log(x + sqrt(x**2 + 1)), defined everywhere but at minus infinity, where asinh is too."""
    _only_real("asinh", x)
    if ctx.algebra.may_be_minus_infinity(x):
        raise Unsupported("asinh of what may be minus infinity")
    algebra = ctx.algebra
    root = call(ctx, "sqrt", algebra.add(algebra.mul(x, x), number(ctx, 1.0, x)))
    return log(ctx, algebra.add(x, root))


@derived("acosh")
def _acosh(ctx: Context[V], x: V, **_: object) -> V:
    """log(x + sqrt(x**2 - 1)): for x < -1 a logarithm of a negative number, for |x| < 1 a root of
    one, so it is defined where acosh is."""
    _only_real("acosh", x)
    algebra = ctx.algebra
    root = call(ctx, "sqrt", algebra.sub(algebra.mul(x, x), number(ctx, 1.0, x)))
    return log(ctx, algebra.add(x, root))


@derived("atanh")
def _atanh(ctx: Context[V], x: V, **_: object) -> V:
    _only_real("atanh", x)
    algebra, one = ctx.algebra, number(ctx, 1.0, x)
    twice = algebra.sub(log(ctx, algebra.add(one, x)), log(ctx, algebra.sub(one, x)))
    return algebra.div(twice, number(ctx, 2.0, x))


@derived("tan")
def _tan(ctx: Context[V], x: V, **_: object) -> V:
    return ctx.algebra.div(call(ctx, "sin", x), call(ctx, "cos", x))


@elementwise("one_minus_square")
def _one_minus_square(ctx: Context[V], x: V) -> V:
    return ctx.algebra.sub(number(ctx, 1, x), ctx.algebra.mul(x, x))


@elementwise("polynomial")
def _polynomial(ctx: Context[V], x: V, *coefficients: V, **_: object) -> V:
    """c0 + x (c1 + x (c2 + ...))."""
    if not coefficients:
        return number(ctx, 0, x)
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = ctx.algebra.add(coefficient, ctx.algebra.mul(x, total))
    return total


# -- signs, remainders and rounding -------------------------------------------------------------


@derived("abs")
def _abs(ctx: Context[V], x: V) -> V:
    """max(x, -x); of the least integer that is itself, as in JAX."""
    algebra = ctx.algebra
    if is_kind(x.dtype, np.complexfloating):
        return absolute(algebra, x)
    if is_kind(x.dtype, np.unsignedinteger) or algebra.never_negative(x):
        return x
    return algebra.maximum(x, algebra.neg(x))


@derived("sign")
def _sign(ctx: Context[V], x: V) -> V:
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
def _ceil(ctx: Context[V], x: V) -> V:
    return ctx.algebra.neg(call(ctx, "floor", ctx.algebra.neg(x)))


_ROUNDINGS = {0: "round", 1: "round_even"}


@elementwise("round")
def _round(ctx: Context[V], x: V, *, rounding_method: SupportsInt) -> V:
    if int(rounding_method) not in _ROUNDINGS:
        raise Unsupported(f"rounding method {rounding_method}")
    return call(ctx, _ROUNDINGS[int(rounding_method)], x)


# -- special functions ---------------------------------------------------------------------------


@derived("erfc")
def _erfc(ctx: Context[V], x: V, **_: object) -> V:
    return ctx.algebra.sub(number(ctx, 1.0, x), call(ctx, "erf", x))


@derived("igammac")
def _igammac(ctx: Context[V], a: V, x: V) -> V:
    """The regularised upper incomplete gamma function Q = 1 - P."""
    return ctx.algebra.sub(number(ctx, 1.0, x), call(ctx, "igamma", a, x))


def _only_real(name: str, x: V) -> None:
    if is_kind(x.dtype, np.complexfloating):
        raise Unsupported(f"{name} of a complex number (its branch cuts)")

"""Division, remainders, shifts and bits.

Machine integers wrap, divide towards zero, and have defined results everywhere: x / 0 = -1,
x rem 0 = x, a shift by the width or more gives 0 (or the sign, for the arithmetic shift).
`algebras/numeric_integers.py` holds the functions named here, on NumPy arrays; where an operand
depends on the program's inputs, another algebra may know nothing about them.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Algebra, Unsupported, V
from verify.dtypes import DType, is_kind
from verify.primitives.functions import call
from verify.primitives.indexing import OF_BITS, assume_somewhere
from verify.primitives.registry import Context, elementwise, rule


def machine(ctx: Context[V], name: str, *args: V) -> V:
    """A function of machine integers. It depends on their width and sign (-128 / -1 is -128 in
    eight bits and 128 in nine), so the dtype is part of its name."""
    return call(ctx, name, *args, params=(np.dtype(args[0].dtype).name,))


@elementwise("div")
def _div(ctx: Context[V], a: V, b: V) -> V:
    return machine(ctx, "int_div", a, b) if is_kind(a.dtype, np.integer) else ctx.algebra.div(a, b)


@elementwise("rem")
def _rem(ctx: Context[V], a: V, b: V) -> V:
    """a - b (a / b), with the division that truncates: the sign is the dividend's. For integers
    that holds for b = 0 and for the least integer by -1 as well."""
    if is_kind(a.dtype, np.integer):
        algebra = ctx.algebra
        a, b = (algebra.observed(x, "in an operand of rem") for x in (a, b))
        quotient = machine(ctx, "int_div", a, b)
        known = algebra.remainder(a, b, quotient)
        return algebra.sub(a, algebra.mul(b, quotient)) if known is None else known
    return call(ctx, "rem", a, b)


@elementwise("mulhi")
def _mulhi(ctx: Context[V], a: V, b: V) -> V:
    if bit_width(a.dtype) < 8:
        raise Unsupported(f"mulhi of {a.dtype}, of which XLA takes the bits of a byte")
    return machine(ctx, "mulhi", a, b)


@elementwise("shift_left")
def _shift_left(ctx: Context[V], a: V, places: V) -> V:
    """By a constant: times a power of two, which wraps; 0 from the width on."""
    if places.concrete is None:
        return machine(ctx, "shift_left", a, places)
    width = bit_width(a.dtype)
    shift = np.asarray(places.concrete).astype(np.int64)
    inside = (shift >= 0) & (shift < width)
    # The highest power of a signed dtype is none of its numbers: twice the one below.
    highest = inside & (shift == width - 1) & is_kind(a.dtype, np.signedinteger)
    unsigned = np.left_shift(np.uint64(1), np.where(inside, shift - highest, 0).astype(np.uint64))
    factor = np.where(inside, unsigned, np.uint64(0)).astype(a.dtype)
    result = ctx.algebra.mul(a, ctx.lift(factor))
    if not highest.any():
        return result
    return ctx.algebra.mul(result, ctx.lift(np.where(highest, 2, 1).astype(a.dtype)))


@elementwise("population_count")
def _population_count(ctx: Context[V], a: V) -> V:
    if bit_width(a.dtype) < 8:
        raise Unsupported(f"bits of {a.dtype}, of which XLA counts those of a byte")
    return machine(ctx, "population_count", a)


for _name in ("shift_right_logical", "shift_right_arithmetic", "clz"):

    def _function(ctx: Context[V], *args: V, _name: str = _name) -> V:
        return machine(ctx, _name, *args)

    elementwise(_name)(_function)


def both(algebra: Algebra[V], a: V, b: V) -> V:
    """a and b, truth values of one shape; where one is known all over, no question of the other."""
    for x, other in ((a, b), (b, a)):
        if x.concrete is not None and not x.concrete.any():
            return x
        if x.concrete is not None and x.concrete.all():
            return other
    return algebra.logical_and(a, b)


@elementwise("and")
def _and(ctx: Context[V], a: V, b: V) -> V:
    return both(ctx.algebra, a, b) if a.dtype == np.bool_ else call(ctx, "int_and", a, b)


@elementwise("or")
def _or(ctx: Context[V], a: V, b: V) -> V:
    return ctx.algebra.logical_or(a, b) if a.dtype == np.bool_ else call(ctx, "int_or", a, b)


@elementwise("xor")
def _xor(ctx: Context[V], a: V, b: V) -> V:
    if a.dtype != np.bool_:
        return call(ctx, "int_xor", a, b)
    algebra = ctx.algebra
    return algebra.select(a, [b, algebra.logical_not(b)])


def bit_width(dtype: DType) -> int:
    """The number of bits of a machine number; those of less than a byte fill one in NumPy.

    >>> bit_width(np.dtype(np.int16))
    16
    """
    dtype = np.dtype(dtype)
    if is_kind(dtype, np.integer):
        return int(jnp.iinfo(dtype).bits)
    return int(jnp.finfo(dtype).bits)


@rule("bitcast_convert_type")
def _bitcast(ctx: Context[V], x: V, *, new_dtype: DType) -> V:
    """The same bits as another type. To a narrower one: a new last axis, least significant first;
    to a wider one: the last axis goes. The function's name says the new dtype, its parameters the
    piece: `(i, n)` is the i-th of n pieces."""
    new = np.dtype(new_dtype)
    if x.dtype == new:
        return x
    if np.bool_ in (x.dtype, new):
        raise Unsupported("bits of booleans")
    old_bits, new_bits, name = bit_width(x.dtype), bit_width(new), f"bitcast:{new.name}"
    if min(old_bits, new_bits) < 8:
        raise Unsupported(f"the bits of {x.dtype} as {new}")
    if x.concrete is None and is_kind(x.dtype, np.inexact):
        assume_somewhere(ctx, OF_BITS)
    algebra, source = ctx.algebra, np.dtype(x.dtype).name
    size = int(np.prod(x.shape))
    if old_bits == new_bits:
        return algebra.function(name, [x], ctx.shape, new, (source, 0, 1))
    if old_bits > new_bits:
        pieces = old_bits // new_bits
        parts = [
            algebra.function(name, [x], x.shape, new, (source, i, pieces)) for i in range(pieces)
        ]
        index = np.arange(size).reshape(x.shape)[..., None] + size * np.arange(pieces)
        return algebra.pick(parts, index)
    pieces = new_bits // old_bits
    index = np.arange(size).reshape(x.shape)
    parts = [algebra.pick([x], index[..., i]) for i in range(pieces)]
    return algebra.function(name, parts, ctx.shape, new, (source, 0, 1))

"""The functions of machine integers as bit-vectors, for the algebra of bits (`bits.py`).

Each takes (the algebra, the operand's dtype, the result's dtype, parameters, *terms).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Protocol

from verify.dtypes import DType, limits
from verify.smt import Fresh, Term


class Terms(Protocol):
    """What they ask of the algebra."""

    z3: Fresh
    one_by_one: bool  # how bits are counted
    counted: bool  # whether any were

    def resized(self, p: Term, dtype: DType, bits: int) -> Term: ...


def width(dtype: DType) -> int:
    """How many bits an integer dtype has.

    >>> import numpy as np
    >>> width(np.dtype("int16"))
    16
    """
    low, high = limits(dtype)
    return (high - low).bit_length()


def signed(dtype: DType) -> bool:
    return limits(dtype)[0] < 0


def _divided(bits: Terms, kind: DType, dtype: DType, params: object, p: Term, q: Term) -> Term:
    """Towards zero; by zero all bits are set (the solver's own signed division may say 1)."""
    quotient = p / q if signed(kind) else bits.z3.UDiv(p, q)
    return bits.z3.If(q == 0, bits.z3.BitVecVal(-1, width(kind)), quotient)


def _high_product(bits: Terms, kind: DType, dtype: DType, params: object, p: Term, q: Term) -> Term:
    size = width(kind)
    p, q = (bits.resized(x, kind, 2 * size) for x in (p, q))
    return bits.z3.Extract(2 * size - 1, size, p * q)


def _ones(bits: Terms, kind: DType, dtype: DType, params: object, p: Term) -> Term:
    """Sums of neighbours: of pairs, of fours, ... (Warren, Hacker's Delight, 5-1), shallow, which
    makes it easy for a solver; or one bit after the other, as loops have it."""
    size, step = width(kind), 1
    bits.counted = True
    if bits.one_by_one:
        each = [bits.z3.ZeroExt(size - 1, bits.z3.Extract(i, i, p)) for i in range(size)]
        return reduce(lambda a, b: a + b, each)
    while step < size:
        blocks = range(0, size, 2 * step)
        mask = bits.z3.BitVecVal(sum(((1 << step) - 1) << low for low in blocks), size)
        p = (p & mask) + (bits.z3.LShR(p, step) & mask)
        step *= 2
    return p


def _leading_zeros(bits: Terms, kind: DType, dtype: DType, params: object, p: Term) -> Term:
    size = width(kind)
    out = bits.z3.BitVecVal(size, size)
    for i in range(size):  # the highest bit that is set is asked last
        here = bits.z3.Extract(i, i, p) == 1
        out = bits.z3.If(here, bits.z3.BitVecVal(size - 1 - i, size), out)
    return out


def bitcast(
    bits: Terms, kind: DType, dtype: DType, params: tuple[object, int, int], *ps: Term
) -> Term:
    """One piece of a wider number, or narrow pieces laid together, least significant first."""
    _, piece, _ = params
    if len(ps) > 1:
        return bits.z3.Concat(*reversed(ps))
    size = width(dtype)
    return bits.z3.Extract(size * (piece + 1) - 1, size * piece, ps[0])


EXACT: dict[str, Callable[..., Term]] = {
    "int_div": _divided,
    "mulhi": _high_product,
    "shift_left": lambda bits, kind, dtype, params, p, q: p << q,
    "shift_right_logical": lambda bits, kind, dtype, params, p, q: bits.z3.LShR(p, q),
    "shift_right_arithmetic": lambda bits, kind, dtype, params, p, q: p >> q,
    "int_and": lambda bits, kind, dtype, params, p, q: p & q,
    "int_or": lambda bits, kind, dtype, params, p, q: p | q,
    "int_xor": lambda bits, kind, dtype, params, p, q: p ^ q,
    "population_count": _ones,
    "clz": _leading_zeros,
}

"""Machine integers as residues: an exact expression over Z, and who looks at its machine value.

The residues of an integer are those of an exact expression E; its machine value is wrap_w(E), w
its own dtype (`algebras/machine.py`). Sums and products, negation, dot products, movement, choice
and casts to no more bits work on E. Whatever else there is calls `observed` first: it gives x
itself where E surely fits into its dtype, and otherwise

* in exact mode the machine value, as an unknown function of E, so that nothing need be assumed;
* in assuming mode (`Mode.assuming`) E, under the assumption that nothing overflows there.

A constant of an unsigned dtype has two natural expressions, 253 and -3 in eight bits: a sum or
product takes the first if the result then surely fits, and the smaller one otherwise; in assuming
mode always the first, since what the assumption says is about the programs as they are written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.field import arithmetic, mixing, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.algebras.field.weights import Weights
from verify.algebras.machine import Interval
from verify.dtypes import DType, is_integer, limits


def observed(field: State, x: FieldArray, where: str) -> FieldArray:
    """x, whose residues are now those of its machine value. `where`: who looks, for the sentence of
    the assumption."""
    if not is_integer(x.dtype) or machine.fits(x.bounds, x.dtype):
        return x
    field.wrapping = True
    if not field.mode.assuming:
        return _wrapped(field, x, x.dtype)
    field.assume(f"no integer overflows {where}")
    field.partial = True  # 4 * (x | 128) overflows in eight bits, whatever x is
    inside = machine.meet(x.bounds, machine.of_dtype(x.dtype))
    if inside is None or inside[0] > inside[1]:
        raise Unsupported("an integer that always overflows")
    x.bounds, x.nonnegative = inside, inside[0] >= 0
    return x


def _wrapped(field: State, x: FieldArray, dtype: DType) -> FieldArray:
    """The machine's value of x in a dtype: an unknown function of the expression."""
    dtype = np.dtype(dtype)
    known = x.seen.get(dtype)
    if known is None:
        state = mixing.combine(field.digest(x.rows), tag=("wrap", dtype.name))
        atoms = field.atom(state, dtype)
        rows = _with_constants(field, x.rows, atoms.rows, dtype)
        known = field.plain(rows, atoms, Growth(analytic=False), bounds=machine.of_dtype(dtype))
        if not field.mode.decides:  # (there each use counts what it has told apart)
            x.seen[dtype] = known
    return known


def _with_constants(field: State, rows: np.ndarray, atoms: np.ndarray, dtype: DType) -> np.ndarray:
    """The atoms, but where the expression is a number: that number, wrapped."""
    out = atoms.reshape(len(atoms), -1).copy()
    for place, number in _whole_numbers(field, rows).items():
        value = np.array([machine.wrapped(number, dtype)], object)
        out[:, place] = residues.from_integers(value, field.m)[:, 0]
    return out.reshape(atoms.shape)


def _whole_numbers(field: State, rows: np.ndarray) -> dict[int, int]:
    """Which elements (flat) of (rows, *shape) are whole numbers whatever the inputs are: their
    residues are the same at both points of every prime."""
    points = rows[: field.points].reshape(field.points, -1)
    same = np.flatnonzero((points[0::2] == points[1::2]).all(axis=0))
    found: dict[int, int] = {}
    known: dict[bytes, tuple[int, int] | None] = {}
    for place in same.tolist():
        column = points[0::2, place]
        key = column.tobytes()
        if key not in known:
            known[key] = residues.rational([int(r) for r in column], field.moduli.primes)
            field.law(Weights).reconstructions += 1
        ratio = known[key]
        if ratio is not None and ratio[1] == 1:
            found[place] = ratio[0]
    return found


def congruent(field: State, a: FieldArray, b: FieldArray) -> np.ndarray:
    """Where two integers' expressions differ by a multiple of 2**w, a number: their machine values
    are equal there."""
    low, high = limits(a.dtype)
    same = np.zeros(int(np.prod(a.shape)), bool)
    for place, number in _whole_numbers(field, residues.reduce(a.rows - b.rows, field.m)).items():
        same[place] = number % (high - low + 1) == 0
    return same.reshape(a.shape)


# -- sums and products -----------------------------------------------------------------------------

_INTERVALS: dict[str, Callable[..., Interval]] = {
    "add": machine.plus,
    "sub": lambda a, b: machine.plus(a, machine.negated(b)),
    "mul": machine.times,
}


def ring(field: State, name: str, a: FieldArray, b: FieldArray) -> FieldArray:
    """add, sub or mul of machine integers."""
    one, two = a.concrete, b.concrete
    if one is not None and two is not None:
        values = _EXACT[name](machine.exact(one), machine.exact(two))
        return field.lift(machine.wrapped_array(values, a.dtype), a.dtype)
    kept = field.mode.assuming or machine.fits(_INTERVALS[name](a.bounds, b.bounds), a.dtype)
    left, right = (x if kept else smaller(field, x) for x in (a, b))
    y = _OVER_Z[name](field, left, right)
    return a if y is left else b if y is right else y


_EXACT: dict[str, Callable[..., np.ndarray]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}
_OVER_Z: dict[str, Callable[..., FieldArray]] = {
    "add": arithmetic.add,
    "sub": lambda field, a, b: arithmetic.add(field, a, arithmetic.neg(field, b)),
    "mul": arithmetic.mul,
}


def neg(field: State, a: FieldArray) -> FieldArray:
    if a.concrete is not None:
        return field.lift(machine.wrapped_array(-machine.exact(a.concrete), a.dtype), a.dtype)
    return arithmetic.neg(field, a)


def dot(field: State, a: FieldArray, b: FieldArray) -> FieldArray:
    terms = machine.repeated(machine.times(a.bounds, b.bounds), a.shape[-1])
    if not field.mode.assuming and not machine.fits(terms, a.dtype):
        a, b = smaller(field, a), smaller(field, b)
    return arithmetic.dot(field, a, b)


def smaller(field: State, x: FieldArray) -> FieldArray:
    """A constant by its expression that is nearest to zero: an operand within this file only, since
    its `concrete` may lie beyond its dtype."""
    values = None if x.concrete is None else machine.centred(x.concrete, x.dtype)
    return x if values is None else over_z(field, values, x.dtype)


def over_z(field: State, values: np.ndarray, dtype: DType) -> FieldArray:
    """A constant expression, whatever the machine makes of it."""
    bounds = machine.of_array(values)
    largest = max(map(abs, bounds or (1,)))
    return FieldArray(
        field,
        values.shape,
        dtype,
        Growth(0.0, float(max(largest.bit_length(), 1))),
        residues.from_integers(values, field.m),
        concrete=values.astype(np.int64) if largest < 2**63 else None,
        bounds=bounds,
    )


# -- casts, and what rules know of ranges ----------------------------------------------------------


def cast(field: State, x: FieldArray, dtype: DType) -> FieldArray:
    """Between integer dtypes; the result's expression is x's, as far as that is right."""
    if x.concrete is not None:
        return field.lift(machine.wrapped_array(machine.exact(x.concrete), dtype), dtype)
    if not machine.narrows(dtype, x.dtype):  # it sees what has wrapped at x's own width
        x = observed(field, x, "before it is converted to a wider integer")
    if field.mode.assuming and not machine.fits(x.bounds, dtype):
        # What a conversion cuts off is no overflow: nothing is assumed of it.
        return _wrapped(field, x, dtype)
    return replace(x, dtype=dtype)


def remainder(field: State, a: FieldArray, b: FieldArray, quotient: FieldArray) -> FieldArray:
    """a - b quotient, the operands' values being the machine's.

    Where that lies is known of a - b quotient itself, and of no other expression that only has the
    same machine value: constants stay as they are.
    """
    inside = machine.remainder(a.bounds, b.bounds, a.dtype)
    if inside is None or (a.concrete is not None and b.concrete is not None):
        return ring(field, "sub", a, ring(field, "mul", b, quotient))
    product = arithmetic.mul(field, b, quotient)
    return within(field, _OVER_Z["sub"](field, a, product), *inside)


def within(field: State, x: FieldArray, low: int, high: int) -> FieldArray:
    """x, of whose expression a rule knows that it lies in low .. high."""
    if x.concrete is not None or not is_integer(x.dtype):
        return x
    return replace(x, bounds=machine.meet(x.bounds, (low, high)))


_KNOWN = 2**16


def known_numbers(field: State, x: FieldArray) -> tuple[np.ndarray, np.ndarray] | None:
    """Which elements of an integer array are small numbers, not below zero, whatever the inputs
    are: the numbers, and where they are known. What has the same small residue modulo every prime,
    at two points of each, is that number, but for the chance that two values are confused; unless
    it rests on a choice of the rows, which may all have chosen alike."""
    if not is_integer(x.dtype) or not machine.fits((0, _KNOWN), x.dtype):
        return None
    points = x.rows[: field.points]
    field.inner_pairs += points[0].size
    known = (points == points[:1]).all(axis=0) & (points[0] < _KNOWN)
    return points[0], known & ~field.resting(x)

"""The operations that reductions, windows, scans and scatters fold with, and how to know them.

A generic `reduce`, `reduce_window` or scatter carries its operation as a small program. XLA may
apply it in any order, so only bodies that are a known associative and commutative operation have a
meaning; `recognise` names them. Booleans: a sum or maximum is "or", a product or minimum "and".
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Algebra, Unsupported, V
from verify.dtypes import DType, has_infinity, limits
from verify.primitives.order import least, minimum
from verify.primitives.registry import Context, flat_index
from verify.programs import Program


@dataclass(frozen=True)
class Monoid:
    """`neutral` is the number that changes nothing; infinities stand for an integer's extremes."""

    name: str
    neutral: float | bool
    idempotent: bool  # combining an element twice is combining it once


ADD = Monoid("add", 0, False)
MUL = Monoid("mul", 1, False)
MAX = Monoid("max", -np.inf, True)
MIN = Monoid("min", np.inf, True)
AND = Monoid("and", True, True)
OR = Monoid("or", False, True)
XOR = Monoid("xor", False, False)

_NUMBERS = {m.name: m for m in (ADD, MUL, MAX, MIN)}
_BOOLEANS = {"add": OR, "max": OR, "or": OR, "mul": AND, "min": AND, "and": AND, "xor": XOR}


def monoid(name: str, dtype: DType) -> Monoid:
    """The monoid of a primitive on a dtype. Raises Unsupported for bitwise ones on integers."""
    table = _BOOLEANS if dtype == np.bool_ else _NUMBERS
    name = "add" if name == "add_any" else name
    if name not in table:
        raise Unsupported(f"{name} of {dtype} numbers, folded over an axis")
    if name in ("max", "min") and jax.dtypes.issubdtype(dtype, np.complexfloating):
        raise Unsupported(f"{name} of complex numbers")
    return table[name]


def combine(algebra: Algebra[V], m: Monoid, a: V, b: V) -> V:
    """a * b, element by element."""
    match m.name:
        case "add":
            return algebra.add(a, b)
        case "mul":
            return algebra.mul(a, b)
        case "max":
            return algebra.maximum(a, b)
        case "min":
            return minimum(algebra, a, b)
        case "and":
            return algebra.logical_and(a, b)
        case "or":
            return algebra.logical_or(a, b)
    return algebra.compare("ne", a, b)


def fold(algebra: Algebra[V], m: Monoid, x: V) -> V:
    """All elements along the last axis, of which there is at least one."""
    match m.name:
        case "add":
            return algebra.sum(x)
        case "mul":
            return algebra.prod(x)
        case "max":
            return algebra.max(x)
        case "min":
            return least(algebra, x)
    while x.shape[-1] > 1:
        index, half = flat_index(x), x.shape[-1] // 2
        pairs = index[..., : 2 * half].reshape(*x.shape[:-1], half, 2)
        folded = combine(
            algebra, m, algebra.pick([x], pairs[..., 0]), algebra.pick([x], pairs[..., 1])
        )
        if x.shape[-1] % 2:
            places = flat_index(folded)
            rest = int(np.prod(folded.shape)) + index[..., -1:]
            x = algebra.pick([folded, x], np.concatenate([places, rest], axis=-1))
        else:
            x = folded
    return algebra.reshape(x, x.shape[:-1])


def neutral(ctx: Context[V], m: Monoid, shape: tuple[int, ...], dtype: DType) -> V:
    """An array of the neutral element."""
    return ctx.fill(shape, m.neutral, dtype)


def recognise(body: Program, operands: int) -> list[Monoid]:
    """The monoids of a reduction's body over `operands` arrays, one an array.

    The body takes the accumulators, then the elements. Raises Unsupported where an output is
    anything but one known operation of its own accumulator and its own element.
    """
    if len(body.inputs) != 2 * operands or len(body.outputs) != operands:
        raise Unsupported("a reduction whose body has captured values")
    made = {equation.outputs[0]: equation for equation in body.equations}
    found = []
    for i, output in enumerate(body.outputs):
        equation = made.get(output)  # type: ignore[arg-type]
        expected = {body.inputs[i], body.inputs[operands + i]}
        if equation is None or set(equation.inputs) != expected or len(equation.inputs) != 2:
            raise Unsupported("a reduction whose body is not one known operation")
        found.append(monoid(equation.primitive, output.dtype))
    return found


def with_initial(ctx: Context[V], m: Monoid, folded: V, initial: V, always: bool = True) -> V:
    """A reduction's result with its initial value, which XLA may use any number of times.

    So it must be the neutral element, unless the operation is idempotent, and is used at all: over
    no axes it is not (`always`).
    """
    array = initial.concrete
    if array is not None and bool((array == _extreme(m, initial.dtype)).all()):
        return folded
    if not m.idempotent or not always:
        raise Unsupported(f"a reduction by {m.name} that starts from other than {m.neutral}")
    everywhere = ctx.algebra.pick([initial], np.zeros(folded.shape, np.int64))
    return combine(ctx.algebra, m, folded, everywhere)


def _extreme(m: Monoid, dtype: DType) -> float:
    """The neutral element as the dtype holds it (`Context.fill`)."""
    if not np.isinf(m.neutral) or dtype == np.bool_:
        return m.neutral
    if jax.dtypes.issubdtype(dtype, np.integer):
        return limits(dtype)[0 if m.neutral < 0 else 1]
    if has_infinity(dtype):
        return m.neutral
    return float(jnp.finfo(dtype).min if m.neutral < 0 else jnp.finfo(dtype).max)

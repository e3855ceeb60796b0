"""Multiplications: a domain of its own, which all rules of verify can be evaluated over.

A number is here how many products and quotients are taken on the way to it: an upper bound, as what
is used twice counts twice. What meets a known zero (in padding, dilation, masks) is no product.

>>> import jax.numpy as jnp
>>> from jax import lax
>>> multiplications(lambda x, y: x @ y + 1, jnp.ones((2, 5)), jnp.ones((5, 3)))[0].tolist()
[[5, 5, 5], [5, 5, 5]]
>>> multiplications(lambda x, w: jnp.convolve(x, w, "same"), jnp.ones(5), jnp.ones(3))[0].tolist()
[2, 3, 3, 3, 2]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Algebra
from verify.algebras.extended import fresh, parts_of
from verify.dtypes import DType, Function
from verify.evaluate import evaluate
from verify.programs import trace
from verify.programs.catalogue import Fact, having


@dataclass(frozen=True, eq=False)
class Counted:
    """How many multiplications are behind each element, and which are known to be zero."""

    count: np.ndarray  # floats, so that NumPy multiplies matrices of them quickly
    zero: np.ndarray
    dtype: DType
    concrete: np.ndarray | None = None  # the numbers of a constant

    @property
    def shape(self) -> tuple[int, ...]:
        return self.count.shape


class Multiplications(Algebra[Counted]):
    native = having(Fact.ELEMENTWISE)  # tanh is one function here, and no quotient of others

    # Constants, and elements that are only moved.

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Counted:
        array = np.asarray(array)
        return Counted(np.zeros(array.shape), array == 0, dtype or array.dtype, array)

    def reshape(self, x: Counted, shape: tuple[int, ...]) -> Counted:
        return self.pick([x], np.arange(x.count.size).reshape(shape))

    def pick(self, operands: Sequence[Counted], index: np.ndarray) -> Counted:
        def picked(arrays: Sequence[np.ndarray]) -> np.ndarray:
            return np.concatenate([a.reshape(-1) for a in arrays])[index]

        known = [x.concrete for x in operands if x.concrete is not None]
        count, zero = picked([x.count for x in operands]), picked([x.zero for x in operands])
        numbers = picked(known) if len(known) == len(operands) else None
        return Counted(count, zero, operands[0].dtype, numbers)

    def cast(self, x: Counted, dtype: DType) -> Counted:
        return Counted(x.count, x.zero, dtype)

    # What each element is made of: zero says where nothing is left of it.

    def made(
        self, dtype: DType, of: Sequence[Counted], zero: np.ndarray | bool = False, own: int = 0
    ) -> Counted:
        count = np.asarray(sum(x.count for x in of) + own)
        zero = np.broadcast_to(zero, count.shape)
        return Counted(np.where(zero, 0, count), zero, dtype)

    def neg(self, a: Counted) -> Counted:
        return self.made(a.dtype, [a], a.zero)

    def add(self, a: Counted, b: Counted) -> Counted:
        return self.made(a.dtype, [a, b], a.zero & b.zero)

    sub = maximum = logical_or = add

    def mul(self, a: Counted, b: Counted) -> Counted:
        return self.made(a.dtype, [a, b], a.zero | b.zero, own=1)

    def div(self, a: Counted, b: Counted) -> Counted:
        return self.made(a.dtype, [a, b], a.zero, own=1)

    def logical_and(self, a: Counted, b: Counted) -> Counted:
        return self.made(a.dtype, [a, b], a.zero | b.zero)

    def logical_not(self, a: Counted) -> Counted:
        return self.made(a.dtype, [a])

    def compare(self, op: str, a: Counted, b: Counted) -> Counted:
        return self.made(np.dtype(bool), [a, b])

    def function(
        self,
        name: str,
        args: Sequence[Counted],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Counted:
        return self.made(dtype, args)

    def select(self, which: Counted, cases: Sequence[Counted]) -> Counted:
        if which.concrete is not None:
            place = np.arange(which.count.size).reshape(which.shape)
            return self.pick(cases, which.concrete.astype(int) * which.count.size + place)
        zero = np.all([case.zero for case in cases], axis=0)
        return self.made(cases[0].dtype, [which, *cases], zero)

    # Along the last axis.

    def sum(self, x: Counted) -> Counted:
        return Counted(x.count.sum(-1), np.asarray(x.zero.all(-1)), x.dtype)

    max = sum

    def prod(self, x: Counted) -> Counted:
        own = max(x.shape[-1] - 1, 0)
        return self.made(x.dtype, [self.sum(x)], np.asarray(x.zero.any(-1)), own)

    def winner(self, x: Counted, *, last: bool = False) -> Counted:
        count = np.broadcast_to(x.count.sum(-1, keepdims=True), x.shape)
        return Counted(count, np.zeros(x.shape, bool), x.dtype)

    def dot(self, a: Counted, b: Counted) -> Counted:
        left, right = 1.0 - a.zero, 1.0 - b.zero  # 1 where there is something to multiply
        terms = left @ right
        return Counted(a.count @ right + left @ b.count + terms, terms == 0, a.dtype)

    # Of what algebras may offer besides (`verify/algebras/offers.py`), what some rules need.

    def roots(self, n: int) -> tuple[Counted, Counted]:
        """The cosines and sines of a Fourier transform: constants, some of which are zero."""
        turns, nothing = np.arange(n), np.zeros(n)
        cosine, sine = (4 * turns % (2 * n) == n), (2 * turns % n == 0)
        dtype = np.dtype(np.float64)
        return Counted(nothing, cosine, dtype), Counted(nothing, sine, dtype)


def multiplications(f: Function, *examples: object) -> list[np.ndarray]:
    """For each result of f, an array of its shape: how many products each element takes."""
    algebra, program = Multiplications(), trace(f, *examples)

    def unknown(shape: tuple[int, ...], dtype: DType) -> Counted:
        return Counted(np.zeros(shape), np.zeros(shape, bool), dtype)

    inputs = [fresh(unknown, var.shape, var.dtype) for var in program.inputs]
    results = evaluate(program, algebra, inputs)
    # A complex number has two parts.
    counts = [sum(part.count for part in parts_of(x, Counted)) for x in results]
    return [np.asarray(count).astype(np.int64) for count in counts]

"""Residues modulo random primes: the algebra of proofs.

A value is evaluated at several independent random points at once, each modulo a random prime
(`moduli.py`). Sums, products and quotients are those of the prime field; every other function is a
random function of its arguments' residues (`mixing.py`), the same one in both programs, so that
equal arguments give equal results. If two programs agree, they are the same term up to the error
probability that `bound.py` computes (Schwartz-Zippel; Gulwani and Necula, POPL 2004).

Disagreement proves nothing by itself: unknown functions obey laws that residues do not know.

What is known beyond that, because programs need it:

* a maximum stays a *set* of candidates while only maxima, translations and scalings are applied, so
  that it is associative, commutative, idempotent, and max(x + b, y + b) = max(x, y) + b;
* choosing among candidates is multiplying them by weights that sum to one (`maxima.py`), so masks,
  comparisons, maxima and their gradients fit together;
* exponentials are powers of a root of unity, exponents being residues modulo q (`moduli.py`), and
  so are sines and cosines, if a mode says so (`laws/circle.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.booleans import boolean_cases
from verify.algebras.field import arithmetic, casts, cutting, integers, movement, residues
from verify.algebras.field.choice import Chooser
from verify.algebras.field.functions import apply
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_integer


@boolean_cases
class Field(State):
    """A trial with all its operations: what each does to a value, and where that is written."""

    @property
    def chooser(self) -> Chooser:
        return self.law(Chooser)

    # -- movement: movement.py -------------------------------------------------------------------

    def reshape(self, x: FieldArray, shape: tuple[int, ...]) -> FieldArray:
        return movement.reshape(self, x, shape)

    def pick(self, operands: Sequence[FieldArray], index: np.ndarray) -> FieldArray:
        return movement.pick(self, operands, index)

    # -- arithmetic and logic: arithmetic.py -----------------------------------------------------

    def neg(self, a: FieldArray) -> FieldArray:
        return integers.neg(self, a) if is_integer(a.dtype) else arithmetic.neg(self, a)

    def add(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            return integers.ring(self, "add", a, b)
        return self.noticed(arithmetic.add(self, a, b))

    def sub(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            return integers.ring(self, "sub", a, b)
        return self.add(a, self.neg(b))

    def mul(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            return integers.ring(self, "mul", a, b)
        return arithmetic.mul(self, a, b)

    def div(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            raise Unsupported("a quotient of integers as one of numbers")
        return arithmetic.div(self, a, b)

    def dot(self, a: FieldArray, b: FieldArray) -> FieldArray:
        return integers.dot(self, a, b) if is_integer(a.dtype) else arithmetic.dot(self, a, b)

    def sum(self, x: FieldArray) -> FieldArray:
        return self.noticed(arithmetic.sum(self, x))

    def noticed(self, x: FieldArray) -> FieldArray:
        """x, with what a precondition says of its sign."""
        return x if self.given is None else self.given.notice(x)

    def prod(self, x: FieldArray) -> FieldArray:
        return arithmetic.prod(self, x)

    def cast(self, x: FieldArray, dtype: DType) -> FieldArray:
        return casts.cast(self, x, dtype)

    def logical_not(self, a: FieldArray) -> FieldArray:
        return arithmetic.logical_not(self, a) if a.concrete is None else self.lift(a.concrete == 0)

    def logical_and(self, a: FieldArray, b: FieldArray) -> FieldArray:
        for x, other in ((a, b), (b, a)):
            if x.concrete is not None and bool(np.all(x.concrete)):
                return other
            if x.concrete is not None and not np.any(x.concrete):
                return self.lift(np.zeros(a.shape, bool))
        return arithmetic.logical_and(self, a, b)

    def logical_or(self, a: FieldArray, b: FieldArray) -> FieldArray:
        for x, other in ((a, b), (b, a)):
            if x.concrete is not None and bool(np.all(x.concrete)):
                return self.lift(np.ones(a.shape, bool))
            if x.concrete is not None and not np.any(x.concrete):
                return other
        both = arithmetic.neg(self, self.logical_and(a, b))
        return arithmetic.add(self, arithmetic.add(self, a, b), both)

    def none_of(self, x: FieldArray) -> FieldArray:
        """Whether none holds of booleans along the last axis, of which at most one does."""
        if x.concrete is not None:
            return self.lift(np.asarray(~x.concrete.any(axis=-1)))
        rows = residues.reduce(1 - residues.total(x.rows, self.m), self.m)
        return self.plain(rows, x, x.growth.summed(x.shape[-1] + 1), nonnegative=True)

    # -- order and choice: choice.py -------------------------------------------------------------

    def maximum(self, a: FieldArray, b: FieldArray) -> FieldArray:
        return self.chooser.maximum(a, b)

    def max(self, x: FieldArray) -> FieldArray:
        return self.chooser.max(x)

    def winner(self, x: FieldArray, *, last: bool = False) -> FieldArray:
        return self.chooser.winner(x, last)

    def anyone(self, x: FieldArray) -> FieldArray | None:
        return self.chooser.anyone(x) if isinstance(x, FieldArray) else None

    def compare(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        return self.chooser.compare(op, a, b)

    def select(self, which: FieldArray, cases: Sequence[FieldArray]) -> FieldArray:
        return self.chooser.select(which, cases)

    def chosen(self, rows: np.ndarray, present: np.ndarray | None) -> np.ndarray:
        """The maxima of (rows, *shape, S) candidates as residues (rows, *shape)."""
        return self.chooser.value(rows, present)

    def collapse(self, x: FieldArray) -> np.ndarray:
        """The residues of a pending maximum: its candidates weighed by the chooser."""
        assert x.pending is not None
        rows, present, sign = x.pending.rows, x.pending.present, x.pending.sign
        if present is not None and not present.any(axis=-1).all():
            raise Unsupported("arithmetic with an infinite value")
        value = self.chosen(rows, present)
        return value if sign > 0 else residues.reduce(-value, self.m)

    # -- functions: functions.py -----------------------------------------------------------------

    def function(
        self,
        name: str,
        args: Sequence[FieldArray],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> FieldArray:
        return apply(self, name, args, shape, dtype, params)

    # -- cut points: cutting.py --------------------------------------------------------------------

    def cut(self, x: FieldArray, where: np.ndarray) -> FieldArray:
        return cutting.cut(self, x, where)

    def named(self, names: np.ndarray, dtype: DType, *, nonnegative: bool) -> FieldArray:
        return cutting.named(self, names, dtype, nonnegative=nonnegative)

    def may_be_zero(self, x: FieldArray) -> bool:
        """Whether an element may be zero on more than a set of measure zero: in branches, where
        relu is decided, any may be."""
        return (
            self.mode.decides
            or not x.growth.analytic
            or bool((x.rows[: self.points] == 0).all(axis=0).any())
        )

    def numbers(self, *values: FieldArray) -> None:
        """Told of values that are put in order: they may be no numbers."""
        self.chooser.numbers(*values)

    # -- machine integers: integers.py -----------------------------------------------------------

    def observed(self, x: FieldArray, where: str) -> FieldArray:
        return integers.observed(self, x, where)

    def never_negative(self, x: FieldArray) -> bool:
        return x.nonnegative

    def known_numbers(self, x: FieldArray) -> tuple[np.ndarray, np.ndarray] | None:
        return integers.known_numbers(self, x) if isinstance(x, FieldArray) else None

    def within(self, x: FieldArray, low: int, high: int) -> FieldArray:
        return integers.within(self, x, low, high)

    def remainder(self, a: FieldArray, b: FieldArray, quotient: FieldArray) -> FieldArray:
        return integers.remainder(self, a, b, quotient)

    def range_of(self, x: FieldArray) -> machine.Interval:
        return machine.range_of(x)

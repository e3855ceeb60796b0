"""An algebra around another: what the inner one offers (`offers.py`), it offers for inner values.

`Complex` and `KeyAlgebra` inherit from this. Of their own values, which the inner algebra
has never seen, nothing is known, or they are refused where something has to be done to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from verify.algebras.base import Algebra, Unsupported, Value

Inner = TypeVar("Inner", bound=Algebra[Value])


class Around(Algebra[Value], Protocol[Inner]):
    """inner: the algebra that is asked; own: the values that it has never seen."""

    inner: Inner
    own: ClassVar[tuple[type, ...]] = ()

    def _are_own(self, *values: Value) -> bool:
        return any(isinstance(x, self.own) for x in values)

    def _refuse(self, what: str, *values: Value) -> None:
        if self._are_own(*values):
            names = " or ".join(kind.__name__ for kind in self.own)
            raise Unsupported(f"{what} of values of the kind {names}")

    # -- what has no values ----------------------------------------------------------------------

    @property
    def native(self) -> frozenset[str]:
        return self.inner.native

    @property
    def by_rules(self) -> bool:
        return self.inner.by_rules

    @property
    def assumes(self) -> bool:
        return self.inner.assumes

    def literal(self, array: np.ndarray) -> Value | None:
        return self.inner.literal(array)

    def settled(self, operands: Sequence[Value], results: list[Value]) -> list[Value]:
        return self.inner.settled(operands, results)

    def assume(self, sentence: str) -> None:
        self.inner.assume(sentence)

    def roots(self, n: int) -> tuple[Value, Value]:
        return self.inner.roots(n)

    # -- truth values, which are never of its own -------------------------------------------------

    def logical_not(self, a: Value) -> Value:
        return self.inner.logical_not(a)

    def logical_and(self, a: Value, b: Value) -> Value:
        return self.inner.logical_and(a, b)

    def logical_or(self, a: Value, b: Value) -> Value:
        return self.inner.logical_or(a, b)

    # -- what is done to a value -----------------------------------------------------------------

    def observed(self, x: Value, where: str) -> Value:
        self._refuse("an integer", x)
        return self.inner.observed(x, where)

    def within(self, x: Value, low: int, high: int) -> Value:
        self._refuse("an interval", x)
        return self.inner.within(x, low, high)

    def remainder(self, a: Value, b: Value, quotient: Value) -> Value | None:
        self._refuse("a remainder", a, b, quotient)
        return self.inner.remainder(a, b, quotient)

    def names(self, x: Value) -> list[bytes]:
        self._refuse("names", x)
        return self.inner.names(x)

    @property
    def partitions(self) -> bool:
        return self.inner.partitions

    def none_of(self, x: Value) -> Value:
        self._refuse("none", x)
        return self.inner.none_of(x)

    def cut(self, x: Value, where: np.ndarray) -> Value:
        self._refuse("a cut", x)
        return self.inner.cut(x, where)

    def power(self, result: Value) -> Value:
        return result if self._are_own(result) else self.inner.power(result)

    def in_any_order(self, name: str, folded: Value, rows: Value) -> Value:
        if self._are_own(folded, rows):
            return folded
        return self.inner.in_any_order(name, folded, rows)

    def reduce_precision(self, x: Value, exponent_bits: int, mantissa_bits: int) -> Value | None:
        if self._are_own(x):
            return None
        return self.inner.reduce_precision(x, exponent_bits, mantissa_bits)

    def jointly(self, re: Value, im: Value) -> tuple[Value, Value]:
        return (re, im) if self._are_own(re, im) else self.inner.jointly(re, im)

    def defined_together(self, x: Value, axes: int) -> Value:
        return x if self._are_own(x) else self.inner.defined_together(x, axes)

    def depend_together(self, values: Sequence[Value], axes: int) -> list[Value] | None:
        return None if self._are_own(*values) else self.inner.depend_together(values, axes)

    # -- what is known of a value ----------------------------------------------------------------

    def known_numbers(self, x: Value) -> tuple[np.ndarray, np.ndarray] | None:
        return None if self._are_own(x) else self.inner.known_numbers(x)

    def possible(self, x: Value) -> np.ndarray | None:
        return None if self._are_own(x) else self.inner.possible(x)

    def never_negative(self, x: Value) -> bool:
        return not self._are_own(x) and self.inner.never_negative(x)

    def may_be_minus_infinity(self, x: Value) -> bool:
        return not self._are_own(x) and self.inner.may_be_minus_infinity(x)

    def may_be_no_number(self, x: Value) -> bool:
        return not self._are_own(x) and self.inner.may_be_no_number(x)

    def may_be_zero(self, x: Value) -> bool:
        return self._are_own(x) or self.inner.may_be_zero(x)

    def numbers(self, *values: Value) -> None:
        if not self._are_own(*values):
            self.inner.numbers(*values)

    def ieee(self, op: str, a: Value, b: Value) -> Value | None:
        return None if self._are_own(a, b) else self.inner.ieee(op, a, b)

    def agree(self, a: Value, b: Value) -> bool:
        return not self._are_own(a, b) and self.inner.agree(a, b)

    def anyone(self, x: Value) -> Value | None:
        return None if self._are_own(x) else self.inner.anyone(x)

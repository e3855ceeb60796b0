"""The domain of residues with infinities that truth values select.

Numbers are residues (`field/`), and what has no infinity is passed through as it is. A selection of
an infinity makes a `Guarded` value, and each operation says what becomes of its guards, by what
JAX computes of infinities: exp(-inf) = 0, max(-inf, x) = x, -inf + x = -inf, inf - inf and 0 inf
are NaN. Nothing is said of functions that are not named here: they are refused.

Truth values are as sound as the residues': programs that agree whatever their truth values are
(as polynomials in them, or decided row by row) agree for those that they have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from verify.algebras.base import Unsupported, Value, itself
from verify.algebras.complex import Pair
from verify.algebras.field.value import FieldArray
from verify.algebras.guarded import functions, order, products
from verify.algebras.guarded.logic import Logic
from verify.algebras.guarded.offered import Offered
from verify.algebras.guarded.value import (
    Compared,
    Guard,
    Guarded,
    Number,
    is_finite,
    nowhere,
    opened,
    unguarded,
)
from verify.dtypes import DType, has_infinity, is_integer, is_kind

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field


class Guards(Offered):
    """The algebra; `inner`: the residues."""

    def __init__(self, inner: Field) -> None:
        self.inner = inner
        self.logic = Logic(inner)
        self.masks: set[float] = set()  # large constants that have been read as masks

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Number:
        return self.inner.lift(array, dtype)

    # -- opening and closing ----------------------------------------------------------------------

    def open(self, x: Number) -> Guarded:
        return opened(self.inner, x)

    def made(
        self, number: FieldArray, low: Guard, high: Guard, void: Guard, nan: bool = True
    ) -> Number:
        found: list[Guard] = []
        for guard in map(self.logic.kept, (low, high, void)):
            if guard is not None and self.logic.is_never(guard):
                number, guard = self.inner.beside(number, guard), None
            found.append(guard)
        low, high, void = found
        if low is None and high is None and void is None:
            return number
        return Guarded(number, low, high, void, nan)

    def each(self, operation: Callable[..., FieldArray], *values: Number) -> Number:
        """A movement or a choice: of the numbers, and of each kind of guards."""
        several = [self.open(x) for x in values]
        number = operation(*(x.number for x in several))
        guards: list[Guard] = []
        for kind in ("low", "high", "void"):
            own = [getattr(x, kind) for x in several]
            if all(guard is None for guard in own):
                guards.append(None)
            else:
                full = [self.logic.full(g, x.shape) for g, x in zip(own, several, strict=True)]
                guards.append(operation(*full))
        low, high, void = guards
        return self.made(number, low, high, void, all(x.nan for x in several))

    # -- movement and choice ----------------------------------------------------------------------

    def reshape(self, x: Number, shape: tuple[int, ...]) -> Number:
        if isinstance(x, Guarded):
            return self.each(lambda part: self.inner.reshape(part, shape), x)
        return self.inner.reshape(x, shape)

    def pick(self, operands: Sequence[Number], index: np.ndarray) -> Number:
        if not any(isinstance(x, Guarded) for x in operands):
            return self.inner.pick([unguarded("a read", x) for x in operands], index)
        return self.each(lambda *parts: self.inner.pick(list(parts), index), *operands)

    def select(self, which: Number, cases: Sequence[Number]) -> Number:
        which = unguarded("a choice", which)
        if which.concrete is None and which.dtype == np.bool_ and len(cases) == 2:
            if not all(is_finite(x) for x in cases):
                return self._select(which, *map(self.open, cases))
        elif any(isinstance(x, Guarded) for x in cases):
            return self.each(lambda *parts: self.inner.select(which, list(parts)), *cases)
        return self.inner.select(which, [unguarded("a case", x) for x in cases])

    def _select(self, which: FieldArray, no: Guarded, yes: Guarded) -> Number:
        """The number beside what is infinite everywhere is the other one, whichever is chosen."""
        if nowhere(no):
            yes = replace(yes, number=self.inner.beside(yes.number, no.number))
            no = replace(no, number=yes.number, large=None)
        elif nowhere(yes):
            no = replace(no, number=self.inner.beside(no.number, yes.number))
            yes = replace(yes, number=no.number, large=None)
        number = no.number
        if yes.number is not no.number:
            number = self.inner.select(which, [no.number, yes.number])
        other = self.inner.logical_not(which)
        low, high, void = (
            self.logic.either(self.logic.both(which, b), self.logic.both(other, a))
            for a, b in zip(no.guards, yes.guards, strict=True)
        )
        return self.made(number, low, high, void, no.nan and yes.nan)

    # -- sums -------------------------------------------------------------------------------------

    def neg(self, a: Number) -> Number:
        if not isinstance(a, Guarded):
            return self.inner.neg(a)
        return Guarded(self.inner.neg(a.number), a.high, a.low, a.void, a.nan)

    def add(self, a: Number, b: Number) -> Number:
        if isinstance(a, Guarded) or isinstance(b, Guarded):
            return self._sum([self.open(a), self.open(b)], self.inner.add)
        if a.dtype == np.bool_ or is_finite(a) or is_finite(b):
            return self.inner.add(a, b)
        return self._sum([self.open(a), self.open(b)], self.inner.add)

    def sub(self, a: Number, b: Number) -> Number:
        if is_integer(a.dtype):
            return self.inner.sub(unguarded("a difference", a), unguarded("a difference", b))
        return self.add(a, self.neg(b))

    def sum(self, x: Number) -> Number:
        if x.dtype == np.bool_ or is_finite(x):
            return self.inner.sum(unguarded("a sum", x))
        x = self.open(x)
        if x.shape[-1] == 0:
            return self.inner.sum(x.number)
        parts = self.along(x)
        return self._sum(parts, lambda *_: self.inner.sum(x.number))

    def _sum(self, parts: Sequence[Guarded], number: Callable[..., FieldArray]) -> Number:
        logic = self.logic
        low = logic.either(*(x.low for x in parts))
        high = logic.either(*(x.high for x in parts))
        void = logic.either(*(x.void for x in parts), logic.both(low, high))
        total = number(*(x.number for x in parts))
        nan = all(x.nan for x in parts)
        return self.made(total, logic.but(low, void), logic.but(high, void), void, nan)

    def along(self, x: Guarded) -> list[Guarded]:
        """The elements along the last axis, one after the other."""
        index = np.arange(int(np.prod(x.shape))).reshape(x.shape)
        return [self.open(self.pick([x], index[..., i])) for i in range(x.shape[-1])]

    # -- products: products.py --------------------------------------------------------------------

    def mul(self, a: Number, b: Number) -> Number:
        if a.dtype == np.bool_ or (is_finite(a) and is_finite(b)):
            return self.inner.mul(unguarded("a product", a), unguarded("a product", b))
        return products.mul(self, self.open(a), self.open(b))

    def div(self, a: Number, b: Number) -> Number:
        return products.div(self, a, b)

    def dot(self, a: Number, b: Number) -> Number:
        if a.dtype == np.bool_ or (is_finite(a) and is_finite(b)):
            return self.inner.dot(unguarded("a product", a), unguarded("a product", b))
        return products.dot(self, self.open(a), self.open(b))

    def prod(self, x: Number) -> Number:
        if x.dtype == np.bool_ or is_finite(x):
            return self.inner.prod(unguarded("a product", x))
        if x.shape[-1] == 0:
            return self.inner.prod(self.open(x).number)
        first, *rest = self.along(self.open(x))
        result: Number = first
        for factor in rest:
            result = self.mul(result, factor)
        return result

    # -- order: order.py --------------------------------------------------------------------------

    def maximum(self, a: Number, b: Number) -> Number:
        if isinstance(a, Guarded) or isinstance(b, Guarded):
            return order.largest(self, [self.open(a), self.open(b)])
        return self.inner.maximum(a, b)

    def max(self, x: Number) -> Number:
        if isinstance(x, Guarded) and x.shape[-1]:
            return order.largest(self, self.along(x))
        return self.inner.max(x.number if isinstance(x, Guarded) else x)

    def winner(self, x: Number, *, last: bool = False) -> Number:
        if isinstance(x, Guarded):
            return order.winner(self, x, last)
        return self.inner.winner(x, last=last)

    def compare(self, op: str, a: Number, b: Number) -> Number:
        return self._compare(op, a, b, ieee=False)

    def ieee(self, op: str, a: Number, b: Number) -> Number:
        """A comparison of the program itself: what is true of NaN is what IEEE 754 says."""
        return self._compare(op, a, b, ieee=True)

    def _compare(self, op: str, a: Number, b: Number, *, ieee: bool) -> Number:
        if isinstance(a, Guarded) or isinstance(b, Guarded):
            return order.compare(self, op, a, b, ieee=ieee)
        return self.inner.compare(op, a, b)

    # -- logic, conversions, functions ------------------------------------------------------------

    def logical_not(self, a: Number) -> FieldArray:
        return self.inner.logical_not(unguarded("a truth", a))

    def logical_and(self, a: Number, b: Number) -> FieldArray:
        return self.inner.logical_and(unguarded("a truth", a), unguarded("a truth", b))

    def logical_or(self, a: Number, b: Number) -> FieldArray:
        return self.inner.logical_or(unguarded("a truth", a), unguarded("a truth", b))

    def cast(self, x: Number, dtype: DType) -> Number:
        if is_kind(dtype, np.floating) and not has_infinity(dtype) and not is_finite(x):
            raise Unsupported(f"an infinity as {np.dtype(dtype)}, which has none")
        if not isinstance(x, Guarded):
            return self.inner.cast(x, dtype)
        if is_integer(np.dtype(dtype)):
            raise Unsupported("an infinity as an integer")
        if np.dtype(dtype) == np.bool_:
            zero = self.inner.lift(np.zeros(x.shape), x.dtype)
            return self.compare("ne", x, zero)
        return Guarded(self.inner.cast(x.number, dtype), *x.guards, x.nan)

    def compared(self, a: Value, b: Value) -> tuple[Value, Value]:
        """Two results, made of parts that are equal where they are: what has no value on both sides
        is equal if it is NaN for certain, and else what no value is equal to."""
        if not (isinstance(a, Guarded) or isinstance(b, Guarded)):
            if isinstance(a, Pair) and isinstance(b, Pair):
                re, im = self.compared(a.re, b.re), self.compared(a.im, b.im)
                return Pair(re[0], im[0], a.dtype), Pair(re[1], im[1], b.dtype)
            return a, b
        large = [x.large if isinstance(x, Guarded) else None for x in (a, b)]
        one, two = (self._shown(x) for x in (a, b))
        if large != [None, None]:
            zero = self.inner.lift(np.zeros(one.shape), one.dtype)
            one, two = (replace(x, large=y or zero) for x, y in zip((one, two), large, strict=True))
        if not (one.nan and two.nan):
            never = self.logic.full(None, one.shape)
            left, right = one.parts, two.parts
            return (
                Compared((*left, never)),
                Compared((*right[:3], never, *right[4:], right[3])),
            )
        return Compared(tuple(one.parts)), Compared(tuple(two.parts))

    def ended(self) -> None:
        """Both programs have been evaluated: what a proof of them assumes is known."""

    def _shown(self, value: Value) -> Guarded:
        """With zero for a number where there is none, and all guards spelt out."""
        x = value if isinstance(value, Guarded) else self.open(itself(value, FieldArray))
        anywhere = self.logic.either(*x.guards)
        number = x.number
        if anywhere is not None:
            zero = self.inner.lift(np.zeros(x.shape), x.dtype)
            number = self.inner.select(anywhere, [number, zero])
        low, high, void = (self.logic.full(guard, x.shape) for guard in x.guards)
        return Guarded(number, low, high, void, x.nan)

    def numbers(self, *values: Number) -> None:
        """What is put in order: NaN, which a sort puts last, is none of them."""
        for x in values:
            if isinstance(x, Guarded) and x.void is not None and not self.inner.excused(x.void):
                raise Unsupported("a sort of what may be NaN")
        self.inner.numbers(*(x.number if isinstance(x, Guarded) else x for x in values))

    def function(
        self,
        name: str,
        args: Sequence[Number],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Number:
        return functions.apply(self, name, args, shape, dtype, params)

"""The domain in which large constants are masks: `large.py` says what is read into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field.value import FieldArray
from verify.algebras.guarded import large
from verify.algebras.guarded.domain import Guards
from verify.algebras.guarded.value import Guard, Guarded, Number, is_finite, unguarded
from verify.algebras.numeric import Numeric
from verify.dtypes import DType, is_integer


class Sinking(Guards):
    """Sums and products keep a value's large part; exponentials and maxima along an axis let what
    has one sink; everything else refuses it."""

    sinks = False  # whether one of them was needed as a mask

    def ended(self) -> None:
        if self.sinks:
            self.inner.assume(large.sentence(self.masks))

    def literal(self, array: np.ndarray) -> Number:
        return large.literal(self.inner, array, self.masks)

    # -- the two parts ----------------------------------------------------------------------------

    def joined(self, base: Number, part: FieldArray | None) -> Number:
        if part is None or (part.concrete is not None and not part.concrete.any()):
            return base
        if self.logic.is_never(part):
            if isinstance(base, Guarded):
                return replace(base, number=self.inner.beside(base.number, part))
            return self.inner.beside(base, part)
        return replace(self.open(base), large=part)

    def _full(self, x: Number) -> FieldArray:
        part = _part(x)
        return self.inner.lift(np.zeros(x.shape), x.dtype) if part is None else part

    def refused(self, what: str, *values: Number) -> None:
        if any(_part(x) is not None for x in values):
            raise Unsupported(f"{what} of a constant that is read as a mask")

    # -- movement, choice and sums ----------------------------------------------------------------

    def reshape(self, x: Number, shape: tuple[int, ...]) -> Number:
        part = _part(x)
        moved = None if part is None else self.inner.reshape(part, shape)
        return self.joined(super().reshape(_base(self, x), shape), moved)

    def pick(self, operands: Sequence[Number], index: np.ndarray) -> Number:
        base = super().pick([_base(self, x) for x in operands], index)
        if not any(_part(x) is not None for x in operands):
            return base
        return self.joined(base, self.inner.pick([self._full(x) for x in operands], index))

    def select(self, which: Number, cases: Sequence[Number]) -> Number:
        which = unguarded("a choice", which)
        base = super().select(which, [_base(self, x) for x in cases])
        if not any(_part(x) is not None for x in cases):
            return base
        return self.joined(base, self.inner.select(which, [self._full(x) for x in cases]))

    def neg(self, a: Number) -> Number:
        part = _part(a)
        negated = None if part is None else self.inner.neg(part)
        return self.joined(super().neg(_base(self, a)), negated)

    def add(self, a: Number, b: Number) -> Number:
        base = super().add(_base(self, a), _base(self, b))
        parts = [part for part in (_part(a), _part(b)) if part is not None]
        if len(parts) < 2:
            return self.joined(base, parts[0] if parts else None)
        return self.joined(base, self._folded("add", *parts))

    def sub(self, a: Number, b: Number) -> Number:
        if is_integer(a.dtype):
            return super().sub(a, b)
        return self.add(a, self.neg(b))

    def sum(self, x: Number) -> Number:
        part = _part(x)
        base = super().sum(_base(self, x))
        return self.joined(base, None if part is None else self.inner.sum(part))

    # -- products ---------------------------------------------------------------------------------

    def mul(self, a: Number, b: Number) -> Number:
        base = super().mul(_base(self, a), _base(self, b))
        for x, other in ((a, b), (b, a)):
            part = _part(x)
            if part is None:
                continue
            return self.joined(base, self._folded("mul", part, self._factor(other)))
        return base

    def div(self, a: Number, b: Number) -> Number:
        self.refused("a quotient", b)
        part = _part(a)
        if part is not None and b.concrete is None:
            raise Unsupported("a quotient of a mask")
        base = super().div(_base(self, a), b)
        return self.joined(
            base, None if part is None else self.inner.div(part, unguarded("a mask", b))
        )

    def dot(self, a: Number, b: Number) -> Number:
        base = super().dot(_base(self, a), _base(self, b))
        for x, other, swapped in ((a, b, False), (b, a, True)):
            part = _part(x)
            if part is None:
                continue
            other = self._factor(other)
            both = (other, part) if swapped else (part, other)
            return self.joined(base, self.inner.dot(*both))
        return base

    def _folded(self, name: str, a: FieldArray, b: FieldArray) -> FieldArray:
        """A sum or product, of two constants beforehand where that is an exact number."""
        if a.concrete is not None and b.concrete is not None:
            numeric = Numeric()
            one, two = (numeric.lift(np.asarray(x.concrete, np.float64)) for x in (a, b))
            known = (numeric.add(one, two) if name == "add" else numeric.mul(one, two)).concrete
            if known is not None and np.isfinite(known).all():
                return self.inner.lift(known, a.dtype)
        return self.inner.add(a, b) if name == "add" else self.inner.mul(a, b)

    def _factor(self, x: Number) -> FieldArray:
        """What a mask is multiplied with: a number, where there is one."""
        if is_finite(x):
            return x
        found = self.open(x)
        if found.large is not None or found.low is not None or found.high is not None:
            raise Unsupported("a product of masks")
        return found.number

    def prod(self, x: Number) -> Number:
        self.refused("a product", x)
        return super().prod(x)

    # -- where it sinks ---------------------------------------------------------------------------

    def sunk(self, x: Number) -> tuple[Number, Guard]:
        """What is large as minus infinity, and where that is."""
        part = _part(x)
        if part is None:
            return x, None
        below, above = large.signs(self.inner, part, self.masks)
        if above is not None:
            raise Unsupported("a mask that lies above")
        self.sinks = True
        base = self.open(_base(self, x))
        number = self.inner.beside(base.number, part)
        below = self.logic.but(below, base.high, base.void)
        low = self.logic.either(base.low, below)
        return self.made(number, low, base.high, base.void, base.nan), below

    def max(self, x: Number) -> Number:
        """Where nothing is left but masks, it is one of them: nothing is known of that."""
        lowered, below = self.sunk(x)
        found = super().max(lowered)
        if below is None or not isinstance(found, Guarded) or found.low is None:
            return found
        some = self.logic.both(found.low, self._any(below))
        void = self.logic.either(found.void, some)
        low = self.logic.but(found.low, void)
        return self.made(found.number, low, found.high, void, nan=False)

    def winner(self, x: Number, *, last: bool = False) -> Number:
        lowered, below = self.sunk(x)
        if below is not None:
            found = super().max(lowered)
            none = found.low if isinstance(found, Guarded) else None
            if none is not None and not self.inner.excused(none):
                raise Unsupported("the place of a maximum of nothing but masks")
        return super().winner(lowered, last=last)

    def _any(self, guard: FieldArray) -> FieldArray:
        return self.inner.max(guard)

    def maximum(self, a: Number, b: Number) -> Number:
        for x, other in ((a, b), (b, a)):
            if other.concrete is not None and np.isneginf(other.concrete).all():
                return x
        self.refused("a bound", a, b)
        return super().maximum(a, b)

    def _compare(self, op: str, a: Number, b: Number, *, ieee: bool) -> Number:
        self.refused("a comparison", a, b)
        return super()._compare(op, a, b, ieee=ieee)

    def cast(self, x: Number, dtype: DType) -> Number:
        part = _part(x)
        if part is None:
            return super().cast(x, dtype)
        if np.dtype(dtype) == np.bool_ or is_integer(np.dtype(dtype)):
            raise Unsupported("a conversion of a constant that is read as a mask")
        return self.joined(super().cast(_base(self, x), dtype), self.inner.cast(part, dtype))

    def function(
        self,
        name: str,
        args: Sequence[Number],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Number:
        if name == "exp":
            args = [self.sunk(args[0])[0]]
        self.refused(name, *args)
        return super().function(name, args, shape, dtype, params)


def _part(x: Number) -> FieldArray | None:
    return x.large if isinstance(x, Guarded) else None


def _base(domain: Guards, x: Number) -> Number:
    if not isinstance(x, Guarded) or x.large is None:
        return x
    return domain.made(x.number, x.low, x.high, x.void, x.nan)

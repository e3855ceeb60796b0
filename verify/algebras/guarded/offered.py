"""What residues offer beyond the operations, of values without guards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from verify.algebras.base import Algebra
from verify.algebras.guarded.value import Guarded, Number, is_finite, unguarded

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field


class Offered(Algebra[Number], Protocol):
    """`inner`: the residues."""

    inner: Field

    @property
    def assumes(self) -> bool:
        return self.inner.assumes

    def assume(self, sentence: str) -> None:
        self.inner.assume(sentence)

    def roots(self, n: int) -> tuple[Number, Number]:
        return self.inner.roots(n)

    def observed(self, x: Number, where: str) -> Number:
        return self.inner.observed(unguarded("an integer", x), where)

    def within(self, x: Number, low: int, high: int) -> Number:
        return self.inner.within(unguarded("an interval", x), low, high)

    def remainder(self, a: Number, b: Number, quotient: Number) -> Number | None:
        one, two, three = (unguarded("a remainder", x) for x in (a, b, quotient))
        return self.inner.remainder(one, two, three)

    def known_numbers(self, x: Number) -> tuple[np.ndarray, np.ndarray] | None:
        return self.inner.known_numbers(unguarded("the numbers", x))

    def names(self, x: Number) -> list[bytes]:
        return self.inner.names(unguarded("the names", x))

    @property
    def partitions(self) -> bool:
        return self.inner.partitions

    def none_of(self, x: Number) -> Number:
        return self.inner.none_of(unguarded("none", x))

    def cut(self, x: Number, where: np.ndarray) -> Number:
        return self.inner.cut(unguarded("a cut", x), where)

    def anyone(self, x: Number) -> Number | None:
        return None if isinstance(x, Guarded) else self.inner.anyone(x)

    def agree(self, a: Number, b: Number) -> bool:
        return self.inner.agree(*(unguarded("a comparison of devices", x) for x in (a, b)))

    def may_be_zero(self, x: Number) -> bool:
        return isinstance(x, Guarded) or self.inner.may_be_zero(x)

    def may_be_minus_infinity(self, x: Number) -> bool:
        return isinstance(x, Guarded) and x.low is not None

    def may_be_no_number(self, x: Number) -> bool:
        return not is_finite(x)

    def never_negative(self, x: Number) -> bool:
        return x.nonnegative

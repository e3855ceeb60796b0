"""Truth values that may be known to be never true: `None` is never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from verify.algebras.field.value import FieldArray
from verify.algebras.guarded.value import Guard

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field


class Logic:
    """Of the guards of one trial. What is known not to happen becomes None."""

    def __init__(self, state: Field) -> None:
        self.state = state

    def kept(self, guard: Guard) -> Guard:
        if guard is None or (guard.concrete is not None and not guard.concrete.any()):
            return None
        return None if 0 in guard.shape else guard

    def is_never(self, guard: FieldArray) -> bool:
        """Whether it is false at every point: as a polynomial, or in all branches that rows are
        in; whoever drops it then keeps the choices behind it (`State.beside`). Or whether it is
        what a precondition excludes."""
        self.state.atoms += guard.rows[0].size
        return not guard.rows[: self.state.points].any() or self.state.excluded(guard)

    def either(self, *guards: Guard) -> Guard:
        found: Guard = None
        for guard in map(self.kept, guards):
            if guard is not None:
                found = guard if found is None else self.state.logical_or(found, guard)
        return found

    def both(self, *guards: Guard) -> Guard:
        found = self.kept(guards[0])
        for guard in map(self.kept, guards[1:]):
            if found is None or guard is None:
                return None
            found = found if found is guard else self.state.logical_and(found, guard)
        return self.kept(found)

    def but(self, guard: Guard, *others: Guard) -> Guard:
        """guard and none of the others."""
        found, other = self.kept(guard), self.either(*others)
        if found is None or other is None:
            return found
        return self.both(found, self.state.logical_not(other))

    def full(self, guard: Guard, shape: tuple[int, ...]) -> FieldArray:
        return self.state.lift(np.zeros(shape, bool)) if guard is None else guard

    def none_of(self, guards: Sequence[Guard], shape: tuple[int, ...]) -> FieldArray:
        """That none of them is true."""
        found = self.either(*guards)
        if found is None:
            return self.state.lift(np.ones(shape, bool))
        return self.state.logical_not(found)

"""A number, minus infinity, infinity or none of them, as truth values say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field.value import FieldArray, Pending
from verify.dtypes import DType

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field

Guard = FieldArray | None  # a truth value an element; None: never


@dataclass(frozen=True, eq=False)
class Guarded:
    """`number` where no guard is true, and there only; at most one of the guards is true.

    low: minus infinity; high: infinity; void: no value. `nan`: what has no value is NaN to JAX;
    otherwise it may be an infinity, as the quotient of a number and zero is.
    """

    number: FieldArray
    low: Guard = None
    high: Guard = None
    void: Guard = None
    nan: bool = True
    large: FieldArray | None = None  # beside the number: see large.py

    @property
    def shape(self) -> tuple[int, ...]:
        return self.number.shape

    @property
    def dtype(self) -> DType:
        return self.number.dtype

    @property
    def concrete(self) -> None:
        """It depends on the inputs."""
        return None

    @property
    def nonnegative(self) -> bool:
        """Whether it is never below zero."""
        return self.number.nonnegative and self.low is None and self.large is None

    @property
    def guards(self) -> tuple[Guard, Guard, Guard]:
        return self.low, self.high, self.void

    @property
    def parts(self) -> list[FieldArray]:
        return [x for x in (self.number, *self.guards, self.large) if x is not None]


Number = FieldArray | Guarded  # what is never infinite is left as it is


@dataclass(frozen=True, eq=False)
class Compared:
    """A result as it is compared: equal if all its parts are."""

    parts: tuple[FieldArray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.parts[0].shape

    @property
    def dtype(self) -> DType:
        return self.parts[0].dtype

    @property
    def concrete(self) -> None:
        return None


def unguarded(what: str, x: Number) -> FieldArray:
    """A value without guards; any other is refused."""
    if isinstance(x, Guarded):
        raise Unsupported(f"{what} of what may be infinite")
    return x


def is_finite(x: Number) -> TypeGuard[FieldArray]:
    """Whether a value of the residues has a number everywhere."""
    if isinstance(x, Guarded):
        return False
    if x.concrete is not None:
        return x.concrete.dtype != np.float64 or bool(np.isfinite(x.concrete).all())
    if x._rows is not None or x._pending is None:
        return True
    if x.moved_from and all(map(is_finite, x.moved_from)):
        return True  # without laying out all candidates of what is moved
    p = x.pending
    return p is None or p.present is None or bool(p.present.any(axis=-1).all())


def opened(state: Field, x: Number) -> Guarded:
    """Any value with its infinities in guards: those of constants, and maxima of nothing."""
    if isinstance(x, Guarded):
        return x
    if is_finite(x):
        return Guarded(x)
    if x.concrete is not None:
        known = np.asarray(x.concrete)
        number = state.lift(np.where(np.isfinite(known), known, 0.0), x.dtype)
        kinds = [np.asarray(of(known)) for of in (np.isneginf, np.isposinf, np.isnan)]
        low, high, void = (state.lift(k) if k.any() else None for k in kinds)
        return Guarded(number, low, high, void)
    p = x.pending
    assert p is not None
    assert p.present is not None
    missing = np.asarray(~p.present.any(axis=-1))
    rows, present = np.where(missing[..., None], 0, p.rows), p.present.copy()
    present[missing, 0] = True
    number = FieldArray(
        state,
        x.shape,
        x.dtype,
        x.growth,
        _pending=Pending(rows, present, p.sign, p.analytic),
    )
    guard = state.lift(missing)
    return Guarded(number, guard) if p.sign > 0 else Guarded(number, None, guard)


def nowhere(x: Guarded) -> bool:
    """Whether it is known to have no number, at any element."""
    known = [g.concrete for g in x.guards if g is not None and g.concrete is not None]
    return bool(known) and bool(np.logical_or.reduce(known).all())

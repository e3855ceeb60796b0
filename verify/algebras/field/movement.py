"""Copying elements of residue arrays, undecided maxima and infinities included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.field import residues
from verify.algebras.field.growth import ATOM
from verify.algebras.field.laws import concerned
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, Mask, Pending, infinite
from verify.dtypes import is_integer

Move = Callable[[np.ndarray, tuple[int, ...], tuple[int, ...]], np.ndarray]
_FACTORS = 512  # elements of products whose factors are moved with them


def reshape(field: State, x: FieldArray, shape: tuple[int, ...]) -> FieldArray:
    return moved(field, x, lambda a, lead, trail: a.reshape((*lead, *shape, *trail)), shape)


def pick(field: State, operands: Sequence[FieldArray], index: np.ndarray) -> FieldArray:
    used = [x for x in operands if x.shape != (0,)]
    if len(operands) == 1:
        flat = index.reshape(-1)

        def move(a: np.ndarray, lead: tuple[int, ...], trail: tuple[int, ...]) -> np.ndarray:
            if lead and not trail:
                return residues.take(a.reshape(*lead, -1), index)
            taken = a.reshape(*lead, -1, *trail).take(flat, axis=len(lead))
            return taken.reshape((*lead, *index.shape, *trail))

        return moved(field, operands[0], move, index.shape)
    operands = [
        _needed(field, x, index, start)
        for x, start in zip(operands, _starts(operands), strict=True)
    ]
    dtype = operands[0].dtype
    growth = used[0].growth if used else ATOM
    for x in used[1:]:
        growth = growth.union(x.growth)
    known = all(x.nonnegative for x in used)
    if all(x.concrete is not None for x in operands):
        flat = np.concatenate([np.asarray(x.concrete).reshape(-1) for x in operands])
        return field.lift(flat[index], dtype)

    def gather() -> np.ndarray:
        if not all(map(finite, operands)):  # infinities that nobody picks, perhaps
            return field.collapse(y)
        flat = np.concatenate([x.rows.reshape(len(field.m), -1) for x in operands], axis=1)
        return residues.take(flat, index)

    bounds = machine.hull(*(x.bounds for x in used)) if used else (0, 0)
    y = FieldArray(field, index.shape, dtype, growth, nonnegative=known, bounds=bounds)
    y.positive = bool(used) and all(x.positive for x in used)
    ends = any(infinite(x).any() for x in operands)
    if ends or any(x.undecided for x in operands):
        y._pending = lambda: _pick_pending(field, operands, index)
        y.deferred, y.moved_from = None if ends else gather, operands
    else:
        y._rows = gather()
        for law in concerned(*operands):
            law.know(y, law.picked(field, operands, index))
    return y


def _starts(operands: Sequence[FieldArray]) -> list[int]:
    sizes = [int(np.prod(x.shape)) for x in operands]
    return [sum(sizes[:i]) for i in range(len(sizes))]


def _needed(field: State, x: FieldArray, index: np.ndarray, start: int) -> FieldArray:
    """A constant without the NaNs and infinities that nobody picks: jnp.where(True, x, nan)."""
    known = x.concrete
    if known is None or known.dtype != np.float64 or np.isfinite(known).all():
        return x
    picked = np.zeros(known.size, bool)
    here = index[(index >= start) & (index < start + known.size)]
    picked[here - start] = True
    flat = known.reshape(-1)
    kept = np.where(picked | np.isfinite(flat), flat, 0.0)
    return field.lift(kept.reshape(known.shape), x.dtype)


def _pick_pending(field: State, operands: Sequence[FieldArray], index: np.ndarray) -> Pending:
    sign = next((x.pending.sign for x in operands if x.pending is not None), None)
    laid = lay_out(field, operands, sign)
    flat, size = index.reshape(-1), laid.rows.shape[-1]
    present = None if laid.present is None else laid.present[flat].reshape(*index.shape, size)
    rows = laid.rows[:, flat].reshape(len(field.m), *index.shape, size)
    return Pending(rows, present, laid.sign, laid.analytic)


def moved(field: State, x: FieldArray, move: Move, shape: tuple[int, ...]) -> FieldArray:
    """A value whose elements are x's, rearranged by `move(array, leading, trailing dims)`."""
    lead = (len(field.m),)
    y = FieldArray(
        field, tuple(shape), x.dtype, x.growth, nonnegative=x.nonnegative, bounds=x.bounds
    )
    y.positive, y.largest = x.positive, x.largest
    if x.concrete is not None:
        y.concrete = move(np.asarray(x.concrete), (), ())
        if is_integer(x.dtype):
            y.bounds = machine.of_array(y.concrete)
        return y
    if x._rows is not None:
        y._rows = move(x._rows, lead, ())
    if x._pending is not None:

        def decided() -> np.ndarray:
            """Once for all that is moved, unless there are infinities that stay behind, perhaps."""
            return move(x.rows, lead, ()) if finite(x) else field.collapse(y)

        y.deferred, y.moved_from = decided, (x,)

        def pending() -> Pending:
            p = x.pending
            assert p is not None
            size = p.rows.shape[-1:]
            present = None if p.present is None else move(p.present, (), size)
            return Pending(move(p.rows, lead, size), present, p.sign, p.analytic)

        y._pending = pending
    if x.mask is not None:
        y.mask = Mask(move(x.mask.difference, lead, ()), move(x.mask.weight, lead, ()))
    if x.factors and 0 < np.prod(shape) <= _FACTORS:
        y.factors = tuple((move(rows, (len(rows),), ()), growth) for rows, growth in x.factors)
    for law, fact in x.facts.items():
        law.know(y, law.moved(field, fact, _Moved(field, move, shape)))
    return y


@dataclass(frozen=True)
class _Moved:
    """The movement, of what a law knows."""

    field: State
    move: Move
    shape: tuple[int, ...]

    def value(self, x: FieldArray) -> FieldArray:
        return moved(self.field, x, self.move, self.shape)

    def rows(self, array: np.ndarray) -> np.ndarray:
        return np.asarray(self.move(array, (len(array),), ()))


def lay_out(field: State, operands: Sequence[FieldArray], sign: int | None) -> Pending:
    """The operands' candidates flattened and laid end to end, over one common size."""
    if sign is None:
        sign = -1 if any((infinite(x) > 0).any() for x in operands) else 1
    parts = [candidates(field, x, sign) for x in operands]
    size = max(p.rows.shape[-1] for p in parts)
    rows, present = [], []
    for p in parts:
        flat = p.rows.reshape(len(field.m), -1, p.rows.shape[-1])
        here = np.ones(flat.shape[1:], bool) if p.present is None else p.present
        here = here.reshape(flat.shape[1:])
        # Missing candidates repeat the first: a set does not mind.
        fill = [(0, 0), (0, size - flat.shape[-1])]
        rows.append(np.pad(flat, [(0, 0), *fill]))
        present.append(np.pad(here, fill))
    analytic = all(p.analytic for p in parts)
    return Pending(np.concatenate(rows, axis=1), np.concatenate(present, axis=0), sign, analytic)


def candidates(field: State, x: FieldArray, sign: int) -> Pending:
    """x as sign * max(candidates); a decided or finite value is its only candidate."""
    if x.pending is not None:
        if x.pending.sign == sign:
            return x.pending
        if x.pending.rows.shape[-1] == 1:  # one candidate is a maximum and a minimum
            rows = residues.reduce(-x.pending.rows, field.m)
            return one_sided(Pending(rows, x.pending.present, sign, x.pending.analytic))
    ends = infinite(x)
    if ends.any():
        if (ends * sign > 0).any():
            raise Unsupported("a maximum with infinity")
        known = np.asarray(x.concrete)
        rows = field.lift_rows(np.where(ends != 0, 0.0, known) * sign)
        return Pending(rows[..., None], (ends == 0)[..., None], sign, True)
    rows = x.rows if sign > 0 else residues.reduce(-x.rows, field.m)
    return Pending(rows[..., None], None, sign, x.growth.analytic)


def one_sided(p: Pending) -> Pending:
    if p.present is not None and not p.present.all():
        raise Unsupported("infinities of both signs in one array")
    return p


def as_maximum(field: State, x: FieldArray) -> FieldArray:
    """A constant with infinities as a pending maximum; anything else as it is."""
    if infinite(x).any():
        pending = lay_out(field, [x], None)
        size = pending.rows.shape[-1]
        assert pending.present is not None
        return FieldArray(
            field,
            x.shape,
            x.dtype,
            x.growth,
            bounds=x.bounds,
            _pending=Pending(
                pending.rows.reshape(len(field.m), *x.shape, size),
                pending.present.reshape(*x.shape, size),
                pending.sign,
                pending.analytic,
            ),
        )
    return x


def finite(x: FieldArray) -> bool:
    p = x.pending
    return (
        x._rows is not None or p is None or p.present is None or bool(p.present.any(axis=-1).all())
    )

"""Which of several values is the largest: a place, as weights that are one at it (`maxima.py`)."""

from __future__ import annotations

import numpy as np

from verify.algebras.elements import COMPARED
from verify.algebras.field import mixing, movement, residues
from verify.algebras.field.laws.images import IMAGES
from verify.algebras.field.laws.scaled import SCALED
from verify.algebras.field.maxima import NO_TIES, Maxima, is_float
from verify.algebras.field.value import FieldArray
from verify.dtypes import is_integer


class Winners(Maxima):
    """The place of a maximum."""

    def winner(self, x: FieldArray, last: bool) -> FieldArray:
        field = self.field
        x = SCALED.ordered(field, field.observed(x, COMPARED))
        x = IMAGES.ordered(field, x)
        self.numbers(x)
        shape = x.shape
        p = movement.candidates(field, x, 1)
        if p.rows.shape[-1] > 1:
            rows, present = x.rows, None
        else:
            rows = p.rows[..., 0]
            present = None if p.present is None else p.present[..., 0]
        rows = rows.reshape(len(field.m), -1, shape[-1])
        here = None if present is None else present.reshape(-1, shape[-1])
        weighed = self.weights.weigh(rows, here)
        weights = weighed.weights
        if here is None:
            here = np.ones(rows.shape[1:], bool)
        repeats = here & ~weighed.distinct
        analytic = x.growth.analytic and is_float(x.dtype)
        ties = field.mode.ties or not analytic
        if field.mode.patterns and analytic:
            field.assume(NO_TIES)
            weights = self._first_of_equals(rows, weights, here, last)
        elif ties or repeats.any():
            # Which of equal maxima is taken depends on their order: a function of the sequence.
            difference = residues.reduce(
                rows - residues.multiply(rows, weights, field.m).sum(-1, keepdims=True), field.m
            )
            members = np.where(here, mixing.digest(difference[: field.points], field.key), 0)
            sequence = mixing.combine(*np.moveaxis(members, -1, 0), tag="order")
            place = mixing.expand(
                mixing.combine(
                    sequence[..., None],
                    np.broadcast_to(np.arange(shape[-1], dtype=np.uint64), members.shape),
                    tag=("last" if last else "first"),
                ),
                field.m,
            )
            field.atoms += place[0].size
            n = here.sum(axis=-1)
            if field.mode.patterns:
                drawn = self.weights.one(place, here)
                field.note(sequence, n)
            else:
                place = np.where(here, place, 0)
                counts = range(shape[-1] + 1)
                table = np.stack(
                    [residues.inverse_of_integer(max(k, 1), field.m) for k in counts], 1
                )
                rest = residues.reduce(1 - residues.total(place, field.m), field.m)
                share = residues.multiply(rest, table[:, n], field.m)
                drawn = np.where(here, residues.reduce(place + share[..., None], field.m), 0)
            exact = weighed.constant & ~repeats.any(axis=-1)
            weights = np.where(exact[None, :, None], weights, drawn)
        else:
            field.assume(NO_TIES)
        weights = weights.reshape(len(field.m), *shape)
        bounds = (0, 1) if is_integer(x.dtype) else None
        return field.plain(weights, x, self.mask_growth, nonnegative=True, bounds=bounds)

    def anyone(self, x: FieldArray) -> FieldArray | None:
        """One truth along the last axis, at a place that is some function of the lane; where each
        row is a branch of its own. Whatever the function is: what is equal wherever the truth may
        be is equal where a program has it, also where that depends on ties."""
        field = self.field
        if not field.mode.patterns or not x.shape[-1]:
            return None
        members = field.digest(x.rows.reshape(len(field.m), -1, x.shape[-1]))
        lane = mixing.combine(*np.moveaxis(members, -1, 0), tag="anyone")
        places = np.broadcast_to(np.arange(x.shape[-1], dtype=np.uint64), members.shape)
        drawn = mixing.expand(mixing.combine(lane[..., None], places, tag="anyone"), field.m)
        field.note(lane, x.shape[-1])
        chosen = self.weights.one(drawn, np.ones(drawn.shape[1:], bool))[: field.points]
        return field.decided(chosen.reshape(-1, *x.shape) != 0, x)

    def _first_of_equals(
        self, rows: np.ndarray, weights: np.ndarray, here: np.ndarray, last: bool
    ) -> np.ndarray:
        """Decided weights moved to the first (last) candidate that equals the winner in that row:
        relu(x) and relu(y) are both zero in some of them."""
        points = self.field.points
        best = (rows * weights)[:points].sum(axis=-1, keepdims=True)
        equal = (rows[:points] == best) & here
        size = equal.shape[-1]
        place = size - 1 - equal[..., ::-1].argmax(axis=-1) if last else equal.argmax(axis=-1)
        moved = (np.arange(size) == place[..., None]).astype(np.int64)
        return self.field.for_all(moved)

"""Comparisons over residues: a truth value is the weight of one of two candidates (`maxima.py`).

Ties: a > b has the weight minus half of a tie value, a >= b plus half of it, a == b the tie value
itself. A tie value is random too, unless the trial ignores ties (`Mode.ties`). It is ignored only
between analytic values that differ, whose ties have measure zero; relu(a) == relu(b) is true on an
open set, and stays distinct.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.elements import COMPARED
from verify.algebras.field import arithmetic, branches, mixing, movement, residues
from verify.algebras.field.given import STRICT
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws.images import IMAGES
from verify.algebras.field.laws.quotients import QUOTIENTS
from verify.algebras.field.laws.wholes import WHOLE_NUMBERS
from verify.algebras.field.maxima import NO_INFINITIES, NO_NANS, NO_TIES, is_float
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, Mask, Tie
from verify.algebras.field.winners import Winners
from verify.algebras.numeric_order import COMPARE


class Comparisons(Winners):
    """The order of two values."""

    def compare(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        if a.concrete is not None and b.concrete is not None:  # NaN is not equal to itself
            return self.field.lift(np.asarray(COMPARE[op](a.concrete, b.concrete)))
        if a is b:  # x != x asks for NaN, and there is none
            if is_float(a.dtype):
                self.field.assume(NO_NANS)
            true = self.field.lift(np.full(a.shape, op in ("eq", "ge", "le")))
            # That it is a number, and no NaN that is selected, may be so in these branches only.
            return replace(true, concrete=None, _rows=true.rows) if self.field.rests(a) else true
        if a.dtype == np.bool_:
            return self._compare_booleans(op, a, b)
        self.numbers(a, b)
        if op in ("ne", "ge", "le"):
            opposite = {"ne": "eq", "ge": "lt", "le": "gt"}[op]
            return self.field.logical_not(self.compare(opposite, a, b))
        if op == "lt":
            return self.compare("gt", b, a)
        images = IMAGES.compared(self.field, a, b)
        if images is not None:
            one, two = images if images[0].sign > 0 else images[::-1]
            return self.compare(op, one.of, two.of)
        quotients = QUOTIENTS.pair(self.field, a, b)
        if quotients is not None:
            return self.compare(op, *quotients)
        a, b = (self.field.observed(x, COMPARED) for x in (a, b))
        infinite = self._compare_infinite(op, a, b)
        if infinite is not None:
            return infinite
        others = self._without_the_bound(a, b) if op == "gt" else None
        if others is not None:
            return self.compare(op, *others)
        if op == "eq":
            for x, other in ((a, b), (b, a)):
                if x.largest and self._is_above(x, other):
                    return self.field.lift(np.zeros(x.shape, bool))
                p = x.pending
                if p is not None and p.rows.shape[-1] > 1 and not np.array_equal(a.rows, b.rows):
                    return self._is_maximum(x, other)
        return self._sign_mask(op, a, b)

    def _compare_booleans(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        f = self.field
        both = f.logical_and(a, b)
        if op in ("eq", "ne"):
            differ = f.sub(
                f.add(f.cast(a, np.dtype(np.float64)), f.cast(b, np.dtype(np.float64))),
                _double(f, both),
            )
            differ = f.plain(differ.rows, a, differ.growth)
            return differ if op == "ne" else f.logical_not(differ)
        one = a if op in ("gt", "le") else b
        greater = arithmetic.add(f, one, arithmetic.neg(f, both))
        return greater if op in ("gt", "lt") else f.logical_not(greater)

    def _compare_infinite(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray | None:
        """Comparisons with a constant infinity: every real number is below inf."""
        for x, mirrored in ((a, False), (b, True)):
            known = x.concrete
            if known is None or known.dtype != np.float64 or not np.isinf(known).any():
                continue
            if not np.isinf(known).all():
                raise Unsupported("a comparison with finite and infinite constants")
            other = b if x is a else a
            if not movement.finite(other):
                raise Unsupported("a comparison of infinities")
            if other.concrete is None:  # an input may be infinite
                self.field.assume(NO_INFINITIES)
            above = known > 0
            true = np.zeros(x.shape, bool) if op == "eq" else (above != mirrored)
            return self.field.lift(true)
        return None

    def _without_the_bound(
        self, a: FieldArray, b: FieldArray
    ) -> tuple[FieldArray, FieldArray] | None:
        """max(s, t) > t where s > t, as relu(u) > 0 where u > 0; and so for a minimum."""
        field, mode = self.field, self.field.mode
        if mode.decides or mode.opaque or not is_float(a.dtype):
            return None
        for x, bound, sign in ((a, b, 1), (b, a, -1)):
            p = x.pending
            if p is None or p.sign != sign or p.present is not None or p.rows.shape[-1] < 2:
                continue
            target = bound.rows if sign > 0 else residues.reduce(-bound.rows, field.m)
            same = (p.rows == target[..., None])[: field.points].all(axis=0)
            field.inner_pairs += same.size
            is_bound = same.reshape(-1, same.shape[-1]).all(axis=0)
            if not is_bound.any() or is_bound.all():
                continue
            rest = replace(p, rows=p.rows[..., ~is_bound])
            growth = replace(x.growth, analytic=p.analytic)
            others = FieldArray(field, x.shape, x.dtype, growth, _pending=rest)
            return (others, b) if sign > 0 else (a, others)
        return None

    def _sign_mask(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        """a > b or a == b."""
        field, m = self.field, self.field.m
        growth = a.growth.plus(b.growth)
        for x, other in ((a, b), (b, a)):
            if x.positive and other.concrete is not None and (other.concrete <= 0).all():
                return field.lift(np.full(a.shape, op == "gt" and x is a))
        if op == "gt" and b.nonnegative and a.concrete is not None and (a.concrete <= 0).all():
            return field.lift(np.zeros(a.shape, bool))
        difference = residues.reduce(a.rows - b.rows, m)
        flat = difference.reshape(len(m), -1)
        if field.mode.decides:
            order, known = branches.order(flat[: field.points], field.moduli.p)
            if known.all():
                return self._decided(order == 0 if op == "eq" else order > 0, a.shape)
        given = field.given
        signs = np.zeros(flat.shape[1], np.int64) if given is None else given.signs(flat)
        if signs.size and not (field.rests(a) or field.rests(b)):
            # A constant, by which infinities may be selected.
            if (np.abs(signs) == STRICT).all():
                true = np.zeros(a.shape, bool) if op == "eq" else (signs > 0).reshape(a.shape)
                return field.lift(true)
            if op == "gt" and (signs < 0).all():
                return field.lift(np.zeros(a.shape, bool))
        weighed = self.weights.weigh(np.stack([flat, np.zeros_like(flat)], axis=-1), None)
        zero = (flat[: field.points] == 0).all(axis=0)
        variable = is_float(a.dtype) and (a.concrete is None or b.concrete is None)
        # (x == max(x, 0), as derivatives have it, asks which one is the largest)
        if zero.any() and variable and not (op == "eq" and (a.largest or b.largest)):
            field.assume(NO_NANS)  # x + 1 != 1 + x asks for NaN, as x != x does
        # An explicit equality is about the ties: it keeps them in every mode.
        ties = field.mode.ties or op == "eq" or not growth.analytic or not is_float(a.dtype)
        equal = None  # in patterns, where the row decides that the two are equal
        if ties:
            state = mixing.combine(weighed.sets, tag="tie")
            tie = mixing.expand(state, m)
            if field.mode.patterns:
                # An equality of analytic values is decided whatever > says. Others may be equal on
                # an open set: greater, less and equal are three outcomes of one decision.
                sides = 2 if growth.analytic and is_float(a.dtype) else 3
                equal = field.for_all(tie[: field.points] % sides == 0)
                equal &= ~weighed.constant
                tie = equal.astype(np.int64) if op == "eq" else np.zeros_like(flat)
            else:
                tie = np.where(weighed.constant, 0, tie)
            field.atoms += tie[0].size
            field.note(state, 3)
        else:
            tie = np.zeros_like(flat)
            field.assume(NO_TIES)
        tie = np.where(np.abs(signs) == STRICT, 0, tie)
        if equal is not None:
            equal &= np.abs(signs) != STRICT
        shape = a.shape
        if field.mode.decides:  # in some branches the two are equal
            zero = field.for_all(flat[: field.points] == 0)
        if op == "eq":
            result = self._truths(np.where(zero, 1, tie), shape)
            result.tie = self._tie(growth, a, b, difference)
            return result
        weight = np.where(zero, 0, weighed.weights[..., 0])
        if field.mode.decides:  # what cannot be negative is above zero where it is not zero
            if a.nonnegative and b.concrete is not None and (b.concrete <= 0).all():
                weight = np.where(zero, 0, 1)
            if b.nonnegative and a.concrete is not None and (a.concrete <= 0).all():
                weight = np.zeros_like(weight)
        weight = np.where(zero | (signs == 0), weight, (signs > 0).astype(np.int64))
        if equal is not None:
            weight = np.where(equal, 0, weight)
        half = residues.inverse_of_integer(2, m)[:, None]
        # Where a >= b is given, a > b is all but the tie; where a <= b, it is never so.
        part = residues.multiply(half, np.broadcast_to(1 + np.sign(signs), flat.shape), m)
        rows = residues.reduce(weight - residues.multiply(tie, part, m), m)
        rows = np.where(zero, 0, rows)
        result = self._truths(rows, shape)
        result.mask = Mask(difference, weight.reshape(len(m), *shape))
        return result

    def _tie(
        self, growth: Growth, a: FieldArray, b: FieldArray, difference: np.ndarray
    ) -> Tie | None:
        """The equality of two floats, for products with their difference (`_is_zero_there`)."""
        if not is_float(a.dtype):
            return None
        if growth.analytic:
            return Tie(difference, True)
        whole = WHOLE_NUMBERS.holds(a) and WHOLE_NUMBERS.holds(b)
        return Tie(difference, True, whole=True) if whole else None

    def _decided(self, true: np.ndarray, shape: tuple[int, ...]) -> FieldArray:
        """A comparison of numbers that each row knows: no choice, whatever they are made of."""
        return self._truths(self.field.for_all(true.astype(np.int64)), shape)

    def _truths(self, rows: np.ndarray, shape: tuple[int, ...]) -> FieldArray:
        """What a comparison gives, from (rows, N) residues."""
        whole = rows.reshape(len(rows), *shape)
        kind = np.dtype(bool)
        return FieldArray(self.field, shape, kind, self.mask_growth, whole, nonnegative=True)

    def _is_above(self, x: FieldArray, other: FieldArray) -> bool:
        """Whether a maximum with zero, which is x, is off ties not this other candidate."""
        known, field = other.concrete, self.field
        if field.mode.ties or not x.growth.analytic or known is None or (known > 0).any():
            return False
        if field.rests(x):  # in the branches of these rows only
            return False
        if not (x.rows[: field.points] != 0).any(axis=0).all():
            return False
        field.assume(NO_TIES)
        return True

    def _is_maximum(self, x: FieldArray, other: FieldArray) -> FieldArray:
        """[max(s) == t]: the weight of t in s off ties, an unknown of {s_i - t} otherwise."""
        field, m = self.field, self.field.m
        p = x.pending
        assert p is not None
        shape, size = x.shape, p.rows.shape[-1]
        rows = p.rows.reshape(len(m), -1, size)
        here = None if p.present is None else p.present.reshape(-1, size)
        target = other.rows if p.sign > 0 else residues.reduce(-other.rows, m)
        target = target.reshape(len(m), -1)
        if field.mode.ties or not (p.analytic and other.growth.analytic):
            shifted = residues.reduce(rows - target[..., None], m)
            distinct = self.weights.distinct(shifted, here)
            members = mixing.digest(shifted[: field.points], field.key)
            state = mixing.combine(mixing.unordered(members, distinct), tag="is maximum")
            if field.mode.patterns:
                out = field.for_all(mixing.expand(state, m)[: field.points] & 1)
                field.note(state, 2)
            else:
                out = field.atom(state, np.dtype(bool)).rows
        else:
            field.assume(NO_TIES)
            weighed = self.weights.weigh(rows, here)
            same = rows[: field.points] == target[: field.points, :, None]
            if field.mode.patterns:  # in this row, is the one that was chosen the target?
                out = (weighed.weights[: field.points] * same).max(axis=-1)
                out = field.for_all(out)
            else:
                same = same.all(axis=0) & weighed.distinct
                out = residues.total(np.where(same, weighed.weights, 0), m)
        return field.plain(
            out.reshape(len(m), *shape),
            field.lift(np.array(True)),
            self.mask_growth,
            nonnegative=True,
        )


def _double(field: State, x: FieldArray) -> FieldArray:
    two = field.lift(np.full(x.shape, 2.0))
    return field.mul(field.cast(x, np.dtype(np.float64)), two)

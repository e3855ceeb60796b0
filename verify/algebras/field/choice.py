"""Maxima, comparisons and selections over residues: weights that sum to one.

Residues have no order, so which of the candidates s_1 .. s_n is the largest cannot be decided. What
can be said: the choice depends only on the set of differences s_i - mean, and exactly one candidate
is chosen. So candidate i gets a random weight, a function of that set and of its own difference,
the weights sum to one, and

    max{s_1 .. s_n} = sum_i weight_i * s_i.

Laws that hold by construction: max is a function of the set; max(s + t) = max(s) + t;
relu(x) - relu(-x) = x; where(a > b, a, b) = max(a, b); sum_i [s_i is the largest] = 1; the gradient
of a maximum goes where its mask says. With `Mode.scaling`, sets that are rational multiples of one
another share their weights (mirrored for a negative factor), so relu(3x) = 3 relu(x) and
|x| = 2 relu(x) - x.

What is above zero by its form (exponentials, sums of them and of squares, quotients, roots; an
input by a precondition) leaves nothing to chance beside zero: such a comparison is a constant.
Values keep that in `positive` and `nonnegative`, which hold wherever a value is defined, and every
operation that does not hand them on loses them.

Ties: a > b has the weight minus half of a tie value, a >= b plus half of it, a == b the tie value
itself. A tie value is random too, unless the trial ignores ties (`Mode.ties`). It is ignored only
between analytic values that differ, whose ties have measure zero; relu(a) == relu(b) is true on an
open set, and stays distinct.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.elements import COMPARED
from verify.algebras.field import arithmetic, branches, mixing, movement, opaque, residues
from verify.algebras.field.given import STRICT
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws.cosines import Cosines
from verify.algebras.field.laws.images import IMAGES
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.laws.magnitudes import MAGNITUDES
from verify.algebras.field.laws.quotients import QUOTIENTS
from verify.algebras.field.laws.scaled import SCALED
from verify.algebras.field.laws.wholes import WHOLE_NUMBERS
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, Mask, Pending, Tie
from verify.algebras.field.weights import Weights
from verify.algebras.numeric_order import COMPARE
from verify.dtypes import is_integer, is_kind, is_real, least, limits
from verify.limits import budget

_CHUNK = 3_000_000  # residues of candidates that are weighed at a time
NO_TIES = "no ties: no two compared values are equal (true but for a set of measure zero)"
NO_NANS = "nothing that is compared, or tested for NaN, is NaN"
NO_INFINITIES = "nothing that is compared with an infinity, or tested for one, is infinite"


class Chooser:
    """The order part of one trial."""

    def __init__(self, field: State) -> None:
        self.field = field
        self.weights = field.law(Weights)
        # Of a comparison's result: fresh random values, or zeros and ones once decided, which are
        # constants of their branch.
        decided = field.mode.decides
        self.mask_growth = Growth(0.0 if decided else 1.0, analytic=decided)

    def value(self, rows: np.ndarray, present: np.ndarray | None) -> np.ndarray:
        """The maxima of (rows, *shape, S) candidates as residues (rows, *shape)."""
        count, size = len(rows), rows.shape[-1]
        shape = rows.shape[1:-1]
        flat = rows.reshape(count, -1, size)
        here = None if present is None else present.reshape(-1, size)
        if size == 1:
            return flat[..., 0].reshape(count, *shape)
        out = np.empty(flat.shape[:2], np.int64)
        step = max(1, _CHUNK // (count * size))
        if self.field.mode.opaque:
            for start in range(0, flat.shape[1], step):
                some = slice(start, start + step)
                out[:, some] = opaque.value(
                    self.field, flat[:, some], None if here is None else here[some]
                )
            return out.reshape(count, *shape)
        m = self.field.m
        if self.field.mode.decides:
            known = self._largest_by_row(flat, here, out)
            if known.any():
                rest = ~known
                if rest.any():
                    beside = None if here is None else here[rest]
                    out[:, rest] = self.value(flat[:, rest], beside)
                return out.reshape(count, *shape)
        for start in range(0, flat.shape[1], step):
            part = np.ascontiguousarray(flat[:, start : start + step])
            weighed = self.weights.weigh(part, None if here is None else here[start : start + step])
            products = residues.multiply(part, weighed.weights, m)
            out[:, start : start + step] = residues.total(products, m)
        return out.reshape(count, *shape)

    def _largest_by_row(
        self, flat: np.ndarray, here: np.ndarray | None, out: np.ndarray
    ) -> np.ndarray:
        """Which of the (rows, N, S) sets each row knows the largest of, whatever they are made of:
        their differences are numbers there. These are put `out`; that is no choice."""
        field = self.field
        there = np.ones(flat.shape[1:], bool) if here is None else here
        first = np.argmax(there, axis=-1)[None, :, None]
        difference = residues.reduce(flat - np.take_along_axis(flat, first, -1), field.m)
        columns = difference[: field.points].reshape(field.points, -1)
        found, known = branches.numbers(columns, field.moduli.p)
        sets = (known.reshape(there.shape) | ~there).all(axis=-1) & there.any(axis=-1)
        if sets.any():
            least = np.iinfo(np.int64).min
            numbers = np.where(there, found.reshape(-1, *there.shape), least)[:, sets]
            best = np.concatenate([numbers.argmax(axis=-1)] * (len(flat) // field.points))
            out[:, sets] = np.take_along_axis(flat[:, sets], best[..., None], -1)[..., 0]
        return np.asarray(sets)

    def maximum(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if _is_float(a.dtype) and a.concrete is not None and b.concrete is not None:
            return self.field.lift(np.maximum(a.concrete, b.concrete), a.dtype)  # NaN stays NaN
        for x, bound in ((a, b), (b, a)):
            known = bound.concrete
            if known is None or not is_kind(known.dtype, np.floating):
                continue
            if np.isneginf(known).all() or (x.positive and (known <= 0).all()):
                return x
            if x.nonnegative and (known <= 0).all():
                return x if self.field.mode.ties else replace(x, largest=True)
            if np.isposinf(known).all():
                return bound
            if x is not bound and (known <= -1).all() and self.field.law(Cosines).is_one(x):
                return x
        a, b = (self.field.observed(x, COMPARED) for x in (a, b))
        return self.larger(a, b)

    def larger(self, a: FieldArray, b: FieldArray) -> FieldArray:
        """The maximum of two expressions: integers' as they are, without a look at what wraps."""
        known = self._known_larger(a, b) or IMAGES.larger(self.field, a, b)
        known = known or QUOTIENTS.larger(self.field, a, b)
        if known is not None:
            return known
        one, two = movement.candidates(self.field, a, 1), movement.candidates(self.field, b, 1)
        present = None
        if one.present is not None or two.present is not None:
            present = np.concatenate([_present(one), _present(two)], axis=-1)
        budget.spend(2 * (one.rows.size + two.rows.size))
        rows = np.concatenate([one.rows, two.rows], axis=-1)
        y = FieldArray(
            self.field,
            a.shape,
            a.dtype,
            self._chosen(a.growth, b.growth, present),
            _pending=Pending(rows, present, 1, one.analytic and two.analytic),
            nonnegative=a.nonnegative or b.nonnegative,
            positive=a.positive or b.positive,
            bounds=machine.larger(a.bounds, b.bounds),
        )
        MAGNITUDES.know(y, MAGNITUDES.chosen(self.field, a, b))
        if y.growth.logs and one.rows.shape[-1] == two.rows.shape[-1] == 1:
            index = np.arange(2 * one.rows[0].size).reshape(2, *a.shape)
            beside = LOGARITHMS.picked(self.field, [a, b], np.moveaxis(index, 0, -1))
            LOGARITHMS.know(y, LOGARITHMS.weighed(beside, lambda: self._bits(rows, present)))
        return y

    def _chosen(self, a: Growth, b: Growth, present: np.ndarray | None) -> Growth:
        if self.field.mode.opaque and (present is None or (present.sum(axis=-1) > 1).all()):
            return Growth(analytic=False)  # of fewer it may be a candidate itself
        return _chosen(a, b, self.field.mode.patterns)

    def _known_larger(self, a: FieldArray, b: FieldArray) -> FieldArray | None:
        """The one of which a precondition says that it is larger, all over the array."""
        given = self.field.given
        if given is None or not given.known or a.undecided or b.undecided:
            return None
        if not all(x.concrete is None or np.isfinite(x.concrete).all() for x in (a, b)):
            return None
        difference = residues.reduce(a.rows - b.rows, self.field.m)
        signs = given.signs(difference.reshape(len(difference), -1))
        if not signs.size:
            return None
        return a if (signs > 0).all() else b if (signs < 0).all() else None

    def max(self, x: FieldArray) -> FieldArray:
        if x.shape[-1] == 1:
            return self.field.reshape(x, x.shape[:-1])
        if 0 in x.shape:  # of nothing: the neutral element
            low = least(x.dtype) if _is_float(x.dtype) else limits(x.dtype)[0]
            kind = np.float64 if _is_float(x.dtype) else x.dtype
            return self.field.lift(np.full(x.shape[:-1], low, kind), x.dtype)
        x = self.field.observed(x, COMPARED)
        image = IMAGES.max(self.field, x)
        if image is not None:
            return image
        p = movement.candidates(self.field, x, 1)
        shape = (*x.shape[:-1], x.shape[-1] * p.rows.shape[-1])
        y = FieldArray(
            self.field,
            x.shape[:-1],
            x.dtype,
            self._chosen(x.growth, x.growth, p.present),
            _pending=Pending(
                p.rows.reshape(len(p.rows), *shape),
                None if p.present is None else p.present.reshape(shape),
                1,
                p.analytic,
            ),
            nonnegative=x.nonnegative,
            positive=x.positive,
            bounds=x.bounds,
        )
        if x.growth.logs and p.rows.shape[-1] == 1:
            rows, present = p.rows[..., 0], None if p.present is None else p.present[..., 0]
            weighed = LOGARITHMS.weighed(LOGARITHMS.of(x), lambda: self._bits(rows, present))
            LOGARITHMS.know(y, weighed)
        return y

    def _bits(self, rows: np.ndarray, present: np.ndarray | None) -> np.ndarray:
        """The weights of (rows, *shape, S) candidates modulo two: (points, *shape, S)."""
        flat = rows.reshape(len(rows), -1, rows.shape[-1])
        here = None if present is None else present.reshape(-1, rows.shape[-1])
        bits = self.weights.bits(self.weights.weigh(flat, here))
        return bits.reshape(len(bits), *rows.shape[1:])

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
        analytic = x.growth.analytic and _is_float(x.dtype)
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

    def compare(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        if a.concrete is not None and b.concrete is not None:  # NaN is not equal to itself
            return self.field.lift(np.asarray(COMPARE[op](a.concrete, b.concrete)))
        if a is b:  # x != x asks for NaN, and there is none
            if _is_float(a.dtype):
                self.field.assume(NO_NANS)
            return self.field.lift(np.full(a.shape, op in ("eq", "ge", "le")))
        if a.dtype == np.bool_:
            return self._compare_booleans(op, a, b)
        self.numbers(a, b)
        if op in ("ne", "ge", "le"):
            opposite = {"ne": "eq", "ge": "lt", "le": "gt"}[op]
            return self.field.logical_not(self.compare(opposite, a, b))
        if op == "lt":
            return self.compare("gt", b, a)
        images = IMAGES.pair(self.field, a, b)
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
        if op == "eq":
            for x, other in ((a, b), (b, a)):
                if x.largest and self._is_above(x, other):
                    return self.field.lift(np.zeros(x.shape, bool))
                p = x.pending
                if p is not None and p.rows.shape[-1] > 1 and not np.array_equal(a.rows, b.rows):
                    return self._is_maximum(x, other)
        return self._sign_mask(op, a, b)

    def numbers(self, *values: FieldArray) -> None:
        """What is put in order may be no number: where it is made of unknown functions."""
        known = all(x.growth.analytic for x in values)
        if self.field.may_be_nan and not known and _is_float(values[0].dtype):
            self.field.assume(NO_NANS)
            self.field.partial = True

    def _compare_booleans(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        f = self.field
        both = f.logical_and(a, b)
        if op in ("eq", "ne"):
            differ = f.sub(f.add(f.cast(a, np.float64), f.cast(b, np.float64)), _double(f, both))
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
        if signs.size:  # a constant, by which infinities may be selected
            if (np.abs(signs) == STRICT).all():
                true = np.zeros(a.shape, bool) if op == "eq" else (signs > 0).reshape(a.shape)
                return field.lift(true)
            if op == "gt" and (signs < 0).all():
                return field.lift(np.zeros(a.shape, bool))
        weighed = self.weights.weigh(np.stack([flat, np.zeros_like(flat)], axis=-1), None)
        zero = (flat[: field.points] == 0).all(axis=0)
        variable = _is_float(a.dtype) and (a.concrete is None or b.concrete is None)
        # (x == max(x, 0), as derivatives have it, asks which one is the largest)
        if zero.any() and variable and not (op == "eq" and (a.largest or b.largest)):
            field.assume(NO_NANS)  # x + 1 != 1 + x asks for NaN, as x != x does
        # An explicit equality is about the ties: it keeps them in every mode.
        ties = field.mode.ties or op == "eq" or not growth.analytic or not _is_float(a.dtype)
        equal = None  # in patterns, where the row decides that the two are equal
        if ties:
            state = mixing.combine(weighed.sets, tag="tie")
            tie = mixing.expand(state, m)
            if field.mode.patterns:
                # An equality of analytic values is decided whatever > says. Others may be equal on
                # an open set: greater, less and equal are three outcomes of one decision.
                sides = 2 if growth.analytic and _is_float(a.dtype) else 3
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
            rows = np.where(zero, 1, tie)
            return FieldArray(
                field,
                shape,
                np.dtype(bool),
                self.mask_growth,
                rows.reshape(len(m), *shape),
                nonnegative=True,
                tie=self._tie(growth, a, b, difference),
            )
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
        result = FieldArray(
            field,
            shape,
            np.dtype(bool),
            self.mask_growth,
            rows.reshape(len(m), *shape),
            nonnegative=True,
        )
        result.mask = Mask(difference, weight.reshape(len(m), *shape))
        return result

    def _tie(
        self, growth: Growth, a: FieldArray, b: FieldArray, difference: np.ndarray
    ) -> Tie | None:
        """The equality of two floats, for products with their difference (`_is_zero_there`)."""
        if not _is_float(a.dtype):
            return None
        if growth.analytic:
            return Tie(difference, True)
        whole = WHOLE_NUMBERS.holds(a) and WHOLE_NUMBERS.holds(b)
        return Tie(difference, True, whole=True) if whole else None

    def _decided(self, true: np.ndarray, shape: tuple[int, ...]) -> FieldArray:
        """A comparison of numbers that each row knows: no choice, whatever they are made of."""
        rows = self.field.for_all(true.astype(np.int64)).reshape(len(self.field.m), *shape)
        return FieldArray(
            self.field, shape, np.dtype(bool), self.mask_growth, rows, nonnegative=True
        )

    def _is_above(self, x: FieldArray, other: FieldArray) -> bool:
        """Whether a maximum with zero, which is x, is off ties not this other candidate."""
        known, field = other.concrete, self.field
        if field.mode.ties or not x.growth.analytic or known is None or (known > 0).any():
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

    def select(self, which: FieldArray, cases: Sequence[FieldArray]) -> FieldArray:
        field = self.field
        size = int(np.prod(which.shape))
        if which.concrete is not None:
            known = machine.exact(which.concrete)  # (an unsigned one may be beyond int64)
            chosen = np.asarray(np.clip(known, 0, len(cases) - 1)).astype(np.int64)
            if size and (chosen == chosen.flat[0]).all():
                return cases[int(chosen.flat[0])]
            index = chosen * size + np.arange(size).reshape(which.shape)
            return field.pick(list(cases), index)
        if len(cases) == 1:
            return cases[0]
        if which.dtype != np.bool_:
            return self._select_many(which, cases)
        no, yes = cases
        integer = is_integer(no.dtype)
        if which.tie is not None:
            there, elsewhere = (yes, no) if which.tie.true else (no, yes)
            if self._is_zero_there(which.tie, there, elsewhere):
                field.almost |= not which.tie.whole
                return elsewhere
        if no.dtype == np.bool_:
            kept = field.logical_and(field.logical_not(which), no)
            return field.plain(
                residues.reduce(field.logical_and(which, yes).rows + kept.rows, field.m),
                no,
                which.growth.times(no.growth.union(yes.growth), 2),
                nonnegative=True,
            )
        if no.concrete is not None and not no.concrete.any() and self._is_masked(which, yes):
            return yes
        # Over Z, where what is chosen lies between the two: nothing is looked at.
        difference = arithmetic.add(field, yes, arithmetic.neg(field, no))
        if which.mask is not None:
            # where(a > b, a, b) is max(a, b), and where(a > b, b, a) is min(a, b).
            d, points = which.mask.difference[: field.points], field.points
            rows = difference.rows
            if np.array_equal(rows[:points], d):
                return self.larger(yes, no) if integer else self.maximum(yes, no)
            if np.array_equal(residues.reduce(-rows, field.m)[:points], d):
                turned = [arithmetic.neg(field, x) for x in (yes, no)]
                largest = self.larger(*turned) if integer else self.maximum(*turned)
                return arithmetic.neg(field, largest)
        product = arithmetic.mul(field, field.cast(which, no.dtype), difference)
        result = arithmetic.add(field, product, no)
        if integer:
            if result is no:
                return no
            result = replace(result, bounds=machine.hull(yes.bounds, no.bounds))
        else:
            result.nonnegative = yes.nonnegative and no.nonnegative
            result.positive = yes.positive and no.positive
        result.growth = _chosen(result.growth, result.growth, field.mode.patterns)
        return result

    def _is_masked(self, which: FieldArray, x: FieldArray) -> bool:
        """Whether x is a product with this truth value, so that it is zero where that is false."""
        points = self.field.points
        here = which.rows[:points]
        self.field.inner_pairs += len(x.factors) * here[0].size
        return any(np.array_equal(rows[:points], here) for rows, _ in x.factors)

    def _is_zero_there(self, tie: Tie, there: FieldArray, elsewhere: FieldArray) -> bool:
        """where(x == 0, 0, x y) = x y: true wherever y has a value, and where it has none at x = 0
        (a logarithm) the proof assumes so, of a set of measure zero. Zero is no
        such set among whole numbers: there y has to have a value. x (1 / x) is not meant."""
        if there.concrete is None or there.concrete.any() or len(elsewhere.factors) != 2:
            return False
        if not (tie.difference[: self.field.points] != 0).all():
            return False
        (one, first), (two, second) = elsewhere.factors
        return any(
            not (own.logs or other.power)
            and (not tie.whole or self._has_values(factor, other))
            and bool(self.field.proportional(rows, tie.difference).all())
            for rows, own, factor, other in ((one, first, two, second), (two, second, one, first))
        )

    def _has_values(self, rows: np.ndarray, growth: Growth) -> bool:
        """Whether a factor has a value whatever the inputs are: a polynomial, or the logarithm of
        what is positive."""
        if growth.analytic and not growth.logs:
            return True
        digests = self.field.digest(rows).reshape(mixing.WORDS, -1)
        names = (column.tobytes() for column in np.ascontiguousarray(digests.T))
        return growth.logs and self.field.total.issuperset(names)

    def _select_many(self, which: FieldArray, cases: Sequence[FieldArray]) -> FieldArray:
        field = self.field
        kind = which.dtype
        result = cases[-1]
        for j in range(len(cases) - 1):
            index = field.lift(np.full(which.shape, j), kind)
            # Out of range, it is the nearest case that is taken.
            here = field.compare("eq" if j else "le", which, index)
            result = self.select(here, [result, cases[j]])
        return result


def _present(p: Any) -> np.ndarray:
    return np.ones(p.rows.shape[1:], bool) if p.present is None else p.present


def _double(field: State, x: FieldArray) -> FieldArray:
    two = field.lift(np.full(x.shape, 2.0))
    return field.mul(field.cast(x, np.float64), two)


def _is_float(dtype: Any) -> bool:
    return is_real(dtype) and dtype != np.bool_


def _chosen(a: Growth, b: Growth, patterns: bool) -> Growth:
    """A weight (a fresh random value) times a value, over all candidates; no longer analytic."""
    both = a.union(b)
    if patterns:  # once decided, a choice is what was chosen
        return both
    return replace(both, degree=both.degree + 1, bits=both.bits + 8, analytic=False)

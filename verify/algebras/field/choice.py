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

Ties: a > b has the weight minus half of a tie value, a >= b plus half of it, a == b the tie value
itself. A tie value is random too, unless the trial ignores ties (`Mode.ties`). It is ignored only
between analytic values that differ, whose ties have measure zero; relu(a) == relu(b) is true on an
open set, and stays distinct.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field import mixing, movement, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.value import FieldArray, Mask, Pending
from verify.dtypes import is_kind, is_real, limits

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field

_CHUNK = 3_000_000  # residues of candidates that are weighed at a time
NO_TIES = "no ties: no two compared values are equal (true but for a set of measure zero)"

NO_NANS = "nothing that is compared, or tested for NaN, is NaN"


@dataclass(frozen=True)
class Weighed:
    """The weights of a batch of sets, and the digests that other masks of the same sets use."""

    weights: np.ndarray  # (rows, N, S); a candidate that repeats an earlier one has weight 0
    sets: np.ndarray  # (WORDS, N) digest of the set of differences
    distinct: np.ndarray  # (N, S) bool: the first of its kind
    constant: np.ndarray  # (N,) bool: all differences are known numbers, so the order is known


class Chooser:
    """The order part of one trial; remembers which sets are multiples of which."""

    def __init__(self, field: Field) -> None:
        self.field = field
        # Of a comparison's result: fresh random values, or zeros and ones once decided.
        self.mask_growth = Growth(analytic=field.mode.patterns)
        self.scales: dict[bytes, tuple[int, ...]] = {}
        self.reconstructions = 0  # rational reconstructions relied on, for the error bound

    # -- weights ------------------------------------------------------------------------------

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
        m = self.field.m
        for start in range(0, flat.shape[1], step):
            part = np.ascontiguousarray(flat[:, start : start + step])
            weighed = self.weigh(part, None if here is None else here[start : start + step])
            products = residues.multiply(part, weighed.weights, m)
            out[:, start : start + step] = residues.total(products, m)
        return out.reshape(count, *shape)

    def weigh(self, rows: np.ndarray, present: np.ndarray | None) -> Weighed:
        """Weights for (rows, N, S) candidates; `present` (N, S) masks some out."""
        field, m = self.field, self.field.m
        size = rows.shape[-1]
        distinct = self._distinct(rows, present)
        count = distinct.sum(axis=-1)
        inverses = np.stack(
            [np.ones(len(m), np.int64)]
            + [residues.inverse_of_integer(n, m) for n in range(1, size + 1)],
            axis=1,
        )[:, count]  # (rows, N)
        kept = np.where(distinct, rows, 0)
        mean = residues.multiply(residues.total(kept, m), inverses, m)
        difference = np.where(distinct, residues.reduce(rows - mean[..., None], m), 0)
        constant = self._constant(difference, count)
        normal = difference[: field.points]
        if field.mode.scaling:
            normal = self._normalised(normal, distinct, count)
        members = mixing.digest(normal, field.key)
        sets = mixing.unordered(members, distinct)
        drawn = mixing.expand(mixing.combine(sets[..., None], members, tag="winner"), m)
        field.atoms += len(sets[0])
        field.inner_pairs += distinct.size * size
        if field.mode.patterns:
            weights = self._one(drawn, distinct)
        else:
            drawn = np.where(distinct, drawn, 0)
            rest = residues.reduce(1 - residues.total(drawn, m), m)
            share = residues.multiply(rest, inverses, m)
            weights = np.where(distinct, residues.reduce(drawn + share[..., None], m), 0)
        if constant.any():
            self._decide(weights, difference, distinct, constant)
        field.note(sets, np.where(constant, 1, count))
        return Weighed(weights, sets, distinct, constant)

    def _one(self, drawn: np.ndarray, distinct: np.ndarray) -> np.ndarray:
        """One of the candidates in each row, any with the same probability; a point's rows modulo p
        and modulo q agree."""
        points = self.field.points
        best = np.where(distinct, drawn[:points], -1).argmax(axis=-1)
        weights = (np.arange(distinct.shape[-1]) == best[..., None]).astype(np.int64)
        weights *= distinct
        return self.field.for_all(weights)

    def _distinct(self, rows: np.ndarray, present: np.ndarray | None) -> np.ndarray:
        """Which candidates are there, and the first of their kind."""
        here = np.ones(rows.shape[1:], bool) if present is None else present
        digests = mixing.digest(rows[: self.field.points], self.field.key)
        order = np.lexsort(
            (np.broadcast_to(np.arange(rows.shape[-1]), here.shape), digests[0], ~here)
        )
        ordered = np.take_along_axis(digests, order[None], axis=-1)
        there = np.take_along_axis(here, order, axis=-1)
        repeats = (ordered[..., 1:] == ordered[..., :-1]).all(axis=0) & there[..., :-1]
        first = there.copy()
        first[..., 1:] &= ~repeats
        out = np.empty_like(first)
        np.put_along_axis(out, order, first, axis=-1)
        return out

    def _constant(self, difference: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Whether the differences are numbers: equal at both points of every prime."""
        points = difference[: self.field.points]
        return (points[0::2] == points[1::2]).all(axis=(0, 2)) & (count > 1)

    def _decide(
        self,
        weights: np.ndarray,
        difference: np.ndarray,
        distinct: np.ndarray,
        constant: np.ndarray,
    ) -> None:
        """Where differences are rational numbers, the largest is known: weight one, in place."""
        primes = self.field.moduli.primes
        known: dict[bytes, int | None] = {}
        for n in np.flatnonzero(constant):
            columns = difference[: self.field.points : 2, n]
            key = columns.tobytes() + distinct[n].tobytes()
            if key not in known:
                known[key] = self._largest(columns, distinct[n], primes)
            best = known[key]
            if best is None:
                constant[n] = False
            else:
                weights[:, n] = 0
                weights[:, n, best] = 1

    def _largest(self, columns: np.ndarray, distinct: np.ndarray, primes: list[int]) -> int | None:
        best: tuple[Fraction, int] | None = None
        for i in np.flatnonzero(distinct):
            ratio = residues.rational([int(r) for r in columns[:, i]], primes)
            if ratio is None:
                return None
            self.reconstructions += 1
            number = Fraction(*ratio)
            if best is None or number > best[0]:
                best = number, int(i)
        return None if best is None else best[1]

    # -- scaling ------------------------------------------------------------------------------

    def _normalised(
        self, difference: np.ndarray, distinct: np.ndarray, count: np.ndarray
    ) -> np.ndarray:
        """Differences divided by a scale that a positive factor of the set multiplies.

        The scale T of a set is, for two elements, their difference (either sign), else the ratio of
        the third moment to the second: T(c S) = c T(S). S / T is then the same for all multiples of
        S. The first set seen of a class fixes the sign: a later one whose T is a negative rational
        multiple of the first's is divided by -T.
        """
        field = self.field
        primes = field.moduli.p[::2]
        even = difference[::2]
        index = np.argmax(distinct, axis=-1)[None, :, None]
        scale = np.take_along_axis(even, np.broadcast_to(index, (len(even), *index.shape[1:])), -1)
        scale = scale[..., 0]
        if (count > 2).any():
            squares = residues.multiply(even, even, primes)
            second = residues.total(squares, primes)
            third = residues.total(residues.multiply(squares, even, primes), primes)
            moments = residues.multiply(third, residues.inverse(second, primes), primes)
            scale = np.where(count > 2, moments, scale)
        usable = (scale != 0).all(axis=0) & (count > 1)
        inverse = np.where(usable, residues.inverse(scale, primes), 1)
        factor = np.repeat(inverse, 2, axis=0)[..., None]
        normal = residues.multiply(difference, factor, field.moduli.p)
        digests = mixing.digest(normal, field.key)
        keys = mixing.unordered(digests, distinct)
        sign = self._signs(keys, scale, usable, primes)
        normal = np.where((sign < 0)[None, :, None], field.moduli.p[:, None, None] - normal, normal)
        normal = np.where(normal == field.moduli.p[:, None, None], 0, normal)
        return np.where((usable & (sign != 0))[None, :, None], normal, difference)

    def _signs(
        self, keys: np.ndarray, scale: np.ndarray, usable: np.ndarray, primes: np.ndarray
    ) -> np.ndarray:
        """+1 or -1: the sign of scale / (scale of the class); 0 where it is no small fraction."""
        names = np.ascontiguousarray(keys.T).view(np.dtype((np.void, keys.shape[0] * 8)))[:, 0]
        columns = scale.T.tolist()
        sign = np.zeros(len(names), np.int64)
        seen: dict[tuple[int, ...], int] = {}
        listed = primes.tolist()
        for n in np.flatnonzero(usable):
            column = tuple(columns[n])
            first = self.scales.setdefault(names[n].tobytes(), column)
            if first == column:
                sign[n] = 1
                continue
            ratio = tuple(
                a * pow(b, -1, p) % p for a, b, p in zip(column, first, listed, strict=True)
            )
            if ratio not in seen:
                found = residues.rational(list(ratio), listed)
                self.reconstructions += 1
                seen[ratio] = 0 if found is None else (1 if found[0] > 0 else -1)
            sign[n] = seen[ratio]
        return sign

    def proportional(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Where a is a constant multiple of b (or zero): a_1 b_2 = a_2 b_1 at a prime's points."""
        points = self.field.points
        p = self.field.moduli.p[::2]
        left = residues.multiply(a[0:points:2], b[1:points:2], p)
        right = residues.multiply(a[1:points:2], b[0:points:2], p)
        return np.asarray((left == right).all(axis=0))

    # -- the operations -----------------------------------------------------------------------

    def maximum(self, a: FieldArray, b: FieldArray) -> FieldArray:

        for x, bound in ((a, b), (b, a)):
            known = bound.concrete
            if known is None or not is_kind(known.dtype, np.floating):
                continue
            if np.isneginf(known).all() or (x.nonnegative and (known <= 0).all()):
                return x
            if np.isposinf(known).all():
                return bound
        self.field.no_overflow(a, b)
        one, two = movement.candidates(self.field, a, 1), movement.candidates(self.field, b, 1)
        present = None
        if one.present is not None or two.present is not None:
            present = np.concatenate([_present(one), _present(two)], axis=-1)
        rows = np.concatenate([one.rows, two.rows], axis=-1)
        return FieldArray(
            self.field,
            a.shape,
            a.dtype,
            _chosen(a.growth, b.growth, self.field.mode.patterns),
            _pending=Pending(rows, present, 1, one.analytic and two.analytic),
            nonnegative=a.nonnegative or b.nonnegative,
        )

    def max(self, x: FieldArray) -> FieldArray:

        if x.shape[-1] == 1:
            return self.field.reshape(x, x.shape[:-1])
        if 0 in x.shape:  # of nothing: the neutral element
            low = -np.inf if _is_float(x.dtype) else limits(x.dtype)[0]
            kind = np.float64 if _is_float(x.dtype) else x.dtype
            return self.field.lift(np.full(x.shape[:-1], low, kind), x.dtype)
        self.field.no_overflow(x)
        p = movement.candidates(self.field, x, 1)
        shape = (*x.shape[:-1], x.shape[-1] * p.rows.shape[-1])
        return FieldArray(
            self.field,
            x.shape[:-1],
            x.dtype,
            _chosen(x.growth, x.growth, self.field.mode.patterns),
            _pending=Pending(
                p.rows.reshape(len(p.rows), *shape),
                None if p.present is None else p.present.reshape(shape),
                1,
                p.analytic,
            ),
            nonnegative=x.nonnegative,
        )

    def winner(self, x: FieldArray, last: bool) -> FieldArray:
        field = self.field
        field.no_overflow(x)
        shape = x.shape
        p = movement.candidates(field, x, 1)
        if p.rows.shape[-1] > 1:
            rows, present = x.rows, None
        else:
            rows = p.rows[..., 0]
            present = None if p.present is None else p.present[..., 0]
        rows = rows.reshape(len(field.m), -1, shape[-1])
        here = None if present is None else present.reshape(-1, shape[-1])
        weighed = self.weigh(rows, here)
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
                drawn = self._one(place, here)
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
        return field.plain(weights, x, self.mask_growth, nonnegative=True)

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
        if a is b:  # x != x asks for NaN, and there is none
            if a.concrete is None and _is_float(a.dtype):
                self.field.assume(NO_NANS)
            return self.field.lift(np.full(a.shape, op in ("eq", "ge", "le")))
        if a.dtype == np.bool_:
            return self._compare_booleans(op, a, b)
        known = a.growth.analytic and b.growth.analytic  # nothing is made of unknown functions
        if self.field.may_be_nan and not known and _is_float(a.dtype):
            self.field.assume(NO_NANS)
            self.field.partial = True
        if op in ("ne", "ge", "le"):
            opposite = {"ne": "eq", "ge": "lt", "le": "gt"}[op]
            return self.field.logical_not(self.compare(opposite, a, b))
        if op == "lt":
            return self.compare("gt", b, a)
        self.field.no_overflow(a, b)
        infinite = self._compare_infinite(op, a, b)
        if infinite is not None:
            return infinite
        if op == "eq":
            for x, other in ((a, b), (b, a)):
                p = x.pending
                if p is not None and p.rows.shape[-1] > 1 and not np.array_equal(a.rows, b.rows):
                    return self._is_maximum(x, other)
        return self._sign_mask(op, a, b)

    def _compare_booleans(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        f = self.field
        both = f.logical_and(a, b)
        if op in ("eq", "ne"):
            differ = f.sub(f.add(f.cast(a, np.float64), f.cast(b, np.float64)), _double(f, both))
            differ = f.plain(differ.rows, a, differ.growth)
            return differ if op == "ne" else f.logical_not(differ)
        greater = f.sub(a if op in ("gt", "le") else b, both)
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
            above = known > 0
            true = np.zeros(x.shape, bool) if op == "eq" else (above != mirrored)
            return self.field.lift(true)
        return None

    def _sign_mask(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        """a > b or a == b."""

        field, m = self.field, self.field.m
        growth = a.growth.plus(b.growth)
        difference = residues.reduce(a.rows - b.rows, m)
        flat = difference.reshape(len(m), -1)
        weighed = self.weigh(np.stack([flat, np.zeros_like(flat)], axis=-1), None)
        zero = (flat[: field.points] == 0).all(axis=0)
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
        shape = a.shape
        if field.mode.patterns:  # in some branches the two are equal
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
            )
        weight = np.where(zero, 0, weighed.weights[..., 0])
        if field.mode.patterns:  # what cannot be negative is above zero where it is not zero
            if a.nonnegative and b.concrete is not None and (b.concrete <= 0).all():
                weight = np.where(zero, 0, 1)
            if b.nonnegative and a.concrete is not None and (a.concrete <= 0).all():
                weight = np.zeros_like(weight)
            if equal is not None:
                weight = np.where(equal, 0, weight)
        half = residues.inverse_of_integer(2, m)[:, None]
        rows = residues.reduce(weight - residues.multiply(tie, half, m), m)
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
            distinct = self._distinct(shifted, here)
            members = mixing.digest(shifted[: field.points], field.key)
            state = mixing.combine(mixing.unordered(members, distinct), tag="is maximum")
            if field.mode.patterns:
                out = field.for_all(mixing.expand(state, m)[: field.points] & 1)
                field.note(state, 2)
            else:
                out = field.atom(state, np.dtype(bool)).rows
        else:
            field.assume(NO_TIES)
            weighed = self.weigh(rows, here)
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
            chosen = np.asarray(which.concrete).astype(np.int64)
            if size and (chosen == chosen.flat[0]).all():
                return cases[int(chosen.flat[0])]
            index = chosen * size + np.arange(size).reshape(which.shape)
            return field.pick(list(cases), index)
        if len(cases) == 1:
            return cases[0]
        if which.dtype != np.bool_:
            return self._select_many(which, cases)
        no, yes = cases
        if no.dtype == np.bool_:
            kept = field.logical_and(field.logical_not(which), no)
            return field.plain(
                residues.reduce(field.logical_and(which, yes).rows + kept.rows, field.m),
                no,
                which.growth.times(no.growth.union(yes.growth), 2),
                nonnegative=True,
            )
        difference = field.sub(yes, no)
        if which.mask is not None:
            # where(a > b, a, b) is max(a, b), and where(a > b, b, a) is min(a, b).
            d, points = which.mask.difference[: field.points], field.points
            rows = difference.rows
            if np.array_equal(rows[:points], d):
                return self.maximum(yes, no)
            if np.array_equal(residues.reduce(-rows, field.m)[:points], d):
                return field.neg(self.maximum(field.neg(yes), field.neg(no)))
        product = field.mul(field.cast(which, no.dtype), difference)
        result = field.add(product, no)
        result.nonnegative = yes.nonnegative and no.nonnegative
        result.growth = _chosen(result.growth, result.growth, field.mode.patterns)
        return result

    def _select_many(self, which: FieldArray, cases: Sequence[FieldArray]) -> FieldArray:
        field = self.field
        kind = which.dtype
        result = cases[-1]
        for j in range(len(cases) - 1):
            index = field.lift(np.full(which.shape, j), kind)
            result = self.select(field.compare("eq", which, index), [result, cases[j]])
        return result


def _present(p: Any) -> np.ndarray:
    return np.ones(p.rows.shape[1:], bool) if p.present is None else p.present


def _double(field: Field, x: FieldArray) -> FieldArray:
    two = field.lift(np.full(x.shape, 2.0))
    return field.mul(field.cast(x, np.float64), two)


def _is_float(dtype: Any) -> bool:
    return is_real(dtype) and dtype != np.bool_


def _chosen(a: Growth, b: Growth, patterns: bool) -> Growth:
    """A weight (a fresh random value) times a value, over all candidates; no longer analytic."""
    both = a.union(b)
    analytic = both.analytic and patterns  # once decided, a choice is what was chosen
    return replace(both, degree=both.degree + 1, bits=both.bits + 8, analytic=analytic)

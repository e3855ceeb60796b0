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
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verify.algebras import machine
from verify.algebras.elements import COMPARED
from verify.algebras.field import branches, movement, opaque, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws.cosines import Cosines
from verify.algebras.field.laws.images import IMAGES
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.laws.magnitudes import MAGNITUDES
from verify.algebras.field.laws.multiples import Sum
from verify.algebras.field.laws.quotients import QUOTIENTS
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, Pending
from verify.algebras.field.weights import Weighed, Weights
from verify.dtypes import DType, is_kind, is_real, least, limits
from verify.limits import budget

_CHUNK = 3_000_000  # residues of candidates that are weighed at a time
NO_TIES = "no ties: no two compared values are equal (true but for a set of measure zero)"
NO_NANS = "nothing that is compared, or tested for NaN, is NaN"
NO_INFINITIES = "nothing that is compared with an infinity, or tested for one, is infinite"


class Maxima:
    """The largest of several values, and where it is."""

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
        with self.field.in_parts(flat.shape[1]):
            for start in range(0, flat.shape[1], step):
                some = slice(start, start + step)
                part = np.ascontiguousarray(flat[:, some])
                weighed = self.weights.weigh(part, None if here is None else here[some])
                products = residues.multiply(part, weighed.weights, m)
                out[:, some] = residues.total(products, m)
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
        if is_float(a.dtype) and a.concrete is not None and b.concrete is not None:
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
            self._growth(a.growth, b.growth, present),
            _pending=Pending(rows, present, 1, one.analytic and two.analytic),
            nonnegative=a.nonnegative or b.nonnegative,
            positive=a.positive or b.positive,
            bounds=machine.larger(a.bounds, b.bounds),
        )
        MAGNITUDES.know(y, MAGNITUDES.chosen(self.field, a, b))
        if y.growth.logs and one.rows.shape[-1] == two.rows.shape[-1] == 1:
            index = np.arange(2 * one.rows[0].size).reshape(2, *a.shape)
            beside = LOGARITHMS.picked(self.field, [a, b], np.moveaxis(index, 0, -1))
            LOGARITHMS.know(y, self._logs(beside, rows, present))
        return y

    def _growth(self, a: Growth, b: Growth, present: np.ndarray | None) -> Growth:
        if self.field.mode.opaque and (present is None or (present.sum(axis=-1) > 1).all()):
            return Growth(analytic=False)  # of fewer it may be a candidate itself
        return growth_of_choice(a, b, self.field.mode.patterns)

    def _known_larger(self, a: FieldArray, b: FieldArray) -> FieldArray | None:
        """The one of which a precondition says that it is larger, all over the array."""
        given = self.field.given
        if given is None or not given.known or a.undecided or b.undecided:
            return None
        if self.field.rests(a) or self.field.rests(b):
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
            low = least(x.dtype) if is_float(x.dtype) else limits(x.dtype)[0]
            kind = np.float64 if is_float(x.dtype) else x.dtype
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
            self._growth(x.growth, x.growth, p.present),
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
            LOGARITHMS.know(y, self._logs(LOGARITHMS.of(x), rows, present))
        return y

    def _logs(
        self, candidates: Sum | None, rows: np.ndarray, present: np.ndarray | None
    ) -> Sum | None:
        """What the maximum of (rows, *shape, S) candidates has of the logarithms in them."""

        def weighed() -> Weighed:
            flat = rows.reshape(len(rows), -1, rows.shape[-1])
            here = None if present is None else present.reshape(-1, rows.shape[-1])
            return self.weights.weigh(flat, here)

        def bits() -> np.ndarray:  # modulo two
            found = self.weights.bits(weighed())
            return found.reshape(len(found), *rows.shape[1:])

        def shares() -> np.ndarray:  # modulo q
            found = weighed().weights[self.field.points :]
            return found.reshape(len(found), *rows.shape[1:])

        mode = self.field.mode
        decided = mode.decides or mode.opaque  # where the maximum is made in another way
        return LOGARITHMS.weighed(self.field, candidates, bits, None if decided else shares)

    def numbers(self, *values: FieldArray) -> None:
        """What is put in order may be no number: where it is made of unknown functions."""
        known = all(x.growth.analytic for x in values)
        if self.field.may_be_nan and not known and is_float(values[0].dtype):
            self.field.assume(NO_NANS)
            self.field.partial = True


def _present(p: Pending) -> np.ndarray:
    return np.ones(p.rows.shape[1:], bool) if p.present is None else p.present


def is_float(dtype: DType) -> bool:
    return is_real(dtype) and dtype != np.bool_


def growth_of_choice(a: Growth, b: Growth, patterns: bool) -> Growth:
    """A weight (a fresh random value) times a value, over all candidates; no longer analytic."""
    both = a.union(b)
    if patterns:  # once decided, a choice is what was chosen
        return both
    return replace(both, degree=both.degree + 1, bits=both.bits + 8, analytic=False)

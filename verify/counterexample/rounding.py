"""Which differences the rounding of literals explains: those do not count.

A literal stands for any number that rounds to it (`verify/constants`), one number wherever it
occurs. At an input where the programs differ as they are written, they are evaluated again:

1. Every occurrence of a literal is an interval. If the results are apart, they are so whatever the
   literals are, and the difference counts.
2. If the errors of the results shrink with the intervals, the difference is one of rounding; not
   if they vanish, as those of a loop that makes a step more.
3. Else a literal decides a choice (x > 0.1, floor(x / 0.1), the steps of a loop). Occurrences of
   one literal are one unknown number now, also where an input holds it: x > c and x >= c differ at
   x = c whatever c is. If the results are apart, the difference counts.
4. It counts as well if it is there with every number that is tried for the literals: what they are
   read as, all of them and those that one program has alone, and fractions drawn at random from the
   intervals.

What is not decided does not count, at this input.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from verify.algebras.base import Meaningless, Unsupported, Value, itself
from verify.algebras.extended import lift
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_value import Bounded
from verify.constants.assigned import Assigned, Ball
from verify.constants.balls import AnyRounded
from verify.constants.numbers import Numbers
from verify.constants.rounds import Known
from verify.counterexample.computed import Inputs, certain, margins, values, whole
from verify.counterexample.undefined import known
from verify.dtypes import is_kind
from verify.evaluate import evaluate
from verify.programs import Program

_NARROW = 2.0**-20  # of a literal's interval
_SHRINKS = 2.0**-10  # an error that shrinks with the interval is a smaller part of what it was
_LIKE = 2.0**-10  # a difference that stays is no smaller part of what it was
_MOST = 60  # differences that are tried and explained, before no other is tried
_DRAWN = 2
_STEEP = 4  # what curvature may add to a linear bound
_FAR = Fraction(19, 20)  # of the way to the end of an interval

Pair = tuple[list[Bounded], list[Bounded]]


class Rounding:
    """Two programs whose literals may have been rounded."""

    def __init__(
        self, left: Program, right: Program, numbers: Numbers, given: Program | None = None
    ) -> None:
        """given: a condition on the inputs that count."""
        self.programs, self.numbers, self.given = (left, right), numbers, given
        self.explained = 0  # differences that did not count
        self.tried = 0  # of these, by other numbers for the literals
        self.rng = np.random.default_rng(0)

    def beyond(self, inputs: Inputs, found: Pair, every: list[np.ndarray]) -> list[np.ndarray]:
        """The margins where outputs differ by more than the rounding of literals explains, else 0.

        found: the outputs of both programs as they are written.
        """
        differ = [margin > 0 for margin in every]
        counts = self._beyond_intervals(inputs, differ)
        if not any(part.any() for part in counts):
            self.explained += 1
        return [np.where(c, m, 0.0) for c, m in zip(counts, every, strict=True)]

    def gives_a_value(
        self, inputs: Inputs, *, left: bool, output: int, index: tuple[int, ...]
    ) -> bool:
        """Whether a side that has no value at an element, as the programs are written, has one with
        other numbers for the literals: sqrt(x - 3 (x / 3)) is one of zero, and of a negative number
        as 1/3 is written."""
        for assigned in self._assignments():
            pair = self._seen(inputs, assigned)
            if pair is None:
                continue
            value = (pair[0] if left else pair[1])[output]
            if known(value)[index]:
                self.explained += 1
                return True
        return False

    def decides(self, inputs: Inputs, *, read: bool, jumps: bool) -> bool:
        """Whether the programs, the same at these inputs as they are written, differ there once
        their literals are other numbers. `read`: those that have a reading are that, and are so
        where the programs are the same, too; only the others are moved. `jumps`: only a difference
        by a choice counts."""
        found = self._seen(inputs, Numeric())
        if found is None:
            return False
        open_ = [~apart for apart in _apart(found)]
        as_read = self._seen(inputs, self._as_read) if read and self._known else None
        if as_read is not None:
            open_ = [o | ~apart for o, apart in zip(open_, _apart(as_read), strict=True)]
        wide = self._seen(inputs, AnyRounded(self.numbers))
        narrow = self._seen(inputs, AnyRounded(self.numbers, _NARROW))
        smooth = [np.zeros(part.shape) for part in open_]  # how far rounding may move a result
        if wide is not None and narrow is not None:
            open_ = [o & (large > 0) for o, large in zip(open_, _errors(wide), strict=True)]
            smooth = [
                np.where(small >= _SHRINKS * large, 0.0, _STEEP * small / _NARROW)
                for small, large in zip(_errors(narrow), _errors(wide), strict=True)
            ]
        if not any(part.any() for part in open_):
            return False
        for assigned in self._others(read, jumps):
            pair = self._seen(inputs, assigned)
            if pair is None:
                continue
            far = zip(open_, _gaps(pair), smooth, strict=True)
            if any((o & (np.abs(gap) > (bound if jumps else 0))).any() for o, gap, bound in far):
                return True
        return False

    @property
    def _known(self) -> Known:
        return self.numbers.rounds[-1]

    @property
    def _as_read(self) -> Assigned:
        """Readings, and the floats that have none."""
        return self._known.assigned({one: Fraction(one) for one in self._balls})

    def _others(self, read: bool, jumps: bool) -> Iterator[Assigned]:
        """Readings, and numbers near the ends of the intervals, on different sides."""
        balls = self._balls
        if self._known and read and jumps:
            yield self._as_read
        sides = dict(zip(balls, self.rng.choice([-1, 1], len(balls)).tolist(), strict=True))
        for way in (1, -1):
            moved = {
                one: Fraction(one) + way * sides[one] * Fraction(ball.error) * _FAR
                for one, ball in balls.items()
                if isinstance(ball, Ball)
            }
            yield self._known.assigned(moved) if read else Assigned(moved)

    def _beyond_intervals(self, inputs: Inputs, differ: list[np.ndarray]) -> list[np.ndarray]:
        nothing = [np.zeros_like(part) for part in differ]
        wide = self._seen(inputs, AnyRounded(self.numbers))
        open_ = differ
        if wide is not None:
            apart = _apart(wide)
            if any(part.any() for part in apart):
                return apart
            narrow = self._seen(inputs, AnyRounded(self.numbers, _NARROW))
            if narrow is not None:
                # What becomes smaller by far more than the interval jumps within it.
                open_ = [
                    part
                    & (
                        (~apart & (small >= _SHRINKS * large))
                        | (small < _NARROW * _SHRINKS * large)
                    )
                    for part, apart, small, large in zip(
                        differ, _apart(narrow), _errors(narrow), _errors(wide), strict=True
                    )
                ]
        if self.tried >= _MOST or not any(part.any() for part in open_):
            return nothing
        counts = self._whatever(inputs, open_)
        self.tried += not any(part.any() for part in counts)
        return counts

    def _whatever(self, inputs: Inputs, open_: list[np.ndarray]) -> list[np.ndarray]:
        """Of the elements that are open, those that differ with other numbers for the literals."""
        literals = [table.literal for table in self.numbers.tables.values()]
        near = {literal.key: (literal.values, literal.width) for literal in literals}
        one_unknown = self._seen(inputs, Assigned(self._balls, near), moved=True)
        if one_unknown is not None:
            apart = [o & a for o, a in zip(open_, _apart(one_unknown), strict=True)]
            if any(part.any() for part in apart):
                return apart
        first: list[np.ndarray] | None = None
        for assigned in self._assignments():
            tried = [self._seen(inputs, assigned, moved=moved) for moved in (True, False)]
            gaps = [_gaps(pair) for pair in tried if pair is not None]
            if not gaps:
                return [np.zeros_like(part) for part in open_]
            gap = [_either(*several) for several in zip(*gaps, strict=True)]
            open_ = [o & ~np.isnan(g) for o, g in zip(open_, gap, strict=True)]
            first = gap if first is None else first
            open_ = [o & _alike(g, f) for o, g, f in zip(open_, gap, first, strict=True)]
            if not any(part.any() for part in open_):
                break
        return open_

    @property
    def _balls(self) -> dict[float, Fraction | Ball]:
        return {one: Ball(one, self.numbers.half(one)) for one in self.numbers.members}

    def _assignments(self) -> Iterator[Assigned]:
        """Numbers for the literals; of what has no reading only the interval is known."""
        balls, readings = self._balls, self.numbers.readings
        yield Assigned({**balls, **{one: Fraction(one) for one in readings}})
        as_read = self._known.assigned(balls)
        yield as_read
        if self.numbers.common & readings.keys() and readings.keys() - self.numbers.common:
            yield self._known.assigned(balls, but=self.numbers.common)
        for _ in range(_DRAWN if readings else 0):
            drawn = {one: self._drawn(one, balls[one]) for one in readings}
            yield Assigned({**balls, **drawn}, as_read.tables)

    def _drawn(self, one: float, ball: Fraction | Ball) -> Fraction:
        assert isinstance(ball, Ball)
        share = Fraction(int(self.rng.integers(-(10**6), 10**6)), 10**6 + 3)
        return Fraction(one) + share * Fraction(ball.error)

    def _seen(self, inputs: Inputs, numeric: Numeric, *, moved: bool = False) -> Pair | None:
        """The outputs of both programs; `moved`: inputs that hold a literal are that number. None
        where they cannot be evaluated, or no such input counts."""
        try:
            with np.errstate(all="ignore"):
                if isinstance(numeric, Assigned):
                    lifted = self._lifted(inputs, numeric, moved)
                    one, two = (
                        [whole(v) for v in evaluate(p, numeric, lifted)] for p in self.programs
                    )
                    if self.given is None or _holds(evaluate(self.given, numeric, lifted)):
                        return one, two
                    return None
                one, two = (values(p, inputs, numeric=numeric) for p in self.programs)
                return one, two
        except (Unsupported, Meaningless):
            return None

    def _lifted(self, inputs: Inputs, numeric: Assigned, moved: bool) -> list[Value]:
        return [
            numeric.literal(array, var.dtype)
            if moved and is_kind(var.dtype, np.floating)
            else lift(numeric, array, var.dtype)
            for array, var in zip(inputs, self.programs[0].inputs, strict=True)
        ]


def _holds(condition: list[Value]) -> bool:
    return all(bool(certain(itself(part, Bounded)).all()) for part in condition)


def _apart(pair: Pair) -> list[np.ndarray]:
    return [margins(a, b) > 0 for a, b in zip(*pair, strict=True)]


def _errors(pair: Pair) -> list[np.ndarray]:
    return [a.errors + b.errors for a, b in zip(*pair, strict=True)]


def _gaps(pair: Pair) -> list[np.ndarray]:
    """The differences, NaN where they are not certain."""
    found = []
    for a, b, apart in zip(*pair, _apart(pair), strict=True):
        one, two = np.asarray(a.value), np.asarray(b.value)
        numbers = is_kind(one.dtype, np.inexact)
        with np.errstate(all="ignore"):
            gap = one - two if numbers else np.ones(one.shape)
        found.append(np.where(apart, gap, np.nan))
    return found


def _either(*gaps: np.ndarray) -> np.ndarray:
    """The first of several that is known."""
    found = gaps[0]
    for other in gaps[1:]:
        found = np.where(np.isnan(found), other, found)
    return found


def _alike(gap: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Whether a difference is to the same side as another, and no trifle beside it."""
    with np.errstate(all="ignore"):
        same_side = (gap * np.conj(first)).real > 0
        return same_side & ((np.abs(gap) >= _LIKE * np.abs(first)) | np.isinf(gap))

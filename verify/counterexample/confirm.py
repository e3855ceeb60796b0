"""Evaluates both programs at one input, with certified errors, and says whether they differ there.

Nothing is called a counterexample unless this file says so: the two values are further apart than
their error bounds together allow (zero for exact evaluations), or one side has no value on an open
set of inputs (`undefined.py`). Inputs are rounded to the programs' own dtypes first, so that what
is confirmed is what is reported. JAX has the last word (`agree.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from verify.algebras.base import Meaningless
from verify.algebras.extended import lift, parts
from verify.algebras.numeric import Bounded, Numeric
from verify.constants import numbers
from verify.constants.balls import AnyRounded
from verify.counterexample.held import held
from verify.counterexample.partial import Domain
from verify.counterexample.undefined import around, undefined
from verify.dtypes import is_kind
from verify.evaluate import evaluate
from verify.program import Program

Inputs = list[np.ndarray]
_NARROW = 2.0**-20  # of a literal's interval
_SHRINKS = 2.0**-10  # what an error shrinks to at least, as the interval does, without a choice


@dataclass(frozen=True)
class Witness:
    """A confirmed difference: the inputs, and the output element that differs most clearly."""

    inputs: Inputs
    output: int
    index: tuple[int, ...]
    left: Any
    right: Any
    count: int  # how many output elements differ
    error: float = field(default=0.0, kw_only=True)  # certified, of both values together
    cause: str = field(default="", kw_only=True)  # why a side is NaN: "sqrt of -1 at file.py:12"


class Given(Protocol):
    """The inputs that a question is about (`verify/preconditions/condition.py`)."""

    @property
    def program(self) -> Program: ...

    def holds(self, inputs: Sequence[np.ndarray]) -> bool: ...

    def moved(self, inputs: Sequence[Any]) -> list[np.ndarray] | None: ...

    def rows(self, drawn: Sequence[np.ndarray]) -> list[np.ndarray]: ...

    def near(self, inputs: Sequence[np.ndarray], scale: float) -> list[list[np.ndarray]]: ...


class Comparison:
    """Two programs, to be evaluated at many inputs. Counts evaluations."""

    same = False  # whether the two are one program, but for the names
    lenient = False  # whether only the left has to answer for ties, and for what has no value

    def __init__(
        self, left: Program, right: Program, constants: str = "exact", given: Given | None = None
    ) -> None:
        """`constants`: "rounded" if differences within the rounding of literals do not count;
        `given`: the inputs that count, None for all."""
        self.left, self.right, self.given = left, right, given
        self.numbers = numbers.of(left, right) if constants == "rounded" else numbers.NONE
        self.lenient_literals = bool(self.numbers)
        self.explained = 0  # differences that the rounding of literals explains
        self.undecided: Witness | None = None  # or one that a choice made by a literal may explain
        self.evaluations = 0
        self.steps = 0  # equations that an evaluation of both programs walks over, loops unrolled
        self.domain = Domain(left, right)

    def at(
        self, inputs: Inputs, where: tuple[int, tuple[int, ...]] | None = None
    ) -> Witness | None:
        """A confirmed difference at these inputs (at one output element, if given), or None.

        None as well where both programs are undefined, break a promise (of unique indices, say),
        or their branches cannot be decided.
        """
        self.evaluations += 1
        inputs = held(self.left.inputs, inputs)
        if self.given is not None and not self.given.holds(inputs):
            return None
        try:
            with self.domain.watch() as observe:
                self.steps = 0

                def step(*seen: Any) -> None:
                    self.steps += 1
                    observe(*seen)

                left, right = (values(p, inputs, step) for p in (self.left, self.right))
        except Meaningless:
            return None
        every = [margins(a, b) for a, b in zip(left, right, strict=True)]
        if self.lenient_literals and any(margin.any() for margin in every):
            every = self._beyond_rounding(inputs, left, right, every)
        found = _clearest(inputs, left, right, every, where)
        if found is not None:
            return found
        return None if where is not None else self._undefined(inputs, left, right)

    def meet(self, inputs: Inputs) -> Witness | None:
        """A confirmed difference at these inputs, moved to where inputs count."""
        found = self.moved(inputs)
        return None if found is None else self.at(found)

    def moved(self, inputs: Inputs) -> Inputs | None:
        return inputs if self.given is None else self.given.moved(inputs)

    def rows(self, drawn: Inputs) -> Inputs:
        """Of many inputs, one a row, those that count, moved if need be."""
        return drawn if self.given is None else self.given.rows(drawn)

    def around(self, inputs: Inputs, scale: float = 1.0) -> list[Inputs]:
        """Inputs near these, in every direction in which inputs count."""
        if self.given is not None:
            return self.given.near(inputs, scale)
        return around(self.left, inputs, scale)

    def counts(self, witness: Witness) -> bool:
        """Whether such a difference is one, whatever the values there."""
        return True

    def _beyond_rounding(
        self, inputs: Inputs, left: list[Any], right: list[Any], every: list[np.ndarray]
    ) -> list[np.ndarray]:
        """The margins where outputs differ by more than the rounding of literals explains, else 0.

        Where a literal decides a choice (x == 0.1), its interval says nothing, however narrow it
        is; the difference is kept for the case that no reading of the literal explains it. (Where
        none does, the error shrinks with the interval, if not always below the difference:
        cos(x + pi) at zero.)
        """

        def seen(numeric: AnyRounded) -> list[tuple[np.ndarray, np.ndarray]]:
            """Where outputs differ, and the errors of both."""
            one, two = (values(p, inputs, numeric=numeric) for p in (self.left, self.right))
            pairs = zip(one, two, strict=True)
            return [(margins(a, b) > 0, a.errors + b.errors) for a, b in pairs]

        def differ(numeric: AnyRounded) -> list[np.ndarray]:
            return [where for where, _ in seen(numeric)]

        whole = seen(AnyRounded(self.numbers))
        beyond = [where for where, _ in whole]
        if not any(part.any() for part in beyond):
            narrow = seen(AnyRounded(self.numbers, _NARROW))
            open_ = [
                (m > 0) & ~where & (error >= _SHRINKS * most)
                for (where, error), (_, most), m in zip(narrow, whole, every, strict=True)
            ]
            # x > 0.1 and x >= 0.1: a literal of both programs is the same number in both.
            same = differ(AnyRounded(self.numbers.own))
            beyond = [o & s for o, s in zip(open_, same, strict=True)]
            if not any(part.any() for part in beyond):
                self.explained += 1
                if self.undecided is None:
                    kept = [np.where(o, m, 0.0) for o, m in zip(open_, every, strict=True)]
                    self.undecided = _clearest(inputs, left, right, kept, None)
        return [np.where(b, m, 0.0) for b, m in zip(beyond, every, strict=True)]

    def _undefined(self, inputs: Inputs, left: list[Any], right: list[Any]) -> Witness | None:
        """One side without a value, on an open set around these inputs."""
        programs = (self.left, self.right)
        near = functools.partial(self.around, inputs)
        found = undefined(programs, inputs, (left, right), values, near, left_only=self.lenient)
        if found is None:
            return None
        other = (right if found.left else left)[found.output]
        one, error = np.asarray(other.value)[found.index] + 0, float(other.errors[found.index])
        nothing = one.dtype.type(np.nan)
        sides = (nothing, one) if found.left else (one, nothing)
        return Witness(inputs, found.output, found.index, *sides, 1, error=error, cause=found.cause)


def _clearest(
    inputs: Inputs,
    left: list[Any],
    right: list[Any],
    every: list[np.ndarray],
    where: tuple[int, tuple[int, ...]] | None,
) -> Witness | None:
    """The output element with the largest margin, of all or of the one at `where`."""
    best: Witness | None = None
    count, clearest = 0, 0.0
    for number, (a, b, margin) in enumerate(zip(left, right, every, strict=True)):
        if where is not None:
            if number != where[0]:
                continue
            kept = np.zeros(margin.shape, bool)
            kept[where[1]] = True
            margin = np.where(kept, margin, 0)
        found = margin > 0
        count += int(found.sum())
        if found.any() and float(margin.max()) > clearest:
            clearest = float(margin.max())
            flat = int(np.argmax(margin))
            index = tuple(int(i) for i in np.unravel_index(flat, margin.shape))
            one, two = (np.asarray(v.value)[index] for v in (a, b))
            error = float(a.errors[index] + b.errors[index])
            best = Witness(inputs, number, index, one, two, 0, error=error)
    return None if best is None else replace(best, count=count)


def values(
    program: Program, inputs: Inputs, observe: Any = None, numeric: Numeric | None = None
) -> list[Any]:
    """The program's outputs at concrete inputs, as numeric values with error bounds."""
    numeric = Numeric() if numeric is None else numeric
    lifted = [
        lift(numeric, array, var.dtype) for array, var in zip(inputs, program.inputs, strict=True)
    ]
    with np.errstate(all="ignore"):
        return [_whole(value) for value in evaluate(program, numeric, lifted, observe)]


def _whole(value: Any) -> Any:
    """A value as one array with an error bound: a complex one, or the words of keys."""
    several = parts(value)
    if len(several) == 1:
        return several[0]
    re, im = several
    error = None if re.error is None and im.error is None else re.errors + im.errors
    return Bounded(re.value + 1j * im.value, error, value.dtype)


def margins(a: Any, b: Any) -> np.ndarray:
    """How far beyond the error bounds two values differ; 0 where they do not, or are undefined."""
    x, y = np.asarray(a.value), np.asarray(b.value)
    if x.dtype == np.bool_ or is_kind(x.dtype, np.integer):
        return np.where((x != y) & ~a.unknown & ~b.unknown, 1.0, 0.0)
    slack = np.zeros(x.shape)
    for error in (a.error, b.error):
        if error is not None:
            slack = slack + error
    # The difference itself is rounded once; two units cover that.
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(x - y) * (1 - 2.0**-51)
        margin = distance - slack
    defined = np.isfinite(x) & np.isfinite(y) & np.isfinite(slack)
    margin = np.where(defined & (margin > 0), np.maximum(margin, np.finfo(np.float64).tiny), 0.0)
    # Infinity is a value of a maximum over nothing: it differs from any number.
    infinite = (np.isinf(x) | np.isinf(y)) & ~np.isnan(x) & ~np.isnan(y)
    return np.where(infinite & (x != y), np.inf, margin)

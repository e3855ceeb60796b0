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
from typing import Protocol

import numpy as np

from verify.algebras.base import Meaningless, Value
from verify.algebras.numeric_value import Bounded
from verify.constants import numbers
from verify.counterexample.computed import Inputs, margins, values
from verify.counterexample.held import held
from verify.counterexample.partial import Domain
from verify.counterexample.rounding import Rounding
from verify.counterexample.undefined import around, undefined
from verify.dtypes import Number
from verify.limits import budget
from verify.programs import Equation, Program

__all__ = ["Comparison", "Given", "Inputs", "Witness", "margins", "values"]


@dataclass(frozen=True)
class Witness:
    """A confirmed difference: the inputs, and the output element that differs most clearly."""

    inputs: Inputs
    output: int
    index: tuple[int, ...]
    left: Number
    right: Number
    count: int  # how many output elements differ
    error: float = field(default=0.0, kw_only=True)  # certified, of both values together
    cause: str = field(default="", kw_only=True)  # why a side is NaN: "sqrt of -1 at file.py:12"


@dataclass(frozen=True)
class Places:
    """For each of many inputs an output, the flat index of an element, and both values of it."""

    output: np.ndarray
    element: np.ndarray
    left: np.ndarray
    right: np.ndarray


class Given(Protocol):
    """The inputs that a question is about (`verify/preconditions/condition.py`)."""

    @property
    def program(self) -> Program: ...

    def holds(self, inputs: Sequence[np.ndarray]) -> bool: ...

    def moved(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray] | None: ...

    def rows(self, drawn: Sequence[np.ndarray]) -> list[np.ndarray]: ...

    def near(self, inputs: Sequence[np.ndarray], scale: float) -> list[list[np.ndarray]]: ...


class Comparison:
    """Two programs, to be evaluated at many inputs. Counts evaluations."""

    same = False  # whether the two are one program, but for the names
    compiled = True  # whether both are programs that a compiled evaluation may stand for
    lenient = False  # whether only the left has to answer for ties, and for what has no value

    def __init__(
        self, left: Program, right: Program, constants: str = "exact", given: Given | None = None
    ) -> None:
        """`constants`: "rounded" if differences within the rounding of literals do not count;
        `given`: the inputs that count, None for all."""
        self.left, self.right, self.given = left, right, given
        self.numbers = numbers.of(left, right) if constants == "rounded" else numbers.NONE
        self.lenient_literals = bool(self.numbers)
        condition = None if given is None else given.program
        self.rounding = Rounding(left, right, self.numbers, condition)
        self.evaluations = 0
        self.steps = 0  # equations that an evaluation of both programs walks over, loops unrolled
        self.cost = 0.0  # units of work (`limits/budget.py`) that the last evaluation took
        self.domain = Domain(left, right)

    def sides(self, witness: Witness) -> tuple[str, str]:
        """What the two programs are called where a difference is told."""
        return "left", "right"

    def at(
        self, inputs: Inputs, where: tuple[int, tuple[int, ...]] | None = None
    ) -> Witness | None:
        """A confirmed difference at these inputs (at one output element, if given), or None.

        None as well where both programs are undefined, break a promise (of unique indices, say),
        or their branches cannot be decided.
        """
        inputs = held(self.left.inputs, inputs)
        if self.given is not None and not self.given.holds(inputs):
            self.evaluations += 1
            return None
        return self._where_it_counts(inputs, where)

    def _where_it_counts(
        self, inputs: Inputs, where: tuple[int, tuple[int, ...]] | None = None
    ) -> Witness | None:
        self.evaluations += 1
        try:
            with self.domain.watch() as observe, budget.metered() as meter:
                self.steps = 0

                def step(equation: Equation, operands: list[Value], results: list[Value]) -> None:
                    self.steps += 1
                    observe(equation, operands, results)

                left, right = (values(p, inputs, step) for p in (self.left, self.right))
            self.cost = meter.spent
        except Meaningless:
            return None
        every = [margins(a, b) for a, b in zip(left, right, strict=True)]
        if self.lenient_literals and any(margin.any() for margin in every):
            every = self.rounding.beyond(inputs, (left, right), every)
        found = _clearest(inputs, left, right, every, where)
        if found is not None:
            return found
        return None if where is not None else self._undefined(inputs, left, right)

    def constants(self) -> list[np.ndarray]:
        """Of both programs, and of what says which inputs count: where a search should aim."""
        programs = (self.left, self.right, *(() if self.given is None else (self.given.program,)))
        return [c for program in programs for c in program.constants()]

    def meet(self, inputs: Inputs) -> Witness | None:
        """A confirmed difference at these inputs, moved to where inputs count."""
        if self.given is None:
            return self.at(inputs)
        found = self.given.moved(inputs)
        return None if found is None else self._where_it_counts(found)

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

    def sift(self, drawn: Inputs, rows: np.ndarray, places: Places) -> np.ndarray:
        """Of rows of many inputs at which the programs differ, those whose difference may count;
        `places`: where it is clearest."""
        return rows

    def _undefined(
        self, inputs: Inputs, left: list[Bounded], right: list[Bounded]
    ) -> Witness | None:
        """One side without a value, on an open set around these inputs."""
        programs = (self.left, self.right)
        near = functools.partial(self.around, inputs)
        found = undefined(programs, inputs, (left, right), values, near, left_only=self.lenient)
        if found is None:
            return None
        if self.lenient_literals and self.rounding.gives_a_value(
            inputs, left=found.left, output=found.output, index=found.index
        ):
            return None
        other = (right if found.left else left)[found.output]
        one, error = np.asarray(other.value)[found.index] + 0, float(other.errors[found.index])
        nothing = one.dtype.type(np.nan)
        sides = (nothing, one) if found.left else (one, nothing)
        return Witness(inputs, found.output, found.index, *sides, 1, error=error, cause=found.cause)


def _clearest(
    inputs: Inputs,
    left: list[Bounded],
    right: list[Bounded],
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

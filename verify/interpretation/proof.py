"""Proof by random interpretation: two programs evaluated over random residues, and compared.

One trial that agrees is a proof up to the trial's error probability (`algebras/bound.py`); trials
are repeated, with new primes, inputs and functions, until the product is below 2**-100.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Value
from verify.algebras.complex import is_complex
from verify.algebras.field import Field, Mode
from verify.algebras.field.bound import miss_probability
from verify.algebras.field.integers import congruent
from verify.algebras.field.patterns import PatternField
from verify.algebras.field.split import (
    Residues,
    Split,
    residues_of,
    whole,
)
from verify.algebras.field.value import FieldArray
from verify.dtypes import is_integer
from verify.interpretation.trial import EXPONENTIAL, Told, TooLarge, root_order, trial
from verify.limits import budget
from verify.programs import Program
from verify.programs.catalogue import Fact, having

TARGET = 2.0**-100
_MOST_TRIALS = 12
_MOST_PATTERN_TRIALS = 150
_FEW_PRIMES, MANY_PRIMES = 10, 20  # of a trial, if it takes more than usual


# Cheap first; each knows more laws than the one before it.
MODES = (Mode(), Mode(scaling=True), Mode(ties=False, scaling=True))
PATTERNS = Mode(ties=False, scaling=True, patterns=True)
MASKS = Mode(scaling=True, masks=True)

_TURNS = having(Fact.TURNS)


def turns(program: Program) -> bool:
    """Whether there are sines and cosines in it, those of complex exponentials among them."""
    return any(
        e.primitive in _TURNS
        or (e.primitive in EXPONENTIAL and any(is_complex(v.dtype) for v in e.inputs))
        for e in program.every_equation()
    )


@dataclass(frozen=True)
class Agreement:
    """The programs agree on every trial: a proof with this error probability."""

    error_probability: float
    primes: int  # drawn, over all trials
    mode: Mode
    assumptions: tuple[str, ...]
    partial: bool = False  # whether the assumptions may hold nowhere: find a place where they do
    almost: bool = False  # whether it is one but for a set of measure zero


@dataclass(frozen=True)
class Difference:
    """The programs differ as terms: no proof, and no refutation either."""

    elements: dict[int, np.ndarray]  # output number -> flat indices of the elements that differ
    mode: Mode  # in which they do
    wrapping: bool = False  # whether something looked at an integer that may have wrapped

    def __str__(self) -> str:
        places = [f"{len(flat)} elements of output {n}" for n, flat in self.elements.items()]
        return ", ".join(places)


def prove(
    left: Program,
    right: Program,
    mode: Mode,
    seed: int,
    ignore: Mapping[int, np.ndarray] | None = None,
    work: float = math.inf,
    told: Told | None = None,
    target: float = TARGET,
    most_primes: int = _FEW_PRIMES,
) -> Agreement | Difference:
    """Evaluates both programs over random residues.

    `ignore` names output elements that are proved equal by other means, as in `Difference`.
    After so much `work` (`budget.py`) no further trial is begun. `told`: the inputs of a trial, as
    a precondition has them. A trial has `most_primes` at most.
    Raises `Unsupported` where a program cannot be evaluated so, `TooLarge` where the error bound
    says too little.
    """
    names = left.primitives() | right.primitives()
    exponents = mode.circle or bool(names & EXPONENTIAL)
    order = root_order(left, right)
    error, trials = 1.0, 0
    assumptions: dict[str, None] = {}
    partial = almost = False
    primes, wanted = 0, None  # how many primes so far; how many the next trial needs
    spent = 0.0
    while error > target or (exponents and trials < 2):  # see bound.py for the second trial
        late = trials > 0 and spent > work
        if late or trials == (_MOST_PATTERN_TRIALS if mode.decides else _MOST_TRIALS):
            raise TooLarge(
                f"the polynomials are too large for a proof: {trials} trials bound the error only "
                f"by {error:.1e}"
            )
        with budget.metered() as meter:
            field, one, two = trial(
                left, right, mode, seed + 1000 * trials, exponents, order, wanted, told
            )
            difference = _compare(field, one, two, ignore or {})
        spent += meter.spent
        if difference is not None:
            return difference
        assumptions.update(field.assumptions)
        partial |= field.partial
        almost |= field.almost
        if isinstance(field, PatternField):
            miss = field.miss_probability([*one, *two])
            wanted = field.wanted
        else:
            miss = miss_probability(field)
        trials += 1
        primes += len(field.moduli.primes)
        error *= miss
        if not isinstance(field, PatternField):
            wanted = _enough_primes(field, error, target, most_primes)
        if miss > 0.5 and (wanted is None or wanted <= len(field.moduli.primes)):
            raise TooLarge(
                "the polynomials are too large for a proof: a trial's bound says nothing"
            )
    return Agreement(error, primes, mode, tuple(assumptions), partial, almost)


def _enough_primes(field: Field, error: float, target: float, most: int) -> int | None:
    """How many primes the next trials should have, so that they are the least work together; None
    where they say nothing however many there are."""
    usual = len(field.moduli.primes)
    best, least = None, math.inf
    for n in range(usual, max(usual, most) + 1):
        miss = miss_probability(field, n)
        if miss > 0.5:
            continue
        trials = max(1, math.ceil(math.log(max(error, target) / target) / -math.log(miss)))
        if n * trials < least:
            best, least = n, n * trials
    return best


def _compare(
    field: Field, one: list[Value], two: list[Value], ignore: Mapping[int, np.ndarray]
) -> Difference | None:
    elements = {}
    for output, (left, right) in enumerate(zip(one, two, strict=True)):
        same = np.ones(int(np.prod(left.shape)), bool)
        for a, b in zip(residues_of(left), residues_of(right), strict=True):
            agree = _agree(field, a, b)  # a random key has several words an element
            if isinstance(field, PatternField) and not agree.all():
                agree = field.equal_where_it_counts(whole(a), whole(b), agree)
            same &= agree.reshape(len(same), -1).all(axis=1) if len(same) else True
        same[ignore.get(output, np.zeros(0, np.int64))] = True
        if not same.all():
            elements[output] = np.flatnonzero(~same)
    return Difference(elements, field.mode, field.wrapping) if elements else None


def _agree(field: Field, a: Residues, b: Residues) -> np.ndarray:
    """Element by element, whether two values are equal: case by case where both are split alike."""
    if isinstance(a, Split) and isinstance(b, Split) and np.array_equal(a.selector, b.selector):
        cases = np.asarray(_equal(field, a.cases, b.cases).all(axis=0))
        if cases.all() or not (a.settled and b.settled):
            return cases
    return _equal(field, whole(a), whole(b))


def same(field: Field, one: list[Value], two: list[Value]) -> bool:
    """Whether the outputs of a trial agree."""
    return _compare(field, one, two, {}) is None


def _equal(field: Field, a: FieldArray, b: FieldArray) -> np.ndarray:
    """Element by element: the same residues at every point."""
    points = field.points
    equal = a.rows == b.rows
    same: np.ndarray = equal[:points].all(axis=0)
    if field.exponents and (a.growth.logs or b.growth.logs):
        same |= equal[points:].all(axis=0)  # logarithms are right modulo q
    if is_integer(a.dtype) and not same.all():
        same |= congruent(field, a, b)
    return same

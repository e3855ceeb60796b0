"""Proof by random interpretation: two programs evaluated over random residues, and compared.

One trial that agrees is a proof up to the trial's error probability (`algebras/bound.py`); trials
are repeated, with new primes, inputs and functions, until the product is below 2**-100.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.complex import is_complex
from verify.algebras.extended import fresh, parts
from verify.algebras.field import Field, FieldArray, Mode, Unlucky
from verify.algebras.field.bound import miss_probability
from verify.algebras.field.integers import congruent
from verify.algebras.field.laws.radicals import Radicals
from verify.algebras.field.patterns import PatternField
from verify.algebras.field.split import Split, SplitField, SplitPatternField, Wider
from verify.algebras.field.split import inputs as split_inputs
from verify.algebras.guarded import Guards, Sinking
from verify.dtypes import is_integer, is_kind
from verify.evaluate import evaluate
from verify.limits import budget, memory
from verify.programs import Program
from verify.programs.catalogue import Fact, having

TARGET = 2.0**-100
_MOST_TRIALS = 12
_MOST_PATTERN_TRIALS = 150
_MOST_DRAWS = 30
_FEW_PRIMES, MANY_PRIMES = 10, 20  # of a trial, if it takes more than usual

Told = Callable[[Field, list[Any]], list[Any]]
Watcher = TypeVar("Watcher")

# Cheap first; each knows more laws than the one before it.
MODES = (Mode(), Mode(scaling=True), Mode(ties=False, scaling=True))
PATTERNS = Mode(ties=False, scaling=True, patterns=True)
MASKS = Mode(scaling=True, masks=True)

EXPONENTIAL = having(Fact.EXPONENTIAL) | having(Fact.LOGARITHM)
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
    order = _root_order(left, right)
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
            field, one, two = _trial(
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


class TooLarge(Exception):
    """The degrees or coefficients are too large for the error bound."""


def traced_trial(
    left: Program,
    right: Program,
    mode: Mode,
    seed: int,
    told: Told | None,
    watcher: Callable[[], Watcher],
    primes: int | None = None,
) -> tuple[tuple[Watcher, Watcher], list[Any], tuple[list[Any], list[Any]]]:
    """One trial in which each program has a watcher, told of each of its equations as `evaluate`
    tells: the two watchers, the inputs, and the outputs of both programs."""
    exponents = mode.circle or bool((left.primitives() | right.primitives()) & EXPONENTIAL)
    order, watched, given = _root_order(left, right), (watcher(), watcher()), []

    def watch(inputs: list[Any]) -> tuple[Watcher, Watcher]:
        nonlocal watched, given
        watched, given = (watcher(), watcher()), inputs
        return watched

    _, one, two = _trial(left, right, mode, seed, exponents, order, primes, told, watch)
    return watched, given, (one, two)


def _trial(
    left: Program,
    right: Program,
    mode: Mode,
    seed: int,
    exponents: bool,
    order: int,
    primes: int | None,
    told: Told | None,
    watch: Callable[[list[Any]], tuple[Any, Any]] = lambda inputs: (None, None),
) -> tuple[Field, list[Any], list[Any]]:
    kind: Any = PatternField if mode.decides else Field
    if mode.split:
        kind = SplitPatternField if mode.patterns else SplitField
    width = 1
    for attempt in range(_MOST_DRAWS):
        field = kind(seed + attempt, mode, exponents, order, primes)
        memory.refuse((left, right), 8.0 * len(field.m), "a proof by random interpretation")
        inputs = [fresh(field.random, v.shape, v.dtype) for v in left.inputs]
        if told is not None:
            inputs = told(field, inputs)
        if isinstance(field, SplitField | SplitPatternField):
            inputs = split_inputs(field, inputs, width)
        guards = None
        if not mode.split and (mode.decides or mode.sinking or _has_infinities(left, right)):
            guards = Sinking(field) if mode.sinking else Guards(field)
        domain = field if guards is None else guards
        try:
            if isinstance(field, PatternField) and field.condition is not None and not mode.split:
                field.counted = _condition(field, domain, inputs)
            elif guards is not None and field.condition is not None and not mode.decides:
                field.exclude(_condition(field, domain, inputs))
            by_one, by_two = watch(inputs)
            one = evaluate(left, domain, inputs, by_one)
            two = evaluate(right, domain, inputs, by_two)
            if field.inside.late or field.law(Radicals).late:
                field.inside.again()
                field.law(Radicals).again()
                by_one, by_two = watch(inputs)
                one = evaluate(left, domain, inputs, by_one)
                two = evaluate(right, domain, inputs, by_two)
            if guards is not None:
                guards.ended()
                shown = [guards.compared(a, b) for a, b in zip(one, two, strict=True)]
                one, two = ([pair[side] for pair in shown] for side in (0, 1))
            for value in (*one, *two):
                for part in parts(value):
                    _ = part.rows
            return field, one, two
        except Unlucky:
            continue
        except Wider as more:
            width = more.values
    raise TooLarge("every draw of random inputs divides by zero")


def _condition(field: Field, domain: Any, inputs: list[Any]) -> list[FieldArray]:
    """The truth values of the precondition, branch by branch; they are no part of the programs."""
    assert field.condition is not None
    before = (
        field.assumptions,
        field.partial,
        field.almost,
        field.may_be_nan,
        field.wrapping,
    )
    field.assumptions = {}
    try:
        plain = Guards(field) if isinstance(domain, Sinking) else domain
        own = len(field.condition.inputs)  # behind the programs' inputs there may be cuts
        return evaluate(field.condition, plain, inputs[:own])
    except Unsupported:
        return []
    finally:
        (
            field.assumptions,
            field.partial,
            field.almost,
            field.may_be_nan,
            field.wrapping,
        ) = before


def _has_infinities(*programs: Program) -> bool:
    """Whether a program has an infinite constant, or one that is no number."""
    return any(
        is_kind(np.asarray(c).dtype, np.inexact) and not np.isfinite(np.asarray(c)).all()
        for program in programs
        for c in program.constants()
    )


def _compare(
    field: Field, one: list[Any], two: list[Any], ignore: Mapping[int, np.ndarray]
) -> Difference | None:
    elements = {}
    for output, (left, right) in enumerate(zip(one, two, strict=True)):
        same = np.ones(int(np.prod(left.shape)), bool)
        for a, b in zip(parts(left), parts(right), strict=True):
            agree = _agree(field, a, b)  # a random key has several words an element
            if isinstance(field, PatternField) and not agree.all():
                agree = field.equal_where_it_counts(a, b, agree)
            same &= agree.reshape(len(same), -1).all(axis=1) if len(same) else True
        same[ignore.get(output, np.zeros(0, np.int64))] = True
        if not same.all():
            elements[output] = np.flatnonzero(~same)
    return Difference(elements, field.mode, field.wrapping) if elements else None


def _agree(field: Field, a: Any, b: Any) -> np.ndarray:
    """Element by element, whether two values are equal: case by case where both are split alike."""
    if isinstance(a, Split) and isinstance(b, Split) and np.array_equal(a.selector, b.selector):
        cases = np.asarray(_equal(field, a.cases, b.cases).all(axis=0))
        if cases.all() or not (a.settled and b.settled):
            return cases
    return _equal(field, *(x.whole if isinstance(x, Split) else x for x in (a, b)))


def same(field: Field, one: list[Any], two: list[Any]) -> bool:
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


def _root_order(left: Program, right: Program) -> int:
    try:
        from verify.primitives.fourier import transform_lengths
    except ImportError:
        return 1
    lengths = [*transform_lengths(left), *transform_lengths(right)]
    return math.lcm(4, *lengths) if lengths else 1

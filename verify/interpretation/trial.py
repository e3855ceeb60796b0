"""One trial of random interpretation: both programs evaluated over one field."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from verify.algebras.base import Algebra, Unsupported, Value, itself
from verify.algebras.extended import anything, fresh
from verify.algebras.field import Field, Mode, Unlucky
from verify.algebras.field.laws.radicals import Radicals
from verify.algebras.field.patterns import PatternField
from verify.algebras.field.split import (
    SplitField,
    SplitPatternField,
    Wider,
    residues_of,
)
from verify.algebras.field.split import inputs as split_inputs
from verify.algebras.field.value import FieldArray
from verify.algebras.guarded import Guards, Sinking
from verify.dtypes import all_finite
from verify.evaluate import Observe, evaluate
from verify.limits import memory
from verify.programs import Program
from verify.programs.catalogue import Fact, having

_MOST_DRAWS = 30


Told = Callable[[Field, list[Value]], list[Value]]


Watcher = TypeVar("Watcher", bound=Observe | None)


EXPONENTIAL = having(Fact.EXPONENTIAL) | having(Fact.LOGARITHM)


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
) -> tuple[tuple[Watcher, Watcher], list[Value], tuple[list[Value], list[Value]]]:
    """One trial in which each program has a watcher, told of each of its equations as `evaluate`
    tells: the two watchers, the inputs, and the outputs of both programs."""
    exponents = mode.circle or bool((left.primitives() | right.primitives()) & EXPONENTIAL)
    order, watched = root_order(left, right), (watcher(), watcher())
    given: list[Value] = []

    def watch(inputs: list[Value]) -> tuple[Watcher, Watcher]:
        nonlocal watched, given
        watched, given = (watcher(), watcher()), inputs
        return watched

    _, one, two = trial(left, right, mode, seed, exponents, order, primes, told, watch)
    return watched, given, (one, two)


def trial(
    left: Program,
    right: Program,
    mode: Mode,
    seed: int,
    exponents: bool,
    order: int,
    primes: int | None,
    told: Told | None,
    watch: Callable[[list[Value]], tuple[Observe | None, Observe | None]] = lambda _: (None, None),
) -> tuple[Field, list[Value], list[Value]]:
    kind: type[Field] = PatternField if mode.decides else Field
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
        domain = anything(field) if guards is None else anything(guards)
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
                for part in residues_of(value):
                    _ = part.rows
            return field, one, two
        except Unlucky:
            continue
        except Wider as more:
            width = more.values
    raise TooLarge("every draw of random inputs divides by zero")


def _condition(field: Field, domain: Algebra[Value], inputs: list[Value]) -> list[FieldArray]:
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
        plain = anything(Guards(field)) if isinstance(domain, Sinking) else domain
        own = len(field.condition.inputs)  # behind the programs' inputs there may be cuts
        found = evaluate(field.condition, plain, inputs[:own])
        return [itself(x, FieldArray) for x in found]
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
    return not all(all_finite(c) for program in programs for c in program.constants())


def root_order(left: Program, right: Program) -> int:
    try:
        from verify.primitives.fourier import transform_lengths
    except ImportError:
        return 1
    lengths = [*transform_lengths(left), *transform_lengths(right)]
    return math.lcm(4, *lengths) if lengths else 1

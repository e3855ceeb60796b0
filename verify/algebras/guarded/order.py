"""Maxima, their places and comparisons of what may be infinite: -inf < numbers < inf.

A comparison of a program compares NaN as IEEE 754 has it (all but `ne` are false). A rule that
compares to say what another primitive is (the sign of x, the rank of a number that is sorted) has
not thought of NaN, and is refused where there may be one. What may be an infinity or NaN, as the
quotient of a number and zero, is not compared at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field.maxima import NO_INFINITIES
from verify.algebras.field.value import FieldArray
from verify.algebras.guarded.protocol import Domain
from verify.algebras.guarded.value import Guard, Guarded, Number, nowhere

_OPPOSITE = {"ne": "eq", "ge": "lt", "le": "gt"}


def largest(domain: Domain, parts: Sequence[Guarded]) -> Number:
    """The maximum of several values of one shape; NaN if one of them is.

    Among the numbers, one that is minus infinity is replaced by the first that is not: a maximum
    does not mind what comes twice.
    """
    logic, state = domain.logic, domain.inner
    if len(parts) == 1:
        return parts[0]
    shape = parts[0].shape
    low = logic.both(*(x.low for x in parts))
    void = logic.either(*(x.void for x in parts))
    high = logic.but(logic.either(*(x.high for x in parts)), void)
    some = first_present(domain, [x.number for x in parts], [x.low for x in parts])
    numbers = [_or(domain, x.low, x.number, some) for x in parts]
    size = int(np.prod(shape))
    index = np.arange(len(parts) * size).reshape(len(parts), *shape)
    beside = state.pick(numbers, np.moveaxis(index, 0, -1))
    if void is not None and not all(x.nan for x in parts) and not state.excused(void):
        raise Unsupported("a maximum with what may be NaN or infinite")
    return domain.made(state.max(beside), logic.but(low, void), high, void)


def first_present(
    domain: Domain, numbers: Sequence[FieldArray], absent: Sequence[Guard]
) -> FieldArray:
    found = numbers[-1]
    for number, guard in zip(reversed(numbers[:-1]), reversed(absent[:-1]), strict=True):
        found = _or(domain, guard, number, found)
    return found


def _or(domain: Domain, guard: Guard, number: FieldArray, other: FieldArray) -> FieldArray:
    """The other one where the guard is true."""
    if guard is None or number is other:
        return number
    return domain.inner.select(guard, [number, other])


def winner(domain: Domain, x: Guarded, last: bool) -> FieldArray:
    """1 at the first maximum: what is minus infinity takes part as another that is not, and gives
    it its place; where all of them are, it is the first one."""
    if x.high is not None or (x.void is not None and not domain.inner.excused(x.void)):
        raise Unsupported("the place of a maximum that may be infinite or NaN")
    state, logic = domain.inner, domain.logic
    parts = domain.along(x)
    order = list(reversed(range(len(parts)))) if last else list(range(len(parts)))
    absent = [logic.full(parts[i].low, parts[i].shape) for i in order]
    numbers = [parts[i].number for i in order]
    some = first_present(domain, numbers, absent)
    numbers = [_or(domain, guard, p, some) for p, guard in zip(numbers, absent, strict=True)]
    shape, size = parts[0].shape, int(np.prod(parts[0].shape))
    index = np.moveaxis(np.arange(len(order) * size).reshape(len(order), *shape), 0, -1)
    weights = state.winner(state.pick(numbers, index))
    each = [
        state.pick([weights], np.arange(weights_size(weights)).reshape(weights.shape)[..., i])
        for i in range(len(order))
    ]
    nothing = state.lift(np.zeros(shape), each[0].dtype)
    moved = nothing
    for weight, guard in zip(each, absent, strict=True):
        moved = state.add(moved, state.select(guard, [nothing, weight]))
    found: list[FieldArray] = []
    before: Guard = state.lift(np.ones(shape, bool))  # whether all so far are absent
    every = logic.both(*absent)
    for place, (weight, guard) in enumerate(zip(each, absent, strict=True)):
        first = logic.but(before, guard)
        kept = state.select(guard, [weight, nothing])
        if first is not None:
            kept = state.add(kept, state.select(first, [nothing, moved]))
        if every is not None:
            alone = state.lift(np.full(shape, float(place == 0)), weight.dtype)
            kept = state.select(every, [kept, alone])
        found.append(kept)
        before = logic.both(before, guard)
    back = [found[order.index(i)] for i in range(len(order))]
    return state.pick(back, index)


def weights_size(x: FieldArray) -> int:
    return int(np.prod(x.shape))


def compare(domain: Domain, op: str, one: Number, two: Number, *, ieee: bool) -> FieldArray:
    """ieee: whether it is a comparison of the program itself.

    The choices behind a guard that no row had are with the number, and the answer may be made of
    the other guards alone, or of there being none: it rests on all of them.
    """
    a, b = domain.open(one), domain.open(two)
    found = _compared(domain, op, a, b, ieee=ieee)
    for part in (*a.parts, *b.parts):
        found = domain.inner.beside(found, part)
    return found


def _compared(domain: Domain, op: str, a: Guarded, b: Guarded, *, ieee: bool) -> FieldArray:
    state, logic = domain.inner, domain.logic
    void = logic.either(a.void, b.void)
    if void is not None and not (ieee and a.nan and b.nan) and not state.excused(void):
        raise Unsupported("a comparison of what may be NaN or infinite")
    for x, y in ((a, b), (b, a)):
        if nowhere(x) and y.number.concrete is None and not nowhere(y):
            state.assume(NO_INFINITIES)
    if op in _OPPOSITE:
        other = state.logical_not(_compared(domain, _OPPOSITE[op], a, b, ieee=ieee))
        if op == "ne" or void is None:
            return other
        return logic.full(logic.but(other, void), a.shape)
    if op == "lt":
        return _compared(domain, "gt", b, a, ieee=ieee)
    numeric = logic.kept(logic.none_of((*a.guards, *b.guards), a.shape))
    found: Guard = None
    if numeric is not None:
        found = logic.both(numeric, state.compare(op, a.number, b.number))
    if op == "eq":
        found = logic.either(found, logic.both(a.low, b.low), logic.both(a.high, b.high))
    else:
        above = logic.but(a.high, b.high)
        below = logic.but(b.low, a.low)
        found = logic.either(found, above, logic.but(below, above))
    return logic.full(logic.but(found, void), a.shape)

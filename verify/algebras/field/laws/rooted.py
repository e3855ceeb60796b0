"""Sums of products of square roots: p + c R + d S + e R S, with unknowns R**2 = u and S**2 = v.

A product of two such sums replaces R R by u, and an inverse has roots in its numerator only, one
root after the other: 1 / (p + c R) = (p - c R) / (p**2 - c**2 u). So equal sums have equal
coefficients, and equal residues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray

MOST_ROOTS = 3  # in one element: there are 2**3 coefficients

Times = Callable[["FieldArray", "FieldArray"], "FieldArray"]
Map = Callable[["FieldArray"], "FieldArray"]
Terms = dict[int, "FieldArray"]  # the coefficient of the product of the roots at a number's bits
_DEEPEST = 150  # parts that wait for parts that wait ...: Python's recursion is limited


@dataclass(frozen=True, eq=False)
class Root:
    """R and u, element by element."""

    radicand: FieldArray
    value: FieldArray

    def map(self, f: Map) -> Root:
        return Root(f(self.radicand), f(self.value))


@dataclass(frozen=True, eq=False)
class Rooted:
    """The roots, no two of them the same in any element, and the terms."""

    roots: tuple[Root, ...]
    terms: Terms

    def map(self, f: Map) -> Rooted:
        """All parts moved in the same way."""
        return Rooted(tuple(r.map(f) for r in self.roots), self.linear(f).terms)

    def linear(self, f: Map) -> Rooted:
        """The coefficients through a linear map; the roots have the result's shape already."""
        return Rooted(self.roots, {bits: f(c) for bits, c in self.terms.items()})


class Parts:
    """The parts of a value, made when they are first asked for."""

    def __init__(self, make: Callable[[], Rooted | None], *waits_for: Parts | None) -> None:
        self._make: Callable[[], Rooted | None] | None = make
        self._found: Rooted | None = None
        self.depth: int = 1 + max((p.depth for p in waits_for if p is not None), default=0)
        if self.depth > _DEEPEST:
            self._make = None

    def get(self) -> Rooted | None:
        if self._make is not None:
            make, self._make = self._make, None
            self._found = make()
        return self._found


@dataclass(frozen=True, eq=False)
class Joined:
    """The roots of two values together."""

    roots: tuple[Root, ...]
    places: tuple[int, ...]  # which of them are the second value's
    partly: tuple[tuple[int, int, np.ndarray], ...]  # two that are the same in these elements
    shared: bool  # whether the two values have a root in common, in any element

    @staticmethod
    def of(r: Rooted, s: Rooted) -> Joined | None:
        """None if they are too many."""
        roots, places, partly = list(r.roots), [], []
        for root in s.roots:
            same = [_same(root, other) for other in r.roots]
            place = next((n for n, equal in enumerate(same) if equal.all()), len(roots))
            if place == len(roots):
                partly += [(n, place, equal) for n, equal in enumerate(same) if equal.any()]
                roots.append(root)
            places.append(place)
        if len(roots) > MOST_ROOTS:
            return None
        shared = bool(partly) or len(roots) < len(r.roots) + len(places)
        return Joined(tuple(roots), tuple(places), tuple(partly), shared)

    def sum(self, state: State, r: Rooted, s: Rooted) -> Rooted:
        terms = dict(r.terms)
        for bits, c in s.terms.items():
            _accumulate(state, terms, self._renamed(bits), c)
        return self._told_apart(state, terms)

    def product(self, state: State, r: Rooted, s: Rooted, times: Times) -> Rooted:
        terms: Terms = {}
        for one, c in r.terms.items():
            for other, d in s.terms.items():
                two = self._renamed(other)
                _accumulate(state, terms, one ^ two, self._squares(state, times(c, d), one & two))
        return self._told_apart(state, terms)

    def _renamed(self, bits: int) -> int:
        return sum(1 << place for n, place in enumerate(self.places) if bits >> n & 1)

    def _squares(self, state: State, c: FieldArray, bits: int) -> FieldArray:
        """c times the radicands of these roots."""
        for n, root in enumerate(self.roots):
            if bits >> n & 1:
                c = state.mul(c, root.radicand)
        return c

    def _told_apart(self, state: State, terms: Terms) -> Rooted:
        """Where the second of two roots is the first, it is written as the first."""
        for first, second, equal in self.partly:
            here, elsewhere = (state.lift(x.astype(np.float64)) for x in (equal, ~equal))
            for bits in [bits for bits in terms if bits >> second & 1]:
                c = terms[bits]
                terms[bits] = state.mul(c, state.cast(elsewhere, c.dtype))
                c = self._squares(state, state.mul(c, state.cast(here, c.dtype)), bits & 1 << first)
                _accumulate(state, terms, bits ^ 1 << second ^ 1 << first, c)
        return Rooted(self.roots, terms)


def _accumulate(state: State, terms: Terms, bits: int, c: FieldArray) -> None:
    terms[bits] = state.add(terms[bits], c) if bits in terms else c


def _same(r: Root, s: Root) -> np.ndarray:
    """In which elements two roots are the same: different ones have different radicands."""
    points = r.value.field.points
    one, two = r.value.rows, s.value.rows
    equal = np.asarray(one[0] == two[0])
    if equal.any():
        equal = np.asarray((one[:points] == two[:points]).all(axis=0))
    return equal


def pruned(r: Rooted) -> Rooted:
    """Without the terms that are zero, and the roots that are in no other term."""
    kept = {bits: c for bits, c in r.terms.items() if c.undecided or c.rows.any()}
    kept = kept or {0: next(iter(r.terms.values()))}
    used = [n for n in range(len(r.roots)) if any(bits >> n & 1 for bits in kept)]
    terms = {
        sum(1 << new for new, old in enumerate(used) if bits >> old & 1): c
        for bits, c in kept.items()
    }
    return Rooted(tuple(r.roots[n] for n in used), terms)


def total(state: State, r: Rooted) -> FieldArray:
    """The sum itself."""
    out: FieldArray | None = None
    for bits, c in r.terms.items():
        for n, root in enumerate(r.roots):
            if bits >> n & 1:
                c = state.mul(c, root.value)
        out = c if out is None else state.add(out, c)
    assert out is not None
    return out


def inverse(state: State, r: Rooted) -> Rooted:
    """Of the sum, by the conjugate of one root at a time."""
    if not r.roots:
        x = r.terms[0]
        return Rooted((), {0: state.div(state.lift(np.ones(x.shape), x.dtype), x)})
    *others, root = r.roots
    bit = 1 << len(others)
    without = {bits: x for bits, x in r.terms.items() if not bits & bit}
    times = {bits ^ bit: x for bits, x in r.terms.items() if bits & bit}
    p, c = (Rooted(tuple(others), terms) for terms in (without, times))
    if not c.terms:
        return Rooted(r.roots, inverse(state, p).terms)
    below = c.linear(lambda x: state.mul(x, root.radicand))
    if not p.terms:  # 1 / (c R) = R / (c u)
        return Rooted(r.roots, {bits | bit: x for bits, x in inverse(state, below).terms.items()})
    join = Joined(p.roots, tuple(range(len(others))), (), shared=True)
    squares = join.product(state, c, below, state.mul).linear(state.neg)
    norm = inverse(state, join.sum(state, join.product(state, p, p, state.mul), squares))
    plain = join.product(state, p, norm, state.mul)
    other = join.product(state, c, norm, state.mul).linear(state.neg)
    return Rooted(r.roots, plain.terms | {bits | bit: x for bits, x in other.terms.items()})


def along(r: Rooted, axis: int, shape: tuple[int, ...]) -> Rooted | None:
    """The roots without an axis along which they are constant, spread over `shape`; the
    coefficients as they are."""

    def spread(x: FieldArray) -> FieldArray:
        index = np.arange(int(np.prod(x.shape))).reshape(x.shape).take([0], axis=axis)
        if len(shape) < len(x.shape):  # a sum; a matrix product has another axis there
            index = index.squeeze(axis)
        return x.field.pick([x], np.broadcast_to(index, shape))

    for root in r.roots:
        rows = root.value.rows[: root.value.field.points]
        if not (rows == rows.take([0], axis=axis + 1)).all():
            return None
    return Rooted(tuple(root.map(spread) for root in r.roots), r.terms)

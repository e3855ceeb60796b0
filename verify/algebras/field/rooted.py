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
from verify.algebras.field.value import FieldArray, Root, Rooted, Terms

MOST_ROOTS = 3  # in one element: there are 2**3 coefficients

Times = Callable[["FieldArray", "FieldArray"], "FieldArray"]


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

    def sum(self, field: State, r: Rooted, s: Rooted) -> Rooted:
        terms = dict(r.terms)
        for bits, c in s.terms.items():
            _accumulate(field, terms, self._renamed(bits), c)
        return self._told_apart(field, terms)

    def product(self, field: State, r: Rooted, s: Rooted, times: Times) -> Rooted:
        terms: Terms = {}
        for one, c in r.terms.items():
            for other, d in s.terms.items():
                two = self._renamed(other)
                _accumulate(field, terms, one ^ two, self._squares(field, times(c, d), one & two))
        return self._told_apart(field, terms)

    def _renamed(self, bits: int) -> int:
        return sum(1 << place for n, place in enumerate(self.places) if bits >> n & 1)

    def _squares(self, field: State, c: FieldArray, bits: int) -> FieldArray:
        """c times the radicands of these roots."""
        for n, root in enumerate(self.roots):
            if bits >> n & 1:
                c = field.mul(c, root.radicand)
        return c

    def _told_apart(self, field: State, terms: Terms) -> Rooted:
        """Where the second of two roots is the first, it is written as the first."""
        for first, second, equal in self.partly:
            here, elsewhere = (field.lift(x.astype(np.float64)) for x in (equal, ~equal))
            for bits in [bits for bits in terms if bits >> second & 1]:
                c = terms[bits]
                terms[bits] = field.mul(c, field.cast(elsewhere, c.dtype))
                c = self._squares(field, field.mul(c, field.cast(here, c.dtype)), bits & 1 << first)
                _accumulate(field, terms, bits ^ 1 << second ^ 1 << first, c)
        return Rooted(self.roots, terms)


def _accumulate(field: State, terms: Terms, bits: int, c: FieldArray) -> None:
    terms[bits] = field.add(terms[bits], c) if bits in terms else c


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


def total(field: State, r: Rooted) -> FieldArray:
    """The sum itself."""
    out: FieldArray | None = None
    for bits, c in r.terms.items():
        for n, root in enumerate(r.roots):
            if bits >> n & 1:
                c = field.mul(c, root.value)
        out = c if out is None else field.add(out, c)
    assert out is not None
    return out


def inverse(field: State, r: Rooted) -> Rooted:
    """Of the sum, by the conjugate of one root at a time."""
    if not r.roots:
        x = r.terms[0]
        return Rooted((), {0: field.div(field.lift(np.ones(x.shape), x.dtype), x)})
    *others, root = r.roots
    bit = 1 << len(others)
    without = {bits: x for bits, x in r.terms.items() if not bits & bit}
    times = {bits ^ bit: x for bits, x in r.terms.items() if bits & bit}
    p, c = (Rooted(tuple(others), terms) for terms in (without, times))
    if not c.terms:
        return Rooted(r.roots, inverse(field, p).terms)
    below = c.linear(lambda x: field.mul(x, root.radicand))
    if not p.terms:  # 1 / (c R) = R / (c u)
        return Rooted(r.roots, {bits | bit: x for bits, x in inverse(field, below).terms.items()})
    join = Joined(p.roots, tuple(range(len(others))), (), shared=True)
    squares = join.product(field, c, below, field.mul).linear(field.neg)
    norm = inverse(field, join.sum(field, join.product(field, p, p, field.mul), squares))
    plain = join.product(field, p, norm, field.mul)
    other = join.product(field, c, norm, field.mul).linear(field.neg)
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

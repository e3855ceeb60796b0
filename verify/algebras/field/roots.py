"""Square roots: values of the form p + c R, where R is an unknown root and R**2 = u is known.

To residues a square root is an unknown function like any other. What programs need beyond that is
R R = u, wherever the two factors come from: (a / R) (b / R) = a b / u in the gradient of a
normalisation, L L^T = A, |q / |q|| = 1. So a value that is made of one root an element keeps, next
to its residues, what it is made of; products of two such values of the same root are

    (p + c R) (q + d R) = p q + c d u + (p d + c q) R,

and 1 / (p + c R) = (p - c R) / (p**2 - c**2 u). The parts are computed only when a second factor
with a root asks for them. A value made of two different roots is a plain value again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field
    from verify.algebras.field.value import FieldArray


@dataclass(frozen=True, eq=False)
class Rooted:
    """p + c R with R**2 = u, element by element; `plain` None is zero."""

    radicand: FieldArray  # u
    root: FieldArray  # R
    plain: FieldArray | None  # p
    coefficient: FieldArray  # c

    def map(self, f: Callable[[FieldArray], FieldArray]) -> Rooted:
        """All parts moved in the same way."""
        plain = None if self.plain is None else f(self.plain)
        return Rooted(f(self.radicand), f(self.root), plain, f(self.coefficient))


Lazy = Callable[[], Rooted | None]
_DEEPEST = 150  # parts that wait for parts that wait ...: Python's recursion is limited


class Parts:
    """The parts of a value, made when they are first asked for."""

    def __init__(self, make: Lazy, *waits_for: Parts | None) -> None:
        self._make: Lazy | None = make
        self._found: Rooted | None = None
        self.depth: int = 1 + max((p.depth for p in waits_for if p is not None), default=0)
        if self.depth > _DEEPEST:
            self._make = None

    def get(self) -> Rooted | None:
        if self._make is not None:
            make, self._make = self._make, None
            self._found = make()
        return self._found


def parts(x: FieldArray) -> Rooted | None:
    return None if x.rooted is None else x.rooted.get()


def of_root(field: Field, root: FieldArray, radicand: FieldArray) -> None:
    """Says that `root` is the square root of `radicand`."""
    one = field.lift(np.ones(root.shape), root.dtype)
    root.rooted = Parts(lambda: Rooted(radicand, root, None, one))


def negated(field: Field, x: FieldArray) -> Parts | None:
    def make() -> Rooted | None:
        r = parts(x)
        if r is None:
            return None
        plain = None if r.plain is None else field.neg(r.plain)
        return Rooted(r.radicand, r.root, plain, field.neg(r.coefficient))

    return None if x.rooted is None else Parts(make, x.rooted)


def added(field: Field, a: FieldArray, b: FieldArray) -> Parts | None:
    def make() -> Rooted | None:
        r, s = parts(a), parts(b)
        if r is None or s is None:
            one, other = (r, b) if r is not None else (s, a)
            if one is None or other.rooted is not None:
                return None
            return Rooted(one.radicand, one.root, _sum(field, one.plain, other), one.coefficient)
        if not _same(r, s):
            return None
        coefficient = field.add(r.coefficient, s.coefficient)
        return Rooted(r.radicand, r.root, _sum(field, r.plain, s.plain), coefficient)

    if a.rooted is None and b.rooted is None:
        return None
    return Parts(make, a.rooted, b.rooted)


def scaled(field: Field, x: FieldArray, c: FieldArray) -> Parts | None:
    """The product with a value without a root."""

    def make() -> Rooted | None:
        r = parts(x)
        if r is None:
            return None
        plain = None if r.plain is None else field.mul(r.plain, c)
        return Rooted(r.radicand, r.root, plain, field.mul(r.coefficient, c))

    return None if x.rooted is None or c.rooted is not None else Parts(make, x.rooted)


def product(field: Field, a: FieldArray, b: FieldArray) -> FieldArray | None:
    """a b where both are made of the same root; None where that law has nothing to say."""
    if a.rooted is None or b.rooted is None:
        return None
    r, s = parts(a), parts(b)
    if r is None or s is None or not _same(r, s):
        return None
    return _composed(field, *_multiplied(field, r, s, field.mul))


def dot(field: Field, a: FieldArray, b: FieldArray) -> FieldArray | None:
    """(B, M, K) x (B, K, N) where both are made of one root a batch element."""
    if a.rooted is None or b.rooted is None:
        return None
    r, s = parts(a), parts(b)
    if r is None or s is None:
        return None
    shape = (a.shape[0], a.shape[1], b.shape[2])
    r, s = _along(r, 2, shape), _along(s, 1, shape)
    if r is None or s is None or not _same(r, s):
        return None
    return _composed(field, *_multiplied(field, r, s, field.dot))


def dotted(field: Field, a: FieldArray, b: FieldArray) -> Parts | None:
    """The parts of a matrix product where one factor has a root, the same along the sum."""

    def make() -> Rooted | None:
        shape = (a.shape[0], a.shape[1], b.shape[2])
        r, s = parts(a), parts(b)
        if r is not None and b.rooted is None:
            spread = _along(r, 2, shape)
            return None if spread is None else _mapped(spread, lambda p: field.dot(p, b))
        if s is not None and a.rooted is None:
            spread = _along(s, 1, shape)
            return None if spread is None else _mapped(spread, lambda p: field.dot(a, p))
        return None

    if a.rooted is None and b.rooted is None:
        return None
    return Parts(make, a.rooted, b.rooted)


def summed(field: Field, x: FieldArray) -> Parts | None:
    def make() -> Rooted | None:
        r = parts(x)
        spread = None if r is None else _along(r, len(x.shape) - 1, x.shape[:-1])
        return None if spread is None else _mapped(spread, field.sum)

    return None if x.rooted is None or x.shape[-1] == 0 else Parts(make, x.rooted)


def inverse(field: Field, x: FieldArray) -> FieldArray | None:
    """1 / (p + c R), with R in the numerator only, so that equal values have equal residues."""
    r = parts(x)
    if r is None:
        return None
    c = r.coefficient
    norm = field.neg(field.mul(field.mul(c, c), r.radicand))
    if r.plain is not None:
        norm = field.add(field.mul(r.plain, r.plain), norm)
    one = field.lift(np.ones(x.shape), x.dtype)
    inverted = field.div(one, norm)
    plain = None if r.plain is None else field.mul(r.plain, inverted)
    coefficient = field.neg(field.mul(c, inverted))
    value = field.mul(coefficient, r.root)
    value = value if plain is None else field.add(plain, value)
    known = Rooted(r.radicand, r.root, plain, coefficient)
    value.rooted = Parts(lambda: known)
    return value


def radicand(x: FieldArray) -> FieldArray | None:
    """u where x is a square root and nothing else."""
    r = parts(x)
    if r is None or r.plain is not None or not np.array_equal(r.root.rows, x.rows):
        return None
    return r.radicand


def moved(x: FieldArray, move: Callable[[FieldArray], FieldArray]) -> Parts | None:
    def make() -> Rooted | None:
        r = parts(x)
        return None if r is None else r.map(move)

    return None if x.rooted is None else Parts(make, x.rooted)


def _same(r: Rooted, s: Rooted) -> bool:
    if r.radicand is s.radicand:
        return True
    points = r.radicand.field.points
    return np.array_equal(r.radicand.rows[:points], s.radicand.rows[:points])


def _sum(field: Field, a: FieldArray | None, b: FieldArray | None) -> FieldArray | None:
    if a is None or b is None:
        return b if a is None else a
    return field.add(a, b)


def _mapped(r: Rooted, f: Callable[[FieldArray], FieldArray]) -> Rooted:
    """p and c through a linear map; u and R have the result's shape already."""
    return Rooted(r.radicand, r.root, None if r.plain is None else f(r.plain), f(r.coefficient))


def _along(r: Rooted, axis: int, shape: tuple[int, ...]) -> Rooted | None:
    """u and R without an axis along which they are constant, spread over `shape`."""
    u = r.radicand
    rows = u.rows
    if not (rows == rows.take([0], axis=axis + 1)).all():
        return None
    index = np.arange(int(np.prod(u.shape))).reshape(u.shape).take([0], axis=axis)
    if len(shape) < len(u.shape):  # a sum, and not a matrix product, which has another axis there
        index = index.squeeze(axis)
    index = np.broadcast_to(index, shape)
    field = u.field
    return Rooted(field.pick([u], index), field.pick([r.root], index), r.plain, r.coefficient)


def _multiplied(
    field: Field, r: Rooted, s: Rooted, times: Callable[[FieldArray, FieldArray], FieldArray]
) -> tuple[FieldArray, FieldArray | None, Rooted]:
    """p q + c d u, p d + c q, and where u and R are found."""
    plain = field.mul(times(r.coefficient, s.coefficient), r.radicand)
    coefficient = None
    if r.plain is not None and s.plain is not None:
        plain = field.add(times(r.plain, s.plain), plain)
    if r.plain is not None:
        coefficient = times(r.plain, s.coefficient)
    if s.plain is not None:
        coefficient = _sum(field, coefficient, times(r.coefficient, s.plain))
    return plain, coefficient, r


def _composed(
    field: Field, plain: FieldArray, coefficient: FieldArray | None, of: Rooted
) -> FieldArray:
    if coefficient is None:
        return plain
    value = field.add(plain, field.mul(coefficient, of.root))
    known = Rooted(of.radicand, of.root, plain, coefficient)
    value.rooted = Parts(lambda: known)
    return value

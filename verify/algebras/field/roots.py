"""Square roots: what R R = u is needed for, and where it is applied.

To residues a square root is an unknown function like any other. What programs need beyond that is
R R = u, wherever the two factors come from: (a / R) (b / R) = a b / u in the gradient of a
normalisation, L L^T = A, |q / |q|| = 1; and a cosine needs a b / (R S) = (a / R) (b / S). So a
value that is made of a few roots an element keeps, next to its residues, what it is made of
(`rooted.py`). Products of two values with a root in common are made of these parts, and so are
inverses; otherwise parts are worked out only when such a product asks for them.

A value is plain again, made of nothing that is known, if it has more than three different roots an
element, is a sum over several, or comes after too many others that wait for their parts. Which
roots there are is decided in `radicals.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from verify.algebras.field import mixing, rooted
from verify.algebras.field.growth import Growth
from verify.algebras.field.radicals import Radicals
from verify.algebras.field.rooted import Joined, along, pruned, total
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, Parts, Root, Rooted

_MOST_PRODUCTS = 2**17  # of a matrix product whose roots vary along the sum


def parts(x: FieldArray) -> Rooted | None:
    """None where they are not known; a value without a root is a single term."""
    return Rooted((), {0: x}) if x.rooted is None else x.rooted.get()


def root(field: State, u: FieldArray) -> FieldArray:
    """sqrt(u), and what it is made of."""
    lines = field.law(Radicals).lines(u)
    if lines is None or not lines["changed"].any():
        logs = u.growth.logs and field.exponents  # then it is right modulo q
        new = Root(u, _unknown(field, u.rows[field.points :] if logs else u.rows, u.dtype))
        known = Rooted((new,), {1: field.lift(np.ones(u.shape), u.dtype)})
    else:
        field.law(Radicals).found = True
        known = _as_found(field, lines, u.dtype)
    value = composed(field, known)
    value.nonnegative = True
    return value


def _as_found(field: State, lines: np.ndarray, dtype: Any) -> Rooted:
    """top / bottom sqrt(v) sqrt(w), that divided by w where a line says so."""
    radicands = [field.law(Radicals).radicand(lines["v"], dtype)]
    if lines["w"].any():
        radicands.append(field.law(Radicals).radicand(lines["w"], dtype))
    top, bottom = (field.lift(lines[name].astype(np.float64), dtype) for name in ("top", "bottom"))
    scale = field.div(top, bottom)
    if lines["divided"].any():
        divisors = np.where(lines["divided"], lines["w"], 0)  # number 0 is 1
        scale = field.div(scale, field.law(Radicals).radicand(divisors, dtype))
    made = tuple(Root(u, _unknown(field, u.rows, dtype)) for u in radicands)
    return Rooted(made, {2 ** len(made) - 1: scale})


def _unknown(field: State, rows: np.ndarray, dtype: Any) -> FieldArray:
    """The root of what has these residues: of 1 it is 1."""
    state = mixing.combine(field.digest(rows), tag="sqrt")
    value = field.atom(state, dtype)
    one = (rows[: field.points] == 1).all(axis=0)
    return field.plain(np.where(one, 1, value.rows), value, Growth(analytic=False))


def composed(field: State, r: Rooted) -> FieldArray:
    """The value that has these parts."""
    known = pruned(r)
    value = total(field, known)
    if known.roots:
        value = field.plain(value.rows, value, value.growth)
        value.rooted = Parts(lambda: known)
    return value


def _lazily(make: Callable[..., Rooted | None], *values: FieldArray) -> Parts | None:
    """The parts of what is made of `values`, as `make` says; None if none of them has a root."""
    if all(x.rooted is None for x in values):
        return None

    def now() -> Rooted | None:
        known = [parts(x) for x in values]
        made = None if any(r is None for r in known) else make(*known)
        return None if made is None else pruned(made)

    return Parts(now, *(x.rooted for x in values))


# -- linear maps ---------------------------------------------------------------------------------


def negated(field: State, x: FieldArray) -> Parts | None:
    return _lazily(lambda r: r.linear(field.neg), x)


def moved(x: FieldArray, move: Callable[[FieldArray], FieldArray]) -> Parts | None:
    return _lazily(lambda r: r.map(move), x)


def added(field: State, a: FieldArray, b: FieldArray) -> Parts | None:
    def make(r: Rooted, s: Rooted) -> Rooted | None:
        both = Joined.of(r, s)
        return None if both is None else both.sum(field, r, s)

    return _lazily(make, a, b)


def summed(field: State, x: FieldArray) -> Parts | None:
    def make(r: Rooted) -> Rooted | None:
        spread = along(r, len(x.shape) - 1, x.shape[:-1])
        return None if spread is None else spread.linear(field.sum)

    return None if x.shape[-1] == 0 else _lazily(make, x)


def picked(field: State, operands: Sequence[FieldArray], index: np.ndarray) -> Parts | None:
    """Elements of several arrays; one that has fewer roots has the root of 1 besides."""

    def pick(made: Sequence[FieldArray | None], missing: float) -> FieldArray:
        filled = [
            field.lift(np.full(x.shape, missing), x.dtype) if y is None else y
            for x, y in zip(operands, made, strict=True)
        ]
        return field.pick(filled, index)

    def make(*known: Rooted) -> Rooted:
        made = []
        for n in range(max(len(r.roots) for r in known)):
            roots = [r.roots[n] if n < len(r.roots) else None for r in known]
            radicands = [None if r is None else r.radicand for r in roots]
            values = [None if r is None else r.value for r in roots]
            made.append(Root(pick(radicands, 1.0), pick(values, 1.0)))
        every = {bits: None for r in known for bits in r.terms}
        return Rooted(
            tuple(made), {bits: pick([r.terms.get(bits) for r in known], 0.0) for bits in every}
        )

    return _lazily(make, *operands)


# -- products ------------------------------------------------------------------------------------


def multiplied(field: State, a: FieldArray, b: FieldArray) -> Parts | None:
    """The parts of a product whose factors have no root in common."""

    def make(r: Rooted, s: Rooted) -> Rooted | None:
        both = Joined.of(r, s)
        return None if both is None else both.product(field, r, s, field.mul)

    return _lazily(make, a, b)


def product(field: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
    """a b where both are made of the same root; None where that law has nothing to say."""
    if a.rooted is None or b.rooted is None:
        return None
    r, s = parts(a), parts(b)
    if r is None or s is None:
        return None
    both = Joined.of(r, s)
    if both is None or not both.shared:
        return None
    return composed(field, both.product(field, r, s, field.mul))


def dotted(field: State, a: FieldArray, b: FieldArray) -> Parts | None:
    """The parts of a matrix product whose factors have no root in common."""

    def make(r: Rooted, s: Rooted) -> Rooted | None:
        left, right = _spread(r, s, a, b)
        if left is None or right is None:
            return None
        both = Joined.of(left, right)
        return None if both is None else both.product(field, left, right, field.dot)

    return _lazily(make, a, b)


def dot(field: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
    """(B, M, K) x (B, K, N) where both are made of the same root."""
    if a.rooted is None or b.rooted is None:
        return None
    r, s = parts(a), parts(b)
    if r is None or s is None:
        return None
    left, right = _spread(r, s, a, b)
    if left is None or right is None:
        return _by_elements(field, a, b) if _meet(r, s, a, b) else None
    both = Joined.of(left, right)
    if both is None or not both.shared:
        return None
    return composed(field, both.product(field, left, right, field.dot))


def _spread(
    r: Rooted, s: Rooted, a: FieldArray, b: FieldArray
) -> tuple[Rooted | None, Rooted | None]:
    """The roots, if they are constant along the sum, in the shape of the matrix product."""
    shape = (a.shape[0], a.shape[1], b.shape[2])
    return along(r, 2, shape), along(s, 1, shape)


def _meet(r: Rooted, s: Rooted, a: FieldArray, b: FieldArray) -> bool:
    """Whether a root is multiplied with itself anywhere, in a matrix product that is not large."""
    if a.shape[0] * a.shape[1] * a.shape[2] * b.shape[2] > _MOST_PRODUCTS:
        return False
    pairs = ((one.value.rows[0], two.value.rows[0]) for one in r.roots for two in s.roots)
    return any((one[..., None] == two[:, None]).any() for one, two in pairs)


def _by_elements(field: State, a: FieldArray, b: FieldArray) -> FieldArray:
    """A matrix product as products and a sum."""
    batch, m, k = a.shape
    n = b.shape[2]
    rows = np.arange(batch * m * k).reshape(batch, m, 1, k)
    columns = np.arange(batch * k * n).reshape(batch, k, n).transpose(0, 2, 1)[:, None]
    one, two = (np.broadcast_to(index, (batch, m, n, k)) for index in (rows, columns))
    return field.sum(field.mul(field.pick([a], one), field.pick([b], two)))


def inverse(field: State, x: FieldArray) -> FieldArray | None:
    """1 / x with roots in its numerator only; None where x has none."""
    r = None if x.rooted is None else parts(x)
    if r is None or not r.roots:
        return None
    value = composed(field, rooted.inverse(field, r))
    value.nonnegative = x.nonnegative
    return value


def square(field: State, x: FieldArray) -> FieldArray | None:
    """x**2 = c**2 u v ... where x is c R S ... with a number c."""
    r = None if x.rooted is None else parts(x)
    if r is None or len(r.terms) != 1:
        return None
    ((bits, c),) = r.terms.items()
    numbers = c.rows[: field.points]
    if not bits or not np.array_equal(numbers[::2], numbers[1::2]):
        return None
    return field.mul(x, x)

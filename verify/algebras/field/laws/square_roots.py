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
from dataclasses import replace

import numpy as np

from verify.algebras.field import mixing
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws import rooted
from verify.algebras.field.laws.elements import MOST_PRODUCTS, by_elements
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.laws.multiples import Sum
from verify.algebras.field.laws.radicals import Radicals
from verify.algebras.field.laws.rooted import (
    Joined,
    Parts,
    Root,
    Rooted,
    along,
    pruned,
    total,
)
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real

NO_ROOT = "no square root of a negative number"


class SquareRoots(Law[Parts]):
    """The fact: what a value is made of."""

    functions = frozenset({"sqrt", "log"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        (x,) = args
        if name == "log":  # log(c sqrt(u)) = log(c**2 u) / 2: where that has a value, c is positive
            square = None if self.of(x) is None else self.square(state, x)
            if square is None:
                return None
            half = state.lift(np.full(x.shape, 0.5), x.dtype)
            found = state.mul(half, state.function("log", [square], x.shape, x.dtype))
            known = LOGARITHMS.of(found) or Sum(None)
            found = state.plain(found.rows, found, found.growth)
            LOGARITHMS.know(found, replace(known, antilog=x))
            return found
        if not x.nonnegative:
            state.assume(NO_ROOT)
            state.partial = True
        return root(state, x)

    # -- linear maps -----------------------------------------------------------------------------

    def negated(self, state: State, x: FieldArray) -> Parts | None:
        return _lazily(lambda r: r.linear(state.neg), x)

    def moved(self, state: State, fact: Parts, move: Move) -> Parts:
        return _mapped(fact, move.value)

    def cast(self, state: State, fact: Parts, dtype: DType) -> Parts | None:
        return _mapped(fact, lambda part: state.cast(part, dtype)) if is_real(dtype) else None

    def added(self, state: State, a: FieldArray, b: FieldArray) -> Parts | None:
        def make(r: Rooted, s: Rooted) -> Rooted | None:
            both = Joined.of(r, s)
            return None if both is None else both.sum(state, r, s)

        return _lazily(make, a, b)

    def summed(self, state: State, x: FieldArray) -> Parts | None:
        def make(r: Rooted) -> Rooted | None:
            spread = along(r, len(x.shape) - 1, x.shape[:-1])
            return None if spread is None else spread.linear(state.sum)

        return None if x.shape[-1] == 0 else _lazily(make, x)

    def picked(
        self, state: State, operands: Sequence[FieldArray], index: np.ndarray
    ) -> Parts | None:
        """Elements of several arrays; one that has fewer roots has the root of 1 besides."""

        def pick(made: Sequence[FieldArray | None], missing: float) -> FieldArray:
            filled = [
                state.lift(np.full(x.shape, missing), x.dtype) if y is None else y
                for x, y in zip(operands, made, strict=True)
            ]
            return state.pick(filled, index)

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

    # -- products --------------------------------------------------------------------------------

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Parts | None:
        """The parts of a product whose factors have no root in common."""
        if self.of(a) is None and self.of(b) is None:
            return None

        def make(r: Rooted, s: Rooted) -> Rooted | None:
            both = Joined.of(r, s)
            return None if both is None else both.product(state, r, s, state.mul)

        return _lazily(make, a, b)

    def product(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        """a b where both are made of the same root; None where that law has nothing to say."""
        if self.of(a) is None or self.of(b) is None:
            return None
        r, s = parts(a), parts(b)
        if r is None or s is None:
            return None
        both = Joined.of(r, s)
        if both is None or not both.shared:
            return None
        return composed(state, both.product(state, r, s, state.mul))

    def dotted(self, state: State, a: FieldArray, b: FieldArray) -> Parts | None:
        """The parts of a matrix product whose factors have no root in common."""

        def make(r: Rooted, s: Rooted) -> Rooted | None:
            left, right = _spread(r, s, a, b)
            if left is None or right is None:
                return None
            both = Joined.of(left, right)
            return None if both is None else both.product(state, left, right, state.dot)

        return _lazily(make, a, b)

    def dot(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        """(B, M, K) x (B, K, N) where both are made of the same root."""
        if self.of(a) is None or self.of(b) is None:
            return None
        r, s = parts(a), parts(b)
        if r is None or s is None:
            return None
        left, right = _spread(r, s, a, b)
        if left is None or right is None:
            return by_elements(state, a, b) if _meet(r, s, a, b) else None
        both = Joined.of(left, right)
        if both is None or not both.shared:
            return None
        return composed(state, both.product(state, left, right, state.dot))

    def inverse(self, state: State, x: FieldArray) -> FieldArray | None:
        """1 / x with roots in its numerator only."""
        r = parts(x)
        if r is None or not r.roots:
            return None
        value = composed(state, rooted.inverse(state, r))
        value.nonnegative, value.positive = x.nonnegative, x.positive
        return value

    def square(self, state: State, x: FieldArray) -> FieldArray | None:
        """x**2 = c**2 u v ... where x is c R S ..."""
        r = parts(x)
        if r is None or len(r.terms) != 1 or not all(r.terms):
            return None
        return state.mul(x, x)

    def error(self, state: State, primes: int) -> float:
        """The probability that u was taken for c**2 v w or c**2 v / w, which it is not."""
        return state.law(Radicals).error(state, primes)


SQUARE_ROOTS = SquareRoots()


def parts(x: FieldArray) -> Rooted | None:
    """None where they are not known; a value without a root is a single term."""
    known = SQUARE_ROOTS.of(x)
    return Rooted((), {0: x}) if known is None else known.get()


def root(state: State, u: FieldArray) -> FieldArray:
    """sqrt(u), and what it is made of."""
    lines = state.law(Radicals).lines(u)
    if lines is None or not lines["changed"].any():
        logs = u.growth.logs and state.exponents  # then it is right modulo q
        new = Root(u, _unknown(state, u.rows[state.points :] if logs else u.rows, u.dtype))
        known = Rooted((new,), {1: state.lift(np.ones(u.shape), u.dtype)})
    else:
        state.law(Radicals).found = True
        known = _as_found(state, lines, u.dtype)
    value = composed(state, known)
    value.nonnegative, value.positive = True, u.positive
    return value


def _as_found(state: State, lines: np.ndarray, dtype: DType) -> Rooted:
    """top / bottom sqrt(v) sqrt(w), that divided by w where a line says so."""
    radicands = [state.law(Radicals).radicand(lines["v"], dtype)]
    if lines["w"].any():
        radicands.append(state.law(Radicals).radicand(lines["w"], dtype))
    top, bottom = (state.lift(lines[name].astype(np.float64), dtype) for name in ("top", "bottom"))
    scale = state.div(top, bottom)
    if lines["divided"].any():
        divisors = np.where(lines["divided"], lines["w"], 0)  # number 0 is 1
        scale = state.div(scale, state.law(Radicals).radicand(divisors, dtype))
    if lines["times"].any():
        scale = state.mul(scale, state.law(Radicals).radicand(lines["times"], dtype))
    made = tuple(Root(u, _unknown(state, u.rows, dtype)) for u in radicands)
    return Rooted(made, {2 ** len(made) - 1: scale})


def _unknown(state: State, rows: np.ndarray, dtype: DType) -> FieldArray:
    """The root of what has these residues: of 1 it is 1."""
    value = state.atom(mixing.combine(state.digest(rows), tag="sqrt"), dtype)
    one = (rows[: state.points] == 1).all(axis=0)
    return state.plain(np.where(one, 1, value.rows), value, Growth(analytic=False))


def composed(state: State, r: Rooted) -> FieldArray:
    """The value that has these parts."""
    known = pruned(r)
    value = total(state, known)
    if known.roots:
        value = state.plain(value.rows, value, value.growth)
        SQUARE_ROOTS.know(value, Parts(lambda: known))
    return value


def _lazily(make: Callable[..., Rooted | None], *values: FieldArray) -> Parts:
    """The parts of what is made of `values`, as `make` says."""

    def now() -> Rooted | None:
        known = [parts(x) for x in values]
        made = None if any(r is None for r in known) else make(*known)
        return None if made is None else pruned(made)

    return Parts(now, *map(SQUARE_ROOTS.of, values))


def _mapped(known: Parts, f: Callable[[FieldArray], FieldArray]) -> Parts:
    """The parts, each through the same map."""

    def now() -> Rooted | None:
        r = known.get()
        return None if r is None else pruned(r.map(f))

    return Parts(now, known)


def _spread(
    r: Rooted, s: Rooted, a: FieldArray, b: FieldArray
) -> tuple[Rooted | None, Rooted | None]:
    """The roots, if they are constant along the sum, in the shape of the matrix product."""
    shape = (a.shape[0], a.shape[1], b.shape[2])
    return along(r, 2, shape), along(s, 1, shape)


def _meet(r: Rooted, s: Rooted, a: FieldArray, b: FieldArray) -> bool:
    """Whether a root is multiplied with itself anywhere, in a matrix product that is not large."""
    if a.shape[0] * a.shape[1] * a.shape[2] * b.shape[2] > MOST_PRODUCTS:
        return False
    pairs = ((one.value.rows[0], two.value.rows[0]) for one in r.roots for two in s.roots)
    return any((one[..., None] == two[:, None]).any() for one, two in pairs)

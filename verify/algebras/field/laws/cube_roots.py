"""cbrt(u)**3 = u, and cbrt(x**3) = x, for all real numbers.

To residues a cube root is an unknown odd function. A value that is k c or k c**2, c = cbrt(u),
keeps k and u, so that a product in which c comes three times is made of u instead, and 1 / (k c)
is c**2 / (k u). A cube keeps what it is the cube of.

The error: whether two radicands are equal is asked of their residues, which is one more pair of
values an element that chance may confuse (`State.inner_pairs`, which `bound.py` counts).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.algebras.field.laws.absolute import ABSOLUTE_VALUES
from verify.algebras.field.laws.elements import MOST_PRODUCTS, by_elements
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real


@dataclass(frozen=True, eq=False)
class Root:
    """This value is factor * root**exponent; root = cbrt(radicand), and the exponent is 1 or 2."""

    factor: FieldArray
    root: FieldArray
    exponent: int
    radicand: FieldArray

    def map(self, f: Callable[[FieldArray], FieldArray]) -> Root:
        return Root(f(self.factor), f(self.root), self.exponent, f(self.radicand))

    @property
    def parts(self) -> tuple[FieldArray, ...]:
        return self.factor, self.root, self.radicand


@dataclass(frozen=True, eq=False)
class Cube:
    """This value is base**3."""

    base: FieldArray

    def map(self, f: Callable[[FieldArray], FieldArray]) -> Cube:
        return Cube(f(self.base))

    @property
    def parts(self) -> tuple[FieldArray, ...]:
        return (self.base,)


class CubeRoots(Law[Root | Cube]):
    functions = frozenset({"cbrt"})
    reads = (ABSOLUTE_VALUES,)  # which knows squares

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        known = self.of(args[0])
        return known.base if isinstance(known, Cube) else None

    def after_function(
        self, state: State, name: str, args: Sequence[FieldArray], y: FieldArray
    ) -> Root:
        root = state.plain(y.rows, y, y.growth)  # of which nothing is known, as it is its own root
        return Root(state.lift(np.ones(y.shape), y.dtype), root, 1, args[0])

    # -- products --------------------------------------------------------------------------------

    def product(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        """k c**3 = k u, and one more c where both are squares of it."""
        pair = self._same_root(state, a, b)
        if pair is None:
            return None
        one, two = pair
        exponent = one.exponent + two.exponent
        if exponent < 3:
            return None
        factor = state.mul(state.mul(one.factor, two.factor), one.radicand)
        if exponent == 3:
            return factor
        value = state.mul(factor, one.root)
        self.know(value, Root(factor, one.root, 1, one.radicand))
        return value

    def dot(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        known = isinstance(self.of(a), Root) and isinstance(self.of(b), Root)
        if not known or int(np.prod(a.shape)) * b.shape[2] > MOST_PRODUCTS:
            return None
        return by_elements(state, a, b)

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Root | Cube | None:
        pair = self._same_root(state, a, b)
        if pair is not None:  # c * c: where c comes three times or more, `product` has made it
            one, two = pair
            return replace(one, exponent=2, factor=state.mul(one.factor, two.factor))
        for x, other in ((a, b), (b, a)):
            known = self.of(x)
            if isinstance(known, Root):
                return replace(known, factor=state.mul(known.factor, other))
            if ABSOLUTE_VALUES.of(x) is other:
                return Cube(other)
        return None

    def inverse(self, state: State, x: FieldArray) -> FieldArray | None:
        """1 / (k c) = c**2 / (k u), and 1 / (k c**2) = c / (k u)."""
        known = self.of(x)
        if not isinstance(known, Root):
            return None
        c, exponent = known.root, 3 - known.exponent
        above = c if exponent == 1 else state.mul(c, c)
        below = state.mul(known.factor, known.radicand)
        factor = state.div(state.lift(np.ones(x.shape), x.dtype), below)
        value = state.mul(above, factor)
        self.know(value, Root(factor, c, exponent, known.radicand))
        return value

    # -- sums and movement -----------------------------------------------------------------------

    def negated(self, state: State, x: FieldArray) -> Root | Cube | None:
        known = self.of(x)
        if isinstance(known, Root):
            return replace(known, factor=state.neg(known.factor))
        return None if known is None else Cube(state.neg(known.base))

    def added(self, state: State, a: FieldArray, b: FieldArray) -> Root | None:
        """k c + l c = (k + l) c."""
        pair = self._same_root(state, a, b)
        if pair is None or pair[0].exponent != pair[1].exponent:
            return None
        return replace(pair[0], factor=state.add(pair[0].factor, pair[1].factor))

    def moved(self, state: State, fact: Root | Cube, move: Move) -> Root | Cube:
        return fact.map(move.value)

    def cast(self, state: State, fact: Root | Cube, dtype: DType) -> Root | Cube | None:
        return fact.map(lambda x: state.cast(x, dtype)) if is_real(dtype) else None

    def stands_for(self, fact: Root | Cube) -> tuple[FieldArray, ...]:
        return fact.parts

    def _same_root(self, state: State, a: FieldArray, b: FieldArray) -> tuple[Root, Root] | None:
        """What is known of two values that are made of one cube root."""
        one, two = self.of(a), self.of(b)
        if not isinstance(one, Root) or not isinstance(two, Root):
            return None
        same = one.radicand is two.radicand or _equal(state, one.radicand, two.radicand)
        return (one, two) if same else None


def _equal(state: State, a: FieldArray, b: FieldArray) -> bool:
    """Whether two values are equal in every element, up to the trial's error probability. Where
    each row is in a branch of its own, or residues are right modulo q only, they do not say."""
    if state.mode.decides or a.growth.logs or b.growth.logs or a.shape != b.shape:
        return False
    state.inner_pairs += int(np.prod(a.shape))
    return state.agree(a, b)


CUBE_ROOTS = CubeRoots()

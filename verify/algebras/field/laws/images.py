"""max(f(x), f(y)) = f(max(x, y)), and f(x) > f(y) where x > y, for an increasing function f.

In trials whose mode says so (`Mode.increasing`): elsewhere what is compared keeps its own form.
The functions are exp, log, sqrt, cbrt, atan, asin, erf and erf_inv, all of which are strictly
increasing wherever they have a value, so that ties are ties on both sides: f(x) = f(y) where x = y,
and the first of equal maxima is the same one. Of floor and round, which never fall, the first of
the two laws holds, and the second does not: they say nothing of what is larger. Where a function
has no value one side has none and the other may have one; that its operand is in its domain is then
among what is assumed (`../functions.py`). Where each row decides what is the largest, its image
would be a function of another number in each row, of which nothing is known: there maxima stay as
they are.

A constant c is the image of log c for exp (c > 0), of c**2 for sqrt (c >= 0), of c**3 for cbrt, of
itself for floor and round if it is whole.
Minus f(x) is a falling image: max(-f(x), -f(y)) = -f(min(x, y)).

The fact: which function a value is the image of, and of what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.algebras.field.laws.exponentials import EXPONENTIALS
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.scaled import SCALED
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real
from verify.programs.catalogue import Fact, having

STEPS = frozenset(("floor", "round", "round_even"))  # do not fall
IMAGES_OF = having(Fact.INCREASING) | STEPS  # functions have the names of primitives


@dataclass(frozen=True, eq=False)
class Image:
    """sign * name(of)."""

    name: str
    of: FieldArray
    sign: int = 1


class Images(Law[Image]):
    reads = (EXPONENTIALS, SCALED)

    def made(self, state: State, name: str, args: Sequence[FieldArray], y: FieldArray) -> None:
        """Told of each function's result. That log(exp(x)) = x is the image of exp(x), which is
        that of x, is not written down: facts must not go round in a circle."""
        plain = y.concrete is None and y is not args[0] and self.of(y) is None
        plain = plain and not _stands_for(args[0], y)
        if state.mode.increasing and name in IMAGES_OF and plain:
            self.know(y, Image(name, args[0]))

    def inverse(self, state: State, x: FieldArray) -> FieldArray | None:
        """1 / exp(x) is the exponential of -x."""
        known = self._of(state, x)
        if known is None or known.name != "exp" or known.sign < 0:
            return None
        return state.function("exp", [state.neg(known.of)], x.shape, x.dtype)

    def negated(self, state: State, x: FieldArray) -> Image | None:
        known = self._of(state, x)
        return None if known is None else replace(known, sign=-known.sign)

    def moved(self, state: State, fact: Image, move: Move) -> Image:
        return replace(fact, of=move.value(fact.of))

    def picked(
        self, state: State, operands: Sequence[FieldArray], index: np.ndarray
    ) -> Image | None:
        known = [self._of(state, x) for x in operands]
        first = known[0]
        if first is None or any(k is None or _kind(k) != _kind(first) for k in known):
            return None
        return replace(first, of=state.pick([k.of for k in known if k is not None], index))

    def cast(self, state: State, fact: Image, dtype: DType) -> Image | None:
        return replace(fact, of=state.cast(fact.of, dtype)) if is_real(dtype) else None

    def stands_for(self, fact: Image) -> tuple[FieldArray, ...]:
        return (fact.of,)

    # -- what choices ask -------------------------------------------------------------------------

    def _of(self, state: State, x: FieldArray) -> Image | None:
        if not state.mode.increasing or state.mode.patterns:
            return None
        known = self.of(x)
        if known is None:
            scaled = SCALED.made_of(x)
            if scaled is not None and scaled.factor is None:
                known = Image("exp", scaled.exponent)
        return known

    def compared(self, state: State, a: FieldArray, b: FieldArray) -> tuple[Image, Image] | None:
        """Both as images under one function, of one sign, that are ordered as they are."""
        found = self._pair(state, a, b)
        return None if found is None or found[0].name in STEPS else found

    def _pair(self, state: State, a: FieldArray, b: FieldArray) -> tuple[Image, Image] | None:
        """Both as images under one function of one sign."""
        if not state.mode.increasing or state.mode.patterns:
            return None
        one, two = self._of(state, a), self._of(state, b)
        if one is None and two is not None:
            one = _constant(state, a, two)
        elif two is None and one is not None:
            two = _constant(state, b, one)
        if one is None or two is None or _kind(one) != _kind(two):
            return None
        return one, two

    def larger(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        found = self._pair(state, a, b)
        if found is None:
            return None
        one, two = (_turned(state, image) for image in found)
        return _image(state, found[0], state.maximum(one, two))

    def max(self, state: State, x: FieldArray) -> FieldArray | None:
        """Over the last axis."""
        known = self._of(state, x)
        if known is None or not x.shape[-1]:
            return None
        return _image(state, known, state.max(_turned(state, known)))

    def ordered(self, state: State, x: FieldArray) -> FieldArray:
        """x, or what is ordered as it is."""
        known = self._of(state, x)
        return x if known is None or known.name in STEPS else _turned(state, known)


def _stands_for(x: FieldArray, y: FieldArray) -> bool:
    """Whether a fact of x holds y."""
    return any(held is y for law, fact in x.facts.items() for held in law.stands_for(fact))


def _kind(image: Image) -> tuple[str, int]:
    return image.name, image.sign


def _turned(state: State, image: Image) -> FieldArray:
    return image.of if image.sign > 0 else state.neg(image.of)


def _image(state: State, like: Image, turned: FieldArray) -> FieldArray:
    of = turned if like.sign > 0 else state.neg(turned)
    y = state.function(like.name, [of], of.shape, of.dtype)
    return y if like.sign > 0 else state.neg(y)


def _constant(state: State, c: FieldArray, like: Image) -> Image | None:
    """A constant as an image under the same function."""
    known = c.concrete
    if known is None and c.growth.degree == 0 and c.positive and like.sign > 0:
        if like.name == "sqrt":  # a literal that has been read as a quotient
            return Image("sqrt", state.mul(c, c))
        if like.name == "exp" and not c.growth.powers:
            return Image("exp", state.function("log", [c], c.shape, c.dtype))
        return None
    if known is None or not np.isfinite(known).all() or c.dtype == np.bool_:
        return None
    c = c if like.sign > 0 else state.lift(-known, c.dtype)
    known = known * like.sign
    if like.name in STEPS and (known == np.rint(known)).all():
        return Image(like.name, state.lift(known, c.dtype), like.sign)
    if like.name == "exp" and (known > 0).all():
        return Image("exp", state.function("log", [c], c.shape, c.dtype), like.sign)
    if like.name == "sqrt" and (known >= 0).all():
        return Image("sqrt", state.mul(c, c), like.sign)
    if like.name == "cbrt":
        return Image("cbrt", state.mul(state.mul(c, c), c), like.sign)
    if like.name == "log":
        return Image("log", state.function("exp", [c], c.shape, c.dtype), like.sign)
    return None


IMAGES = Images()

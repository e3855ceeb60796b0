"""Sines and cosines of angles that an inverse function has made.

    cos(atan2(y, x)) = x / r, sin(atan2(y, x)) = y / r, r = sqrt(x**2 + y**2), but at the origin
    cos(atan(t)) = 1 / sqrt(1 + t**2), sin(atan(t)) = t / sqrt(1 + t**2)
    sin(asin(s)) = s = cos(acos(s)), cos(asin(s)) = sqrt(1 - s**2) = sin(acos(s))

The last line wherever asin and acos have a value, which is assumed where they are taken: cosines of
angles in [-pi/2, pi/2] and sines of angles in [0, pi] are not negative, also at -1 and 1. At the
origin atan2 has one value, and x / r has none: what is divided by is assumed not to be zero. The
other way round, atan2(sin t, cos t), depends on where t lies, and is no law.

The fact: which inverse function a value is, of what, and with which sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real


@dataclass(frozen=True, eq=False)
class Angle:
    """sign * name(*of)."""

    name: str
    of: tuple[FieldArray, ...]
    sign: int = 1

    def map(self, f: Callable[[FieldArray], FieldArray]) -> Angle:
        return replace(self, of=tuple(map(f, self.of)))


class Angles(Law[Angle]):
    functions = frozenset(("sin", "cos", "atan", "atan2", "asin", "acos"))

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        known = self.of(args[0]) if name in ("sin", "cos") else None
        if known is None:
            return None
        found = _point(state, known, name)
        return state.neg(found) if name == "sin" and known.sign < 0 else found

    def after_function(
        self, state: State, name: str, args: Sequence[FieldArray], y: FieldArray
    ) -> Angle | None:
        return None if name in ("sin", "cos") else Angle(name, tuple(args))

    def negated(self, state: State, x: FieldArray) -> Angle | None:
        known = self.of(x)
        return None if known is None else replace(known, sign=-known.sign)

    def moved(self, state: State, fact: Angle, move: Move) -> Angle:
        return fact.map(move.value)

    def cast(self, state: State, fact: Angle, dtype: DType) -> Angle | None:
        return fact.map(lambda x: state.cast(x, dtype)) if is_real(dtype) else None

    def stands_for(self, fact: Angle) -> tuple[FieldArray, ...]:
        return fact.of


def _point(state: State, angle: Angle, name: str) -> FieldArray:
    """The sine or cosine of an angle without its sign."""
    first = angle.of[0]
    one = state.lift(np.ones(first.shape), first.dtype)
    if angle.name in ("asin", "acos"):
        if (angle.name == "asin") == (name == "sin"):
            return first
        return _root(state, state.sub(one, state.mul(first, first)))
    y, x = (first, one) if angle.name == "atan" else angle.of
    length = _root(state, state.add(state.mul(x, x), state.mul(y, y)))
    return state.div(y if name == "sin" else x, length)


def _root(state: State, square: FieldArray) -> FieldArray:
    return state.function("sqrt", [square], square.shape, square.dtype)


ANGLES = Angles()

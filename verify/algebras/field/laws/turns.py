"""Sines and cosines of what is a part of a turn away from something else: sin(x + pi / 2) = cos(x).

pi is a number like any other to residues. In programs it is 4 atan(1), as a literal 3.1415927 is
read (`verify/constants`), or what atan, asin and acos make of 1 and -1; sums, whole and other
multiples of it are kept track of. Where a value is x + m pi, m a multiple of 1/6 or 1/4,

    cos(x + m pi) = cos(m pi) cos(x) - sin(m pi) sin(x)        sin(x + m pi) likewise

with cos(m pi) = sqrt(2) / 2, say. A whole number of turns does not count, whichever number it is:
rem(x, 2 pi) is x less so many, and so is what `jnp.mod` makes of it.

The fact: m and x, and whether whole turns have been left out, so that only whole multiples of the
value are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.numbers import fractions
from verify.algebras.field.laws.wholes import WHOLE_NUMBERS
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_real

_MOST = 4096  # elements
_ANGLES = {
    ("atan", 1.0): Fraction(1, 4),
    ("atan", -1.0): Fraction(-1, 4),
    ("asin", 1.0): Fraction(1, 2),
    ("asin", -1.0): Fraction(-1, 2),
    ("acos", 0.0): Fraction(1, 2),
    ("acos", -1.0): Fraction(1),
}
# cos(m pi) for m up to 1/2, as a factor and what is under the root.
_COSINES = {
    Fraction(0): (1.0, 1.0),
    Fraction(1, 6): (0.5, 3.0),
    Fraction(1, 4): (0.5, 2.0),
    Fraction(1, 3): (0.5, 1.0),
    Fraction(1, 2): (0.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class Turn:
    """rest + multiple * pi, up to whole turns unless it is exact; no rest is zero."""

    multiple: np.ndarray  # of fractions, an element each
    rest: FieldArray | None = None
    exact: bool = True

    def map(self, f: Callable[[FieldArray], FieldArray]) -> FieldArray | None:
        return None if self.rest is None else f(self.rest)


class Turns(Law[Turn]):
    functions = frozenset(("sin", "cos", "rem", *(name for name, _ in _ANGLES)))

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        known = self.of(args[0]) if name in ("sin", "cos") else None
        if known is None:
            return None
        return _sine_or_cosine(state, name, known, args[0])

    def after_function(
        self, state: State, name: str, args: Sequence[FieldArray], y: FieldArray
    ) -> Turn | None:
        if not 0 < y.rows[0].size <= _MOST:
            return None
        if name == "rem":
            by = self.of(args[1])
            whole = by is not None and by.exact and by.rest is None and _are_turns(by.multiple)
            return Turn(_fractions(y.shape, Fraction(0)), args[0], exact=False) if whole else None
        known = args[0].concrete if name not in ("sin", "cos") else None
        if known is None or len(np.unique(known)) != 1:
            return None
        angle = _ANGLES.get((name, float(known.flat[0])))
        return None if angle is None else Turn(_fractions(y.shape, angle))

    def _turn(self, x: FieldArray) -> Turn:
        """What is known of a value, if only that it is its own rest."""
        return self.of(x) or Turn(_fractions(x.shape, Fraction(0)), x)

    def negated(self, state: State, x: FieldArray) -> Turn | None:
        known = self.of(x)
        if known is None:
            return None
        return replace(
            known, multiple=_fractions(x.shape, -known.multiple), rest=known.map(state.neg)
        )

    def added(self, state: State, a: FieldArray, b: FieldArray) -> Turn | None:
        one, two = self._turn(a), self._turn(b)
        if one.rest is None or two.rest is None:
            rest = one.rest if two.rest is None else two.rest
        else:
            rest = state.add(one.rest, two.rest)
            if rest.concrete is None and not rest.rows.any() and not state.rests(rest):
                state.inner_pairs += rest.rows[0].size
                rest = None
        multiple = _fractions(a.shape, one.multiple + two.multiple)
        return Turn(multiple, rest, one.exact and two.exact)

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Turn | None:
        one, two = self.of(a), self.of(b)
        if (one is None) == (two is None):
            return None
        known, other = (one, b) if one is not None else (two, a)
        assert known is not None
        factor = _number(state, other)
        if factor is not None:
            if known.exact or all(f.denominator == 1 for f in factor.flat):
                rest = known.map(lambda x: state.mul(x, other))
                return Turn(_fractions(a.shape, known.multiple * factor), rest, known.exact)
            return None
        whole = WHOLE_NUMBERS.holds(other)
        if known.rest is not None or not whole or not _are_turns(known.multiple):
            return None
        return Turn(_fractions(a.shape, Fraction(0)), exact=False)

    def moved(self, state: State, fact: Turn, move: Move) -> Turn:
        return replace(fact, multiple=move.rows(fact.multiple[None])[0], rest=fact.map(move.value))

    def picked(
        self, state: State, operands: Sequence[FieldArray], index: np.ndarray
    ) -> Turn | None:
        if index.size > _MOST or any(x.rows[0].size > _MOST for x in operands):
            return None
        known = list(map(self._turn, operands))
        multiples = np.concatenate([turn.multiple.reshape(-1) for turn in known])
        rest = None
        if any(turn.rest is not None for turn in known):
            nothing = [state.lift(np.zeros(x.shape), x.dtype) for x in operands]
            parts = [t.rest or zero for t, zero in zip(known, nothing, strict=True)]
            rest = state.pick(parts, index)
        return Turn(multiples[index], rest, all(turn.exact for turn in known))

    def cast(self, state: State, fact: Turn, dtype: DType) -> Turn | None:
        if not is_real(dtype):
            return None
        return replace(fact, rest=fact.map(lambda x: state.cast(x, dtype)))

    def stands_for(self, fact: Turn) -> tuple[FieldArray, ...]:
        return () if fact.rest is None else (fact.rest,)


def _fractions(shape: tuple[int, ...], value: np.ndarray | Fraction) -> np.ndarray:
    """An array of objects, whatever NumPy makes of a single one."""
    made = np.empty(shape, object)
    made[...] = value
    return made


def _are_turns(multiple: np.ndarray) -> bool:
    return all(m.denominator == 1 and m.numerator % 2 == 0 for m in multiple.flat)


def _number(state: State, x: FieldArray) -> np.ndarray | None:
    """A value that is a number whatever the inputs are, as fractions."""
    if x.concrete is not None:
        if not np.isfinite(x.concrete).all():
            return None
        return _fractions(x.shape, np.frompyfunc(Fraction, 1, 1)(x.concrete.astype(np.float64)))
    if x.growth.degree or x.growth.powers:
        return None
    found = fractions(state, x)
    return None if found is None else np.array(found, object).reshape(x.shape)


def _sine_or_cosine(state: State, name: str, turn: Turn, like: FieldArray) -> FieldArray | None:
    before = _fractions(like.shape, turn.multiple - Fraction(1, 2))
    cosines, sines = (_cosines(state, m, like) for m in (turn.multiple, before))
    if cosines is None or sines is None:
        return None
    if turn.rest is None:
        return cosines if name == "cos" else sines
    shape, dtype = like.shape, like.dtype
    cos, sin = (state.function(each, [turn.rest], shape, dtype) for each in ("cos", "sin"))
    if name == "cos":
        return state.sub(state.mul(cosines, cos), state.mul(sines, sin))
    return state.add(state.mul(cosines, sin), state.mul(sines, cos))


def _cosines(state: State, multiple: np.ndarray, like: FieldArray) -> FieldArray | None:
    """cos(m pi), where all of them are known."""
    factors, roots = np.zeros(multiple.shape), np.ones(multiple.shape)
    for place, m in np.ndenumerate(multiple):
        m = abs(m) % 2
        m = min(m, 2 - m)  # cos(-t) = cos(t) = cos(2 pi - t)
        known = _COSINES.get(min(m, 1 - m))  # cos(pi - t) = -cos(t)
        if known is None:
            return None
        factors[place], roots[place] = known[0] if m <= Fraction(1, 2) else -known[0], known[1]
    found = state.lift(factors, like.dtype)
    if (roots == 1).all():
        return found
    root = state.function("sqrt", [state.lift(roots, like.dtype)], like.shape, like.dtype)
    return state.mul(found, root)


TURNS = Turns()

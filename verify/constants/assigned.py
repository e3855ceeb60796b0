"""Programs at concrete inputs, their literals being certain other numbers than floats can hold.

0.1 is 1/10 here, or any fraction that rounds to it; of what has no reading only the interval is
known, and that it is the same number wherever it occurs. Beside its ball a value has its exact
number where there is one (`terms.py`): ten times 1/10 is 1, and x >= c holds at x = c, whatever
number c is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.numeric_value import MORE, TINY, UNIT, discrete, kind, make
from verify.constants import terms
from verify.constants.literals import significands
from verify.constants.tables import Key, key
from verify.constants.terms import Multiple
from verify.dtypes import DType
from verify.limits import budget

_MOST = 4096  # elements of an array whose exact numbers are worked out
_TERM = 1_000  # units of work (`verify/limits/budget.py`)
_DECIDE = {
    "eq": lambda o: o == 0,
    "ne": lambda o: o != 0,
    "lt": lambda o: o < 0,
    "le": lambda o: o <= 0,
    "gt": lambda o: o > 0,
    "ge": lambda o: o >= 0,
}


@dataclass(frozen=True, eq=False)
class Exact(Bounded):
    """A float array with the exact numbers (`terms.Term`) of its elements."""

    exact: np.ndarray


@dataclass(frozen=True)
class Ball:
    """A number of which this is known: value +- error; in units of its significand, so that it is
    the same number wherever that occurs."""

    value: float
    error: float


class Assigned(Numeric):
    """The numeric domain with numbers in the place of literals.

    >>> numeric = Assigned({0.800000011920929: Fraction(4, 5)})
    >>> tenth = numeric.literal(np.float32([0.1]))
    >>> numeric.mul(tenth, numeric.lift(np.array([10.0]))).concrete.item()
    1.0
    """

    def __init__(
        self,
        assigned: Mapping[float, Fraction | Ball],
        tables: Mapping[Key, tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> None:
        """assigned: by significand. tables: literals that are known as a whole, with the errors."""
        self.assigned, self.tables = assigned, tables or {}

    def literal(self, array: np.ndarray, dtype: DType | None = None) -> Bounded:
        """A constant of the program itself, or an input that is the same number."""
        value = self.lift(np.asarray(array), dtype)
        if self.tables:
            table = self.tables.get(key(value.value, value.dtype))
            if table is not None:
                return make(*table, value.dtype)
        ones = significands(value.value)
        here = np.isin(ones, self._ones)
        if not here.any():
            return value
        place = np.minimum(np.searchsorted(self._ones, ones), len(self._ones) - 1)
        # Powers of two, and signs: no rounding.
        factor = np.where(here, value.value / np.where(here, ones, 1.0), 0.0)
        centre = np.where(here, self._balls[0][place] * factor, value.value)
        error = self._balls[1][place] * np.abs(factor) * MORE
        ball = make(centre, error, value.dtype)
        if value.value.size > _MOST:
            return ball
        exact = terms.fraction(value.value, ~here)
        for at in map(tuple, np.argwhere(here)):
            one, by = float(ones[at]), Fraction(float(factor[at]))
            known = self.assigned[one]
            exact[at] = known * by if isinstance(known, Fraction) else Multiple(by, one)
        return _refined(ball, exact)

    @functools.cached_property
    def _ones(self) -> np.ndarray:
        return np.sort(np.fromiter(self.assigned, np.float64, len(self.assigned)))

    @functools.cached_property
    def _balls(self) -> tuple[np.ndarray, np.ndarray]:
        """The values and errors of the numbers, in order."""
        balls = [_ball(self.assigned[one]) for one in self._ones.tolist()]
        return np.array([b.value for b in balls]), np.array([b.error for b in balls])

    def reshape(self, x: Bounded, shape: tuple[int, ...]) -> Bounded:
        return _with(super().reshape(x, shape), lambda a: a.reshape(shape), x)

    def pick(self, operands: Sequence[Bounded], index: np.ndarray) -> Bounded:
        found = super().pick(operands, index)
        join = lambda *parts: np.concatenate([p.reshape(-1) for p in parts])[index]  # noqa: E731
        return _with(found, join, *operands)

    def neg(self, a: Bounded) -> Bounded:
        return _with(super().neg(a), terms.neg, a)

    def add(self, a: Bounded, b: Bounded) -> Bounded:
        return _with(super().add(a, b), terms.add, a, b)

    def mul(self, a: Bounded, b: Bounded) -> Bounded:
        return _with(super().mul(a, b), terms.mul, a, b)

    def div(self, a: Bounded, b: Bounded) -> Bounded:
        return _with(super().div(a, b), terms.div, a, b)

    def sum(self, x: Bounded) -> Bounded:
        found = super().sum(x)
        if x.shape[-1] == 0:
            return found
        return _with(found, terms.total, x)

    def dot(self, a: Bounded, b: Bounded) -> Bounded:
        found = super().dot(a, b)
        if not a.shape[-1] or found.value.size * a.shape[-1] > _MOST:
            return found
        pairs = lambda a, b: terms.mul(a[:, :, None, :], b.swapaxes(1, 2)[:, None])  # noqa: E731
        return _with(found, lambda a, b: terms.total(pairs(a, b)), a, b)

    def maximum(self, a: Bounded, b: Bounded) -> Bounded:
        return _with(super().maximum(a, b), terms.maximum, a, b)

    def max(self, x: Bounded) -> Bounded:
        return _with(super().max(x), terms.greatest, x)

    def compare(self, op: str, a: Bounded, b: Bounded) -> Bounded:
        found = super().compare(op, a, b)
        one, two = _known(a), _known(b)
        if found.error is None or one is None or two is None:
            return found
        budget.spend(_TERM * found.value.size)
        order = np.broadcast_to(terms.order(one, two), found.shape)
        decided = found.unknown & ~np.isnan(order)
        value = np.where(decided, _DECIDE[op](order), found.value)
        return discrete(value, found.unknown & ~decided, found.dtype)

    def select(self, which: Bounded, cases: Sequence[Bounded]) -> Bounded:
        found = super().select(which, cases)
        if which.unknown.any():
            return found
        index = np.clip(which.value.astype(np.int64), 0, len(cases) - 1)
        choose = lambda *parts: np.choose(index, parts) if len(parts) < 32 else None  # noqa: E731
        return _with(found, choose, *cases)

    def cast(self, x: Bounded, dtype: DType) -> Bounded:
        found = super().cast(x, dtype)
        if kind(x.dtype) != "float":
            return found
        if kind(found.dtype) == "float":
            return _with(found, lambda a: a, x)
        if found.error is None or not isinstance(x, Exact):
            return found
        # Fractions near whole numbers: of the nearest float is only known what is known of them.
        whole = terms.truncated(x.exact)
        known = terms.is_fraction(whole) & found.unknown
        wide = make(terms.near(whole, 0.0), np.where(known, 0.0, np.inf), x.dtype)
        again = super().cast(wide, dtype)
        known &= ~again.unknown
        return discrete(
            np.where(known, again.value, found.value), found.unknown & ~known, found.dtype
        )

    def function(
        self,
        name: str,
        args: Sequence[Bounded],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Bounded:
        found = super().function(name, args, shape, dtype, params)
        if kind(found.dtype) != "float":
            return found
        if name in terms.ROUNDINGS:
            return _with(found, lambda a: terms.rounding(name, a), *args)
        return _with(found, terms.rem, *args) if name == "rem" else found


def _ball(known: Fraction | Ball) -> Ball:
    if isinstance(known, Ball):
        return known
    value = float(known)
    return Ball(value, abs(value) * UNIT)


def _known(x: Bounded) -> np.ndarray | None:
    """The exact numbers of an array, None where there are none to speak of."""
    if isinstance(x, Exact):
        return x.exact
    if kind(x.dtype) != "float" or x.value.size > _MOST:
        return None
    return terms.fraction(x.value, x.errors == 0)


def _with(found: Bounded, operation: Callable[..., np.ndarray | None], *args: Bounded) -> Bounded:
    """A result with the exact numbers that an operation makes of its operands'."""
    if found.error is None or kind(found.dtype) != "float" or found.value.size > _MOST:
        return found
    every = [_known(x) for x in args]
    if any(known is None for known in every):
        return found
    budget.spend(_TERM * sum(x.value.size for x in args))
    exact = operation(*every)
    return found if exact is None else _refined(found, np.broadcast_to(exact, found.shape))


def _refined(found: Bounded, exact: np.ndarray) -> Bounded:
    """As sharp a ball as fractions allow."""
    fractions = terms.is_fraction(exact)
    value = terms.near(exact, found.value)
    same = terms.is_exactly(exact, value)
    error = np.where(same, 0.0, np.abs(value) * (2 * UNIT) + TINY)
    ball = make(
        np.where(fractions, value, found.value),
        np.where(fractions, error, found.errors),
        found.dtype,
    )
    return ball if ball.error is None else Exact(ball.value, ball.error, ball.dtype, exact)

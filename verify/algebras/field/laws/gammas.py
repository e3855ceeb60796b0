"""lgamma(n) = log((n - 1)!) for whole numbers n > 0, and, for n >= 0,
lgamma(n + 1/2) = log((2 n)! / (4**n n!)) + log(pi) / 2.

And lgamma(x + 1) = lgamma(x) + log(x), digamma(x + 1) = digamma(x) + 1 / x, for arguments a few
whole numbers apart (`_Seen`), where x is known to be positive (elsewhere log(x) has no value, and
lgamma has one), and in trials with multiples only: what needs no such law assumes no logarithm.

Such numbers come up where a count is taken value by value (`../split/`), and in constants of
densities. Nothing is known at zero and below, nor of numbers that are not multiples of 1/2. Pi is
4 atan(1), as in what constants are read as (`verify/constants`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.laws.law import Law
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.algebras.field.weights import Weights
from verify.dtypes import DType

_MOST, _LARGEST = 4096, 18  # elements; and 17! has no more bits than a float64
_FARTHEST = 3  # whole numbers between two arguments


class Gammas(Law[None]):
    """No facts: the residues of a number say which one it is."""

    functions = frozenset({"lgamma", "digamma"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        (x,) = args
        found = self._of_numbers(state, x, dtype) if name == "lgamma" else None
        return _shifted(state, name, x) if found is None else found

    def _of_numbers(self, state: State, x: FieldArray, dtype: DType) -> FieldArray | None:
        numbers = _numbers(state, x)
        if numbers is None:
            return None
        half = np.array([n.denominator == 2 for n in numbers]).reshape(x.shape)
        top, bottom = (
            state.lift(np.array([float(each(n)) for n in numbers]).reshape(x.shape), dtype)
            for each in (_above, _below)
        )
        found = state.function("log", [state.div(top, bottom)], x.shape, dtype)
        if not half.any():
            return found
        one, four = (state.lift(np.full(x.shape, number), dtype) for number in (1.0, 4.0))
        pi = state.mul(four, state.function("atan", [one], x.shape, dtype))
        root = state.mul(state.lift(half * 0.5, dtype), state.function("log", [pi], x.shape, dtype))
        return state.add(found, root)


def _above(n: Fraction) -> int:
    """Of (2 k)! / (4**k k!) for n = k + 1/2, as of (n - 1)!."""
    if n.denominator == 1:
        return math.factorial(int(n) - 1)
    return math.factorial(2 * (n.numerator // 2)) // math.factorial(n.numerator // 2)


def _below(n: Fraction) -> int:
    return 1 if n.denominator == 1 else int(4 ** (n.numerator // 2))


def _numbers(state: State, x: FieldArray) -> list[Fraction] | None:
    """The numbers that x is made of, if all are multiples of 1/2 above zero, and small."""
    if state.mode.decides or x.growth.logs or not 0 < x.rows[0].size <= _MOST:
        return None
    flat = x.rows[: state.points].reshape(state.points, -1)
    if not (flat[0::2] == flat[1::2]).all():
        return None
    columns, where = np.unique(flat[0::2], axis=1, return_inverse=True)
    found = []
    for column in np.ascontiguousarray(columns.T):
        ratio = residues.rational(column.tolist(), state.moduli.primes)
        state.law(Weights).reconstructions += 1
        if ratio is None:
            return None
        number = Fraction(*ratio)
        if number.denominator > 2 or not 0 < number <= _LARGEST / number.denominator:
            return None
        found.append(number)
    return [found[i] for i in where.reshape(-1)]


class _Seen:
    """Names of arguments in a trial, and whether they are above zero."""

    def __init__(self, state: State) -> None:
        self.names: dict[tuple[str, bytes], bool] = {}


def _shifted(state: State, name: str, x: FieldArray) -> FieldArray | None:
    """A function of v + k, by that of v which was seen before; None where all are new."""
    if not state.mode.scaling or state.mode.decides or x.growth.logs:
        return None
    if not 0 < x.rows[0].size <= _MOST:
        return None
    steps = _steps(state, name, x)
    if not steps.any():
        return None
    v = state.sub(x, state.lift(steps.astype(np.float64), x.dtype))
    found = state.function(name, [v], x.shape, x.dtype)
    for sign in (1, -1):  # v, v + 1, ... up to x, or x, x + 1, ... up to v
        if not (sign * steps > 0).any():
            continue
        low, many = (v, steps) if sign > 0 else (x, -steps)
        between = _between(state, name, low, np.maximum(many, 0))
        found = (state.add if sign > 0 else state.sub)(found, between)
    return found


def _between(state: State, name: str, low: FieldArray, many: np.ndarray) -> FieldArray:
    """log(low (low + 1) ... ), so many factors, or the sum of their inverses."""
    one = state.lift(np.ones(low.shape), low.dtype)
    total = one if name == "lgamma" else state.sub(one, one)
    for j in range(int(many.max())):
        here = state.lift((many > j).astype(np.float64), low.dtype)
        factor = state.add(low, state.lift(np.full(low.shape, j - 1.0), low.dtype))
        factor = state.add(one, state.mul(here, factor))  # 1 where there are no more
        if name == "lgamma":
            total = state.mul(total, factor)
        else:
            total = state.add(total, state.mul(here, state.div(one, factor)))
    if name == "lgamma":
        total = state.function("log", [total], low.shape, low.dtype)
    return total


def _steps(state: State, name: str, x: FieldArray) -> np.ndarray:
    """How far each element is from one that was seen, the lower of them above zero; 0 for new ones,
    which count as seen now."""
    seen = state.law(_Seen).names
    positive = x.positive or (state.given is not None and state.given.above_zero(x.rows))
    points = state.m[: state.points]
    columns = {}
    for k in range(-_FARTHEST, _FARTHEST + 1):
        digests = state.digest(residues.reduce(x.rows[: state.points] - k, points))
        columns[k] = np.ascontiguousarray(digests.reshape(len(digests), -1).T)
    out = np.zeros(x.rows[0].size, np.int64)
    nearest = sorted(columns, key=abs)
    for n in range(len(out)):
        state.inner_pairs += len(nearest) * (len(seen) + 1)
        names = {k: (name, columns[k][n].tobytes()) for k in nearest}
        if names[0] in seen:
            continue
        known = [k for k in nearest if names[k] in seen]
        out[n] = next((k for k in known if (positive if k < 0 else seen[names[k]])), 0)
        if not out[n]:
            seen[names[0]] = positive
    return out.reshape(x.shape)


GAMMAS = Gammas()

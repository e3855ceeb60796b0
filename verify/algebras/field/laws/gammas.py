"""lgamma(n) = log((n - 1)!) for whole numbers n > 0, and, for n >= 0,
lgamma(n + 1/2) = log((2 n)! / (4**n n!)) + log(pi) / 2.

Such numbers come up where a count is taken value by value (`../split/`), and in constants of
densities. Nothing is known at zero and below, nor of numbers that are not multiples of 1/2. Pi is
4 atan(1), as in what constants are read as (`verify/constants`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.laws.law import Law
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.algebras.field.weights import Weights

_MOST, _LARGEST = 4096, 18  # elements; and 17! has no more bits than a float64


class Gammas(Law[None]):
    """No facts: the residues of a number say which one it is."""

    functions = frozenset({"lgamma"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: Any
    ) -> FieldArray | None:
        (x,) = args
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


GAMMAS = Gammas()

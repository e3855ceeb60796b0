"""log(u v) = log(u) + log(v) and exp(log(u)) = u: a logarithm is a discrete one modulo q."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from verify.algebras.field import mixing
from verify.algebras.field.discrete_logs import discrete_logs
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.powers import power
from verify.algebras.field.state import State, key_rows
from verify.algebras.field.value import FieldArray, Unlucky

NO_LOGARITHM = "no logarithm of a number that is not positive"


class Sum(NamedTuple):
    """Of a logarithm or a sum of logarithms.

    parity: (points, *shape) of 0 and 1, 1 where the product of what they are the logarithms of is
    minus a power of w; None where it is not known.
    antilog: this value is the logarithm of that one.
    """

    parity: np.ndarray | None
    antilog: FieldArray | None = None


class Logarithms(Law[Sum]):
    functions = frozenset({"log"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: Any
    ) -> FieldArray | None:
        return log_term(state, args[0])

    def negated(self, state: State, x: FieldArray) -> Sum | None:
        return _sum(self._parity(x))

    def added(self, state: State, a: FieldArray, b: FieldArray) -> Sum | None:
        """A value without logarithms is even."""
        one, two = self._parity(a), self._parity(b)
        if one is not None and two is not None:
            return Sum(np.asarray(one ^ two))
        if one is not None and not b.growth.logs:
            return Sum(one)
        return _sum(two) if not a.growth.logs else None

    def summed(self, state: State, x: FieldArray) -> Sum | None:
        parity = self._parity(x)
        return None if parity is None else Sum(np.bitwise_xor.reduce(parity, axis=-1))

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Sum | None:
        """n log u for a whole number n: u**n has the sign of u where n is odd."""
        found = None
        for x, c in ((a, b), (b, a)):
            parity, n = self._parity(x), c.concrete
            if parity is not None and n is not None and np.array_equal(n, np.rint(n)):
                found = Sum(parity & (np.abs(n) % 2).astype(np.uint8))
        return found

    def moved(self, state: State, fact: Sum, move: Move) -> Sum:
        antilog = None if fact.antilog is None else move.value(fact.antilog)
        return Sum(None if fact.parity is None else move.rows(fact.parity), antilog)

    def cast(self, state: State, fact: Sum, dtype: Any) -> Sum:
        return fact

    def stands_for(self, fact: Sum) -> tuple[FieldArray, ...]:
        return () if fact.antilog is None else (fact.antilog,)

    def _parity(self, x: FieldArray) -> np.ndarray | None:
        known = self.of(x)
        return None if known is None else known.parity


def _sum(parity: np.ndarray | None) -> Sum | None:
    return None if parity is None else Sum(parity)


def log_term(state: State, x: FieldArray) -> FieldArray:
    """log x: a homomorphism from products modulo p to sums modulo q.

    Z_p without zero is the group {1, -1} times the powers of w, so u = (-1)**parity * w**k. The
    exponent k is the logarithm, modulo q; modulo p a logarithm is only an unknown function of u.
    Sums of logarithms keep their parity, so that exp(sum of logs) is the product again. u and -u
    have the same logarithm, which is harmless: over the reals only one of the two has any.

    On the circle p is not 2q + 1: there log u is an unknown function of u, and only exp(log u) = u.
    """
    state.assume(NO_LOGARITHM)
    state.partial = True
    rows = key_rows(state, x)
    result = state.atom(mixing.combine(state.digest(rows), tag=("log", ())), x.dtype)
    one = (rows == 1).all(axis=0)
    out = np.where(one, 0, result.rows)
    if not state.exponents or state.mode.circle or x.growth.logs:
        unknown = state.plain(out, result, Growth(analytic=False))
        if state.mode.circle:
            LOGARITHMS.know(unknown, Sum(None, x))
        return unknown
    if (rows == 0).any():
        raise Unlucky
    points = state.points
    exponent = discrete_logs(state, rows)
    out[points:] = exponent
    y = state.plain(out, result, Growth(analytic=False, logs=True))
    LOGARITHMS.know(y, Sum((power(state, exponent) != rows).astype(np.uint8), x))
    return y


LOGARITHMS = Logarithms()

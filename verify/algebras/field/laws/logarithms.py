"""log(u v) = log(u) + log(v) and exp(log(u)) = u: a logarithm is a discrete one modulo q.

Z_p without zero is the group {1, -1} times the powers of w, so that a logarithm is a pair: a number
modulo q, which the residues are, and a parity, which is the fact here. What is the same combination
of whole multiples of logarithms has the same parity, and so has a maximum of logarithms: its
candidates' parities are weighed as they are, by weights modulo two with the sum one
(`choice.Chooser.parity`). So exp(log u - max(log u, log v)) is u times a number, and
log(sum(exp(s - max(s)))) + max(s) the same whatever the maximum is, however often it is nested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from verify.algebras.field import mixing
from verify.algebras.field.discrete_logs import discrete_logs
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.powers import power
from verify.algebras.field.state import State, key_rows
from verify.algebras.field.value import FieldArray, Unlucky

NO_LOGARITHM = "no logarithm of a number that is not positive"


@dataclass(frozen=True, eq=False)
class Sum:
    """Of a logarithm or a sum of logarithms.

    found: its parity, where that is known, made only if it is asked for.
    antilog: this value is the logarithm of that one.
    of_powers: it is the logarithm of something that is made of exponentials.
    """

    found: Callable[[], np.ndarray] | None
    antilog: FieldArray | None = None
    of_powers: bool = False

    @cached_property
    def parity(self) -> np.ndarray | None:
        """(points, *shape) of 0 and 1, 1 where the product of what they are the logarithms of is
        minus a power of w."""
        return None if self.found is None else self.found()


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
            first, second = one, two
            return Sum(lambda: first() ^ second())
        if one is not None and not b.growth.logs:
            return Sum(one)
        return _sum(two) if not a.growth.logs else None

    def summed(self, state: State, x: FieldArray) -> Sum | None:
        parity = self._parity(x)
        return None if parity is None else Sum(lambda: np.bitwise_xor.reduce(parity(), axis=-1))

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Sum | None:
        """n log u for a whole number n: u**n has the sign of u where n is odd."""
        for x, c in ((a, b), (b, a)):
            parity, n = self._parity(x), c.concrete
            if parity is not None and n is not None and np.array_equal(n, np.rint(n)):
                return self._times(parity, (np.abs(n) % 2).astype(np.uint8))
        return None

    def dotted(self, state: State, a: FieldArray, b: FieldArray) -> Sum | None:
        """Of a matrix product with whole numbers: of a gather, which multiplies by zeros and ones."""
        for x, c, left in ((a, b, True), (b, a, False)):
            parity, n = self._parity(x), c.concrete
            if parity is not None and n is not None and np.array_equal(n, np.rint(n)):
                return self._dot(parity, np.abs(n) % 2, left)
        return None

    def _dot(self, parity: Callable[[], np.ndarray], odd: np.ndarray, left: bool) -> Sum:
        def made() -> np.ndarray:
            known, by = parity().astype(np.float64), odd.astype(np.float64)
            return np.asarray((known @ by if left else by @ known) % 2).astype(np.uint8)

        return Sum(made)

    def _times(self, parity: Callable[[], np.ndarray], odd: np.ndarray) -> Sum:
        return Sum(lambda: parity() & odd)

    def moved(self, state: State, fact: Sum, move: Move) -> Sum:
        antilog = None if fact.antilog is None else move.value(fact.antilog)
        parity = None if fact.found is None else lambda: move.rows(_known(fact))
        return Sum(parity, antilog, fact.of_powers)

    def picked(self, state: State, operands: Sequence[FieldArray], index: np.ndarray) -> Sum | None:
        """Of elements of several values, each with a parity or without logarithms."""
        sources = [self._parity(x) for x in operands]
        if any(f is None and x.growth.logs for f, x in zip(sources, operands, strict=True)):
            return None
        if all(f is None for f in sources):
            return None

        def parity() -> np.ndarray:
            flat = [
                np.zeros((state.points, int(np.prod(x.shape))), np.uint8)
                if f is None
                else f().reshape(state.points, -1)
                for f, x in zip(sources, operands, strict=True)
            ]
            return np.concatenate(flat, axis=1)[:, index]

        return Sum(parity)

    def cast(self, state: State, fact: Sum, dtype: Any) -> Sum:
        return fact

    def weighed(self, candidates: Sum | None, bits: Callable[[], np.ndarray]) -> Sum | None:
        """Of a maximum along the last axis of what has these parities, by its weights modulo two.

        Sound as the weights modulo p and q are: all that a proof uses of a maximum is that it is a
        sum of its candidates by weights that are a function of the set of their differences, and
        have the sum one. That is so for both parts of a logarithm; of sets that are multiples of
        each other too, as long as they are whole ones (`multiplied`).
        """
        if candidates is None or candidates.found is None:
            return None
        known = candidates
        return Sum(lambda: np.bitwise_xor.reduce(_known(known) & bits().astype(np.uint8), axis=-1))

    def stands_for(self, fact: Sum) -> tuple[FieldArray, ...]:
        return () if fact.antilog is None else (fact.antilog,)

    def _parity(self, x: FieldArray) -> Callable[[], np.ndarray] | None:
        known = self.of(x)
        return None if known is None or known.found is None else lambda: _known(known)


def _known(fact: Sum) -> np.ndarray:
    parity = fact.parity
    assert parity is not None
    return parity


def _sum(parity: Callable[[], np.ndarray] | None) -> Sum | None:
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

    def parity() -> np.ndarray:
        return np.asarray(power(state, exponent) != rows).astype(np.uint8)

    LOGARITHMS.know(y, Sum(parity, x, x.growth.powers))
    if x.positive or (state.given is not None and state.given.above_zero(rows)):
        state.total.update(state.names(y))
    return y


LOGARITHMS = Logarithms()

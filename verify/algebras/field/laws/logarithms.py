"""log(u v) = log(u) + log(v) and exp(log(u)) = u: a logarithm is a discrete one modulo q.

Z_p without zero is the group {1, -1} times the powers of w, so that a logarithm is a pair: a number
modulo q, which the residues are, and a parity, which is the fact here. What is the same combination
of whole multiples of logarithms has the same parity, and so has a maximum of logarithms: its
candidates' parities are weighed as they are, by weights modulo two with the sum one
(`choice.Chooser.parity`). So exp(log u - max(log u, log v)) is u times a number, and
log(sum(exp(s - max(s)))) + max(s) the same whatever the maximum is, however often it is nested.

Of other multiples it is known what the logarithms in a value come to (`multiples.py`), so that
exp(a + c log(u)) is e**a times a power of another base (`exponentials.py`): softmax(t log(p)) is
softmax(t x) for p = softmax(x). A half of whole multiples makes a square root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.discrete_logs import discrete_logs
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws import multiples
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.multiples import NOTHING, Rows, Sum, linear, times
from verify.algebras.field.powers import power
from verify.algebras.field.state import State, key_rows
from verify.algebras.field.value import FieldArray, Unlucky
from verify.dtypes import DType

NO_LOGARITHM = "no logarithm of a number that is not positive"
_LARGEST = 2**22  # residues of products of powers


class Logarithms(Law[Sum]):
    functions = frozenset({"log"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        return log_term(state, args[0])

    def negated(self, state: State, x: FieldArray) -> Sum | None:
        return linear(
            [self.of(x)],
            _same,
            lambda r: residues.reduce(-r, _q(state)),
            lambda r: multiples.inverse(r, _q(state)),
        )

    def added(self, state: State, a: FieldArray, b: FieldArray) -> Sum | None:
        if not (a.growth.logs or b.growth.logs):  # on the circle logarithms are other unknowns
            return None
        parts = [self._part(x) for x in (a, b)]
        return linear(
            parts,
            np.bitwise_xor,
            lambda r, s: residues.reduce(r + s, _q(state)),
            lambda r, s: residues.multiply(r, s, _q(state)),
        )

    def summed(self, state: State, x: FieldArray) -> Sum | None:
        return linear(
            [self.of(x)],
            lambda r: np.bitwise_xor.reduce(r, axis=-1),
            lambda r: residues.total(r, _q(state)),
            lambda r: multiples.product(r, _q(state)),
        )

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Sum | None:
        """n log u for a whole number n: u**n has the sign of u where n is odd."""
        q = _q(state)
        for x, c in ((a, b), (b, a)):
            known = None if c.growth.logs else self.of(x)
            if known is not None:
                return times(
                    state,
                    known,
                    c,
                    np.bitwise_and,
                    lambda r, s: residues.multiply(r, s, q),
                    lambda r, n: multiples.power(r, n, q),
                )
        return None

    def dotted(self, state: State, a: FieldArray, b: FieldArray) -> Sum | None:
        """Of a matrix product: of a gather, say, which multiplies by zeros and ones."""
        if not a.growth.logs and self.of(b) is not None:  # as (B.T A.T).T
            index = _transposed((a.shape[0], b.shape[2], a.shape[1]))
            x, c = (state.pick([x], _transposed(x.shape)) for x in (b, a))
            return self._dotted(state, x, c, index)
        return self._dotted(state, a, b, None)

    def _dotted(
        self, state: State, x: FieldArray, c: FieldArray, index: np.ndarray | None
    ) -> Sum | None:
        """Of x c, transposed by an index; c has no logarithms."""
        known, q = None if c.growth.logs else self.of(x), _q(state)
        if known is None:
            return None
        size = len(q) * int(np.prod(x.shape)) * c.shape[2]
        if size > _LARGEST:
            known = replace(known, within=None)

        def turned(rows: np.ndarray) -> np.ndarray:
            return rows if index is None else rows.reshape(len(rows), -1)[:, index]

        def within(r: np.ndarray, n: np.ndarray) -> np.ndarray:
            return turned(multiples.product(multiples.power(r[..., None], n[:, None], q), q, -2))

        return times(
            state,
            known,
            c,
            lambda r, n: turned((_real(r) @ _real(n) % 2).astype(np.uint8)),
            lambda r, s: turned(residues.matmul(r, s, q)),
            within,
        )

    def moved(self, state: State, fact: Sum, move: Move) -> Sum:
        antilog = None if fact.antilog is None else move.value(fact.antilog)
        known = linear([fact], move.rows, move.rows, move.rows) or Sum(None)
        return replace(known, antilog=antilog, of_powers=fact.of_powers)

    def picked(self, state: State, operands: Sequence[FieldArray], index: np.ndarray) -> Sum | None:
        """Of elements of several values, each with a parity or without logarithms."""
        if not any(x.growth.logs for x in operands):
            return None

        def picked(*several: np.ndarray) -> np.ndarray:
            shapes = [(state.points, *x.shape) for x in operands]
            flat = [
                np.broadcast_to(rows, shape).reshape(state.points, -1)
                for rows, shape in zip(several, shapes, strict=True)
            ]
            return np.asarray(np.concatenate(flat, axis=1)[:, index])

        return linear([self._part(x) for x in operands], picked, picked, picked)

    def cast(self, state: State, fact: Sum, dtype: DType) -> Sum:
        return fact

    def weighed(
        self, state: State, candidates: Sum | None, bits: Rows, shares: Rows | None
    ) -> Sum | None:
        """Of a maximum along the last axis of what has these parities, by its weights modulo two
        and, where it has them, modulo q.

        Sound as the weights modulo p and q are: all that a proof uses of a maximum is that it is a
        sum of its candidates by weights that are a function of the set of their differences, and
        have the sum one. That is so for both parts of a logarithm; of sets that are multiples of
        each other too, as long as they are whole ones (`multiplied`).
        """
        if candidates is None:
            return None
        q, known = _q(state), replace(candidates, halves=None)
        if shares is None:
            known = replace(known, logs=None, within=None)
        if known.within is not None:  # of the same number times powers it is that number's
            rows = known.within()
            state.inner_pairs += rows[0].size
            if not (rows == rows[..., :1]).all():
                known = replace(known, within=None)

        def logs(r: np.ndarray) -> np.ndarray:
            assert shares is not None
            return residues.total(residues.multiply(r, shares(), q), q)

        return linear(
            [known],
            lambda r: np.bitwise_xor.reduce(r & bits().astype(np.uint8), axis=-1),
            logs,
            lambda r: r[..., 0],
        )

    def stands_for(self, fact: Sum) -> tuple[FieldArray, ...]:
        return () if fact.antilog is None else (fact.antilog,)

    def _part(self, x: FieldArray) -> Sum | None:
        return self.of(x) if x.growth.logs else NOTHING


def _same(rows: np.ndarray) -> np.ndarray:
    return rows


def _q(state: State) -> np.ndarray:
    return state.m[state.points :]


def _real(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64)


def _transposed(shape: tuple[int, ...]) -> np.ndarray:
    """The index of the transposed of matrices of a shape."""
    return np.arange(int(np.prod(shape))).reshape(shape).swapaxes(1, 2)


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

    LOGARITHMS.know(
        y,
        Sum(parity, x, x.growth.powers, logs=lambda: exponent, within=lambda: x.rows[points:]),
    )
    if x.positive or (state.given is not None and state.given.above_zero(rows)):
        state.total.update(state.names(y))
    return y


LOGARITHMS = Logarithms()

"""exp(a + b) = exp(a) exp(b) and log(exp(a)) = a: an exponential is a power of a root of unity.

The exponents are residues modulo q, which divides p - 1 (`moduli.py`). Modulo q, where an
exponential is in the exponent of another one, or beside a logarithm, it is an unknown function of
what it is modulo p, of which one thing is known: exp(-a) = 1 / exp(a). So tanh(x) and
2 sigmoid(2x) - 1 are the same in the next layer too.

Sound, as exp obeys it: what is computed modulo q is a rational function of a random r != 0 for
each pair {u, 1 / u} of values. With exponents of both signs, of degree D together, it vanishes
with probability 2D / (q - 1) at most, unless it is zero (`circle.py` has the argument); so a power
counts as degree two, and a little for q - 1. Which of u and 1 / u is the one that r is drawn for is
decided row by row, as for odd functions (`functions.py`): of |x|, whose sign a branch has chosen in
a row. Values are confused if in every row they are equal or inverse, u v = 1: squares are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws import circle
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.powers import power
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, infinite
from verify.dtypes import DType

_POWER = Growth(degree=2.01, powers=True)


class Exponentials(Law[FieldArray]):
    """The fact: this value is the exponential of that one."""

    functions = frozenset({"exp", "log"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        if name == "log":
            return self.of(args[0])
        return self._exp(state, args[0]) if state.exponents else None

    def moved(self, state: State, fact: FieldArray, move: Move) -> FieldArray:
        return move.value(fact)

    def cast(self, state: State, fact: FieldArray, dtype: DType) -> FieldArray | None:
        return fact

    def stands_for(self, fact: FieldArray) -> tuple[FieldArray, ...]:
        return (fact,)

    def _exp(self, state: State, a: FieldArray) -> FieldArray:
        """w**a, w of order q in Z_p and the exponent in Z_q; minus infinity gives zero."""
        known = LOGARITHMS.of(a)
        if known is not None and known.antilog is not None:
            return known.antilog
        absent: np.ndarray | None = None
        ends = infinite(a)
        if a.concrete is not None and (ends < 0).any():
            absent = ends < 0
            a = state.lift(np.where(absent, 0.0, a.concrete), a.dtype)
        p = a.pending
        if p is not None and p.present is not None:
            missing = np.asarray(~p.present.any(axis=-1))
            if missing.any() and p.sign > 0:
                absent = missing
                rows = np.where(missing[..., None], 0, p.rows)
                present = p.present.copy()
                present[missing, 0] = True
                a = state.plain(state.chosen(rows, present), a, a.growth)
        points = state.points
        out = np.empty_like(a.rows)
        exponent = circle.exponent(state, a)
        known = LOGARITHMS.of(a)
        parity = None if known is None else known.parity
        if a.growth.logs and parity is None:
            logs = None if known is None or known.logs is None else known.logs()
            if known is not None and known.halves is not None and logs is not None:
                return self._with_root(state, a, exponent, logs, known.halves())
            exponent = _by_detour(state, exponent, logs)
        out[:points] = power(state, exponent)
        if parity is not None:
            odd = parity.astype(bool)
            out[:points] = np.where(odd, residues.reduce(-out, state.m)[:points], out[:points])
        within = None if known is None or parity is None else known.within
        if within is None or known is None or known.logs is None:
            out[points:] = _within(state, out[:points])
        else:  # e**a u for a + log(u), beside other logarithms too
            q = state.m[points:]
            rest = power(state, residues.reduce(exponent - known.logs(), q))
            out[points:] = residues.multiply(_within(state, rest), within(), q)
        state.largest = state.largest.union(_POWER.times(_POWER))
        if absent is not None:
            out = np.where(absent, 0, out)
        # With an exponential in the exponent, two terms that differ may be equal everywhere.
        analytic = a.growth.analytic and not a.growth.powers
        growth = replace(_POWER, analytic=analytic)
        result = state.plain(out, a, growth, nonnegative=True)
        if absent is None:
            self.know(result, a)
            result.positive = True
        return result

    def _with_root(
        self,
        state: State,
        a: FieldArray,
        exponent: np.ndarray,
        logs: np.ndarray,
        parity: np.ndarray,
    ) -> FieldArray:
        """e**(b + log(u) / 2) = e**b sqrt(u); u is minus a power where `parity` says so."""
        q = state.m[state.points :]
        rows = power(state, residues.reduce(2 * logs, q))
        u = np.where(parity.astype(bool), residues.reduce(-rows, state.m[: state.points]), rows)
        rest = power(state, residues.reduce(exponent - logs, q))
        analytic = a.growth.analytic and not a.growth.powers
        growth = replace(_POWER, analytic=analytic)
        state.largest = state.largest.union(_POWER.times(_POWER))
        one, two = (
            state.plain(np.concatenate([x, _within(state, x)]), a, growth, nonnegative=True)
            for x in (rest, u)
        )
        one.positive = two.positive = True
        root = state.function("sqrt", [two], two.shape, two.dtype)
        made = state.mul(one, root)
        result = state.plain(made.rows, made, made.growth, nonnegative=True)
        result.facts.update(made.facts)
        result.positive = True
        self.know(result, a)
        return result


def _by_detour(state: State, exponent: np.ndarray, logs: np.ndarray | None) -> np.ndarray:
    """Where a logarithm went through something that loses its parity (u**y = e**(y log u)), w**a
    would be u**y up to a sign only. Powers of another base obey e**(a + b) = e**a e**b too, and are
    never mistaken for what u is made of. `logs`: the part of the exponent that is of logarithms,
    all of it if that is not known."""
    q = state.m[state.points :].reshape(-1, *(1,) * (exponent.ndim - 1))
    detour = state.detour.reshape(q.shape)
    if logs is None:
        return np.asarray(exponent * detour % q)
    return np.asarray((exponent + logs * (detour - 1)) % q)


def _within(state: State, powers: np.ndarray) -> np.ndarray:
    """What powers, (points, ...) residues modulo p, are modulo q."""
    p, q = state.m[: state.points], state.m[state.points :]
    inverted = np.where(powers == 0, 0, residues.inverse(np.where(powers == 0, 1, powers), p))
    flip = powers > inverted
    digests = mixing.combine(state.digest(np.where(flip, inverted, powers)), tag="exponential")
    state.atoms += int(np.prod(powers.shape[1:]))
    state.note(digests)
    drawn = 1 + mixing.expand(digests, state.m - 1)[state.points :]
    out = np.where(flip, residues.inverse(drawn, q), drawn)
    return np.where((powers == 1).all(axis=0), 1, out)


EXPONENTIALS = Exponentials()

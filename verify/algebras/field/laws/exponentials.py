"""exp(a + b) = exp(a) exp(b) and log(exp(a)) = a: an exponential is a power of a root of unity.

The exponents are residues modulo q, which divides p - 1 (`moduli.py`). Modulo q an exponential is
an unknown function of what it is modulo p.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws import circle
from verify.algebras.field.laws.law import Law, Move
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.powers import power
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, infinite


class Exponentials(Law[FieldArray]):
    """The fact: this value is the exponential of that one."""

    functions = frozenset({"exp", "log"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: Any
    ) -> FieldArray | None:
        if name == "log":
            return self.of(args[0])
        return self._exp(state, args[0]) if state.exponents else None

    def moved(self, state: State, fact: FieldArray, move: Move) -> FieldArray:
        return move.value(fact)

    def cast(self, state: State, fact: FieldArray, dtype: Any) -> FieldArray | None:
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
            # A logarithm went through something that loses its parity (u**y = e**(y log u)), so
            # that w**a is u**y up to a sign only. Powers of another base obey
            # e**(a + b) = e**a e**b too, and are never mistaken for what u is made of.
            q = state.m[points:].reshape(-1, *(1,) * (exponent.ndim - 1))
            exponent = exponent * state.detour.reshape(q.shape) % q
        out[:points] = power(state, exponent)
        if parity is not None:
            odd = parity.astype(bool)
            out[:points] = np.where(odd, residues.reduce(-out, state.m)[:points], out[:points])
        digests = mixing.combine(state.digest(out), tag="exponential")
        state.atoms += int(np.prod(a.shape))
        state.note(digests)
        out[points:] = mixing.expand(digests, state.m)[points:]
        one = (out[:points] == 1).all(axis=0)
        out[points:] = np.where(one, 1, out[points:])
        if absent is not None:
            out = np.where(absent, 0, out)
        # With an exponential in the exponent, two terms that differ may be equal everywhere.
        analytic = a.growth.analytic and not a.growth.powers
        result = state.plain(out, a, Growth(analytic=analytic, powers=True), nonnegative=True)
        if absent is None:
            self.know(result, a)
            result.positive = True
        return result


EXPONENTIALS = Exponentials()

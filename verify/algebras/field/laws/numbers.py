"""Values that are numbers, whatever the inputs are: told by their residues."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.algebras.field.weights import Weights


def fractions(state: State, x: FieldArray) -> list[Fraction] | None:
    """The elements of x in order, each a fraction that is the same at both points of every prime;
    None where one is not. Not where each row is in a branch of its own, nor where residues are
    right modulo q only."""
    if state.mode.decides or x.growth.logs:
        return None
    flat = x.rows[: state.points].reshape(state.points, -1)
    if not (flat[0::2] == flat[1::2]).all():
        return None
    primes, known = state.moduli.primes, dict[bytes, Fraction]()
    found = []
    for column in np.ascontiguousarray(flat[0::2].T):
        name = column.tobytes()
        if name not in known:
            state.law(Weights).reconstructions += 1
            ratio = residues.rational(column.tolist(), primes)
            if ratio is None:
                return None
            known[name] = Fraction(*ratio)
        found.append(known[name])
    return found

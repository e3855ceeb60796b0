"""Maxima as unknown functions of the sets of their candidates (`Mode.opaque`).

    max{s_1 .. s_n} = H({s_1 .. s_n}) for one random function H of sets.

Nothing is known of the order but that equal sets have equal maxima. In return no weights are drawn,
and a maximum is an independent random value, as an input is: behind each layer of a network the
polynomials start anew, so that few residues are enough for a deep one.
"""

from __future__ import annotations

import numpy as np

from verify.algebras.field import mixing
from verify.algebras.field.state import State
from verify.algebras.field.weights import Weights
from verify.limits import budget

_FEW = 8  # candidates that are compared pair by pair


def value(field: State, rows: np.ndarray, present: np.ndarray | None) -> np.ndarray:
    """(rows, N) maxima of (rows, N, S) candidates; `present` (N, S) masks some out. Of one that is
    there alone it is the candidate."""
    size = rows.shape[-1]
    here = np.ones(rows.shape[1:], bool) if present is None else present
    members = mixing.digest(rows[: field.points], field.key)
    sets = mixing.unordered(members, _distinct(field, members, here))
    out = mixing.expand(mixing.combine(sets, tag="largest"), field.m)
    # Two sets are the same if their candidates are, so that all pairs of candidates count.
    field.atoms += here.size
    field.note(sets, size)
    if present is not None:
        alone = present.sum(axis=-1) == 1
        if alone.any():
            only = present[alone].argmax(axis=-1)
            out[:, alone] = rows[:, alone][:, np.arange(len(only)), only]
    return out


def _distinct(field: State, members: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Which of the candidates are there, and the first of their kind."""
    size = here.shape[-1]
    if size > _FEW:
        return field.law(Weights).first(members, here)
    first = here.copy()
    for later in range(1, size):
        for earlier in range(later):
            budget.spend(len(here))
            same = (members[..., later] == members[..., earlier]).all(axis=0)
            first[:, later] &= ~(same & here[:, earlier])
    return first

"""What stands at the place of a maximum is the maximum: x[argmax(x)] = max(x).

The place of the largest candidate is a selector whose indicators are unknowns at ties, where it
matters which one comes first. But a table whose cases are k s_j + c, of the candidates s_j with one
number k for all of them, has equal cases wherever candidates are equal, so that it is k max(s) + c
at ties too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.trial import Field


@dataclass
class Places:
    """By selector: the residues (rows, K) of the candidates, and (rows,) those of their maximum."""

    known: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def note(self, selectors: np.ndarray, candidates: np.ndarray, maximum: np.ndarray) -> None:
        for n, selector in enumerate(selectors.tolist()):
            self.known.setdefault(selector, (candidates[:, n], maximum[:, n]))

    def largest(
        self, state: Field, selector: np.ndarray, cases: np.ndarray
    ) -> dict[int, np.ndarray]:
        """Of (rows, N, K) tables with these selectors, those (by n) that are k max(s) + c."""
        wanted = [n for n, s in enumerate(selector.tolist()) if s in self.known]
        if not wanted:
            return {}
        table = cases[:, wanted]
        found = [self.known[int(selector[n])] for n in wanted]
        s, most = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
        m, points = state.m, state.points
        rises, steps = (residues.reduce(a - a[..., :1], m) for a in (table, s))
        first = steps[..., 1]
        usable = (first != 0).all(axis=0)
        slope = residues.multiply(
            rises[..., 1], residues.inverse(np.where(first == 0, 1, first), m), m
        )
        fits = residues.multiply(slope[..., None], steps, m) == rises
        usable &= fits[:points].all(axis=(0, 2))
        usable &= (slope[0:points:2] == slope[1:points:2]).all(axis=0)  # a number
        state.inner_pairs += table[0].size
        away = residues.multiply(slope, residues.reduce(most - s[..., 0], m), m)
        rows = residues.reduce(away + table[..., 0], m)
        return {n: rows[:, i] for i, n in enumerate(wanted) if usable[i]}

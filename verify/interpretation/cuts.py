"""Cut points: values of a program that are taken for unknowns.

`with_cuts` writes v' = H(v) behind each value v that is cut, and whatever reads v then reads v'. H
is one function of a number, the same in both programs and everywhere; nothing is known of it but
that it is not negative where its operand is not. Two programs that are equal whatever H is are
equal for H(v) = v, which are the programs without cuts. So it does not matter for a proof where
cuts are, and who put them there.

The rule below is that of `H` over residues, the only numbers over which programs have cuts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.algebras.base import V
from verify.primitives.registry import Context, rule
from verify.programs import Atom, Equation, Program, Var

CUT = "cut"


@dataclass(frozen=True)
class Cut:
    """Which elements of a value are cut, and what they were called when they were (`blocks.py`)."""

    where: np.ndarray  # bool, of the value's shape
    names: np.ndarray  # uint64; of the others zero
    whole: bool  # whether nothing is left of the value: what is not cut is zero
    nonnegative: bool  # whether it certainly is


def with_cuts(program: Program, cuts: Mapping[Var, Cut]) -> tuple[Program, dict[Var, Var]]:
    """The program with values cut, and for each new variable the one that it stands for."""
    instead: dict[Var, Var] = {}
    equations: list[Equation] = []

    def now(atoms: Sequence[Atom]) -> tuple[Atom, ...]:
        return tuple(instead.get(a, a) if isinstance(a, Var) else a for a in atoms)

    for equation in program.equations:
        equations.append(replace(equation, inputs=now(equation.inputs)))
        for v in equation.outputs:
            if v in cuts:
                instead[v] = Var(v.shape, v.dtype)
                holds = {"where": cuts[v].where}
                equations.append(Equation(CUT, (v,), (instead[v],), holds, equation.source))
    new = replace(program, equations=tuple(equations), outputs=now(program.outputs))
    return new, {mine: v for v, mine in instead.items()}


@rule(CUT)
def _cut(ctx: Context[V], x: V, *, where: np.ndarray) -> V:
    """H(x), element by element where it is said."""
    return ctx.algebra.cut(x, where)

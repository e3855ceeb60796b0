"""Inputs behind the gates of programs: where a conjunction that they compute is true.

What a program does where thirty numbers have certain signs, no search meets by chance, and a search
at the crossings of comparisons crosses one at a time. A conjunction is a condition of the inputs
like a precondition: its linear parts are read, and inputs are moved there (`moving.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from verify.algebras.base import Unsupported
from verify.counterexample.confirm import Comparison, Inputs
from verify.counterexample.drawing import interesting
from verify.counterexample.rows import rows
from verify.limits import budget
from verify.preconditions.condition import Precondition
from verify.programs import Program, Var, part_of
from verify.programs.catalogue import Fact, having

_AND = frozenset(("and", "reduce_and"))
_MOVES = having(Fact.MOVES, but=Fact.SEVERAL | Fact.INDEXED | Fact.DROPS)
_GATES = 6  # of a program
_ROWS = 24  # inputs that are moved behind each
_LARGE = 5_000  # elements of what leads to a gate
_WORK = 1e8  # for each


def behind_gates(comparison: Comparison, rng: np.random.Generator) -> Iterator[Inputs]:
    """Rows at which a gate of one of the programs is open, gate by gate.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> x = jnp.zeros(20)
    >>> f = trace(lambda x: jnp.where((x > 2).all(), x.sum(), 0.0), x)
    >>> found = next(behind_gates(Comparison(f, f), np.random.default_rng(0)))
    >>> bool((found[0] > 2).all()), len(found[0]) > 0
    (True, True)
    """
    special = interesting(comparison.constants())
    for program in (comparison.left, comparison.right):
        for gate in gates(program)[:_GATES]:
            leading = part_of(program, [gate])
            if leading.size() > _LARGE:
                continue
            try:
                with budget.limit(_WORK):
                    condition = Precondition(leading, rng=rng)
                    drawn = condition.rows(rows(program.inputs, special, rng, _ROWS, plain=True))
            except Unsupported:
                continue
            if len(drawn[0]):
                yield drawn


def gates(program: Program) -> list[Var]:
    """The conjunctions that are no part of a larger one."""
    made = {e.outputs[0]: e for e in program.equations if e.primitive in _MOVES}
    found: dict[Var, None] = {}
    for equation in program.equations:
        if equation.primitive not in _AND:
            continue
        for a in equation.inputs:
            while a in made:  # what it is before it is only moved or spread
                a = made[a].inputs[0]
            if isinstance(a, Var):
                found.pop(a, None)
        if equation.outputs[0].dtype == np.bool_:
            found[equation.outputs[0]] = None
    return list(found)

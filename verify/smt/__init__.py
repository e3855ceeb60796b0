"""The only door to the SMT solver z3 (extra `smt`): a context of its own for every question.

What z3 answers, and how much work it takes, depends on everything its context was asked before: on
the terms that exist, their numbers, what has been simplified. In a new context (half a millisecond)
the answer is a function of the question alone, so that a verdict does not depend on what else a
process has asked. `budget.solve` counts z3's work, which is the same on every machine.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

Term: TypeAlias = Any  # z3 has no types: a term, a sort, a model or a solver of its own

# z3's functions that cannot see from their arguments which context they are of.
_OF_CONTEXT = frozenset(
    (
        *("Int", "Real", "Bool", "BoolVal", "RealVal", "BitVecVal", "Solver", "SolverFor"),
        *("DeclareSort", "BoolSort", "RealSort", "BitVecSort"),
    )
)


def available() -> bool:
    """Whether z3 is installed."""
    try:
        import z3  # noqa: F401
    except ImportError:
        return False
    return True


class Fresh:
    """The module z3, all of whose terms and solvers belong to one new context."""

    def __init__(self) -> None:
        import z3

        self.module, self.context = z3, z3.Context()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.module, name)
        return functools.partial(found, ctx=self.context) if name in _OF_CONTEXT else found

    def And(self, *terms: Term) -> Term:
        return self.module.And(*terms, self.context)

    def Or(self, *terms: Term) -> Term:
        return self.module.Or(*terms, self.context)

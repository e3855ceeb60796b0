"""Proof by cases: what random interpretation leaves open, settled by an SMT solver.

Orders have laws that weights do not know (if a > b and b > c then a > c; clamping twice is clamping
once). For each output element in which the programs differ as terms, both sides become linear
arithmetic over monomials (`algebras/linear.py`) and the solver is asked for values on which they
differ. None: they are equal there. Some: an input worth trying.

Needs the `smt` extra (z3-solver); without it this step is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify import budget
from verify.algebras.base import Unsupported
from verify.algebras.linear import Linear
from verify.dtypes import is_kind
from verify.evaluate import evaluate
from verify.program import Program

_MOST_ELEMENTS = 256
_WORK = 3e8  # of the solver, for one element


@dataclass(frozen=True)
class Settled:
    """All the elements asked for are equal."""

    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class Suggestion:
    """Inputs on which the solver thinks that the programs differ; to be confirmed."""

    inputs: list[np.ndarray]


def available() -> bool:
    try:
        import z3  # noqa: F401
    except ImportError:
        return False
    return True


def settle(
    left: Program,
    right: Program,
    output: int,
    elements: np.ndarray,
    assuming: bool = False,
) -> Settled | Suggestion | None:
    """Whether the elements of one output are equal; None if that stays open. `assuming`: that no
    integer overflows where something looks at it; else integers wrap as the machine's do.

    Raises `Unsupported` where the programs have no linear form, are too large, or cost too much.
    """
    import z3

    if len(elements) > _MOST_ELEMENTS:
        raise Unsupported(f"{len(elements)} elements are too many for a proof by cases")
    only_real(left)
    only_real(right)
    algebra = Linear(z3, assuming=assuming)
    inputs = [algebra.input(v.shape, v.dtype) for v in left.inputs]
    try:
        one, two = (evaluate(p, algebra, inputs)[output] for p in (left, right))
        if not assuming:  # the machine's values are compared
            one, two = (algebra.observed(x, "in a result") for x in (one, two))
        one, two = (x.items.reshape(-1) for x in (one, two))
    except z3.Z3Exception as error:
        raise Unsupported(f"a proof by cases: {error}") from error
    for element in elements:
        a, b = one[element], two[element]
        different = algebra.test("ne", a, b)
        algebra.solver.push()
        algebra.solver.add(different)
        answer = budget.solve(algebra.solver, _WORK)
        if answer == "sat":
            return Suggestion(_model(algebra, inputs))
        algebra.solver.pop()
        if answer != "unsat":
            return None
    return Settled(tuple(algebra.assumptions))


def only_real(program: Program) -> None:
    """Complex numbers and random keys have no linear form."""
    variables = [*program.inputs, *(v for e in program.equations for v in e.outputs)]
    for v in variables:
        if not isinstance(v.dtype, np.dtype) or is_kind(v.dtype, np.complexfloating):
            raise Unsupported(f"{v.dtype} in a proof by cases")


def _model(algebra: Linear, inputs: list[Any]) -> list[np.ndarray]:
    """The solver's values of the inputs, as floats."""
    z3 = algebra.z3
    model = algebra.solver.model()
    arrays = []
    for terms in inputs:
        array = np.zeros(terms.shape, np.float64)
        for place in np.ndindex(*terms.shape):
            item = terms.items[place]
            atom = item if z3.is_expr(item) else algebra.atoms[next(iter(item))[0]]
            value = model.eval(atom, model_completion=True)
            if z3.is_true(value) or z3.is_false(value):
                array[place] = z3.is_true(value)
            else:
                array[place] = float(
                    value.as_fraction() if z3.is_rational_value(value) else value.as_long()
                )
        kind = terms.dtype if not is_kind(terms.dtype, np.floating) else np.float64
        arrays.append(array.astype(kind))
    return arrays

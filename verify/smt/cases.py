"""Proof by cases: what random interpretation leaves open, settled by an SMT solver.

Orders have laws that weights do not know (if a > b and b > c then a > c; clamping twice is clamping
once). For each output element in which the programs differ as terms, both sides become linear
arithmetic over monomials (`algebras/linear.py`) and the solver is asked for values on which they
differ. None: they are equal there. Some: an input worth trying.

Needs the `smt` extra (z3-solver); without it this step is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from verify import smt
from verify.algebras.base import Unsupported, itself
from verify.algebras.bits import Bits
from verify.algebras.elements import Elements
from verify.algebras.linear import Linear
from verify.algebras.machine import wrapped
from verify.dtypes import is_integer, is_kind, nearest
from verify.evaluate import evaluate
from verify.limits import budget
from verify.programs import Program
from verify.smt import Term

_MOST_ELEMENTS = 256
_WORK = 3e8  # of the solver, for one element
_BITS_WORK = 6e6  # formulas of bits are decided soon, or not at all


@dataclass(frozen=True)
class Settled:
    """All the elements asked for are equal."""

    assumptions: tuple[str, ...]
    partial: bool = False  # whether they may hold nowhere


@dataclass(frozen=True)
class Suggestion:
    """Inputs on which the solver thinks that the programs differ; to be confirmed."""

    inputs: list[np.ndarray]


def settle(
    left: Program,
    right: Program,
    output: int,
    elements: np.ndarray,
    assuming: bool = False,
    condition: Program | None = None,
) -> Settled | Suggestion | None:
    """Whether the elements of one output are equal; None if that stays open. `assuming`: that no
    integer overflows where something looks at it; else integers wrap as the machine's do.
    `condition`: a program of the same inputs, total, whose outputs are true.

    Raises `Unsupported` where the programs have no linear form, are too large, or cost too much.
    """
    if len(elements) > _MOST_ELEMENTS:
        raise Unsupported(f"{len(elements)} elements are too many for a proof by cases")
    only_real(left)
    only_real(right)
    z3 = smt.Fresh()
    algebra = Linear(z3, assuming=assuming)
    inputs = [algebra.input(v.shape, v.dtype) for v in left.inputs]
    try:
        _require(algebra, condition, inputs)
        one, two = (itself(evaluate(p, algebra, inputs)[output], Elements) for p in (left, right))
        if not assuming:  # the machine's values are compared
            one, two = (algebra.observed(x, "in a result") for x in (one, two))
    except z3.Z3Exception as error:
        raise Unsupported(f"a proof by cases: {error}") from error
    left_terms, right_terms = (x.items.reshape(-1) for x in (one, two))
    pairs = [(left_terms[element], right_terms[element]) for element in elements]
    different = (algebra.test("ne", a, b) for a, b in pairs)
    found = _decided(algebra.solver, different, lambda: _model(algebra, inputs))
    return Settled(tuple(algebra.assumptions), algebra.partial) if found is True else found


def excluded(condition: Program) -> bool:
    """Whether no inputs make all outputs of the condition true, by linear arithmetic."""
    z3 = smt.Fresh()
    algebra = Linear(z3)
    try:
        only_real(condition)
        inputs = [algebra.input(v.shape, v.dtype) for v in condition.inputs]
        _require(algebra, condition, inputs)
        return budget.solve(algebra.solver, _WORK) == "unsat"
    except (Unsupported, z3.Z3Exception):
        return False


def _require(algebra: Linear | Bits, condition: Program | None, inputs: list[Elements]) -> None:
    """Tells the solver that all outputs of the condition are true, if it has a form here. Whatever
    is assumed of the programs' integers, those of the condition wrap: it says what inputs count.
    """
    if condition is None:
        return
    assuming, algebra.assuming = algebra.assuming, False
    try:
        outputs = evaluate(condition, algebra, inputs)
    except Unsupported:
        return
    finally:
        algebra.assuming = assuming
    for value in outputs:
        algebra.solver.add(*itself(value, Elements).items.reshape(-1).tolist())


def settle_bits(
    left: Program,
    right: Program,
    output: int,
    elements: np.ndarray,
    condition: Program | None = None,
) -> Settled | Suggestion | None:
    """The same where integers are bit-vectors (`algebras/bits.py`), and nothing is known of floats.
    Where bits are counted, there are two ways to say so, of which one may be easier.

    Raises `Unsupported` where the programs are too large, or cost too much.
    """
    if len(elements) > _MOST_ELEMENTS:
        raise Unsupported(f"{len(elements)} elements are too many for a proof by bits")
    only_real(left)
    only_real(right)
    found, counted = _by_bits(left, right, output, elements, condition)
    if found is None and counted:
        found, _ = _by_bits(left, right, output, elements, condition, one_by_one=True)
    return found


def _by_bits(
    left: Program,
    right: Program,
    output: int,
    elements: np.ndarray,
    condition: Program | None,
    *,
    one_by_one: bool = False,
) -> tuple[Settled | Suggestion | None, bool]:
    """What a solver finds, and whether bits are counted."""
    z3 = smt.Fresh()
    algebra = Bits(z3, one_by_one=one_by_one)
    inputs = [algebra.input(v.shape, v.dtype) for v in left.inputs]
    try:
        _require(algebra, condition, inputs)
        one, two = (
            itself(evaluate(p, algebra, inputs)[output], Elements).items.reshape(-1)
            for p in (left, right)
        )
    except z3.Z3Exception as error:
        raise Unsupported(f"a proof by bits: {error}") from error
    different = (one[element] != two[element] for element in elements)
    found = _decided(algebra.solver, different, lambda: _values(algebra, inputs), _BITS_WORK)
    if found is True:
        return Settled(tuple(algebra.assumptions), algebra.partial), algebra.counted
    return found, algebra.counted


def _decided(
    solver: Term,
    questions: Iterable[Term],
    model: Callable[[], list[np.ndarray]],
    work: float = _WORK,
) -> Literal[True] | Suggestion | None:
    """True if no question (are these different?) has a model, else what the first one suggests."""
    for different in questions:
        solver.push()
        solver.add(different)
        answer = budget.solve(solver, work)
        if answer == "sat":
            return Suggestion(model())
        solver.pop()
        if answer != "unsat":
            return None
    return True


def only_real(program: Program) -> None:
    """Complex numbers and random keys have no linear form."""
    variables = [*program.inputs, *(v for e in program.equations for v in e.outputs)]
    for v in variables:
        if not isinstance(v.dtype, np.dtype) or is_kind(v.dtype, np.complexfloating):
            raise Unsupported(f"{v.dtype} in a proof by cases")


def _values(algebra: Bits, inputs: list[Elements]) -> list[np.ndarray]:
    """The solver's values of the inputs; zeros for floats, of which it has none."""
    z3, model = algebra.z3, algebra.solver.model()
    arrays = []
    for terms in inputs:
        whole = is_integer(terms.dtype)
        array = np.zeros(terms.shape, object)
        for place in np.ndindex(*terms.shape):
            value = model.eval(terms.items[place], model_completion=True)
            if whole:
                array[place] = wrapped(value.as_long(), terms.dtype)
            else:
                array[place] = z3.is_true(value)
        arrays.append(array.astype(terms.dtype if whole or terms.dtype == np.bool_ else np.float64))
    return arrays


def _model(algebra: Linear, inputs: list[Elements]) -> list[np.ndarray]:
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
                array[place] = nearest(
                    value.as_fraction() if z3.is_rational_value(value) else value.as_long()
                )
        kind = terms.dtype if not is_kind(terms.dtype, np.floating) else np.float64
        arrays.append(array.astype(kind))
    return arrays

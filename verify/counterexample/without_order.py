"""What JAX computes where something that has no value is compared.

A proof takes a comparison for one of numbers, and may assume of them only that nothing is divided
by zero. But `x / relu(x) > 0` is false wherever x is negative, and so is its opposite: two programs
that both have values there may differ on an open set; and `where(isnan(y), 0, y)` has a value where
y has none. Certified numbers know nothing of that, so JAX is asked, at a few inputs around which a
function is certainly asked for what it has not (`algebras/healing.py`).

A difference refutes if JAX shows it in the programs' own dtypes and in float64, at that input and
at all tried around it. Shown in float64 only, or behind a float made an integer (which one a NaN
becomes is for the machine to say), it refutes nothing, but no proof is given.

Where only the left has to answer for what has no value (the derivative that a rule gives, beside
the true one), differences count only where the right has a certified value, and is continuous.

How much is tried is a fixed amount of work: 256 inputs at most, evaluated together, of which JAX is
asked about 12, fewer where programs are long.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.extended import parts_of
from verify.algebras.numeric_value import Bounded
from verify.algebras.wary import Wary
from verify.counterexample.batch import edge_rows, special_numbers
from verify.counterexample.by_jax import differs
from verify.counterexample.confirm import Comparison, Inputs, Witness, values
from verify.counterexample.drawing import interesting
from verify.counterexample.held import held
from verify.counterexample.many import evaluated
from verify.counterexample.plainly import values_by_jax
from verify.counterexample.rows import rows
from verify.counterexample.shown import NEARBY, Shown, shown_by_jax
from verify.counterexample.undefined import known, violations
from verify.dtypes import is_integer, is_kind
from verify.limits import budget
from verify.programs import Program
from verify.programs.catalogue import Fact, having
from verify.shown import pair

_TRIED, _ALONE = 128, 32  # rows of plain numbers, and of wild ones; where they are evaluated alone
_ASKED, _ALIKE = 12, 3  # inputs given to JAX, and those with one cause
_WORK = 2**19  # element operations of all that are drawn
_STEPS = 20_000  # equations that JAX runs, one after the other
_MODEST = 1e6
_APART, _ROUNDED = 1e-6, 1e-3  # relative, in float64 and in the programs' dtypes

# What decides by an order, or asks whether a value is a number.
_ORDERS = having(Fact.COMPARES) | having(Fact.ORDERS) | {"is_finite", "reduce_window"}


@dataclass(frozen=True)
class Unordered:
    """A difference by JAX: in words, and as a counterexample if it is one."""

    text: str
    witness: Witness | None


def unordered(
    comparison: Comparison, rng: np.random.Generator, more: Iterable[Inputs] = ()
) -> Unordered | None:
    """Where JAX's values of the programs differ, or None. `more`: rows that are tried as well."""
    left, right = comparison.left, comparison.right
    names = left.primitives() | right.primitives()
    if not (names & _ORDERS or _truncates(comparison)):
        return None
    size = max(1, left.size() + right.size())
    count = min(_TRIED, _WORK // size)
    asked = min(_ASKED, _STEPS // ((1 + NEARBY) * max(1, comparison.steps)))
    if not count or not asked:
        return None
    constants = comparison.constants()
    special = np.unique([*interesting(constants), 0.0, 1.0, -1.0, 0.5])
    best: Unordered | None = None
    try:
        ours = _drawn(comparison, special, rng, count)
        for drawn in itertools.chain(ours, map(comparison.rows, more)):
            if not len(drawn[0]):
                continue
            for inputs, cause in _without_values(comparison, drawn, asked):
                with budget.apart():
                    found = _difference(comparison, inputs, cause)
                if found is not None and found.witness is not None:
                    return found
                best = best or found
    except Unsupported:
        pass
    return best


def _drawn(
    comparison: Comparison, special: np.ndarray, rng: np.random.Generator, count: int
) -> Iterator[Inputs]:
    """Plain rows, wild ones, and some that go to where a function has no value."""
    plain, wild = (
        comparison.rows(rows(comparison.left.inputs, special, rng, count, plain=way))
        for way in (True, False)
    )
    yield plain
    yield wild
    yield from edge_rows(comparison, plain, rng)


def _truncates(comparison: Comparison) -> bool:
    """Whether a float is made an integer."""
    return any(
        e.primitive == "convert_element_type"
        and is_integer(e.outputs[0].dtype)
        and is_kind(e.inputs[0].dtype, np.inexact)
        for program in (comparison.left, comparison.right)
        for e in program.every_equation()
    )


def _without_values(
    comparison: Comparison, drawn: Inputs, most: int
) -> Iterator[tuple[Inputs, str]]:
    """A few inputs at which a side has no certified value, and what kept it from one."""
    programs = (comparison.left, comparison.right)[: 1 if comparison.lenient else 2]
    met: dict[str, int] = {}
    asked = 0
    # First where no number is special: what has no value there, has none around it.
    order = np.argsort(special_numbers(drawn), kind="stable")
    for row, suspects in _uncertain(programs, drawn, order):
        inputs = [np.asarray(x[row]) for x in drawn]
        for program in suspects:
            cause, _ = violations(program, inputs)
            if not cause:
                continue
            kind = " ".join(w for w in cause[0].split() if not w.lstrip("-")[:1].isdigit())
            met[kind] = met.get(kind, 0) + 1
            if met[kind] <= _ALIKE and asked < most:
                asked += 1
                yield inputs, cause[0]
                break
        if asked >= most:
            return


def _uncertain(
    programs: tuple[Program, ...], drawn: Inputs, order: np.ndarray
) -> Iterator[tuple[int, list[Program]]]:
    """The rows in which an output is not known up to rounding, and the programs that may have asked
    a function there for what it has not."""
    try:
        uncertain = np.zeros(len(drawn[0]), bool)
        wary = [Wary(len(uncertain)) for _ in programs]
        for program, numeric in zip(programs, wary, strict=True):
            for value in evaluated(program, drawn, numeric=numeric):
                uncertain |= ~_certain(value).reshape(len(uncertain), -1).all(axis=1)
        for row in order:
            suspects = [p for p, w in zip(programs, wary, strict=True) if w.suspect[row]]
            if uncertain[row] and suspects:
                yield int(row), suspects
    except Unsupported:  # a number that differs between rows is one that a rule must know
        for row in order[:_ALONE]:
            inputs = [np.asarray(x[row]) for x in drawn]
            budget.spend(sum(p.size() for p in programs))
            if not all(_certain(v).all() for p in programs for v in values(p, inputs)):
                yield int(row), list(programs)


def _certain(value: Bounded) -> np.ndarray:
    """Where a value is known up to rounding. (An undecided choice lies between its cases.)"""
    found = known(value)
    for part in parts_of(value, Bounded):
        if is_kind(part.value.dtype, np.inexact):
            found = found & (part.errors <= _APART * (1 + np.abs(part.value)))
    return np.asarray(found)


def _difference(comparison: Comparison, inputs: Inputs, cause: str) -> Unordered | None:
    """Where the outputs differ by JAX, at these inputs and at all that are tried nearby."""
    shown = _shown(comparison, inputs)
    if shown is None or (_is_rounding(shown) and not _modest(inputs)):
        return None
    if comparison.lenient_literals and any(
        comparison.rounding.gives_a_value(inputs, left=left, output=shown.output, index=shown.index)
        for left in _sides_without(comparison, inputs, shown)
    ):
        return None
    tried = [*itertools.islice(_simpler(comparison, inputs, shown), 1), (inputs, shown)]
    counted = next((one for one in tried if comparison.counts(_witness(*one, cause))), None)
    if counted is None:
        return None
    simple = counted[0] is not inputs
    inputs, shown = counted
    text = ", ".join(np.array2string(x, separator=", ", threshold=20) for x in inputs)
    one, two = pair(shown.left, shown.right)
    text = (
        f"where what is compared has no value ({cause}), JAX computes {one} on the "
        f"left and {two} on the right for output {shown.output}"
        f"{list(shown.index)}, at ({text}) and around it"
    )
    if _truncates(comparison) or not _by_their_dtypes(comparison, inputs, shown):
        return Unordered(text, None)
    if simple:  # of the numbers that are shown
        found = (violations(p, inputs)[0] for p in (comparison.left, comparison.right))
        cause = next((some[0] for some in found if some), cause)
    return Unordered(text, _witness(inputs, shown, cause))


def _sides_without(comparison: Comparison, inputs: Inputs, shown: Shown) -> list[bool]:
    """Which sides have no certain value at the element: the left, if True."""
    programs = ((True, comparison.left), (False, comparison.right))
    return [
        left
        for left, program in programs
        if not known(values(program, inputs)[shown.output])[shown.index]
    ]


def _witness(inputs: Inputs, shown: Shown, cause: str) -> Witness:
    left, right = shown.left, shown.right
    return Witness(inputs, shown.output, shown.index, left, right, 1, cause=cause)


def _is_rounding(shown: Shown) -> bool:
    """Whether rounding alone may explain it: two finite floats."""
    pair = (np.asarray(shown.left), np.asarray(shown.right))
    return all(is_kind(x.dtype, np.inexact) and bool(np.isfinite(x)) for x in pair)


def _modest(inputs: Inputs) -> bool:
    """Whether float64 can be trusted with their sums and differences."""
    floats = (x for x in inputs if is_kind(x.dtype, np.inexact))
    return all(float(np.max(np.abs(x), initial=0.0)) <= _MODEST for x in floats)


def _simpler(comparison: Comparison, inputs: Inputs, like: Shown) -> Iterator[tuple[Inputs, Shown]]:
    """Whole numbers with the same difference, if there are some close by."""
    for change in (np.sign, np.rint):
        near = [change(x).astype(x.dtype) if is_kind(x.dtype, np.floating) else x for x in inputs]
        shown = _shown(comparison, near)
        if shown is not None and (shown.output, shown.index) == (like.output, like.index):
            yield near, shown


def _shown(comparison: Comparison, inputs: Inputs) -> Shown | None:
    return shown_by_jax(comparison, inputs) if _counts(comparison, inputs) else None


def _counts(comparison: Comparison, inputs: Inputs) -> bool:
    return comparison.given is None or comparison.given.holds(held(comparison.left.inputs, inputs))


def _by_their_dtypes(comparison: Comparison, inputs: Inputs, shown: Shown) -> bool:
    """Whether the element differs in the programs' own dtypes too, and in the same way."""
    try:
        left, right = (
            np.asarray(values_by_jax(p, inputs)[shown.output])[shown.index]
            for p in (comparison.left, comparison.right)
        )
    except Exception:  # whatever JAX, or the compiler, has to say of it
        return False
    if not differs(left, right, _ROUNDED):
        return False
    pairs = ((left, np.asarray(shown.left)), (right, np.asarray(shown.right)))
    return not any(differs(a.astype(b.dtype), b, _ROUNDED) for a, b in pairs)

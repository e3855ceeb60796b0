"""Proof by branches: programs whose choices and products depend on each other. See README.md.

`settle` takes two programs apart, element by element; formulas that are the same but for the names
of their inputs are settled once, and a sum over elements (a mean loss) term by term.

Needs the `smt` extra (z3-solver); without it this step is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from verify import smt
from verify.algebras.base import Unsupported, itself
from verify.algebras.elements import Elements
from verify.algebras.field import NO_TIES
from verify.algebras.field.maxima import NO_NANS
from verify.branches.formula import Node, below
from verify.branches.given import Given
from verify.branches.polynomials import Undefined
from verify.branches.walk import Walk
from verify.branches.writer import Writer
from verify.dtypes import is_integer
from verify.evaluate import evaluate
from verify.limits import budget
from verify.programs import Program
from verify.smt import Fresh
from verify.smt.cases import only_real

_WORK_EACH = 6e8  # for one formula


@dataclass(frozen=True)
class Settled:
    """All the elements asked for are equal, exactly: at ties too, but for assumptions."""

    assumptions: tuple[str, ...]
    partial: bool  # whether the assumptions may hold nowhere


def settle(
    left: Program,
    right: Program,
    elements: dict[int, np.ndarray],
    work: float,
    *,
    share: float = 1.0,
    ties: bool = True,
    lenient: bool = False,
    assuming: bool = False,
    given: Callable[[Writer, list[Elements]], Given] | None = None,
) -> Settled | None:
    """Whether these elements (by number of the output) are equal; None if that stays open. `share`:
    of the largest formulas. Without
    `ties` they need not be where polynomials of inputs that are compared are equal, but for what
    asks whether they are; `lenient`: unless it is the right program that asks. `assuming`: no
    integer overflows where something looks at it. `given`: what is known of the inputs,
    written beside the programs.

    Raises `Unsupported` where the programs have no such formulas or are too large.
    """
    only_real(left)
    only_real(right)
    if not ties and any(is_integer(v.dtype) for v in left.inputs):
        return None  # two integers are equal on more than a set of measure zero
    writer = Writer(assuming=assuming)
    writer.work = int(share * writer.work)
    inputs = [writer.input(v.shape, v.dtype) for v in left.inputs]
    try:
        known = Given() if given is None else given(writer, inputs)
        one, two = (evaluate(program, writer, inputs) for program in (left, right))
    except (OverflowError, ZeroDivisionError) as error:
        raise Unsupported(f"a proof by branches: {error}") from error
    if assuming and not writer.wrapping:
        return None  # nothing new
    questions = _Questions(smt.Fresh(), writer, ties, lenient, known)
    with budget.limit(work):
        for output, flat in elements.items():
            a, b = (itself(values[output], Elements).items.reshape(-1) for values in (one, two))
            for element in flat:
                if not questions.equal(a[element], b[element]):
                    return None
    if questions.left_out:
        writer.assume(NO_TIES)
    if questions.asks_for_nan:
        writer.assume(NO_NANS)
    return Settled(tuple(writer.assumptions), writer.partial)


class _Questions:
    """Answers so far, by what was asked, inputs numbered as they occur."""

    def __init__(self, z3: Fresh, writer: Writer, ties: bool, lenient: bool, given: Given) -> None:
        self.z3, self.writer, self.given = z3, writer, given
        self.ways = {"ties": ties, "lenient": lenient}
        self.left_out = self.asks_for_nan = False
        self.answers: dict[tuple[object, ...], Fraction | None] = {}
        self.split: dict[int, tuple[tuple[Fraction, Node], ...]] = {}

    def equal(self, left: Node, right: Node) -> bool:
        if left is right:
            return True
        groups = self.groups(left, right)
        if len(groups) > 1:
            offsets = [self.offset(*pair, may_differ=True) for pair in groups]
            known = [offset for offset in offsets if offset is not None]
            if len(known) == len(groups) and sum(known) == 0:
                return True
        return self.offset(left, right) == 0

    def offset(self, left: Node, right: Node, may_differ: bool = False) -> Fraction | None:
        """The number that left - right is everywhere, None if none is found."""
        if left.op == right.op == "const" and isinstance(left.info, Fraction):
            return left.info - right.info
        given = self.given.about(left.support | right.support)
        # What is known of inputs tells formulas apart that are alike but for their names.
        names = tuple(sorted(left.support | right.support)) if given else ()
        whole = frozenset(self.writer.whole)
        key = (may_differ, _shape(whole, left, right), names)
        if key not in self.answers:
            walk = Walk(self.z3, left, right, given=given, whole=whole, **self.ways)
            try:
                with budget.limit(_WORK_EACH):
                    same = walk.settle(may_differ)
            except (Unsupported, Undefined, self.z3.Z3Exception):
                same = False
            self.answers[key] = walk.offset if same else None
            self.left_out |= walk.left_out
            self.asks_for_nan |= walk.terms.asks_for_nan
        return self.answers[key]

    def groups(self, left: Node, right: Node) -> list[tuple[Node, Node]]:
        """left and right as sums of terms over the same inputs."""
        sums: dict[frozenset[int], tuple[list[Node], list[Node]]] = {}
        for side, top in enumerate((left, right)):
            for c, term in self.terms(top):
                scaled = self.writer.times(self.writer.constant(c), term)
                sums.setdefault(term.support, ([], []))[side].append(scaled)
        return [(self.writer.plus(*a), self.writer.plus(*b)) for a, b in sums.values()]

    def terms(self, node: Node) -> tuple[tuple[Fraction, Node], ...]:
        """node as a sum, as long as the terms are of fewer inputs than the sum."""
        if id(node) not in self.split:
            self.split[id(node)] = self._terms(node)
        return self.split[id(node)]

    def _terms(self, node: Node) -> tuple[tuple[Fraction, Node], ...]:
        if node.op == "mul" and isinstance(node.args[0].info, Fraction):
            return tuple((c * node.args[0].info, t) for c, t in self.terms(node.args[1]))
        if node.op == "mul" and isinstance(node.args[1].info, Fraction):
            return tuple((c * node.args[1].info, t) for c, t in self.terms(node.args[0]))
        if node.op == "add":
            inner = tuple(pair for a in node.args for pair in self.terms(a))
            if all(t.support < node.support for _, t in inner):
                return inner
        return ((Fraction(1), node),)


def _shape(whole: frozenset[int], *tops: Node) -> tuple[object, ...]:
    """The formulas but for the names of their inputs, of which these are whole."""
    numbers: dict[int, int] = {}
    names: dict[int, int] = {}
    out = []
    for node in below(*tops):
        info = node.info
        if node.op in ("input", "truth"):
            info = names.setdefault(info, len(names))
        numbers[id(node)] = len(numbers)
        kind = node.op if node.op != "input" or node.info not in whole else "whole"
        out.append((kind, type(info), info, *(numbers[id(a)] for a in node.args)))
    return tuple(out), tuple(numbers[id(top)] for top in tops)

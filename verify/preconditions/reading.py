"""What a precondition says of single numbers, read from its program.

`writer.py` of the proofs by branches writes the condition down as a formula an element. Its
conjunction is taken apart: comparisons of sums of inputs become linear constraints, boolean inputs
truths. What is neither (a product of inputs, an "or") is counted and left: it is no fact for a
proof by random interpretation, but it is asked of every counterexample, and the solver is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from verify.algebras.base import Unsupported, itself
from verify.algebras.elements import Elements
from verify.algebras.field.maxima import NO_INFINITIES, NO_NANS
from verify.branches.formula import Node
from verify.branches.writer import Writer
from verify.dtypes import DType, is_integer
from verify.evaluate import evaluate
from verify.programs import Program, Var

_WORK = 6_000_000  # of the writer: some 100,000 elements
_OF_NUMBERS = {NO_NANS, NO_INFINITIES}
_OPPOSITE = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne"}


@dataclass(frozen=True)
class Constraint:
    """sum of c x + constant, over input elements x by number, is > 0, >= 0, == 0 or != 0.

    relation: "gt", "ge", "eq" or "ne".
    """

    terms: tuple[tuple[int, Fraction], ...]
    constant: Fraction
    relation: str


@dataclass
class Reading:
    """Elements are numbered through all inputs, as they come. truths: of boolean ones.

    lower, upper: bounds of single elements, with whether the bound itself is left out.
    """

    constraints: list[Constraint] = field(default_factory=list)
    lower: dict[int, tuple[Fraction, bool]] = field(default_factory=dict)
    upper: dict[int, tuple[Fraction, bool]] = field(default_factory=dict)
    truths: dict[int, bool] = field(default_factory=dict)
    values: dict[int, frozenset[Fraction]] = field(default_factory=dict)  # the only ones
    rest: list[tuple[Node, bool]] = field(default_factory=list)  # formulas that have this value
    written: bool = True  # whether there are formulas at all
    impossible: bool = False  # whether one of its parts is false whatever the inputs are
    total: bool = True  # whether everything in it has a value at all inputs

    @property
    def unread(self) -> int:
        """How many parts of the conjunction are neither linear nor truths."""
        if not self.written:
            return 1
        return sum(one_of(node, wanted) is None for node, wanted in self.rest)

    @property
    def equalities(self) -> list[Constraint]:
        return [c for c in self.constraints if c.relation == "eq"]

    @property
    def inequalities(self) -> list[Constraint]:
        return [c for c in self.constraints if c.relation in ("gt", "ge")]

    def bounds(self, numbers: range) -> tuple[Fraction | None, Fraction | None]:
        """The least lower and the greatest upper bound of some elements; None without one."""
        low = [self.lower.get(n) for n in numbers]
        high = [self.upper.get(n) for n in numbers]
        known = [b[0] for b in low if b is not None], [b[0] for b in high if b is not None]
        least = min(known[0]) if known[0] and len(known[0]) == len(low) else None
        return least, max(known[1]) if known[1] and len(known[1]) == len(high) else None


def read(
    program: Program, writer: Writer | None = None, inputs: Sequence[Elements] = ()
) -> Reading:
    """What the program, a conjunction of its boolean outputs, says. A condition that cannot be
    written down as formulas counts as one part that is not read.

    writer, inputs: to write its formulas beside others."""
    if not all(isinstance(v.dtype, np.dtype) and v.dtype.kind != "c" for v in program.inputs):
        return Reading(written=False, total=False)  # complex numbers have no order
    if writer is None:
        writer = Writer()
        writer.work = _WORK
        inputs = [writer.input(v.shape, v.dtype) for v in program.inputs]
    try:
        outputs = evaluate(program, writer, inputs)
    except (Unsupported, OverflowError, ZeroDivisionError):
        return Reading(written=False, total=False)
    # Inputs are numbers: what is assumed of them alone is nothing.
    reading = Reading(total=not writer.partial and writer.assumptions.keys() <= _OF_NUMBERS)
    whole = by_element(program.inputs, is_whole)
    for value in outputs:
        for node in itself(value, Elements).items.flat:
            _conjunction(reading, node, True, whole)
    _tighten(reading, whole)
    return reading


def numbered(variables: Sequence[Var]) -> list[range]:
    """The numbers of each variable's elements."""
    ends = np.cumsum([int(np.prod(v.shape)) for v in variables]).tolist()
    return [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def by_element(variables: Sequence[Var], holds: Callable[[DType], bool]) -> np.ndarray:
    """For each element, whether something is true of its variable's dtype."""
    found = [np.full(int(np.prod(v.shape)), holds(v.dtype)) for v in variables]
    return np.concatenate(found) if found else np.zeros(0, bool)


def is_whole(dtype: DType) -> bool:
    return isinstance(dtype, np.dtype) and is_integer(dtype)


def _conjunction(reading: Reading, top: Node, value: bool, whole: np.ndarray) -> None:
    """Notes that a formula has a truth value."""
    stack = [(top, value)]
    while stack:
        node, wanted = stack.pop()
        if node.op == "const":
            reading.impossible |= bool(node.info) != wanted
        elif node.op == "not":
            stack.append((node.args[0], not wanted))
        elif node.op == ("and" if wanted else "or"):
            stack += [(a, wanted) for a in reversed(node.args)]
        elif node.op == "truth":
            known = reading.truths.setdefault(node.info, wanted)
            reading.impossible |= known != wanted
        elif (known_truth := _of_a_truth(node)) is not None:
            stack.append((known_truth[0], known_truth[1] == wanted))
        elif node.op == "test":
            _comparison(reading, node, wanted, whole)
        else:
            reading.rest.append((node, wanted))
            found = one_of(node, wanted)
            if found is not None:
                n, values = found
                kept = reading.values[n] = reading.values.get(n, values) & values
                reading.impossible |= not kept
                one = Fraction(1)
                if kept:
                    low = Constraint(((n, one),), -min(kept), "ge")
                    reading.constraints += [low, Constraint(((n, -one),), max(kept), "ge")]


def _of_a_truth(node: Node) -> tuple[Node, bool] | None:
    """Of `b == True` or `b != False`, and the like: b, and the truth value that it has there."""
    if node.op == "test" and node.info in ("eq", "ne"):
        for one, other in (node.args, node.args[::-1]):
            if other.op == "const" and isinstance(other.info, bool | np.bool_):
                return one, bool(other.info) == (node.info == "eq")
    return None


def one_of(node: Node, wanted: bool) -> tuple[int, frozenset[Fraction]] | None:
    """Of `(x == 0) | (x == 1)`, x and its values; None for any other formula."""
    if node.op == "not":
        return one_of(node.args[0], not wanted)
    if node.op == ("or" if wanted else "and"):
        each = [one_of(a, wanted) for a in node.args]
        known = [found for found in each if found is not None]
        if len(known) < len(each) or len({n for n, _ in known}) != 1:
            return None
        return known[0][0], frozenset().union(*(values for _, values in known))
    if node.op != "test" or node.info != ("eq" if wanted else "ne"):
        return None
    form = _Form()
    form.add(node.args[0], Fraction(1))
    form.add(node.args[1], Fraction(-1))
    if not form.linear or form.maxima or len(form.terms) != 1:
        return None
    ((n, factor),) = form.terms.items()
    return None if not factor else (n, frozenset((-form.constant / factor,)))


def _comparison(reading: Reading, node: Node, wanted: bool, whole: np.ndarray) -> None:
    op = node.info if wanted else _OPPOSITE[node.info]
    sign = -1 if op in ("lt", "le") else 1
    relation = _MIRRORED[op]
    form = _Form()
    for argument, factor in ((node.args[0], sign), (node.args[1], -sign)):
        form.add(argument, Fraction(factor))
    forms = form.without_maxima(relation)
    if forms is None:
        reading.rest.append((node, wanted))
        return
    for terms, constant in forms:
        kept = {n: c for n, c in terms.items() if c}
        if not kept:
            reading.impossible |= not _holds(relation, constant)
            continue
        found = Constraint(tuple(sorted(kept.items())), constant, relation)
        reading.constraints.append(found)


def _holds(relation: str, number: Fraction) -> bool:
    return {"gt": number > 0, "ge": number >= 0, "eq": number == 0, "ne": number != 0}[relation]


class _Form:
    """A sum of inputs and maxima, as far as a formula is one."""

    def __init__(self) -> None:
        self.terms: dict[int, Fraction] = {}
        self.constant = Fraction(0)
        self.maxima: list[tuple[Fraction, Node]] = []
        self.linear = True

    def add(self, top: Node, factor: Fraction) -> None:
        stack = [(top, factor)]
        while stack and self.linear:
            node, c = stack.pop()
            if node.op == "input":
                self.terms[node.info] = self.terms.get(node.info, Fraction(0)) + c
            elif node.op == "const" and isinstance(node.info, Fraction):
                self.constant += c * node.info
            elif node.op == "add":
                stack += [(a, c) for a in node.args]
            elif node.op == "mul" and isinstance(node.args[0].info, Fraction):
                stack.append((node.args[1], c * node.args[0].info))
            elif node.op == "mul" and isinstance(node.args[1].info, Fraction):
                stack.append((node.args[0], c * node.args[1].info))
            elif node.op == "max":
                self.maxima.append((c, node))
            else:
                self.linear = False

    def without_maxima(self, relation: str) -> list[tuple[dict[int, Fraction], Fraction]] | None:
        """c - max(a, b) >= 0 as two constraints; None for what is no conjunction of linear ones."""
        if not self.linear:
            return None
        if not self.maxima:
            return [(self.terms, self.constant)]
        if len(self.maxima) > 1 or relation not in ("gt", "ge") or self.maxima[0][0] > 0:
            return None
        factor, node = self.maxima[0]
        found = []
        for argument in node.args:
            form = _Form()
            form.terms, form.constant = dict(self.terms), self.constant
            form.add(argument, factor)
            inner = form.without_maxima(relation)
            if inner is None:
                return None
            found += inner
        return found


def _tighten(reading: Reading, whole: np.ndarray) -> None:
    """Bounds of single elements; those of integers are whole numbers within them."""
    for c in reading.constraints:
        if len(c.terms) != 1 or c.relation == "ne":
            continue
        ((n, factor),) = c.terms
        bound, strict = -c.constant / factor, c.relation == "gt"
        if c.relation == "eq" or factor > 0:
            low = (bound, strict)
            if whole[n]:
                least = math.floor(bound) + 1 if strict else math.ceil(bound)
                low = (Fraction(least), False)
            reading.lower[n] = max(reading.lower.get(n, low), low)
        if c.relation == "eq" or factor < 0:
            high = (bound, not strict)  # (for max and min: what leaves the bound out is narrower)
            if whole[n]:
                most = math.ceil(bound) - 1 if strict else math.floor(bound)
                high = (Fraction(most), True)
            reading.upper[n] = min(reading.upper.get(n, high), high)
    reading.upper = {n: (b, not kept) for n, (b, kept) in reading.upper.items()}
    for n in reading.lower.keys() & reading.upper.keys():
        (low_, open_low), (high_, open_high) = reading.lower[n], reading.upper[n]
        reading.impossible |= low_ > high_ or (low_ == high_ and (open_low or open_high))

"""Proof block by block: values that both programs compute are cut points.

The degrees of a deep network's polynomials grow with its depth, until a trial's bound says nothing;
and of an exponential in the exponent of another one little is known. But two programs that do the
same layer after layer share many values on the way. A trial finds them, element by element, as
equal residues, in whatever order and shape each program has them; there both are cut (`cuts.py`),
and degrees start anew. Behind new cuts, values are found to be the same that were not before them:
trials go on from the last cuts, until the outputs are the same. Then one proof is tried, of the
programs with all cuts. (Sweeping, as hardware is checked: Kuehlmann et al. 2002; Mishchenko et al.
2005; with cuts as unknown functions, so that it need not be proved that they are the same.)

What a cut loses is what the value is made of: two cuts may have something to do with one another,
or be zero on a region. So where there are cuts is a guess: every so many operations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.field import Field, FieldArray
from verify.dtypes import is_kind
from verify.interpretation.cuts import CUT, Cut, with_cuts
from verify.interpretation.proof import MANY_PRIMES, MODES, Agreement, prove, same
from verify.interpretation.trial import Told, TooLarge, traced_trial
from verify.limits import budget
from verify.programs import Const, Equation, Program, Var, leading_to
from verify.programs.catalogue import Fact, having

# Where cuts may be: how many operations that make polynomials grow lie between two of them, and
# whether only sums are cut, so that what is made of one by a function and its derivative is known.
_PLACES = ((6, False), (2, True), (2, False), (14, False))
_ROUNDS = 200
_PRIMES = 3  # of trials that only look for cuts: as many as small fractions take
_WORK = 2e10  # of the proof

_LINEAR = having(Fact.LINEAR) | having(Fact.MOVES) | {"select_n", "iota"}
_PRODUCTS = having(Fact.BILINEAR)
# Of terms, and of products: what a network's layer is before its activation. (Not a fold of values
# that may be behind one.)
_SUMS = having(Fact.ADDS, Fact.ELEMENTWISE) | having(Fact.ADDS, Fact.BILINEAR)

_Names = np.ndarray


def by_blocks(
    left: Program, right: Program, seed: int, told: Told | None = None
) -> Agreement | None:
    """A proof with cuts, None if none is found. `told`: the inputs of a trial, as a precondition
    has them."""
    for depth, sums in _PLACES:
        found = _Sweep(left, right, seed, depth, sums, told).proved()
        if found is not None:
            return found
    return None


class _Side:
    """One of the programs: its cuts, and what its values were called in the last trial."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.cuts: dict[Var, Cut] = {}
        self.makes = {v: e for e in program.equations for v in e.outputs}
        self.begin()

    def begin(self) -> None:
        """A trial of what is left begins."""
        self.names: dict[Var, _Names] = {}
        self.nonnegative: set[Var] = set()
        cut, self.stands_for = with_cuts(self.program, self.cuts)
        behind = {v for v, old in self.stands_for.items() if self.cuts[old].whole}
        left = leading_to(cut.equations, cut.outputs, behind)
        read = {a for e in left for a in e.inputs} | set(cut.outputs)
        self.inputs = [v for v in self.stands_for if v in behind and v in read]
        self.rest = Program((*cut.inputs, *self.inputs), tuple(left), cut.outputs)

    def see(self, v: Var, value: Value) -> None:
        """In a trial: what a value is called."""
        old = self.stands_for.get(v, v)
        if old not in self.makes and old not in self.program.inputs:
            return  # within a loop
        if not isinstance(value, FieldArray) or not is_kind(value.dtype, np.floating):
            return
        if value.concrete is not None or value.mask is not None:
            return
        try:
            self.names[old] = value.field.called(value)
        except Unsupported:  # infinities
            return
        if value.nonnegative:
            self.nonnegative.add(old)

    def __call__(self, equation: Equation, operands: list[Value], results: list[Value]) -> None:
        for v, value in zip(equation.outputs, results, strict=True):
            self.see(v, value)

    def of_inputs(self) -> _Names:
        """The elements of the program's inputs."""
        return _set(self.names[v] for v in self.program.inputs if v in self.names)

    def known(self) -> _Names:
        """The elements that it computes."""
        return _set(self.names[v] for v in self.names if v in self.makes)

    def cut(self, chosen: _Names) -> bool:
        """Cuts the chosen elements where they are first made; whether there are any."""
        new = False
        for v, found in self.names.items():
            equation = self.makes.get(v)
            if equation is None:
                continue
            where = _within(found, chosen)
            if not where.any():
                continue
            passed = _set(self.names[a] for a in equation.inputs if a in self.names)
            where &= ~_within(found, passed)
            before = self.cuts.get(v)
            if before is not None:
                where &= ~before.where
            if not where.any():
                continue
            called = np.where(where, found, 0 if before is None else before.names)
            where = where if before is None else where | before.where
            whole = bool((where | (found == 0)).all())
            self.cuts[v] = Cut(where, called, whole, v in self.nonnegative)
            new = True
        return new


def _set(several: Iterable[_Names]) -> _Names:
    flat = [found.ravel() for found in several]
    every = np.unique(np.concatenate(flat)) if flat else np.zeros(0, np.uint64)
    return every[every != 0]


def _within(found: _Names, known: _Names) -> np.ndarray:
    """Which elements are among those known; `known` is sorted."""
    budget.spend(20 * found.size)
    if not len(known):
        return np.zeros(found.shape, bool)
    place = np.minimum(np.searchsorted(known, found), len(known) - 1)
    return np.asarray(known[place] == found)


@dataclass
class _Sweep:
    """One way through both programs."""

    left: Program
    right: Program
    seed: int
    depth: int
    sums: bool
    told: Told | None = None

    def __post_init__(self) -> None:
        self.field: Field | None = None  # of the last trial
        self.ours, self.theirs = _Side(self.left), _Side(self.right)

    def proved(self) -> Agreement | None:
        """By a trial after the other, and a proof at last."""
        for number in range(_ROUNDS):
            try:
                equal = self.trial(self.seed + 7919 * (number + 1))
            except (Unsupported, TooLarge):
                return None
            new = self.more_cuts()
            if equal:
                break
            if not new:
                return None
        if not self.ours.cuts:
            return None
        left, right = (with_cuts(one.program, one.cuts)[0] for one in (self.ours, self.theirs))
        try:
            found = prove(
                left,
                right,
                MODES[1],
                self.seed,
                work=_WORK,
                told=self.told,
                most_primes=MANY_PRIMES,
            )
        except (Unsupported, TooLarge):
            return None
        return found if isinstance(found, Agreement) else None

    def trial(self, seed: int) -> bool:
        """What is behind the cuts, evaluated once: whether the outputs are the same."""
        sides = (self.ours, self.theirs)
        for side in sides:
            side.begin()
        fresh = [v for side in sides for v in side.inputs]
        left, right = (replace(side.rest, inputs=(*side.program.inputs, *fresh)) for side in sides)
        turn = itertools.cycle(sides)
        _, _, outputs = traced_trial(
            left, right, MODES[1], seed, self.tell, lambda: next(turn), _PRIMES
        )
        assert self.field is not None
        return same(self.field, *outputs)

    def tell(self, field: Field, values: list[Value]) -> list[Value]:
        """The inputs of a trial: those of the programs, and cuts."""
        count, self.field = len(self.left.inputs), field
        given = values[:count] if self.told is None else self.told(field, values[:count])
        known = list(given)
        for side in (self.ours, self.theirs):
            side.names = {}
            for v, value in zip(side.program.inputs, given, strict=True):
                side.see(v, value)
            for v in side.inputs:
                cut = side.cuts[side.stands_for[v]]
                value = field.named(cut.names, v.dtype, nonnegative=cut.nonnegative)
                side.see(v, value)
                known.append(value)
        return known

    def more_cuts(self) -> bool:
        """Cuts where the left is deep enough, and the right has the same elements; whether there
        are any."""
        known, inputs = self.theirs.known(), self.ours.of_inputs()
        grown: dict[Var, int] = {}
        chosen: list[np.ndarray] = []
        for equation in self.ours.rest.equations:
            if equation.primitive == CUT:
                continue
            operands = (
                self.ours.stands_for.get(a, a) for a in equation.inputs if isinstance(a, Var)
            )
            here = max((grown.get(a, 0) for a in operands), default=0) + _grows(equation)
            for v in equation.outputs:
                grown[v] = here
                found = self.ours.names.get(v)
                if found is None or here < self.depth or not found.any():
                    continue
                if self.sums and equation.primitive not in _SUMS:
                    continue
                if not (_within(found, known) | (found == 0)).all():
                    continue
                grown[v] = 0
                before = self.ours.cuts.get(v)
                if before is None or not before.whole:
                    chosen.append(found)
        elements = _set(chosen)
        elements = elements[~_within(elements, inputs)]
        new = [side.cut(elements) for side in (self.ours, self.theirs)]  # both, whatever the first
        return any(new)


def _grows(equation: Equation) -> int:
    """Whether the polynomials of its result are larger than those of its operands."""
    if equation.primitive in _LINEAR:
        return 0
    if equation.primitive in _PRODUCTS:
        return int(sum(not isinstance(a, Const) for a in equation.inputs) > 1)
    inner = math.prod(equation.outputs[0].shape) if equation.outputs else 0
    return int(inner > 0) + 3 * (equation.primitive in ("scan", "while"))

"""Proof block by block: values that both programs compute are cut points.

The degrees of a deep network's polynomials grow with its depth, until a trial's bound says nothing.
But two programs that do the same layer after layer share many values on the way. One trial finds
them, as equal residues. Then, in order, each is proved to be the same function of the inputs and of
the cuts before it, and from there on it is an unknown of its own in both programs: degrees start
anew behind it. Equal behind cuts is equal, and the errors of the pieces add up. (Sweeping, as
hardware is checked: Kuehlmann et al. 2002; Mishchenko et al. 2005.)

What a cut loses is what the value is made of: two cuts may have something to do with one another,
or be zero on a region. So a piece takes its cuts for values that may be anything, ties and zeros
included: nothing that holds but for a set of measure zero is used of them. A value that is not
proved is no cut, and the next one is tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.extended import parts
from verify.algebras.field import Field, FieldArray
from verify.program import Const, Equation, Program, Var
from verify.proof import MODES, TARGET, Agreement, TooLarge, prove, traced_trial

_DEPTHS = (6, 2, 14)  # operations that make polynomials grow, between two cuts
_MOST_CUTS = 1000
_MOST_FAILURES = 12
_WORK = 2e9  # for one piece

_LINEAR = frozenset(
    (
        *("add", "add_any", "sub", "neg", "reshape", "transpose", "broadcast_in_dim", "squeeze"),
        *("slice", "pad", "concatenate", "reduce_sum", "rev", "split", "expand_dims", "copy"),
        *("convert_element_type", "stop_gradient", "optimization_barrier", "dynamic_slice"),
        *("gather", "iota", "cumsum", "reduce_window_sum", "select_n", "copy_p"),
    )
)
_PRODUCTS = frozenset(("mul", "dot_general", "conv_general_dilated"))


@dataclass
class _Seen:
    """One program's values by what their residues are."""

    named: dict[bytes, Var] = field(default_factory=dict)
    names: dict[Var, bytes] = field(default_factory=dict)
    nonnegative: set[Var] = field(default_factory=set)

    def __call__(self, equation: Equation, operands: list[Any], results: list[Any]) -> None:
        for v, value in zip(equation.outputs, results, strict=True):
            if isinstance(v.dtype, np.dtype) and value.concrete is None:
                if getattr(value, "nonnegative", False):
                    self.nonnegative.add(v)
                name = _name(value, v)
                if name is not None:
                    self.names[v] = name
                    self.named.setdefault(name, v)


def _name(value: Any, v: Var) -> bytes | None:
    digest = blake2b(repr((v.shape, str(v.dtype))).encode(), digest_size=16)
    try:
        for part in parts(value):
            digest.update(np.ascontiguousarray(part.field.digest(part.rows)).tobytes())
    except Unsupported:  # infinities
        return None
    return digest.digest()


def by_blocks(left: Program, right: Program, seed: int) -> Agreement | None:
    """A proof with cuts, None if none is found."""
    for depth in _DEPTHS:
        found = _Sweep(left, right, seed, depth).proved()
        if found is not None:
            return found
    return None


@dataclass
class _Sweep:
    """One way through both programs."""

    left: Program
    right: Program
    seed: int
    depth: int
    cuts: dict[Var, Var] = field(default_factory=dict)  # of the left and of the right
    nonnegative: set[Var] = field(default_factory=set)  # cuts, of either program
    refused: set[Var] = field(default_factory=set)  # what was tried, and is no cut
    error: float = 0.0
    primes: int = 0
    partial: bool = False
    assumptions: dict[str, None] = field(default_factory=dict)

    def proved(self) -> Agreement | None:
        """Behind new cuts, values are found to be the same that were not before them: exponentials
        of exponentials, say. So on it goes for as long as there are more."""
        while self.advance():
            pass
        if not self.cuts or not self.piece(self.left.outputs, self.right.outputs):
            return None
        return Agreement(self.error, self.primes, MODES[1], tuple(self.assumptions), self.partial)

    def advance(self) -> bool:
        """Whether there are new cuts."""
        one, two = self.rest(self.left.outputs, self.right.outputs)
        cuts, before = list(self.cuts), len(self.cuts)

        def told(_: Field, values: list[Any]) -> list[Any]:
            start = len(values) - len(cuts)
            return [*values[:start], *map(self.blunt, values[start:], cuts)]

        try:
            (ours, theirs), _, _ = traced_trial(one, two, MODES[1], self.draw(), told, _Seen)
        except (Unsupported, TooLarge):
            return False
        made = {v for equation in self.right.equations for v in equation.outputs}
        grown: dict[Var, int] = {}
        for equation in one.equations:
            operands = (a for a in equation.inputs if isinstance(a, Var))
            here = max((grown.get(a, 0) for a in operands), default=0) + _grows(equation)
            for v in equation.outputs:
                grown[v] = here
                other = theirs.named.get(ours.names.get(v, b""))
                if here < self.depth or other not in made or not self.is_cut(v, other):
                    continue
                grown[v] = 0
                if v in ours.nonnegative or other in theirs.nonnegative:
                    self.nonnegative.add(v)
            if len(self.refused) > _MOST_FAILURES:
                return False
        return len(self.cuts) > before

    def is_cut(self, v: Var, other: Var) -> bool:
        if len(self.cuts) >= _MOST_CUTS or v in self.left.outputs or v in self.refused:
            return False
        if not self.piece((v,), (other,)):
            self.refused.add(v)
            return False
        self.cuts[v] = other
        return True

    def draw(self) -> int:
        return self.seed + 7919 * (len(self.cuts) + 1)

    def rest(self, ours: Sequence[Any], theirs: Sequence[Any]) -> tuple[Program, Program]:
        """What makes these values, of the inputs and all cuts."""
        one = _part(self.left, self.cuts.keys(), ours)
        two = _part(self.right, self.cuts.values(), theirs)
        return (
            Program((*self.left.inputs, *self.cuts), one.equations, tuple(ours)),
            Program((*self.right.inputs, *self.cuts.values()), two.equations, tuple(theirs)),
        )

    def piece(self, ours: Sequence[Any], theirs: Sequence[Any]) -> bool:
        """Whether these values are the same functions of the inputs and of the cuts."""
        active = dict(self.cuts)
        while True:
            one = _part(self.left, active.keys(), ours)
            two = _part(self.right, active.values(), theirs)
            cuts = [(a, b) for a, b in active.items() if a in one.free or b in two.free]
            # A cut of one side alone: the other has made it of something else since.
            alone = [a for a, b in cuts if (a in one.free) != (b in two.free)]
            if not alone:
                break
            for a in alone:
                del active[a]
        pairs = zip(self.left.inputs, self.right.inputs, strict=True)
        inputs = [(a, b) for a, b in pairs if a in one.free or b in two.free]
        left = Program(tuple(a for a, _ in (*inputs, *cuts)), one.equations, tuple(ours))
        right = Program(tuple(b for _, b in (*inputs, *cuts)), two.equations, tuple(theirs))

        def told(_: Field, values: list[Any]) -> list[Any]:
            behind = zip(values[len(inputs) :], cuts, strict=True)
            return [*values[: len(inputs)], *(self.blunt(x, a) for x, (a, _) in behind)]

        for mode in MODES[:2]:
            try:
                found = prove(
                    left,
                    right,
                    mode,
                    self.draw(),
                    work=_WORK,
                    told=told,
                    target=TARGET / 2 / _MOST_CUTS,
                )
            except (Unsupported, TooLarge):
                return False
            if isinstance(found, Agreement):
                self.error += found.error_probability
                self.primes += found.primes
                self.partial |= found.partial
                self.assumptions.update(dict.fromkeys(found.assumptions))
                return True
        return False

    def blunt(self, value: Any, cut: Var) -> Any:
        """A value that may be zero, or equal to another, on more than a set of measure zero."""
        for part in parts(value):
            if isinstance(part, FieldArray):
                part.growth = replace(part.growth, analytic=False)
                part.nonnegative |= cut in self.nonnegative
        return value


@dataclass(frozen=True)
class _Part:
    """What some values are made of: the equations, and the inputs and cuts that they start from."""

    equations: tuple[Equation, ...]
    free: frozenset[Var]


def _part(program: Program, cuts: Iterable[Var], outputs: Sequence[Any]) -> _Part:
    known = {*program.inputs, *cuts}
    wanted = {a for a in outputs if isinstance(a, Var)}
    free: set[Var] = wanted & known
    wanted -= known
    equations: list[Equation] = []
    for equation in reversed(program.equations):
        if wanted.isdisjoint(equation.outputs):
            continue
        equations.append(equation)
        operands = {a for a in equation.inputs if isinstance(a, Var)}
        free |= operands & known
        wanted |= operands - known
    return _Part(tuple(equations[::-1]), frozenset(free))


def _grows(equation: Equation) -> int:
    """Whether the polynomials of its result are larger than those of its operands."""
    if equation.primitive in _LINEAR:
        return 0
    if equation.primitive in _PRODUCTS:
        return int(sum(not isinstance(a, Const) for a in equation.inputs) > 1)
    inner = math.prod(equation.outputs[0].shape) if equation.outputs else 0
    return int(inner > 0) + 3 * (equation.primitive in ("scan", "while"))

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.extended import parts
from verify.algebras.field import Field, FieldArray
from verify.program import Atom, Const, Equation, Program, Var, leading_to
from verify.proof import MODES, TARGET, Agreement, Told, TooLarge, prove, traced_trial

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
        before = len(self.cuts)
        one, two = self.between(self.cuts, self.left.outputs, self.right.outputs)
        told = self.told(list(self.cuts))
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

    def between(
        self, cuts: Mapping[Var, Var], ours: Sequence[Atom], theirs: Sequence[Atom]
    ) -> tuple[Program, Program]:
        """What makes these values of the inputs and of cuts."""
        one = leading_to(self.left.equations, ours, cuts.keys())
        two = leading_to(self.right.equations, theirs, set(cuts.values()))
        return (
            Program((*self.left.inputs, *cuts), tuple(one), tuple(ours)),
            Program((*self.right.inputs, *cuts.values()), tuple(two), tuple(theirs)),
        )

    def piece(self, ours: Sequence[Atom], theirs: Sequence[Atom]) -> bool:
        """Whether these values are the same functions of the inputs and of the cuts."""
        active = dict(self.cuts)
        while True:
            left, right = self.between(active, ours, theirs)
            one, two = _read(left), _read(right)
            # A cut of one side alone: the other has made it of something else since.
            alone = [a for a, b in active.items() if (a in one) != (b in two)]
            if not alone:
                break
            for a in alone:
                del active[a]
        used = [
            (a, b) for a, b in zip(left.inputs, right.inputs, strict=True) if a in one or b in two
        ]
        left = replace(left, inputs=tuple(a for a, _ in used))
        right = replace(right, inputs=tuple(b for _, b in used))
        told = self.told([a for a, _ in used if a in active])
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

    def told(self, cuts: Sequence[Var]) -> Told:
        """The inputs of a trial, of which the last ones are cuts: values that may be zero, or equal
        to another, on more than a set of measure zero."""

        def blunt(value: Any, cut: Var) -> Any:
            for part in parts(value):
                if isinstance(part, FieldArray):
                    part.growth = replace(part.growth, analytic=False)
                    part.nonnegative |= cut in self.nonnegative
            return value

        def tell(_: Field, values: list[Any]) -> list[Any]:
            start = len(values) - len(cuts)
            return [*values[:start], *map(blunt, values[start:], cuts)]

        return tell


def _read(program: Program) -> set[Atom]:
    """What its equations and outputs read."""
    return {a for e in program.equations for a in e.inputs} | set(program.outputs)


def _grows(equation: Equation) -> int:
    """Whether the polynomials of its result are larger than those of its operands."""
    if equation.primitive in _LINEAR:
        return 0
    if equation.primitive in _PRODUCTS:
        return int(sum(not isinstance(a, Const) for a in equation.inputs) > 1)
    inner = math.prod(equation.outputs[0].shape) if equation.outputs else 0
    return int(inner > 0) + 3 * (equation.primitive in ("scan", "while"))

"""Proof in two parts: products before the first exponential, and what is made of them.

Exponents need residues of their own, modulo the order of the group that powers lie in, and primes
of which there are few. In a deep network only the last layers have any. So what leads to them is
evaluated without, and with maxima as unknown functions (`Mode.opaque`), where a few residues are
enough whatever the depth; elements of both programs that are equal there get one name, and the rest
is proved with an unknown number for each name.

Sound: if u(x) and v(x) are what the left and the right compute before, and the trials of the first
part say with a stated probability which of their elements are the same, then left = f(u(x)) and
right = g(v(x)) are the same for all x if f and g are the same for all numbers that are equal where
elements have one name. An unknown may be zero on a region or tie with another one, as a cut may
(`cuts.py`). No more is known of it, so that this proves less than both parts together would.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.field import Field, FieldArray, Mode
from verify.algebras.field.bound import miss_probability
from verify.dtypes import is_kind
from verify.interpretation.proof import MODES, TARGET, Agreement, Difference, prove, same
from verify.interpretation.trial import EXPONENTIAL, TooLarge, traced_trial
from verify.limits.effort import products
from verify.programs import Atom, Equation, Program, Var, leading_to
from verify.programs.catalogue import Fact, having

_MODE = Mode(opaque=True)
_PRIMES = 3  # of the first trial; polynomials of one layer need no more
_MOST_PRIMES = 10
_SHARE = 1e-4  # of all products of a program, that are worth a residue less
_LATE = EXPONENTIAL | having(Fact.TURNS) | {"fft"}  # which multiplies by roots of unity


def by_prefix(left: Program, right: Program, seed: int) -> Agreement | None:
    """A proof in two parts, None if none is found."""
    sides = (_Side(left), _Side(right))
    if not all(side.splits for side in sides):
        return None
    try:
        first, may_be_nan = _first_part(sides, seed)
        if first is None or all(side.is_border for side in sides):
            return first
        return _second_part(sides, first, may_be_nan, seed + 1)
    except (Unsupported, TooLarge):
        return None


class _Side:
    """One of the programs, in two parts."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.late = self._late()
        early = [e for e in program.equations if id(e) not in self.late]
        least = _SHARE * products(program)[0]
        heavy = [e for e in early if products(Program((), (e,), ()))[0] > least]
        self.deep: set[Var] = set()  # what a product leads to
        for equation in early:
            if equation in heavy or not self.deep.isdisjoint(_read(equation)):
                self.deep.update(equation.outputs)
        if self.late:  # up to the last product
            early = leading_to(early, (v for e in heavy for v in e.outputs))
        self.makes = {v: e for e in early for v in e.outputs}
        self.border = self._border()
        self.before = Program(
            program.inputs, tuple(leading_to(program.equations, self.border)), tuple(self.border)
        )
        self.names: list[np.ndarray] = []  # of the border's elements
        self.nonnegative: list[bool] = []
        known = set(self.border)
        rest = leading_to(program.equations, program.outputs, known)
        self.rest = (tuple(rest), program.outputs)

    @property
    def is_border(self) -> bool:
        """Whether the outputs are the border, one by one: then nothing is made of it."""
        return tuple(self.border) == self.program.outputs

    @property
    def splits(self) -> bool:
        return bool(self.border) or not self.late

    def _late(self) -> set[int]:
        """The equations that an exponential leads to, and the exponentials."""
        late, behind = set(), set[Var]()
        for equation in self.program.equations:
            inner = Program((), (equation,), ())
            own = any(e.primitive in _LATE for e in inner.every_equation())
            if own or not behind.isdisjoint(_read(equation)):
                late.add(id(equation))
                behind.update(equation.outputs)
        return late

    def _border(self) -> list[Var]:
        """The floats that products lead to, and that are read after them or come out; what else is
        read after (masks, say, and parts of the inputs) is made of them, or of the inputs, once
        more."""
        found: dict[Var, None] = {}
        seen: set[int] = set()

        def need(atoms: Sequence[Atom]) -> None:
            for atom in atoms:
                equation = self.makes.get(atom) if isinstance(atom, Var) else None
                if equation is None or not isinstance(atom, Var):
                    continue
                border = atom in self.deep or not self.late
                if border and is_kind(atom.dtype, np.floating):
                    found.setdefault(atom)
                elif id(equation) not in seen:
                    seen.add(id(equation))
                    need(equation.inputs)

        for equation in self.program.equations:
            if not all(v in self.makes for v in equation.outputs):
                need(equation.inputs)
        need(self.program.outputs)
        return list(found)


def _read(equation: Equation) -> set[Var]:
    return {a for a in equation.inputs if isinstance(a, Var)}


def _first_part(sides: tuple[_Side, _Side], seed: int) -> tuple[Agreement | None, bool]:
    """Names for the elements of the border, the same for the same element but for the error
    probability; where nothing comes after it, whether the outputs are the same. And whether any of
    them may be NaN, which a comparison after it has to say is excluded."""
    one, two = (side.before for side in sides)
    error, primes, count = 1.0, 0, _PRIMES
    assumptions: dict[str, None] = {}
    partial = almost = may_be_nan = False
    words: list[np.ndarray] = []
    zero: np.ndarray | bool = True  # in all trials
    fields: list[Field] = []

    def told(field: Field, inputs: list[Value]) -> list[Value]:
        fields.append(field)
        return inputs

    while error > TARGET / 2:
        _, _, outputs = traced_trial(one, two, _MODE, seed + primes, told, lambda: None, count)
        field = fields[-1]
        found = [[x for x in side if isinstance(x, FieldArray)] for side in outputs]
        values = [*found[0], *found[1]]
        if len(values) < len(outputs[0]) + len(outputs[1]):
            return None, False  # infinities, complex numbers
        if all(side.is_border for side in sides) and not same(field, *outputs):
            return None, False
        digests = [field.digest(value.rows).reshape(3, -1) for value in values]
        words.append(np.concatenate(digests, axis=1))
        field.atoms += words[-1].shape[1] + 1  # any two may be equal by chance, or one be zero
        zero &= np.concatenate([(v.rows == 0).all(axis=0).reshape(-1) for v in values])
        for side, made in zip(sides, found, strict=True):
            side.nonnegative = [value.nonnegative for value in made]
        error *= miss_probability(field)
        assumptions.update(field.assumptions)
        partial |= field.partial
        almost |= field.almost
        may_be_nan |= field.may_be_nan
        primes += count
        enough = (n for n in range(1, _MOST_PRIMES) if error * miss_probability(field, n) < TARGET)
        count = next(enough, _MOST_PRIMES)
        if primes > 4 * _MOST_PRIMES:
            return None, False
    _name(sides, np.concatenate(words), np.asarray(zero))
    return Agreement(error, primes, _MODE, tuple(assumptions), partial, almost), may_be_nan


def _name(sides: tuple[_Side, _Side], words: np.ndarray, zero: np.ndarray) -> None:
    """Numbers for the columns of words, the same for the same; zero for what is zero."""
    columns = np.ascontiguousarray(words.T)
    wholes = columns.view(np.dtype((np.void, columns.shape[1] * 8))).reshape(-1)
    _, names = np.unique(wholes, return_inverse=True)
    names = np.where(zero, 0, names + 1).astype(np.uint64)
    for side in sides:
        sizes = [int(np.prod(v.shape)) for v in side.border]
        own, names = names[: sum(sizes)], names[sum(sizes) :]
        parts = np.split(own, np.cumsum(sizes)[:-1]) if sizes else []
        side.names = [p.reshape(v.shape) for p, v in zip(parts, side.border, strict=True)]


def _second_part(
    sides: tuple[_Side, _Side], first: Agreement, may_be_nan: bool, seed: int
) -> Agreement | None:
    """What both make of the border, with an unknown number for each name."""
    inputs = sides[0].program.inputs
    fresh = [v for side in sides for v in side.border]

    def told(field: Field, values: list[Value]) -> list[Value]:
        known = list(values[: len(inputs)])
        field.may_be_nan |= may_be_nan
        for side in sides:
            several = zip(side.border, side.names, side.nonnegative, strict=True)
            known += [field.named(n, v.dtype, nonnegative=sign) for v, n, sign in several]
        return known

    left, right = (
        Program((*side.program.inputs, *fresh), *side.rest, out_tree=side.program.out_tree)
        for side in sides
    )
    for mode in MODES[:2]:
        found = prove(left, right, mode, seed, told=told, target=TARGET / 2)
        if isinstance(found, Difference):
            continue
        return Agreement(
            first.error_probability + found.error_probability,
            first.primes + found.primes,
            mode,
            tuple(dict.fromkeys((*first.assumptions, *found.assumptions))),
            first.partial or found.partial,
            first.almost or found.almost,
        )
    return None

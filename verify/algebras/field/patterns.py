"""Proof by sign patterns: every choice is decided, at random, in every row of its own.

The weights of `maxima.py` are unknowns of which only the sum is known. Here they are 0 or 1: each
row of residues chooses one of the candidates, so that it evaluates one branch of the program, and
all laws of that branch hold in it: max(x, y) min(x, y) = x y, |x| |x| = x**2, and, since
exponentials meet what was chosen and not a mixture,
log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).

Sound, because equal in all branches, possible or not, is equal. Two programs that differ do so in
some branch; if it takes K coin flips to get there (log2 n for a choice among n), a row sees it with
the probability 2**-K. K is counted for each output element: `Marks` keeps the set of choices that
an element depends on, and the bound is that of the element with the most.

Ties: two values that are equal in a branch are equal there, exactly; ties of values that differ
have measure zero, and the proof says that it assumes none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from verify.algebras import extended
from verify.algebras.base import Value
from verify.algebras.field import missing, mixing, residues
from verify.algebras.field.bound import wrong_fractions
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws import LAWS
from verify.algebras.field.marks import WORDS as _WORDS
from verify.algebras.field.marks import Design, Marks
from verify.algebras.field.origins import (
    NOTHING,
    Open,
    Origin,
    behind,
    operands_first,
    parts_of,
)
from verify.algebras.field.tracking import KINDS, made_again, tracked
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_integer

Found = TypeVar("Found")


class PatternField(Field):
    """A trial in which each row decides each choice."""

    def __post_init__(self) -> None:
        self.marks = Marks()
        self.design: Design
        self.wanted: int | None = None  # primes that a trial should have, as far as is known
        self.counted: list[FieldArray] = []  # truth values: inputs count where all are true
        self.conditions: list[np.ndarray] = []  # choices behind results and what they rest on
        self.behind: dict[int, np.ndarray] = {}  # the choices behind values, as far as is known
        self.known_resting: dict[int, bool] = {}  # whether values rest on any
        self.known_read_off: dict[int, bool] = {}  # whether signs of values do
        self.alive: list[FieldArray] = []  # those values: another must not come by their identity
        self.noted: list[list[np.ndarray]] = [[]]  # by the operations in progress
        self.making: list[Origin] = []  # of all that is made in these operations
        super().__post_init__()
        self.design = Design(self.rng, self.points)

    def origin(self) -> Origin | None:
        """Of a value that is being made: the operands of the operation in progress. Every value has
        one from here, so that none is left without that an operation keeps for another."""
        return self.making[-1] if self.making else None

    def random(self, shape: tuple[int, ...], dtype: DType) -> FieldArray:
        """An input; a boolean is true or false in each row, decided like every other choice."""
        value = super().random(shape, dtype)
        value.origin = NOTHING
        if value.dtype != np.bool_:
            return value
        return self.one_of(value, [(0, 1)] * int(np.prod(shape)))

    def one_of(self, value: FieldArray, values: Sequence[tuple[int, ...]]) -> FieldArray:
        """An input of which each element is one of a few whole numbers: which, the rows decide."""
        digests = mixing.digest(value.rows[: self.points], self.key).reshape(mixing.WORDS, -1)
        counts = np.array([len(each) for each in values], np.int64)
        drawn = [self.design.drawn(count) for count in counts.tolist()]
        numbers = [np.array(each)[n] for each, n in zip(values, drawn, strict=True)]
        empty = np.zeros((self.points, 0), np.int64)
        own = self.marks.decided(digests, np.stack(drawn, 1) if drawn else empty, counts)
        rows = np.stack(numbers, 1) if numbers else empty
        low = min((each[0] for each in values), default=0)
        rows = residues.reduce(self.for_all(rows), self.m).reshape(len(self.m), *value.shape)
        whole = is_integer(value.dtype)
        return FieldArray(
            self,
            value.shape,
            value.dtype,
            Growth(0.0, 8.0),
            rows,
            nonnegative=low >= 0,
            bounds=value.bounds if whole else None,
            origin=Origin("each", (), [own]),
        )

    def roots(self, n: int) -> tuple[FieldArray, FieldArray]:
        cos, sin = super().roots(n)
        cos.origin = sin.origin = NOTHING
        return cos, sin

    def note(self, digests: np.ndarray, count: np.ndarray | int = 1) -> None:
        flat = digests.reshape(len(digests), -1)
        several = np.broadcast_to(count, flat.shape[1])  # weights are no decision
        self.noted[-1].append(self.marks.of(flat, several, decides=self.mode.patterns))

    @contextmanager
    def in_parts(self, count: int) -> Iterator[None]:
        self.noted.append([])
        try:
            yield
        finally:
            own = self.noted.pop()
            whole = sum(map(len, own)) == count
            self.noted[-1] += [np.concatenate(own)] if own and whole else own

    def zeros(self, x: FieldArray) -> FieldArray:
        """The rows in which x is zero: the branches in which it is, and a few others by chance,
        which is as if a divisor had been zero there."""
        rows = (x.rows[: self.points] == 0) if not x.growth.logs else x.rows[self.points :] == 0
        digests = mixing.digest(x.rows[: self.points], self.key).reshape(mixing.WORDS, -1)
        own = self.marks.of(digests, np.ones(digests.shape[1]), x.growth.cleared[0])
        if not rows.any():
            return self.lift(np.zeros(x.shape, bool))
        result = self.decided(rows, x)
        result.origin = Origin("each", (x,), [own])
        return result

    def decided(self, true: np.ndarray, source: FieldArray) -> FieldArray:
        result = super().decided(true, source)
        result.growth = self.chooser.mask_growth
        result.origin = Origin("each", (source,), [])
        return result

    def excused(self, guard: FieldArray) -> bool:
        """In each row in which it is true a part of the precondition is false that shares a choice
        with it: what it has a say in is not compared there (`equal_where_it_counts`)."""
        true = guard.rows[: self.points].reshape(self.points, -1) != 0
        truths, needed = self._conditions()
        own = self.marks_of(guard)
        for n in range(true.shape[1]):
            asked = (needed & own[n]).any(axis=1)
            if (true[:, n] & (truths[:, asked] != 0).all(axis=1)).any():
                return False
            # Whoever wants to see it true where it counts has to be in a branch of all of these.
            joined = np.bitwise_or.reduce(needed[asked], axis=0, initial=0) | own[n]
            self.conditions.append(joined[None])
        return True

    def rests(self, x: FieldArray) -> bool:
        """Whether a value rests on any choice, as far as it has been made."""

        def found(y: FieldArray) -> bool:
            return (
                (y.origin is None and y.concrete is None)
                or y.undecided  # rows will decide it
                or any(
                    any(marks.any() for marks in part.own)
                    or any(self.known_resting[id(o)] for o in part.operands)
                    for part in parts_of(y.origin)
                )
            )

        return self._found(x, self.known_resting, found)

    def is_read_off(self, x: FieldArray) -> bool:
        """Whether the sign of a value, or of anything that it is made of, is what the rows say: of
        a value made in any way, so that nobody has to hand it on."""

        def found(y: FieldArray) -> bool:
            if y.read_off or (y.origin is None and y.concrete is None):
                return True
            made = (o for part in parts_of(y.origin) for o in part.operands)
            return any(self.known_read_off[id(o)] for o in made)

        return self._found(x, self.known_read_off, found)

    def sign_is_read_off(self, x: FieldArray) -> None:
        super().sign_is_read_off(x)
        self.known_read_off.clear()  # of what is made of it

    def _found(
        self, x: FieldArray, known: dict[int, Found], found: Callable[[FieldArray], Found]
    ) -> Found:
        """What is `found` of x, after what is `known` or found of the values it is made of."""
        open_, seen = Open(self.making), []
        for y in operands_first(x, known):
            known[id(y)] = found(y)
            open_.see(y)
            seen.append(y)
        result = known[id(x)]
        open_.forget(known)
        self.alive += [y for y in seen if id(y) in known]
        return result

    def resting(self, x: FieldArray) -> np.ndarray:
        if self.making:  # its choices are still being noted
            return np.full(x.shape, self.rests(x))
        return np.asarray(self.marks_of(x).any(axis=1).reshape(x.shape))

    def beside(self, x: FieldArray, other: FieldArray) -> FieldArray:
        if not self.rests(other):
            return x
        y = made_again(x, Origin("each", (x, other), []))
        self.sign_is_read_off(y)  # that it is a number
        return y

    def collapse(self, x: FieldArray) -> np.ndarray:
        self.noted.append([])
        try:
            rows = super().collapse(x)
        finally:
            own = self.noted.pop()
        x.origin = Origin("each", (), own, None, x.origin)
        return rows

    def marks_of(self, x: FieldArray) -> np.ndarray:
        """(size, _WORDS): the choices behind each element of a decided value. A value of which
        nobody knows how it was made may have every choice behind it."""

        def found(y: FieldArray) -> np.ndarray:
            size = int(np.prod(y.shape))
            marks = np.zeros((size, _WORDS), np.uint64)
            if y.origin is None and y.concrete is None:
                marks = ~marks
            for part in parts_of(y.origin):
                marks |= behind(part, size, self.behind)
            return marks

        return self._found(x, self.behind, found)

    def equal_where_it_counts(self, a: FieldArray, b: FieldArray, agree: np.ndarray) -> np.ndarray:
        """Whether elements are equal in the branches in which the precondition is true.

        An input that satisfies it is in such a branch. For an element only those of its conditions
        are asked that share a choice with it; whoever wants to see a difference there has to be in
        a branch of them as well, so that their choices count with the element's own.
        """
        flat = np.flatnonzero(~agree.reshape(-1))
        if not self.counted or not len(flat):
            return agree
        left, right = (x.rows[: self.points].reshape(self.points, -1)[:, flat] for x in (a, b))
        if self.exponents and (a.growth.logs or b.growth.logs):
            left, right = (x.rows[self.points :].reshape(self.points, -1)[:, flat] for x in (a, b))
        truths, needed = self._conditions()
        own = np.zeros((len(flat), _WORDS), np.uint64)
        for x in (a, b):
            if x.concrete is None:
                own |= self.marks_of(x)[flat]
        out = agree.reshape(-1).copy()
        for n, place in enumerate(flat):
            asked = (needed & own[n]).any(axis=1)
            inside = (truths[:, asked] != 0).all(axis=1)
            if (left[:, n] == right[:, n])[inside].all():
                out[place] = True
                joined = np.bitwise_or.reduce(needed[asked], axis=0, initial=0) | own[n]
                self.conditions.append(joined[None])
        return out.reshape(agree.shape)

    def _conditions(self) -> tuple[np.ndarray, np.ndarray]:
        """The precondition's truth values (points, N), and the choices behind each."""
        variable = [x for x in self.counted if x.concrete is None]
        truths = [x.rows[: self.points].reshape(self.points, -1) for x in variable]
        needed = [self.marks_of(x) for x in variable]
        nothing = np.zeros((self.points, 0), np.int64), np.zeros((0, _WORDS), np.uint64)
        return (
            np.concatenate([nothing[0], *truths], axis=1),
            np.concatenate([nothing[1], *needed], axis=0),
        )

    def miss_probability(self, outputs: Sequence[Value]) -> float:
        """An upper bound on missing a difference in this trial, for the worst output element."""
        values = [part for value in outputs for part in extended.parts_of(value, FieldArray)]
        sets = [self.marks_of(value) for value in values if value.concrete is None]
        sets += self.conditions
        if not sets:
            return 2.0**-200
        distinct = np.unique(np.concatenate(sets), axis=0)
        if not len(distinct):  # of results without elements
            return 2.0**-200
        missed, self.wanted = missing.worst(self, self.marks, distinct)
        wrong = wrong_fractions(self, len(self.moduli.primes))
        wrong += sum(law.error(self, len(self.moduli.primes)) for law in LAWS)
        return min(1.0, missed + wrong)


for _kind, _names in KINDS.items():
    for _name in _names:
        setattr(PatternField, _name, tracked(_name, _kind))

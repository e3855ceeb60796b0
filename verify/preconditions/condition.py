"""A precondition: which inputs a question is about."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import jax
import numpy as np

from verify import smt
from verify.algebras.base import Meaningless, Unsupported
from verify.algebras.elements import Elements
from verify.branches.given import Given
from verify.branches.writer import Writer
from verify.constants import numbers
from verify.counterexample.batch import evaluated
from verify.counterexample.computed import certain, values
from verify.counterexample.drawing import candidates
from verify.counterexample.held import fit, held
from verify.counterexample.undefined import around
from verify.dtypes import Function
from verify.inputs import arguments
from verify.interpretation.trial import Told
from verify.preconditions.eliminating import solved
from verify.preconditions.facts import constants_of, few_values, tell
from verify.preconditions.moving import Mover
from verify.preconditions.reading import Reading, read
from verify.programs import Program, Var, call, trace
from verify.programs import read as program_of
from verify.shown import function
from verify.smt.cases import excluded

_MOVED = 20_000  # numbers and constraints, in rows that are moved one by one
_DRAWN, _TRIED = 200, 20  # inputs, until one lies in the domain, and until one lies inside it


@dataclass(eq=False)
class Precondition:
    """The inputs at which all outputs of `program`, booleans, are true. `name`: in words."""

    program: Program
    name: str = "assuming"
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @cached_property
    def reading(self) -> Reading:
        return read(self.program)

    @cached_property
    def mover(self) -> Mover:
        return Mover(self.program.inputs, self.reading)

    @property
    def sentence(self) -> str:
        """What a verdict says of it."""
        text = f"the inputs satisfy {self.name}"
        if numbers.of(self.program, self.program):
            text += ", its constants being the numbers that they hold"
        unread = self.reading.unread
        if unread:
            several = f"{unread} parts" if unread > 1 else "a part"
            text += f" ({several} of which no proof by random interpretation can use)"
        return text

    def holds(self, inputs: Sequence[np.ndarray]) -> bool:
        """Whether it is certainly true at these inputs, over the reals."""
        try:
            outputs = values(self.program, list(inputs))
        except (Meaningless, Unsupported):
            return False
        return all(bool(certain(x).all()) for x in outputs)

    def moved(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray] | None:
        """The inputs, moved to where it holds; None where that was not to be had."""
        found = held(self.program.inputs, inputs)
        if self.holds(found):
            return found
        if not self.mover.moves:
            return None
        found = held(self.program.inputs, self.mover.moved(found, self.rng))
        return found if self.holds(found) else None

    def rows(self, drawn: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Of many inputs, one a row, those that can be moved to where it holds."""
        inside = self._where(drawn)
        if inside is None:  # row by row
            each = (self.moved([np.asarray(x[row]) for x in drawn]) for row in range(len(drawn[0])))
            kept = [row for row in each if row is not None]
            return [
                np.stack([row[i] for row in kept]) if kept else np.asarray(x)[:0]
                for i, x in enumerate(drawn)
            ]
        outside = np.flatnonzero(~inside)[: self._most]
        if not self.mover.moves or not len(outside):
            return [np.asarray(x)[inside] for x in drawn]
        moved = [self.mover.moved([np.asarray(x[row]) for x in drawn], self.rng) for row in outside]
        there = [
            fit(Var((len(moved), *v.shape), v.dtype), np.stack(column))
            for v, column in zip(self.program.inputs, zip(*moved, strict=True), strict=True)
        ]
        good = self._where(there)
        good = np.zeros(len(moved), bool) if good is None else good
        every = zip(drawn, there, strict=True)
        return [np.concatenate([np.asarray(x)[inside], y[good]]) for x, y in every]

    @property
    def _most(self) -> int:
        """How many rows are moved, one by one."""
        return int(min(512, max(8, _MOVED // max(1, self.mover.size))))

    def _where(self, drawn: Sequence[np.ndarray]) -> np.ndarray | None:
        """In which rows it is certainly true; None where rows cannot be evaluated together."""
        try:
            outputs = evaluated(self.program, list(drawn))
        except (Meaningless, Unsupported):
            return None
        inside = np.ones(len(drawn[0]), bool)
        for x in outputs:
            inside &= certain(x).reshape(len(inside), -1).all(axis=1)
        return inside

    def near(self, inputs: Sequence[np.ndarray], scale: float = 1.0) -> list[list[np.ndarray]]:
        """Inputs around these at which it holds."""
        moved = (self.moved(x) for x in around(self.program, list(inputs), scale))
        return [x for x in moved if x is not None]

    # -- for proofs ------------------------------------------------------------------------------

    @property
    def inhabitants(self) -> Iterator[list[np.ndarray]]:
        """Inputs at which it holds, those among many that can be moved there."""
        drawn = candidates(self.program.inputs, self.program.constants(), self.rng)
        moved = map(self.moved, itertools.islice(drawn, _DRAWN))
        return (inputs for inputs in moved if inputs is not None)

    @cached_property
    def inhabited(self) -> bool:
        return next(self.inhabitants, None) is not None

    @property
    def impossible(self) -> bool:
        """Whether certainly no input satisfies it."""
        if self.reading.impossible and self.reading.total:
            return True
        return self.reading.total and smt.available() and excluded(self.program)

    @cached_property
    def is_open(self) -> bool:
        """Whether it holds at all inputs tried around one at which it holds: then what is true but
        for a set of measure zero is true at some of its inputs."""
        return any(
            all(map(self.holds, around(self.program, inputs)))
            for inputs in itertools.islice(self.inhabitants, _TRIED)
        )

    @property
    def has_few_values(self) -> bool:
        """Whether some input takes only a few values."""
        inputs = self.program.inputs
        return self.reading.total and any(few_values(inputs, self.reading))

    @property
    def certain(self) -> Program | None:
        """The condition for a solver, which takes it for a formula over the reals: None where it
        asks what has no value for some inputs, and is then false or true as it happens."""
        return self.program if self.reading.total else None

    def written(self, writer: Writer, inputs: list[Elements]) -> Given:
        """What a proof by branches is to know, as formulas beside those of the programs."""
        if not self.reading.total:
            return Given()
        assuming, writer.assuming = writer.assuming, False  # its integers wrap, whatever those of
        wrapping = writer.wrapping  # the programs are taken to do
        found = read(self.program, writer, inputs)
        writer.assuming, writer.wrapping = assuming, wrapping
        return Given(found.inequalities, found.rest)

    def told(self, *programs: Program) -> Told:
        """What `proof.prove` is to know of the inputs of these programs."""
        constants, variables = constants_of(*programs), self.program.inputs
        return partial(
            tell,
            variables=variables,
            reading=self.reading,
            constants=constants,
            condition=self.certain,
        )

    def solved(self, *programs: Program) -> tuple[Precondition, list[Program]] | None:
        """With its equations solved: the rest of it and the programs, of free inputs."""
        phi = solved(self.reading, self.program.inputs) if self.reading.total else None
        if phi is None:
            return None
        shapes = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in self.program.inputs]

        def after(program: Program) -> Program:
            return trace(lambda *leaves: call(program, *phi(*leaves)), *shapes)

        rest = Precondition(after(self.program), self.name, self.rng)
        return rest, [after(program) for program in programs]


def of(
    asked: str, assuming: object, called: Function, examples: tuple[object, ...], seed: int
) -> Precondition:
    """The argument `assuming` of a public function, traced; `called`: the same as a function of
    what is no static part of the examples. Raises TypeError where it is no function of the examples
    that returns booleans; its own errors pass."""
    if not callable(assuming):
        raise TypeError(
            f"{asked}: assuming: expected a function of the examples that returns booleans, got "
            f"{type(assuming).__name__}"
        )
    try:
        made = arguments.traced(asked, "assuming", called, examples)
    except jax.errors.TracerBoolConversionError as error:
        error.add_note("`0 <= x < 10` and `a and b` decide while traced: (0 <= x) & (x < 10)")
        raise
    found = Precondition(program_of(made), name_of(assuming), np.random.default_rng(seed))
    checked(found.program, asked)
    return found


def name_of(f: Function) -> str:
    """A condition in words: its name, and where it stands."""
    code = getattr(f, "__code__", None)
    where = f" at {os.path.basename(code.co_filename)}:{code.co_firstlineno}" if code else ""
    return f"{function(f)}{where}"


def checked(program: Program, asked: str) -> None:
    """Raises TypeError where the outputs are no booleans."""
    for atom in program.outputs:
        if atom.dtype != np.bool_:
            raise TypeError(
                f"{asked}: assuming: expected a function that returns booleans, got one that "
                f"returns {jax.ShapeDtypeStruct(atom.shape, atom.dtype)}"
            )
    if not program.outputs:
        raise TypeError(
            f"{asked}: assuming: expected a function that returns booleans, got one "
            "that returns nothing"
        )

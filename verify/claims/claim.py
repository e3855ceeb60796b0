"""What a claim of the note is, as data: a sentence, a statement in JAX, variants with verdicts.

Nothing here decides anything: `run.py` settles the variants and compares the verdicts with the
expected ones, so that a claim whose variants come out otherwise fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from verify.dtypes import Function
from verify.verdict import Status, Verdict

Size = Literal["small", "full"]
Tick = Callable[[int, int], None]  # told (cells settled, cells in all) while a sweep runs


@dataclass(frozen=True)
class Variant:
    """One precise reading of a claim, and the verdict that it must get.

    name: unique within its claim; stable, since tests and links use it ("same-even-offset-0").
    says: one sentence, what is compared under which condition.
    expected: the verdict's status if the note (or our reading of it) is right.
    settle: computes the verdict; takes nothing, so that whatever it needs is in the claim's file.
    size: "full" variants (the note's own 100x100x3) run only where they are asked for.
    left, right: the two programs, where there are two; the report shows their source.
    """

    name: str
    says: str
    expected: Status
    settle: Callable[[], Verdict]
    size: Size = "small"
    left: Function | None = None
    right: Function | None = None


@dataclass(frozen=True)
class Cell:
    """One cell of a sweep: where in the grid, and what came out."""

    at: tuple[object, ...]  # a value an axis
    verdict: Verdict


@dataclass(frozen=True)
class Sweep:
    """A condition found, not typed in: verdicts over a grid, and the rule that separates them.

    axes: names of the grid's axes ("size", "kernel", "stride", "padding").
    rule: the sentence that the cells taught; exact: whether it separates all of them.
    """

    axes: tuple[str, ...]
    cells: tuple[Cell, ...]
    rule: str
    exact: bool


@dataclass(frozen=True)
class Measured:
    """What a training experiment found; `figures` are its rows, ready for a table.

    supported: whether the note's sentence was borne out (None: it cannot be said either way).
    picture: path of a PNG file. command: how to measure it again.
    """

    headline: str
    found: str  # a paragraph
    supported: bool | None
    columns: tuple[str, ...]
    figures: tuple[tuple[str, ...], ...]
    picture: str
    command: str


@dataclass(frozen=True)
class Claim:
    """A sentence of the note and everything that settles it.

    id: stable, lower case with hyphens (`verify notes --only ID`).
    korean: the sentence as it stands in the note. english: its reading.
    statement: the formal statement, JAX code or a formula that teaches.
    conclusion: what a reader should take home, conditions included; checked by the variants.
    variants: proofs and refutations. sweep: finds the conditions (slower; see `Sweep`), given the
        size of its grid and whom to tell how far it is.
    measured: the experiment's results, None where they have not been measured in this folder.
    """

    id: str
    korean: str
    english: str
    statement: str
    conclusion: str
    variants: tuple[Variant, ...] = ()
    sweep: Callable[[Size, Tick], Sweep] | None = None
    measured: Callable[[], Measured | None] | None = None


@dataclass(frozen=True)
class Outcome:
    """A variant, settled."""

    variant: Variant
    verdict: Verdict
    seconds: float

    @property
    def as_expected(self) -> bool:
        return self.verdict.status == self.variant.expected


@dataclass(frozen=True)
class Settled:
    """A claim, settled: what `verify notes` shows and the report draws."""

    claim: Claim
    outcomes: tuple[Outcome, ...]
    sweep: Sweep | None = None
    measured: Measured | None = None

    @property
    def as_expected(self) -> bool:
        exact = self.sweep is None or self.sweep.exact
        return exact and all(outcome.as_expected for outcome in self.outcomes)

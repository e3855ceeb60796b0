"""What a person sees while `verify notes` runs: a table that fills, or lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from verify.claims import Claim, Outcome, Settled
from verify.claims.claim import Size
from verify.claims.run import selected


@dataclass
class Row:
    """How far one claim is."""

    names: list[str]  # of its variants
    outcomes: list[Outcome] = field(default_factory=list)
    settled: Settled | None = None
    started: float | None = None
    seconds: float = 0.0
    cells: str = ""  # how far its sweep is

    def count(self, status: str) -> int:
        return sum(outcome.verdict.status == status for outcome in self.outcomes)

    @property
    def unexpected(self) -> int:
        inexact = self.settled is not None and self.settled.sweep is not None
        inexact = inexact and not self.settled.sweep.exact  # type: ignore[union-attr]
        return sum(not outcome.as_expected for outcome in self.outcomes) + inexact

    @property
    def doing(self) -> str:
        """What is being settled: "3/12 valid-values", or the cells of a sweep."""
        done = len(self.outcomes)
        if done < len(self.names):
            return f"{done + 1}/{len(self.names)} {self.names[done]}"
        return self.cells or "..."


class Board:
    """The state of a run, and how to show that it moved: `show` is called after every step."""

    def __init__(self, claims: Sequence[Claim], size: Size) -> None:
        self.rows = {c.id: Row([v.name for v in selected(c, size)]) for c in claims}
        self._start(next(iter(self.rows), None))

    def _start(self, name: str | None) -> None:
        self.current = name
        if name is not None:
            self.rows[name].started = time.monotonic()

    @property
    def total(self) -> int:
        return sum(len(row.names) for row in self.rows.values())

    @property
    def count(self) -> int:
        return sum(len(row.outcomes) for row in self.rows.values())

    @property
    def unexpected(self) -> int:
        return sum(row.unexpected for row in self.rows.values())

    def outcome(self, claim: Claim, outcome: Outcome) -> None:
        self.rows[claim.id].outcomes.append(outcome)

    def tick(self, done: int, of: int) -> None:
        assert self.current is not None
        self.rows[self.current].cells = f"sweep {done}/{of}"

    def settled(self, claim: Claim, settled: Settled) -> None:
        row = self.rows[claim.id]
        row.settled = settled
        row.seconds = time.monotonic() - (row.started or 0.0)
        names = list(self.rows)
        following = names[names.index(claim.id) + 1 :]
        self._start(following[0] if following else None)


@contextmanager
def board(claims: Sequence[Claim], size: Size, out: TextIO) -> Iterator[Board]:
    """A table that fills on a terminal; a line for each variant anywhere else."""
    if not out.isatty():
        yield Lines(claims, size, out)
        return
    console = Console(file=out, highlight=False)
    state = Board(claims, size)
    spinner = Spinner("dots")
    with Live(get_renderable=lambda: table(state, spinner), console=console, refresh_per_second=8):
        try:
            yield state
        finally:
            state.current = None  # nothing runs any more


class Lines(Board):
    """A log: each line says one thing that was settled, at once."""

    def __init__(self, claims: Sequence[Claim], size: Size, out: TextIO) -> None:
        super().__init__(claims, size)
        self.out = out
        self.wide = max((len(name) for name in self.rows), default=0)

    def outcome(self, claim: Claim, outcome: Outcome) -> None:
        super().outcome(claim, outcome)
        variant, verdict = outcome.variant, outcome.verdict
        expected = "as expected" if outcome.as_expected else f"EXPECTED {variant.expected}"
        self._say(
            f"{claim.id:{self.wide}}  {verdict.status:7}  {expected}  {variant.name}  "
            f"{outcome.seconds:.2f} s"
        )

    def settled(self, claim: Claim, settled: Settled) -> None:
        super().settled(claim, settled)
        if settled.sweep is not None:
            exact = "a rule" if settled.sweep.exact else "NO RULE"
            cells = f"{len(settled.sweep.cells)} cells"
            self._say(f"{claim.id:{self.wide}}  sweep    {exact} for all {cells}")

    def _say(self, text: str) -> None:
        print(text, file=self.out, flush=True)  # a log is read while the run goes on


def table(state: Board, spinner: Spinner) -> Table:
    """The board as it stands."""
    shown = Table(box=None, padding=(0, 1), pad_edge=False)
    for name, justify in (
        ("", "left"),
        ("claim", "left"),
        ("proved", "right"),
        ("refuted", "right"),
        ("", "left"),
        ("time", "right"),
    ):
        shown.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name, row in state.rows.items():
        running = name == state.current
        seconds = time.monotonic() - (row.started or 0.0) if running else row.seconds
        shown.add_row(
            spinner if running else _sign(row),
            Text(name, style="bold" if running else ""),
            _number(row.count("proved"), "green"),
            _number(row.count("refuted"), "yellow"),
            _remark(row, running),
            f"{seconds:.1f} s" if running or row.settled else "",
        )
    return shown


def _sign(row: Row) -> Text:
    if row.unexpected:
        return Text("!", style="bold red")
    return Text("✓", style="green") if row.settled else Text("·", style="dim")


def _number(n: int, style: str) -> Text:
    return Text(str(n) if n else "", style=style)


def _remark(row: Row, running: bool) -> Text:
    if row.unexpected:
        return Text(f"{row.unexpected} not as expected", style="bold red")
    if running:
        return Text(row.doing, style="dim")
    if row.settled is None:
        left = len(row.names) - len(row.outcomes)
        return Text(f"{left} to settle" if left else "", style="dim")
    found = []
    if row.settled.sweep is not None:
        found.append(f"rule for {len(row.settled.sweep.cells)} cells")
    if row.settled.measured is not None:
        found.append("measured")
    elif row.settled.claim.measured is not None:
        found.append("not measured here")
    return Text(", ".join(found), style="dim")

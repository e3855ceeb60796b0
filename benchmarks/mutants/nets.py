"""What stops a false proof, the tests aside: the comparison of verify's reading with JAX, or a
search for a difference before the proof.

Asked are pairs that differ (`tests/verify/pairs`), with the nets out of the prover and then with
one or both of them back in. A fault in a rule that makes the bare prover prove such a pair is a
fault that users would suffer from; what counts is whether the nets stop it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import mock

import numpy as np

import verify
from benchmarks.mutants.coverage import Asked, Question, asked, said
from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.report import lines
from benchmarks.mutants.swap import Key, NotApplicable, applied
from tests.verify.pairs.law import Case, differs
from tests.verify.pairs.scoreboard import LAWS
from verify import Verdict
from verify.provers import accepting
from verify.provers.searching import Search

_SEARCHES = ("glance", "second_glance", "look", "before_proof")
_SECONDS = 5.0  # a question
NETS = {
    "neither": (),
    "the self-check": ("trusted",),
    "the search": _SEARCHES,
    "both": ("trusted", *_SEARCHES),
}


@dataclass(frozen=True)
class Stopped:
    """What became of a fault.

    proved: the pairs that differ and are proved, by the nets that are in.
    asked: how many pairs run the changed function.
    """

    mutant: str
    file: str
    asked: int
    proved: dict[str, list[str]]


@contextmanager
def with_nets(names: Sequence[str]) -> Iterator[None]:
    """The prover without searches and self-check but for those named."""
    with ExitStack() as stack:
        for name in _SEARCHES:
            if name not in names:
                stack.enter_context(mock.patch.object(Search, name, _finds_nothing))
        if "trusted" not in names:
            stack.enter_context(mock.patch.object(accepting, "trusted", _believes))
        yield


def _finds_nothing(*_: Any, **__: Any) -> None:
    return None


def _believes(_: Any, verdict: Verdict) -> Verdict:
    return verdict


def pairs(seed: int, rounds: int) -> Iterator[Question]:
    """Pairs that differ, some of every law."""
    for number in range(rounds * len(LAWS)):
        law = LAWS[number % len(LAWS)]
        rng = np.random.default_rng([seed, number])
        case = law.make(rng)
        if not law.family.startswith("network") and differs(case, rng):
            yield Question(f"{law.name} #{number}", functools.partial(_status, case))


def _status(case: Case) -> str:
    return verify.equivalent(
        case.left, case.mutant, *case.examples, seed=0, seconds=_SECONDS
    ).status


def watched(questions: Iterable[Question], root: str) -> list[Asked]:
    """The pairs as the sound prover without nets answers them.

    Raises AssertionError for one that it proves.
    """
    found = []
    with with_nets(()):
        for question in questions:
            known = asked(question, root)
            if known.answer == "proved":
                raise AssertionError(f"{question.name} differs and is proved without a fault")
            found.append(known)
    return found


def stopped(
    mutant: Mutant,
    functions: dict[Key, list[FunctionType]],
    questions: Sequence[Asked],
    most: float,
) -> Stopped | None:
    """Asks the pairs that run the changed function, quick ones first, for `most` seconds; None if
    the fault cannot be put in."""
    proved: dict[str, list[str]] = {}
    try:
        with applied(mutant, functions, ast.parse(mutant.source)) as changed:
            chosen = left = _within(most, [q for q in questions if q.runs & set(changed)])
            for name, nets in NETS.items():
                with with_nets(nets):
                    proved[name] = [q.question.name for q in left if _says(q) == "proved"]
                left = [q for q in chosen if q.question.name in proved["neither"]]
    except NotApplicable:
        return None
    return Stopped(str(mutant), mutant.path, len(chosen), proved)


def read(path: Path) -> dict[str, Stopped]:
    """The outcomes of a file; a last line cut by an interruption is left out."""
    return {row.mutant: row for row in lines(path, Stopped)}


def table(rows: Sequence[Stopped]) -> str:
    """Markdown: a row a net, then the faults that no net stops."""
    harmful = [r for r in rows if r.proved["neither"]]
    text = [
        f"{len(rows)} faults, {len(harmful)} of which give false proofs without nets, of "
        f"{sum(len(r.proved['neither']) for r in harmful)} pairs.",
        "",
        "| net | faults that it stops | pairs that it stops |",
        "|---|---|---|",
    ]
    for name in list(NETS)[1:]:
        faults = sum(not r.proved[name] for r in harmful)
        stopped = sum(len(r.proved["neither"]) - len(r.proved[name]) for r in harmful)
        text.append(f"| {name} | {faults} | {stopped} |")
    left = [r for r in harmful if r.proved["both"]]
    text += ["", f"Stopped by none ({len(left)}):", ""]
    text += [f"* `{r.mutant}`: {', '.join(r.proved['both'])}" for r in left]
    return "\n".join(text) + "\n"


def _within(most: float, questions: Sequence[Asked]) -> list[Asked]:
    chosen: list[Asked] = []
    for q in sorted(questions, key=lambda q: q.seconds):
        if sum(c.seconds for c in chosen) + q.seconds <= most or not chosen:
            chosen.append(q)
    return chosen


def _says(q: Asked) -> str:
    return said(q.question, 2 * _SECONDS)

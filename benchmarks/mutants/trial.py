"""One mutant: is any question answered otherwise?"""

from __future__ import annotations

import ast
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from benchmarks.mutants.coverage import PASSED, Asked, answer
from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.swap import Key, NotApplicable, applied

_SLOWER = 10  # times; a question that takes longer than that hangs
_AT_LEAST = 5.0  # seconds


class Hangs(BaseException):
    """No exception of the program's own: the verifier catches those."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    noticed: the first question that was answered otherwise, with both answers; "" if none was.
    asked: how many questions run the changed function at all.
    """

    mutant: str
    file: str
    noticed: str
    asked: int
    applied: bool = True


def outcome(
    mutant: Mutant,
    functions: dict[Key, list[FunctionType]],
    questions: Sequence[Asked],
    most: float,
) -> Outcome:
    """Asks the questions that run the changed function, quick ones first, for `most` seconds of
    what they take without the mutant."""
    original = ast.parse(mutant.source)
    name, file = str(mutant), mutant.path
    concerned: list[Asked] = []
    doubted: list[Asked] = []  # failed without the mutant too: no sign of it
    while True:
        try:
            with applied(mutant, functions, original) as changed:
                concerned = [q for q in questions if q.runs & set(changed) and q not in doubted]
                found = _first_failure(concerned, most)
        except NotApplicable:
            return Outcome(name, file, "", 0, applied=False)
        if found is None:
            return Outcome(name, file, "", len(concerned))
        failed, said = found
        if _said(failed) == PASSED:
            return Outcome(name, file, f"{failed.question.name}: {said[:160]}", len(concerned))
        doubted.append(failed)


def _first_failure(questions: Sequence[Asked], most: float) -> tuple[Asked, str] | None:
    spent = 0.0
    for number, q in enumerate(sorted(questions, key=lambda q: q.seconds)):
        spent += q.seconds
        if spent > most and number:
            return None
        said = _said(q)
        if said != PASSED:
            return q, said
    return None


def _said(q: Asked) -> str:
    try:
        with limited(max(_AT_LEAST, _SLOWER * q.seconds)):
            return answer(q.question)
    except Hangs:
        return "no answer"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises `Hangs` in what takes longer."""

    def strike(*_: Any) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

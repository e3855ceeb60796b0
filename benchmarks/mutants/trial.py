"""One mutant: is any question answered otherwise?"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType

from benchmarks.mutants.coverage import PASSED, Asked, said
from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.swap import Key, NotApplicable, applied

_SLOWER = 10  # times; a question that takes longer than that hangs
_AT_LEAST = 5.0  # processor seconds

Place = tuple[str, str]  # a file and the name of a function in it, "" for the file as a whole


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


class Noticed:
    """Which questions noticed faults, and where: they are asked first about more faults there."""

    def __init__(self) -> None:
        self._faults: dict[Place, Counter[str]] = {}

    def add(self, q: Asked, places: Sequence[Place]) -> None:
        for place in places:
            self._faults.setdefault(place, Counter())[q.question.name] += 1

    def ordered(self, questions: Sequence[Asked], places: Sequence[Place]) -> list[Asked]:
        """What noticed most a second comes first: in the function, then in the file."""

        def rank(q: Asked) -> tuple[float, ...]:
            name, seconds = q.question.name, q.seconds + 1e-3
            here = (self._faults.get(place, Counter())[name] for place in places)
            return (*(-n / seconds for n in here), seconds)

        return sorted(questions, key=rank)


def outcome(
    mutant: Mutant,
    functions: dict[Key, list[FunctionType]],
    questions: Sequence[Asked],
    most: float,
    noticed: Noticed | None = None,
) -> Outcome:
    """Asks the questions that run the changed function for `most` seconds of what they take without
    the mutant: first those that noticed other faults in the function or its file, then quick ones.
    """
    noticed = noticed if noticed is not None else Noticed()
    original = ast.parse(mutant.source)
    name, file = str(mutant), mutant.path
    concerned: list[Asked] = []
    doubted: list[Asked] = []  # failed without the mutant too: no sign of it
    while True:
        try:
            with applied(mutant, functions, original) as changed:
                concerned = [q for q in questions if q.runs & set(changed) and q not in doubted]
                places = [(file, function) for _, function, _ in changed] + [(file, "")]
                found = _first_failure(noticed.ordered(concerned, places), most)
        except NotApplicable:
            return Outcome(name, file, "", 0, applied=False)
        if found is None:
            return Outcome(name, file, "", len(concerned))
        failed, said = found
        if _said(failed) == PASSED:
            noticed.add(failed, places)
            return Outcome(name, file, f"{failed.question.name}: {said[:160]}", len(concerned))
        doubted.append(failed)


def _first_failure(questions: Sequence[Asked], most: float) -> tuple[Asked, str] | None:
    spent = 0.0
    for number, q in enumerate(questions):
        spent += q.seconds
        if spent > most and number:
            return None
        said = _said(q)
        if said != PASSED:
            return q, said
    return None


def _said(q: Asked) -> str:
    return said(q.question, max(_AT_LEAST, _SLOWER * q.seconds))

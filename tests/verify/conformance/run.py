"""Many draws of primitives, and what came of them.

for found in tally(["cumsum", "sort"], seed=0, equations=25, sets=8):
    print(found.name, found.compared, found.disagreements)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.verify.conformance.compare import Case, Ours, by_the_rules, case, compared
from tests.verify.conformance.proposals import Absent
from tests.verify.conformance.worker import Worker
from tests.verify.conformance.xla_faults import excused

ATTEMPTS = 12  # proposals for each equation that is wanted, before it is given up


@dataclass
class Tally:
    """Draws are pairs of an equation that JAX accepts and operands for it.

    keys: the equations as text, different ones. rejected: proposals that JAX does not accept,
    which are no draws. unsupported: draws that the rules do not answer. compared: draws that JAX
    and the rules both answered. aborted: equations over which XLA ended its process. excused:
    disagreements that no rule is to blame for, by the table in `xla_faults.py`.
    """

    name: str
    draws: int = 0
    keys: set[str] = field(default_factory=set)
    rejected: int = 0
    unsupported: int = 0
    compared: int = 0
    aborted: int = 0
    excused: int = 0
    absent: bool = False
    disagreements: list[str] = field(default_factory=list)

    @property
    def equations(self) -> int:
        return len(self.keys)


@dataclass
class _Begun:
    """Draws whose results JAX is working on."""

    found: Tally
    cases: list[Case]
    ours: list[list[Ours]]
    wanted: list[Case]
    ticket: Any


def tally(
    names: Sequence[str], *, seed: int, equations: int, sets: int, first: int = 0
) -> Iterator[Tally]:
    """Of each primitive `equations` equations with `sets` sets of operands each, proposals from
    `first` on. JAX works on one while the rules work on the next."""
    with Worker() as worker:
        begun: _Begun | None = None
        for name in names:
            following = _draw(name, seed, equations, sets, first)
            if begun is not None:
                yield _finish(worker, begun, sets)
            following.ticket = worker.send(following.wanted, sets)
            begun = following
        if begun is not None:
            yield _finish(worker, begun, sets)


def _draw(name: str, seed: int, equations: int, sets: int, first: int) -> _Begun:
    found, cases = Tally(name), []
    for index in range(first, first + equations * ATTEMPTS):
        if len(cases) == equations:
            break
        try:
            one = case(name, seed, index)
        except Absent:
            found.absent = True
            break
        if one is None:
            found.rejected += 1
        else:
            cases.append(one)
    ours = [[by_the_rules(one, one.sample(number)) for number in range(sets)] for one in cases]
    wanted = [one for one, made in zip(cases, ours, strict=True) if any(map(_answers, made))]
    return _Begun(found, cases, ours, wanted, None)


def _finish(worker: Worker, begun: _Begun, sets: int) -> Tally:
    found = begun.found
    results = worker.receive(begun.ticket)
    theirs = {one.index: r for one, r in zip(begun.wanted, results, strict=True)}
    for one, made in zip(begun.cases, begun.ours, strict=True):
        if one.index not in theirs:  # JAX's own checks have accepted it
            found.keys.add(one.key)
            found.draws += sets
            found.unsupported += sets
            continue
        by_set = theirs[one.index]
        if by_set is None:
            found.rejected += 1
        elif isinstance(by_set, str):
            found.aborted += 1
        else:
            found.keys.add(one.key)
            for number in range(sets):
                _compare(found, one, number, made[number], by_set[number])
    return found


def _compare(found: Tally, one: Case, number: int, ours: Ours, theirs: Any) -> None:
    found.draws += 1
    if not _answers(ours):
        found.unsupported += 1
        return
    found.compared += 1
    operands = one.sample(number)
    text = compared(one, operands, ours, theirs)
    if text and excused(one, operands):
        found.excused += 1
    elif text:
        found.disagreements.append(text)


def _answers(ours: Ours) -> bool:
    return ours.results is not None or bool(ours.failure)

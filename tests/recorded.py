"""The record of verdicts: what the verifier says of every pair of programs in the tests.

A test asserts what must hold whatever the verifier becomes (this pair is proved, that bug is never
proved). The record in `tests/verdicts/` holds all else that a change could lose or gain unseen: for
each test the verdicts in the order in which it asked for them, each as its status and its
assumptions. One line a test, one file a test file. A run that differs from it fails, whether it
became worse or better, and `make record` writes it anew: then the change of the verifier and the
change of its answers are read together.

Questions without a seed get one from the test's name, so that every run asks the same; and all get
ten times their seconds, so that work ends them and not the clock of a busy machine.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
FOLDER = TESTS / "verdicts"
RENEW = "make record, or for one file: pytest --renew-record"

PATIENCE, _SECONDS = 10, 60.0  # times as long; what a question has by default
Verdicts = list[list[str]]  # of one test: status, assumptions...
# A line of the user's program, an address, and the time that something took: no part of an answer.
_PASSING = ((re.compile(r"(\.py):\d+"), r"\1"), (re.compile(r"0x[0-9a-f]{6,}"), "0x..."))
_BETTER = {"unknown": 0, "refuted": 1, "proved": 1}


def plain(verdict: Any) -> list[str]:
    """What is kept of a verdict.

    >>> from verify import Verdict
    >>> plain(Verdict("proved", assumptions=("no ties (net.py:12)",)))
    ['proved', 'no ties (net.py)']
    """
    kept = []
    for assumption in verdict.assumptions:
        for pattern, replacement in _PASSING:
            assumption = pattern.sub(replacement, assumption)
        kept.append(assumption)
    return [verdict.status, *sorted(set(kept))]


class Listener:
    """The verdicts of one test, as it asks for them."""

    def __init__(self, name: str) -> None:
        self.name, self.verdicts, self.depth = name, [], 0

    def seed(self) -> int:
        text = f"{self.name} {len(self.verdicts)}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


_listening: list[Listener] = []


@contextmanager
def listening(name: str) -> Iterator[Listener]:
    listener = Listener(name)
    _listening.append(listener)
    try:
        yield listener
    finally:
        _listening.remove(listener)


def heard(question: Callable[..., Any]) -> Callable[..., Any]:
    """`equivalent` or `derivatives`, whose verdicts the listener is told; a question that such a
    question asks in turn is not told."""

    @functools.wraps(question)
    def asked(*arguments: Any, **options: Any) -> Any:
        if not _listening or _listening[-1].depth:
            return question(*arguments, **options)
        listener = _listening[-1]
        if options.get("seed") is None:
            options["seed"] = listener.seed()
        seconds = options.get("seconds", _SECONDS)
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if is_number and 0 < seconds < math.inf:
            options["seconds"] = PATIENCE * seconds
        listener.depth += 1
        try:
            verdict = question(*arguments, **options)
        finally:
            listener.depth -= 1
        listener.verdicts.append(plain(verdict))
        return verdict

    return asked


# -- The files ----------------------------------------------------------------------------------


def path_of(file: str) -> Path:
    """The record of a test file, named from the repository's root.

    >>> path_of("tests/verify/test_identities.py").relative_to(FOLDER).as_posix()
    'verify/test_identities.json'
    """
    return FOLDER / Path(file).relative_to("tests").with_suffix(".json")


@functools.cache
def read(path: Path) -> dict[str, Verdicts]:
    """Test name -> its verdicts; nothing where there is no file."""
    return json.loads(path.read_text()) if path.exists() else {}


def write(path: Path, record: dict[str, Verdicts]) -> None:
    """One line a test, in the order of the names, so that two changes seldom meet in a line."""
    read.cache_clear()
    if not record:
        path.unlink(missing_ok=True)
        return
    lines = [
        f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(verdicts, ensure_ascii=False)}"
        for name, verdicts in sorted(record.items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


# -- Comparing ----------------------------------------------------------------------------------


def complaint(recorded: Verdicts | None, now: Verdicts) -> str:
    """What differs, a line each; empty if nothing does.

    >>> complaint([["proved"]], [["proved"]])
    ''
    >>> print(complaint([["proved"]], [["unknown"]]).splitlines()[0])
    question 1: WORSE. recorded: proved; now: unknown
    >>> print(complaint([["proved", "no ties"]], [["proved"]]).splitlines()[0])
    question 1: better. recorded: proved, assuming no ties; now: proved
    """
    recorded = recorded or []
    lines = []
    for number in range(max(len(recorded), len(now))):
        old, new = (list(v[number]) if number < len(v) else [] for v in (recorded, now))
        if old != new:
            said = f"recorded: {_text(old)}; now: {_text(new)}"
            lines.append(f"question {number + 1}: {_change(old, new)}. {said}")
    if lines:
        lines.append(f"If the change is meant, the record is out of date; to renew it: {RENEW}")
    return "\n".join(lines)


def _text(verdict: list[str]) -> str:
    status, *assumptions = verdict or ["nothing"]
    return f"{status}, assuming {'; '.join(assumptions)}" if assumptions else status


def _change(old: list[str], new: list[str]) -> str:
    if not old:
        return "not in the record"
    if not new:
        return "no longer asked"
    if _BETTER[old[0]] != _BETTER[new[0]]:
        return "better" if _BETTER[old[0]] < _BETTER[new[0]] else "WORSE"
    if old[0] != new[0]:
        return "THE OPPOSITE"
    if set(new) < set(old):
        return "better"
    return "WORSE" if set(new) > set(old) else "other assumptions"

"""Which functions of the verifier a question runs, and what it takes."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.mutants.swap import Key, key

PASSED = "passed"
_WAITS = 20  # times; so much longer on the wall, for what waits and computes nothing


class Hangs(BaseException):
    """No exception of the program's own: the verifier catches those."""


@dataclass(frozen=True)
class Question:
    """Something to ask the verifier; `ask` gives what it answers, in a word or a line."""

    name: str
    ask: Callable[[], str]


@dataclass(frozen=True)
class Asked:
    """A question with its answer of the sound verifier, and the processor seconds that it took: a
    clock on the wall would say how busy the machine was."""

    question: Question
    answer: str
    seconds: float
    runs: frozenset[Key]


def asked(question: Question, root: str, longest: float = 3600.0) -> Asked:
    """Asks once, for no longer than so many processor seconds, and watches which functions of the
    verifier run."""
    runs: set[Key] = set()

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(root):
            runs.add(key(frame.f_code))

    start = time.process_time()
    sys.setprofile(watch)
    try:
        found = said(question, longest)
    finally:
        sys.setprofile(None)
    return Asked(question, found, time.process_time() - start, frozenset(runs))


def save(path: Path, questions: Sequence[Asked]) -> None:
    """Writes them down, for other processes of the same code."""
    functions = sorted({key for q in questions for key in q.runs})
    number = {key: n for n, key in enumerate(functions)}
    rows = [[q.question.name, q.seconds, sorted(number[key] for key in q.runs)] for q in questions]
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps({"functions": functions, "questions": rows}))
    fresh.replace(path)


def load(path: Path, questions: Sequence[Question]) -> list[Asked]:
    """What `save` has written, of questions that are still asked."""
    record, named = json.loads(path.read_text()), {q.name: q for q in questions}
    keys: list[Key] = [(file, name, line) for file, name, line in record["functions"]]
    return [
        Asked(named[name], PASSED, seconds, frozenset(keys[n] for n in runs))
        for name, seconds, runs in record["questions"]
        if name in named
    ]


def said(question: Question, seconds: float) -> str:
    """What is answered within so many processor seconds."""
    try:
        with limited(seconds):
            return answer(question)
    except Hangs:
        return "no answer"


def answer(question: Question) -> str:
    """What is answered; an exception is an answer too."""
    try:
        return question.ask()
    except Exception as error:
        return f"raised {type(error).__name__}"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises `Hangs` in what takes more processor time."""

    def strike(*_: Any) -> None:
        raise Hangs

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, 1), (signal.ITIMER_REAL, signal.SIGALRM, _WAITS))
    before = [signal.signal(sign, strike) for _, sign, _ in timers]
    for timer, _, times in timers:
        signal.setitimer(timer, times * seconds)
    try:
        yield
    finally:
        for (timer, sign, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(sign, handler)

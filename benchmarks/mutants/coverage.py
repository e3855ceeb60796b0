"""Which functions of the verifier a question runs, and what it takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.mutants.swap import Key, key

PASSED = "passed"


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


def asked(question: Question, root: str) -> Asked:
    """Asks once, and watches which functions of the verifier run."""
    runs: set[Key] = set()

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(root):
            runs.add(key(frame.f_code))

    start = time.process_time()
    sys.setprofile(watch)
    try:
        found = answer(question)
    finally:
        sys.setprofile(None)
    return Asked(question, found, time.process_time() - start, frozenset(runs))


def answer(question: Question) -> str:
    """What is answered; an exception is an answer too."""
    try:
        return question.ask()
    except Exception as error:
        return f"raised {type(error).__name__}"

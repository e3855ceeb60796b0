"""Asks the verifier about random pairs of known truth."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import verify
from tests.verify.pairs import laws_algebra, laws_convolution, laws_network, laws_order  # noqa: F401
from tests.verify.pairs.law import LAWS, differs


@dataclass(frozen=True)
class Answer:
    """One pair and what the verifier said of it."""

    name: str
    number: int
    family: str
    mutant: bool
    status: str
    detail: str
    seconds: float

    @property
    def wrong(self) -> bool:
        """A mutant proved, or an equal pair refuted."""
        return self.status == ("proved" if self.mutant else "refuted")

    @property
    def missed(self) -> bool:
        return self.status == "unknown"


def answer_pair(task: tuple[int, int], seconds: float = 20) -> list[Answer]:
    """The answers for pair `number` under `seed`: the equal one, and its mutant if it differs."""
    seed, number = task
    law = LAWS[number % len(LAWS)]
    rng = np.random.default_rng([seed, number])
    case = law.make(rng)
    questions = [(False, case.right)]
    if differs(case, rng):  # by chance a mutation may change nothing
        questions.append((True, case.mutant))
    answers = []
    for mutant, other in questions:
        start = time.perf_counter()
        verdict = verify.equivalent(case.left, other, *case.examples, seed=number, seconds=seconds)
        answers.append(
            Answer(
                f"{law.name} #{number}" + (" (mutant)" if mutant else ""),
                number,
                law.family,
                mutant,
                verdict.status,
                verdict.reason or str(verdict),
                time.perf_counter() - start,
            )
        )
    return answers

"""Runs the verifier on random pairs of known truth and counts its answers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

import verify
from tests.verify.pairs import laws_algebra, laws_convolution, laws_network, laws_order  # noqa: F401
from tests.verify.pairs.law import LAWS, Law, differs


@dataclass
class Score:
    """Counts for one family; `wrong` must stay empty."""

    equal: int = 0
    proved: int = 0
    mutants: int = 0
    refuted: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)  # equal pairs unproved, mutants unrefuted
    seconds: list[float] = field(default_factory=list)


def run(count: int, seed: int, laws: list[Law] | None = None) -> Iterator[tuple[Law, Score]]:
    """`count` pairs, half of them mutants, over all laws in turn; yields after each pair."""
    laws = LAWS if laws is None else laws
    scores: dict[str, Score] = defaultdict(Score)
    for number in range(count // 2):
        law = laws[number % len(laws)]
        rng = np.random.default_rng([seed, number])
        case = law.make(rng)
        name = f"{law.name} #{number}"
        score = scores[law.family]
        start = time.perf_counter()
        verdict = verify.equivalent(case.left, case.right, *case.examples, seed=number, seconds=10)
        score.seconds.append(time.perf_counter() - start)
        score.equal += 1
        score.proved += verdict.status == "proved"
        if verdict.status == "refuted":
            score.wrong.append(f"{name}: refuted, though equal: {verdict}")
        elif verdict.status == "unknown":
            score.missed.append(f"{name}: {verdict.reason}")
        if not differs(case, rng):
            continue  # by chance the mutation changes nothing here
        start = time.perf_counter()
        verdict = verify.equivalent(case.left, case.mutant, *case.examples, seed=number, seconds=10)
        score.seconds.append(time.perf_counter() - start)
        score.mutants += 1
        score.refuted += verdict.status == "refuted"
        if verdict.status == "proved":
            score.wrong.append(f"{name}: proved, though a mutant: {verdict}")
        elif verdict.status == "unknown":
            score.missed.append(f"{name} (mutant): {verdict.reason}")
        yield law, score

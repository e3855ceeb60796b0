"""A row of the portfolio, and how it is tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from verify.provers.accepting import confirmed
from verify.provers.outcome import Keeps, Open, Outcome, Proof
from verify.provers.question import Question


def always(question: Question) -> bool:
    return True


@dataclass(frozen=True)
class Prover:
    """One way to an answer.

    theory: what it knows of numbers. run: the answer to a question, with so much `work`.
    applies: whether it may have one; looked at again for each question, as more becomes known.
    """

    name: str
    theory: str
    run: Callable[[Question, float], Outcome]
    applies: Callable[[Question], bool] = always
    work: float = math.inf  # units of `limits/budget.py`
    keeps: Keeps = Keeps.NOTHING
    first: bool = False  # whether it is cheap enough for questions within a question, at first
    within: bool = True  # whether it is for questions within a question at all

    def again(self, question: Question) -> Outcome:
        """Its answer to a question that differs from one that it has answered in numbers only."""
        return self.run(question, self.work)

    def attempt(self, question: Question) -> Outcome:
        """Its answer, if it applies; what it leaves open is known then. A proof is confirmed."""
        if not self.applies(question):
            return None
        with question.trace.step(self.name, self.theory) as step:
            outcome = self.run(question, self.work)
            if isinstance(outcome, Proof):
                outcome = confirmed(question, outcome)
                keeps = Keeps.ALL
            else:
                keeps = self.keeps
            if isinstance(outcome, Open):
                question.known = question.known.after(outcome, keeps)
                reason = outcome.reason  # a long sentence, of which a line has no more than this:
                if outcome.difference is not None:
                    reason = f"{outcome.difference} not identical"
                step.ended = f"open, {reason}" if reason else "open"
            elif isinstance(outcome, Proof):
                step.ended = "proved"
            elif outcome is not None:
                step.ended = outcome.status
        return outcome


def proved(question: Question, provers: Iterable[Prover]) -> Proof | None:
    """The first proof of a question within another one."""
    for prover in provers:
        outcome = prover.attempt(question)
        if isinstance(outcome, Proof):
            return outcome
    return None

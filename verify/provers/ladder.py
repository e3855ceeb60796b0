"""A question's way through the portfolio to a verdict.

A proof is never given where a concrete evaluation has shown a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from verify.algebras.base import Refused
from verify.certificate.fingerprints import fingerprint
from verify.counterexample import Comparison
from verify.dtypes import PyTree
from verify.interpretation.matching import where_they_part
from verify.limits import budget, memory
from verify.provers import portfolio
from verify.provers.accepting import accepted
from verify.provers.outcome import Outcome, Proof
from verify.provers.question import Question
from verify.provers.refutation import structure
from verify.provers.trace import Trace
from verify.verdict import Tried, Verdict


def settle(
    comparison: Comparison,
    examples: PyTree,
    names: list[str],
    seed: int,
    show: Callable[[Tried], None] | None = None,
) -> Verdict:
    """The verdict on two programs of `examples` whose input arrays have `names`; what counts as a
    counterexample is for `comparison` to say. `show`: is told of each step."""
    left, right = comparison.left, comparison.right
    if left.is_symbolic() or right.is_symbolic():
        return Verdict(
            "unknown",
            reason="the examples have symbolic dimensions, and every proof here is for concrete "
            "shapes: give sizes",
        )
    mismatch = structure(left, right, examples, names)
    if mismatch is not None:
        return mismatch
    if comparison.same:
        return Verdict("proved", method="value numbering: both are the same operations")
    try:
        memory.refuse((left, right), memory.NUMBER, "an evaluation at one input")
    except Refused as error:  # nothing is proved without a search
        return Verdict("unknown", reason=str(error))
    # Whoever knows the seed before he writes his programs must not know what will be drawn.
    rng = np.random.default_rng([seed, int(fingerprint(left), 16), int(fingerprint(right), 16)])
    question = Question(comparison, examples, names, rng, Trace(show))
    return replace(climb(question), trace=tuple(question.trace.steps))


def climb(question: Question) -> Verdict:
    """Up to the first answer that counts."""
    try:
        for prover in portfolio.PORTFOLIO:
            outcome: Outcome = prover.attempt(question)
            if isinstance(outcome, Proof):
                with question.trace.step("whether the proof counts", "evaluation") as step:
                    outcome = accepted(question, outcome, prover.again)
                    step.ended = outcome.status if isinstance(outcome, Verdict) else "not known"
            if isinstance(outcome, Verdict):
                return outcome
        reason = question.known.reason
    except budget.OutOfTime as error:
        before = f"; before that: {question.known.reason}" if question.known.reason else ""
        reason = f"{error}{before}"
    search = question.search
    if search.disagreement:
        return Verdict("unknown", reason=search.disagreement)
    if explained := question.comparison.rounding.explained:
        reason += (
            f"; {explained} differences were no larger than the rounding of the constants "
            'explains (constants="exact" takes them at their word)'
        )
    if search.possible:
        reason += f" ({question.comparison.evaluations} inputs tried)"
    return Verdict("unknown", reason=reason + _where_they_part(question))


def _where_they_part(question: Question) -> str:
    """For a reason: the first values that the other program does not have, and their lines."""
    try:
        with budget.last_words():
            read = [other for _, other in question.readings if other.known.difference is not None]
            last = (read or [question])[-1]
            difference = last.known.difference
            if difference is None:
                return ""
            where = where_they_part(*last.programs, difference, last.draw(), last.told)
    except budget.OutOfTime:
        return ""
    return f"; {where}" if where else ""

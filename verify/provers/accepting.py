"""What has to be true of a proof before the verdict says "proved".

Whatever prover it comes from: what it assumes is doubted by a search where that fails, and must
hold somewhere; a search is made before any proof counts; literals must not be able to tell the
programs apart within their rounding; and verify must read both programs as JAX computes them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Set
from dataclasses import replace

import numpy as np

from verify.algebras.field import NO_TIES
from verify.algebras.machine import HELD
from verify.constants import rewriting
from verify.counterexample.drawing import candidates
from verify.interpretation.proof import MODES
from verify.limits import budget
from verify.primitives.arithmetic import NO_ROUNDING
from verify.primitives.indexing import OF_BITS
from verify.primitives.sorting import NO_NEGATIVE_ZERO
from verify.provers.interpretation import interpret
from verify.provers.outcome import Open, Outcome, Proof
from verify.provers.question import Question
from verify.trust import selfcheck
from verify.verdict import Verdict

_OTHERWISE = 6  # inputs at which literals are other numbers, after a proof
_OTHERWISE_WORK = 1e8
_TARGET = 2.0**-40  # error probability of a proof that only says whether there is more to assume

_OF_BITS = {OF_BITS, NO_ROUNDING, NO_NEGATIVE_ZERO}  # what is assumed of the machine's numbers

_HELD = "the constants are the floats that they hold, and no other numbers that round to them"
_AS_WRITTEN = (
    'the programs are the same if constants are the floats that they hold (constants="exact"), and '
    "differ if they are other numbers that round to them"
)

Again = Callable[[Question], Outcome]


def confirmed(question: Question, proof: Proof) -> Proof | Verdict | Open:
    """The proof, once what it assumes has been doubted; a refutation, or open, where it fails."""
    if proof.confirmed:
        return proof
    refuted = question.search.where_assumptions_fail(proof.assumptions)
    if isinstance(refuted, Verdict):
        return refuted
    if proof.partial and not holds_somewhere(question, proof.assumptions):
        what = f"what is assumed of them holds ({'; '.join(proof.assumptions)})"
        return _nowhere(f"no input was found at which {what}")
    given = question.given
    if given is None or not (proof.assumptions or proof.almost):
        return replace(proof, confirmed=True)
    # Under a precondition, a proof that assumes more counts only if some input that satisfies it
    # satisfies that too; where it has no open set, what is true almost everywhere is no fact.
    if (proof.almost or NO_TIES in proof.assumptions) and not given.is_open:
        return Open()
    if not holds_somewhere(question, proof.assumptions):
        where = "no input that satisfies what is assumed was found at which also holds: "
        return _nowhere(where + "; ".join(proof.assumptions))
    return replace(proof, confirmed=True)


def _nowhere(what: str) -> Open:
    return Open(f"the programs agree where both are defined, but {what}")


def holds_somewhere(question: Question, assumptions: Iterable[str]) -> bool:
    """Whether the assumptions of a proof hold at some input that counts."""
    known, search = set(assumptions), question.search
    unwrapped = any("overflow" in sentence or sentence == HELD for sentence in known)
    return search.inhabited(unwrapped=unwrapped) and (
        not known & _OF_BITS or search.exact_somewhere
    )


def accepted(question: Question, proof: Proof, again: Again) -> Verdict | Open:
    """The verdict of a confirmed proof: proved, if all else agrees; refuted or unknown at once
    where it does not; open where JAX has not confirmed a difference, but has not denied it.
    `again`: the prover that it comes from."""
    found = question.search.before_proof()
    if found is not None:
        return found
    if _differ_otherwise(question, read=True, jumps=True):
        return Verdict("unknown", reason=_AS_WRITTEN)
    assumptions = proof.assumptions
    if not _holds_for_others(question, again, proof.read):
        assumptions = (*assumptions, _HELD)
    if question.search.disagreement:
        return Open()
    with budget.doing("the comparison of rules with JAX"):
        verdict = Verdict(
            "proved",
            method=proof.method,
            error_probability=proof.error_probability,
            assumptions=assumptions,
        )
        return trusted(question, verdict)


def trusted(question: Question, verdict: Verdict) -> Verdict:
    """A proof counts if verify reads both programs as JAX computes them."""
    # A generator of its own: how much is drawn depends on what the process has compared before.
    rng = np.random.default_rng(question.draw())
    wrong = selfcheck.disagreement(question.left, question.right, rng)
    if wrong is None and question.given is not None:
        program = question.given.program
        wrong = selfcheck.disagreement(program, program, rng)
    if wrong is not None:
        return Verdict("unknown", reason=wrong)
    found = question.search.without_values() if verdict.assumptions else None
    return verdict if found is None else found


def _holds_for_others(question: Question, again: Again, read: Set[float]) -> bool:
    """Whether nothing shows that a proof of the programs as they are written needs the numbers that
    their literals hold. Where something is chosen or rounded, an order of numbers made of literals
    may have been decided by them (10 * 0.1 > 1): no input need show that, so the proof is made once
    more for numbers on both sides, which round to the same floats. So where verify has no numbers
    to search with. Literals that the proof has `read` are no others."""
    comparison = question.comparison
    if read >= comparison.numbers.members.keys():
        return True
    if _differ_otherwise(question, read=bool(read), jumps=False):
        return False
    if not comparison.lenient_literals:
        return True
    if question.search.possible and not question.decides:
        return True
    for programs in rewriting.moved(*question.programs, comparison.numbers, read):
        other = question.beside(*programs, question.given)
        other.known, other.target = question.known, _TARGET
        # The fewest laws know of 0.3 that it is positive, and of no number that is computed.
        tries = (again, lambda one: interpret(one, math.inf, MODES[1]))
        if not any(isinstance(each(other), Proof) for each in tries):
            return False
    return True


def _differ_otherwise(question: Question, *, read: bool, jumps: bool) -> bool:
    """Whether the programs, which have been proved the same, differ where literals are other
    numbers that round to them: 10 * 0.1 > 1 is true of a float32, and not of 1/10. `read`:
    literals with a reading are that. `jumps`: only a difference by a choice counts."""
    comparison = question.comparison
    if not comparison.lenient_literals or not question.search.possible:
        return False
    constants = [c for program in question.programs for c in program.constants()]
    rng = np.random.default_rng(question.draw())
    stream = candidates(question.left.inputs, constants, rng)
    late = budget.after(_OTHERWISE_WORK)
    for number, drawn in enumerate(itertools.islice(stream, _OTHERWISE)):
        inputs = comparison.moved(drawn)
        if number and late():
            break
        if inputs is not None and comparison.rounding.decides(inputs, read=read, jumps=jumps):
            return True
    return False

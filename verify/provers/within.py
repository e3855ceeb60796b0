"""Proofs of a question by one within it: of the same programs, once more is known of them, or less
is taken to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import jax

from verify.algebras.field import NO_TIES
from verify.counterexample import Comparison
from verify.limits import effort
from verify.programs import Program
from verify.programs.contents.common import without_common
from verify.provers.accepting import accepted, holds_somewhere
from verify.provers.outcome import Outcome, Proof
from verify.provers.prover import Prover, proved
from verify.provers.question import Question
from verify.verdict import Verdict

_HEAVY = 1e5  # products of numbers in an equation
_MOST = 5_000_000  # elements of what is left
_NUMBERS = "what both programs compute are numbers (no division by zero, no root of less than zero)"


def constants_read(question: Question, provers: Iterable[Prover]) -> Proof | None:
    """A proof in which rounded constants are what they are read as."""
    best, provers = None, list(provers)
    for read, other in question.readings:
        proof = proved(other, provers)
        if proof is None:
            break
        # An epsilon of both programs needs no assumption if they are the same whether it is
        # read or not. Not read alone it proves nothing: 0.3 as a float is no three times 1/10.
        assumptions = tuple(dict.fromkeys((*read.sentences, *proof.assumptions)))
        best = replace(proof, assumptions=assumptions, read=read.ones)
    return best


def equations_solved(question: Question, provers: Iterable[Prover]) -> Proof | None:
    """A proof in which the precondition's equations between inputs are solved."""
    solved = None if question.given is None else question.given.solved(*question.programs)
    if solved is None:
        return None
    given, (left, right) = solved
    if not given.inhabited:
        return None
    proof = proved(question.beside(left, right, given), provers)
    # Of other programs: what it assumes is to hold for those of this question too.
    return None if proof is None else replace(proof, confirmed=False)


def has_common(question: Question) -> bool:
    """Whether there may be much that both programs compute."""
    return question.given is None and all(_heavy(program) for program in question.programs)


def common_given(question: Question, provers: Iterable[Prover]) -> Outcome:
    """A proof for whatever the values are that both programs compute: a question of its own, with
    its own searches and checks, as nothing of it depends on how these are made."""
    rest = without_common(*question.programs, lambda e: effort.own(e) > _HEAVY)
    if rest is None:
        return None
    left, right, places = rest.left, rest.right, rest.places
    if left.size() + right.size() > _MOST:
        return None
    if 2 * sum(map(_products, (left, right))) > sum(map(_products, question.programs)):
        return None
    constants = "rounded" if question.comparison.lenient_literals else "exact"
    examples = tuple(jax.ShapeDtypeStruct(v.shape, v.dtype) for v in left.inputs)
    common = (f"a value that both compute, {n}" for n in range(len(examples) - len(places)))
    names = [*(question.names[i] for i in places), *common]
    comparison = Comparison(left, right, constants)
    (rng,) = question.rng.spawn(1)  # what is drawn for the question itself is what it was
    other = Question(comparison, examples, names, rng, question.trace.within())
    for prover in provers:
        found = prover.attempt(other)
        if isinstance(found, Verdict):  # of values that they may never have
            return None
        if isinstance(found, Proof):
            if found.almost or NO_TIES in found.assumptions:
                return None  # common values may tie wherever they like
            return _of_both(question, accepted(other, found, prover.again), rest.partial)
    return None


def _of_both(question: Question, verdict: Outcome, partial: bool) -> Verdict | None:
    """The verdict on numbers that may be any, as one on the values that the programs have; these
    are numbers, unless they are `partial`. The searches of a proof are made of the programs as they
    are, too, and what is assumed has to hold somewhere."""
    if not isinstance(verdict, Verdict) or not verdict:
        return None
    assumptions = (*verdict.assumptions, _NUMBERS) if partial else verdict.assumptions
    search = question.search
    found = search.before_proof()
    if found is None and assumptions:
        if not holds_somewhere(question, assumptions):
            return None
        found = search.without_values()
    if found is not None:
        return found
    method = f"{verdict.method}, whatever is the value of what both compute"
    return replace(verdict, method=method, assumptions=assumptions)


def _products(program: Program) -> float:
    return effort.products(program)[0]


def _heavy(program: Program) -> bool:
    return any(effort.own(equation) > _HEAVY for equation in program.equations)

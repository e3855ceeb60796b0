"""Proofs of a question by one within it: the same programs, once more is known of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from verify.provers.outcome import Proof
from verify.provers.prover import Prover, proved
from verify.provers.question import Question


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

"""Proofs of the elements that are still open by an SMT solver; the others stay proved.

By cases and linear arithmetic, by bit-vectors (`smt/cases.py`), and in all branches that are
possible (`branches/`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from verify import branches
from verify.algebras.base import Unsupported
from verify.algebras.field import Mode
from verify.algebras.field.maxima import NO_NANS
from verify.interpretation.proof import MODES
from verify.limits import budget
from verify.provers.interpretation import interpret
from verify.provers.outcome import Outcome, Proof
from verify.provers.question import Question
from verify.smt import cases

_SHORT = 0.05  # of the work and the size of formulas: a short proof by branches


def by_cases(question: Question, work: float, *, assuming: bool) -> Outcome:
    """As terms of linear arithmetic. `assuming`: that no integer overflows where something looks
    at it."""
    settle = functools.partial(cases.settle, assuming=assuming)
    return _element_by_element(question, work, settle, "case analysis", assuming)


def by_bits(question: Question, work: float) -> Outcome:
    """With integers as bit-vectors; of those made of floats nothing is known."""
    return _element_by_element(question, work, cases.settle_bits, "bit-vectors", False)


def _element_by_element(
    question: Question,
    work: float,
    settle: Callable[..., cases.Settled | cases.Suggestion | None],
    name: str,
    assuming: bool,
) -> Outcome:
    assumptions: dict[str, None] = {}
    partial = False
    known = None if question.given is None else question.given.certain
    elements = dict(question.open_elements())
    for output, flat in elements.items():
        try:
            with budget.limit(work):
                settled = settle(*question.programs, output, flat, condition=known)
        except Unsupported:
            return None
        if isinstance(settled, cases.Suggestion):
            search = question.search
            witness = question.comparison.meet(settled.inputs) if search.possible else None
            return None if witness is None else search.refuted(witness, name)
        if settled is None:
            return None
        assumptions.update(dict.fromkeys(settled.assumptions))
        partial |= settled.partial
    method = f"{name} of {_count(elements)} elements by z3"
    proof = Proof(method, 0.0, tuple(assumptions), partial)
    return _with_the_others(question, proof, replace(MODES[1], assuming=assuming), elements)


def in_branches(question: Question, work: float, *, short: bool) -> Outcome:
    """In all possible branches. A short proof takes no integer not to wrap, leaves out no tie and
    excludes no NaN, as what comes after it may not have to."""
    difference, given = question.known.difference, question.given
    assert difference is not None
    elements, share = difference.elements, _SHORT if short else 1.0
    ways = [(False, True)] if short else [(False, True), (False, False)]
    if question.known.wrapping and not short:
        ways += [(True, True), (True, False)]
    settled = None
    try:
        for assuming, ties in ways:
            settled = branches.settle(
                *question.programs,
                elements,
                work,
                share=share,
                ties=ties,
                lenient=question.comparison.lenient,
                assuming=assuming,
                given=None if given is None else given.written,
            )
            if settled is not None:
                break
    except Unsupported:
        return None
    if settled is None or (short and NO_NANS in settled.assumptions):
        return None
    method = f"the possible branches of {_count(elements)} elements, with linear arithmetic by z3"
    proof = Proof(method, 0.0, settled.assumptions, settled.partial)
    if _count(elements) == sum(int(np.prod(v.shape)) for v in question.left.outputs):
        return proof
    return _with_the_others(question, proof, difference.mode, elements)


def _with_the_others(
    question: Question, proof: Proof, mode: Mode, elements: Mapping[int, np.ndarray]
) -> Outcome:
    """A proof of some elements, if random interpretation proves all others."""
    others = interpret(question, math.inf, mode, elements)
    if not isinstance(others, Proof):
        return others
    return proof.besides(others, f"{others.method}, and {proof.method}")


def _count(elements: Mapping[int, np.ndarray]) -> int:
    return sum(len(flat) for flat in elements.values())

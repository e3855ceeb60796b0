"""All branches of two formulas: where signs are chosen, both are quotients of polynomials.

A walk evaluates both formulas under the signs that it has assumed so far. A choice that needs the
sign of another polynomial stops it, and three walks go on in its place, with > 0, < 0 and = 0, but
for those that `certify` excludes. So ties are branches like others, and there is no assumption "no
ties"; on demand, the ties of inputs by themselves are left out. The sign of a product is that of
its factors where they are atoms: |a| |b| = |a b| asks for the signs of a and b only.

At the end of each branch the two are the same quotient, or differ by a polynomial that `certify`
shows to be zero in this branch, or else nothing is proved.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from verify.algebras.base import Unsupported
from verify.branches.branch import Branch, Evaluation, Outcome, Undecided
from verify.branches.certify import possible, signed
from verify.branches.formula import Node
from verify.branches.given import Given
from verify.branches.polynomials import (
    ONE,
    Polynomial,
    Quotient,
    Undefined,
    constant,
    frozen,
    number,
    polynomial,
    scale,
)
from verify.branches.roots import roots_in
from verify.branches.terms import Terms
from verify.branches.thin import is_thin, is_thin_in_inputs
from verify.limits import budget
from verify.smt import Fresh

_MOST_BRANCHES = 400
_BRANCH = 5000  # units of work


class Walk:
    """One pair of formulas. `offset`: what left - right is, as found in the first branch.
    `left_out`: whether a tie was left out, which happens without `ties` only."""

    def __init__(
        self,
        z3: Fresh,
        left: Node,
        right: Node,
        *,
        ties: bool = True,
        lenient: bool = False,
        given: Given | None = None,
        whole: frozenset[int] = frozenset(),
    ) -> None:
        self.z3, self.ties, self.lenient = z3, ties, lenient
        self.left_out = False
        self.tops = left, right
        self.terms = Terms(whole)
        self.given = Given() if given is None else given
        self.branches = 0
        self.offset: Fraction | None = None

    def settle(self, may_differ: bool = False) -> bool:
        """Whether left - right is one number wherever both are defined: zero, unless it may be
        another. Raises Unsupported where that cannot be told."""
        if not may_differ:
            self.offset = Fraction(0)
        stack = [Branch(facts=self.given.facts(self.terms))]
        while stack:
            branch = stack.pop()
            self.branches += 1
            budget.spend(_BRANCH)
            if self.branches > _MOST_BRANCHES:
                raise Unsupported("too many branches")
            try:
                evaluation = Evaluation(self.terms, branch)
                if not all(evaluation.value(node) == wanted for node, wanted in self.given.rest):
                    continue  # no input that counts
                left = evaluation.value(self.tops[0])
                evaluation.lenient = self.lenient
                right = evaluation.value(self.tops[1])
                same = self.agree(evaluation, left, right)
            except Undefined:
                continue  # neither equal nor different
            except Undecided as question:
                stack += self.divided(branch, question)
                continue
            if not same:
                return False
        return True

    def agree(self, evaluation: Evaluation, left: Outcome, right: Outcome) -> bool:
        if isinstance(left, Quotient) and isinstance(right, Quotient):
            return self.differ_by_offset(evaluation, self.terms.minus(left, right))
        return type(left) is type(right) and bool(left == right)

    def differ_by_offset(self, evaluation: Evaluation, difference: Quotient) -> bool:
        if self.offset is None:
            self.offset = number(difference)
            if self.offset is None:
                return False
        rest = self.terms.minus(difference, constant(self.offset)).over
        if not rest or self.is_zero_as_power(rest):
            return True
        if roots_in(self.terms, rest):
            return evaluation.sign_of(rest) == 0
        facts = evaluation.branch.facts
        return not any(
            possible(self.z3, self.terms, [*facts, signed(rest, sign)], 3) for sign in (1, -1)
        )

    def is_zero_as_power(self, p: Polynomial) -> bool:
        """e**(k p) = 1: then p = 0. Sums of logarithms become products."""
        logs = [c for m, c in p.items() if any(self.terms.atoms[a].kind == "log" for a, _ in m)]
        if not logs:
            return False
        k = int(np.lcm.reduce([c.denominator for c in logs]))
        return self.terms.exp(polynomial(scale(p, k))) == constant(1)

    def divided(self, branch: Branch, question: Undecided) -> list[Branch]:
        """The branches that a question leads to, without the impossible ones."""
        if question.truth is not None:
            known, name = branch.truths, question.truth
            return [replace(branch, truths={**known, name: value}) for value in (False, True)]
        p = question.polynomial
        assert p is not None
        found = []
        leave = not (self.ties or branch.ties or question.explicit) and is_thin_in_inputs(
            self.terms, p
        )
        if leave:
            branch = replace(branch, without=branch.without | {frozen(p)})
        for sign in (0, -1, 1):
            if not sign and leave:
                self.left_out = True
                continue
            facts = (*branch.facts, signed(p, sign))
            if possible(self.z3, self.terms, facts, 2):
                new = replace(branch, signs={**branch.signs, frozen(p): sign}, facts=facts)
                found.append(new if sign else self.where_zero(new, p))
        return found

    def where_zero(self, branch: Branch, p: Polynomial) -> Branch:
        """p = 0 eliminates an input, if one is alone in a term of p and in no other term."""
        terms = self.terms
        known = is_thin(terms, p)
        branch = replace(branch, ties=branch.ties + 1, thin=branch.thin and known)
        for m, c in p.items():
            if len(m) != 1 or m[0][1] != 1 or terms.atoms[m[0][0]].kind != "input":
                continue
            x = m[0][0]
            rest = {n: d for n, d in p.items() if n != m}
            if x not in terms.support(rest):
                return self.eliminated(branch, x, polynomial(scale(rest, -1 / c)))
        return branch

    def eliminated(self, branch: Branch, x: int, by: Quotient) -> Branch:
        """The branch with the input atom x replaced in all that is known."""
        terms = self.terms
        try:
            inputs = {n: terms.replace(q, x, by) for n, q in branch.inputs.items()}
            facts, signs = [], {}
            for p, kind in branch.facts:
                new = terms.replace(polynomial(p), x, by)
                if new.is_polynomial() and new.over.keys() - {ONE}:
                    facts.append((new.over, kind))
            for key, sign in branch.signs.items():
                new = terms.replace(polynomial(dict(key)), x, by)
                if new.is_polynomial() and new.over.keys() - {ONE}:
                    lead = new.over[max(new.over)]
                    signs[frozen(scale(new.over, 1 / lead))] = sign if lead > 0 else -sign
        except Undefined:
            raise Unsupported("a quotient by zero within a tie") from None
        inputs[terms.atoms[x].number] = by
        return replace(branch, signs=signs, facts=tuple(facts), inputs=inputs)

"""What a precondition says of the inputs of formulas: linear facts, and formulas with a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from verify.branches.certify import NOT_NEGATIVE, POSITIVE, Fact
from verify.branches.formula import Node
from verify.branches.polynomials import ONE, Polynomial
from verify.branches.terms import Terms

_RELATED, _MOST, _MOST_FORMULAS = 2, 24, 6  # steps from input to input; what is used


class Bound(Protocol):
    """sum of c x + constant, over inputs by number, is above zero ("gt") or not below ("ge")."""

    @property
    def terms(self) -> tuple[tuple[int, Fraction], ...]: ...

    @property
    def constant(self) -> Fraction: ...

    @property
    def relation(self) -> str: ...


@dataclass(frozen=True)
class Given:
    """`bounds` hold, and each formula of `rest` has its value."""

    bounds: Sequence[Bound] = ()
    rest: Sequence[tuple[Node, bool]] = ()

    def __bool__(self) -> bool:
        return bool(self.bounds or self.rest)

    def about(self, support: frozenset[int]) -> Given:
        """What is said of these inputs, and of those that it relates them to."""
        bounds, rest = list[Bound](), list[tuple[Node, bool]]()
        inputs = set(support)
        for _ in range(_RELATED):
            more = [b for b in self.bounds if b not in bounds and inputs & {n for n, _ in b.terms}]
            bounds += more[: _MOST - len(bounds)]
            formulas = [pair for pair in self.rest if pair not in rest and inputs & pair[0].support]
            rest += formulas[: _MOST_FORMULAS - len(rest)]
            inputs |= {n for b in bounds for n, _ in b.terms}
            inputs |= {n for node, _ in rest for n in node.support}
        return Given(tuple(bounds), tuple(rest))

    def facts(self, terms: Terms) -> tuple[Fact, ...]:
        return tuple(_fact(terms, bound) for bound in self.bounds)


def _fact(terms: Terms, bound: Bound) -> Fact:
    p: Polynomial = {ONE: bound.constant} if bound.constant else {}
    for n, c in bound.terms:
        p[((terms.atom("input", (), n), Fraction(1)),)] = c
    return p, POSITIVE if bound.relation == "gt" else NOT_NEGATIVE

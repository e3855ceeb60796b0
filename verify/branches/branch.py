"""One branch: what is assumed of signs, and what a formula is under these assumptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.numeric_order import COMPARE
from verify.branches import numbers, products
from verify.branches.certify import Fact
from verify.branches.formula import Node, below
from verify.branches.polynomials import (
    Frozen,
    Polynomial,
    Quotient,
    Undefined,
    constant,
    frozen,
    scale,
)
from verify.branches.roots import roots_in, sign_with_root
from verify.branches.steps import STEPS, of_numbers, step
from verify.branches.terms import Terms
from verify.limits import budget
from verify.programs import catalogue

_NODE = 1500  # units of work
# Functions have the names of primitives.
_OF_THEIR_SIGN = catalogue.having(catalogue.Fact.ODD, catalogue.Fact.KEEPS_SIGN)


class Undecided(Exception):
    """The sign of a polynomial, or a truth value, is needed and not known."""

    def __init__(
        self,
        polynomial: Polynomial | None = None,
        truth: int | None = None,
        *,
        explicit: bool = False,  # asked by a == b or a != b, which are about ties
    ) -> None:
        self.polynomial, self.truth, self.explicit = polynomial, truth, explicit


@dataclass
class Branch:
    """What is assumed: signs of polynomials, values of inputs, truth values."""

    signs: dict[Frozen, int] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    inputs: dict[int, Quotient] = field(default_factory=dict)  # by number: x = y + 1
    truths: dict[int, bool] = field(default_factory=dict)
    thin: bool = True  # has measure zero wherever some polynomial is zero
    ties: int = 0
    without: frozenset[Frozen] = frozenset()  # polynomials whose ties are left out


Outcome = Quotient | bool | float


class Evaluation:
    """Both formulas in one branch. Values: quotients, truth values, infinities (floats)."""

    def __init__(self, terms: Terms, branch: Branch) -> None:
        self.terms, self.branch = terms, branch
        self.known: dict[int, Outcome] = {}
        self.explicit = False  # within a == b
        self.lenient = False  # to which no tie matters

    def value(self, node: Node) -> Outcome:
        if id(node) not in self.known:
            budget.spend(_NODE)
            self.known[id(node)] = _MEANING[node.op](self, node)
        return self.known[id(node)]

    def number(self, node: Node) -> Quotient:
        found = self.value(node)
        if not isinstance(found, Quotient):
            raise Unsupported("arithmetic with infinities in a proof by branches")
        return found

    # -- signs ---------------------------------------------------------------------------------

    def sign(self, a: Quotient) -> int:
        over = self.sign_of(a.over)
        return over * self.sign_of(a.under) if over else 0

    def sign_of(self, p: Polynomial) -> int:
        if not p:
            return 0
        terms = self.terms
        shared = terms.content(p)
        rest = scale(p, 1, tuple(sorted((a, -e) for a, e in shared.items() if e)))
        lead = rest[max(rest)]
        sign = 1 if lead > 0 else -1
        rest = scale(rest, 1 / lead)
        for a, e in sorted(shared.items()):
            if e and not terms.is_positive(a):
                sign *= self.sign_of_atom(a) ** int(e)
        if not sign or len(rest) == 1:
            return sign
        return sign * self.sign_of_sum(rest)

    def sign_of_atom(self, a: int) -> int:
        atom = self.terms.atoms[a]
        if atom.kind == "log":  # log u > 0 just when u > 1
            return self.sign(self.terms.minus(atom.args[0], constant(1)))
        if atom.kind == "root":
            return abs(self.sign(atom.args[0]))
        if atom.kind == "fn" and atom.name[0] in _OF_THEIR_SIGN:
            return self.sign(atom.args[0])
        return self.assumed({((a, Fraction(1)),): Fraction(1)})

    def sign_of_sum(self, p: Polynomial) -> int:
        """Of two terms or more without a common factor, the first with the coefficient one."""
        made_of = roots_in(self.terms, p) if self.terms.roots else []
        if made_of:
            return sign_with_root(self, p, made_of[0])
        if len(p) == 2:  # e**a - e**b has the sign of a - b
            (m, c), (n, d) = p.items()
            one, two = self.terms.exponent(m), self.terms.exponent(n)
            if one is not None and two is not None and c == -d:
                return self.sign(self.terms.minus(one, two)) * (1 if c > 0 else -1)
        never_negative = all(c > 0 and self.terms.is_square(m) for m, c in p.items())
        if never_negative and any(all(self.terms.is_positive(a) for a, _ in m) for m in p):
            return 1
        return self.assumed(p)

    def assumed(self, p: Polynomial) -> int:
        known = None if self.terms.support(p) else numbers.sign(self.terms, p)
        if known is not None:
            return known
        sign = self.branch.signs.get(frozen(p))
        if sign is None:
            raise Undecided(p, explicit=self.explicit)
        if self.explicit and frozen(p) in self.branch.without:
            raise Unsupported("a tie that was left out, and is asked for")
        return sign

    def not_zero(self, a: Quotient) -> None:
        if self.sign(a):
            return
        # Only points are left out as undefined, never a whole region.
        if not self.branch.ties or not self.branch.thin:
            raise Unsupported("division by zero in a branch")
        raise Undefined

    # -- nodes ---------------------------------------------------------------------------------

    def _const(self, node: Node) -> Outcome:
        return constant(node.info) if isinstance(node.info, Fraction) else node.info

    def _nan(self, node: Node) -> Outcome:
        """What a read out of bounds is filled with: of a branch in which it is read nothing is
        known."""
        raise Unsupported("NaN in a proof by branches")

    def _input(self, node: Node) -> Quotient:
        found = self.branch.inputs.get(node.info)
        return self.terms.power(self.terms.atom("input", (), node.info)) if found is None else found

    def _truth(self, node: Node) -> bool:
        if node.info not in self.branch.truths:
            raise Undecided(truth=node.info)
        return self.branch.truths[node.info]

    def _add(self, node: Node) -> Outcome:
        ends = {v for v in map(self.value, node.args) if isinstance(v, float)}
        if len(ends) == 1:  # an infinity and numbers
            return ends.pop()
        if ends:
            raise Unsupported("infinity minus infinity")
        return self.terms.sum([self.number(a) for a in node.args])

    def _mul(self, node: Node) -> Quotient:
        a, b = (self.number(x) for x in node.args)
        return self.terms.product(a, b)

    def _div(self, node: Node) -> Quotient:
        a, b = (self.number(x) for x in node.args)
        self.not_zero(b)
        return self.terms.product(a, self.terms.inverse(b))

    def order(self, a: Outcome, b: Outcome) -> int:
        """The sign of a - b."""
        if isinstance(a, float) or isinstance(b, float):
            one, two = (v if isinstance(v, float) else 0.0 for v in (a, b))
            return (one > two) - (one < two)
        assert isinstance(a, Quotient)
        assert isinstance(b, Quotient)
        return self.sign(self.terms.minus(a, b))

    def _max(self, node: Node) -> Outcome:
        best, *rest = (self.value(a) for a in node.args)
        for v in rest:
            best = v if self.order(v, best) > 0 else best
        return best

    def _test(self, node: Node) -> bool:
        a, b = (self.value(x) for x in node.args)
        # [max(s) == t], as derivatives of maxima have it, asks which one is the largest.
        equality = node.info in ("eq", "ne") and not any(map(_is_maximum, node.args))
        self.explicit = equality and not self.lenient
        truths = isinstance(a, bool) and isinstance(b, bool)
        sign = int(bool(a)) - int(bool(b)) if truths else self.order(a, b)
        self.explicit = False
        if not sign and isinstance(a, Quotient) and not self.branch.ties and _is_smooth(node):
            self.terms.asks_for_nan = True  # x + 1 != 1 + x asks for NaN, as x != x does
        return bool(COMPARE[node.info](sign, 0))

    def _if(self, node: Node) -> Outcome:
        which, yes, no = node.args
        return self.value(yes if self.value(which) else no)

    def _and(self, node: Node) -> bool:
        return all(self.value(a) for a in node.args)

    def _or(self, node: Node) -> bool:
        return any(self.value(a) for a in node.args)

    def _not(self, node: Node) -> bool:
        return not self.value(node.args[0])

    def _fn(self, node: Node) -> Quotient:
        name, terms = node.info, self.terms
        if name[0] == "exp" and self.value(node.args[0]) == -np.inf:
            return constant(0)
        args = tuple(self.number(a) for a in node.args)
        if name[0] == "exp":
            return terms.exp(args[0])
        if name[0] == "log":
            if self.sign(args[0]) <= 0:
                raise Undefined
            return products.log(self, args[0])
        if name[0] == "sqrt":
            sign = self.sign(args[0])
            if sign < 0:
                raise Undefined
            return products.root(self, args[0]) if sign else constant(0)
        known = of_numbers(name, args)
        if known is not None:
            return known
        if name[0] in STEPS:
            return step(self, name, args)
        return terms.function(name, args)


_MEANING: dict[str, Callable[[Evaluation, Node], Outcome]] = {
    **{"const": Evaluation._const, "nan": Evaluation._nan, "input": Evaluation._input},
    **{"truth": Evaluation._truth, "add": Evaluation._add, "mul": Evaluation._mul},
    **{"div": Evaluation._div, "max": Evaluation._max, "test": Evaluation._test},
    **{"if": Evaluation._if, "and": Evaluation._and, "or": Evaluation._or},
    **{"not": Evaluation._not, "fn": Evaluation._fn},
}


def _is_smooth(test: Node) -> bool:
    """Whether neither side of a comparison has a choice in it, and one of them an input."""
    nodes = list(below(*test.args))
    smooth = all(node.op in ("const", "input", "add", "mul", "div", "fn") for node in nodes)
    return smooth and any(node.op == "input" for node in nodes)


def _is_maximum(node: Node) -> bool:
    """max(...), or a multiple of it: a minimum is one."""
    return node.op == "max" or (node.op == "mul" and any(map(_is_maximum, node.args)))

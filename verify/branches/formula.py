"""Formulas: what a program computes for one element, as a graph in which equal parts are one node.

Nothing is decided here but what constants decide, so that a branch that is not taken is not looked
at later (where(x == 0, 0, 1 / x) has a value at 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.elements import Budget, Scalar
from verify.algebras.numeric_order import COMPARE


@dataclass(frozen=True, eq=False)
class Node:
    """op: const, nan, input, truth (a boolean input), add, mul, div, max, test, if, and, or, not,
    fn.

    info: a constant's value (Fraction, bool, or an infinity as a float), an input's number, the
    name of a test or a function. infinite: whether an infinity, or a NaN, is among its constants.
    """

    op: str
    args: tuple[Node, ...]
    info: Any  # of a type of its own for each op
    support: frozenset[int]  # the inputs in it
    depth: int
    infinite: bool


_MOST_DEPTH = 100  # formulas are walked by recursion


class Graph(Budget):
    """All nodes, and how to make one. `assumptions`: what a proof about them takes for granted."""

    method = "a proof by branches"

    # one unit: a node, or some elements that are moved
    def __init__(self, work: int = 400_000) -> None:
        self.work = work
        self.nodes: dict[tuple[object, ...], Node] = {}
        self.inputs = 0
        self.whole: set[int] = set()  # the inputs that are integers
        self.assumptions: dict[str, None] = {}
        self.partial = False  # whether the assumptions may hold nowhere
        self.may_be_nan = False

    def assume(self, sentence: str) -> None:
        self.assumptions.setdefault(sentence)

    # -- nodes ---------------------------------------------------------------------------------

    def node(self, op: str, *args: Node, info: Any = None) -> Node:
        key = (op, *map(id, args), type(info), info)  # nodes live as long as this table
        found = self.nodes.get(key)
        if found is None:
            self.spend(1 + len(args))
            support = frozenset((info,)) if op in ("input", "truth") else frozenset()
            support = support.union(*(a.support for a in args))
            depth = 1 + max((a.depth for a in args), default=0)
            if depth > _MOST_DEPTH:
                raise Unsupported("a formula too deep for a proof by branches")
            infinite = op == "nan" or isinstance(info, float) or any(a.infinite for a in args)
            found = self.nodes[key] = Node(op, args, info, support, depth, infinite)
        return found

    def constant(self, value: Scalar) -> Node:
        if isinstance(value, np.bool_ | bool):
            return self.node("const", info=bool(value))
        if isinstance(value, Fraction):
            return self.node("const", info=value)
        if isinstance(value, complex | np.complexfloating):
            raise Unsupported("complex numbers in a proof by branches")
        if value in (np.inf, -np.inf):
            return self.node("const", info=float(value))
        if value != value:
            return self.node("nan")
        whole = isinstance(value, int | np.integer)
        return self.node("const", info=Fraction(int(value)) if whole else Fraction(float(value)))

    def plus(self, *terms: Node) -> Node:
        total, kept = Fraction(0), []
        for t in terms:
            if isinstance(t.info, Fraction):
                total += t.info
            else:
                kept.append(t)
        if total or not kept:
            kept.append(self.constant(total))
        return kept[0] if len(kept) == 1 else self.node("add", *kept)

    def times(self, a: Node, b: Node) -> Node:
        for one, other in ((a, b), (b, a)):
            if isinstance(one.info, Fraction):
                if isinstance(other.info, Fraction):
                    return self.constant(one.info * other.info)
                if one.info == 1:
                    return other
                if one.info == 0 and not other.infinite:
                    return self.constant(Fraction(0))
        return self.node("mul", a, b)

    def choose(self, c: Node, yes: Node, no: Node) -> Node:
        if c.op == "const":
            return yes if c.info else no
        return yes if yes is no else self.node("if", c, yes, no)

    def test(self, op: str, a: Node, b: Node) -> Node:
        if "nan" in (a.op, b.op):
            raise Unsupported("a comparison with a constant NaN in a proof by branches")
        if a is b:
            return self.constant(op in ("eq", "le", "ge"))
        if a.op == b.op == "const":
            return self.constant(bool(COMPARE[op](a.info, b.info)))
        return self.node("test", a, b, info=op)

    def connect(self, op: str, *args: Node) -> Node:
        """and, or, of truth values."""
        neutral = op == "and"
        left = [a for a in dict.fromkeys(args) if a.op != "const" or a.info != neutral]
        if any(a.op == "const" for a in left):
            return self.constant(not neutral)
        if not left:
            return self.constant(neutral)
        return left[0] if len(left) == 1 else self.node(op, *left)

    def negative(self, p: Node) -> Node:
        if isinstance(p.info, float):
            return self.constant(-p.info)
        return self.times(self.constant(Fraction(-1)), p)

    def quotient(self, a: Node, b: Node) -> Node:
        if isinstance(b.info, Fraction):
            if not b.info:
                raise Unsupported("division by zero")
            return self.times(a, self.constant(1 / b.info))
        self.assume("no division by zero")
        self.partial = True
        return self.node("div", a, b)

    def largest(self, row: Sequence[Node]) -> Node:
        kept = list(dict.fromkeys(row))
        return kept[0] if len(kept) == 1 else self.node("max", *kept)


def never_negative(node: Node) -> bool:
    """Whether its form says so: sums and products of squares, exponentials, roots, numbers."""
    if node.op == "const":
        return isinstance(node.info, Fraction) and node.info >= 0
    if node.op == "mul" and node.args[0] is node.args[1]:
        return True
    if node.op in ("add", "mul"):
        return all(map(never_negative, node.args))
    if node.op == "max":
        return any(map(never_negative, node.args))
    if node.op == "if":
        return all(map(never_negative, node.args[1:]))
    return node.op == "fn" and node.info[0] in ("exp", "sqrt")


def below(*tops: Node) -> Iterator[Node]:
    """Every node once, operands before what is made of them."""
    seen: set[int] = set()
    stack = [(top, False) for top in reversed(tops)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack += [(a, False) for a in reversed(node.args)]

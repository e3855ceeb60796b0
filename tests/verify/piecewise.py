"""Random piecewise rational functions of x and y, as trees, with rewrites that keep them and bugs.

A tree is evaluated exactly (`value`, None where it is undefined) and as a JAX program (`program`).
"""

from __future__ import annotations

import itertools
import operator
import random
from fractions import Fraction
from typing import Any

import jax.numpy as jnp

Tree = tuple[Any, ...]

ZERO, ONE, HALF = (("number", Fraction(n, 2)) for n in (0, 2, 1))
X, Y = ("x",), ("y",)
_TESTS = {"lt": operator.lt, "le": operator.le, "eq": operator.eq}
_RING = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}
_SHAPES = ("add", "sub", "mul", "mul", "div", "max", "min", "abs", "sign", "relu", "where")
_ONE_ARGUMENT = ("abs", "sign", "relu")
# Thresholds of the random programs lie on it, and so do their ties with each other.
GRID = list(itertools.product([Fraction(k, 4) for k in range(-9, 10)], repeat=2))


def value(tree: Tree, x: Fraction, y: Fraction) -> Fraction | None:
    """None: a quotient by zero, somewhere where it is not discarded."""
    try:
        return _value(tree, x, y)
    except ZeroDivisionError:
        return None


def _value(tree: Tree, x: Fraction, y: Fraction) -> Any:
    op = tree[0]
    if op in ("x", "y", "number"):
        return {"x": x, "y": y, "number": tree[-1]}[op]
    if op == "where":
        holds = _TESTS[tree[1]](*(_value(t, x, y) for t in tree[2:4]))
        return _value(tree[4] if holds else tree[5], x, y)
    a, *rest = (_value(t, x, y) for t in tree[1:])
    if op in _RING:
        return _RING[op](a, *rest)
    if op in ("max", "min"):
        return (max if op == "max" else min)(a, *rest)
    return {"abs": abs(a), "sign": Fraction((a > 0) - (a < 0)), "relu": max(a, Fraction(0))}[op]


def program(tree: Tree, x: Any, y: Any) -> Any:
    op = tree[0]
    if op in ("x", "y", "number"):
        return {"x": lambda: x, "y": lambda: y, "number": lambda: jnp.float32(tree[1])}[op]()
    if op == "where":
        one, two, yes, no = (program(t, x, y) for t in tree[2:])
        return jnp.where(_TESTS[tree[1]](one, two), yes, no)
    args = [program(t, x, y) for t in tree[1:]]
    if op in _RING:
        return _RING[op](*args)
    own = {"max": jnp.maximum, "min": jnp.minimum, "abs": jnp.abs, "sign": jnp.sign}
    return jnp.maximum(args[0], 0) if op == "relu" else own[op](*args)


def make(rng: random.Random, depth: int) -> Tree:
    if depth == 0 or rng.random() < 0.15:
        number = ("number", Fraction(rng.choice([-4, -2, -1, 1, 2, 3, 4]), 2))
        return rng.choice([X, X, Y, number])
    op = rng.choice(_SHAPES)
    if op == "where":
        return (op, rng.choice(list(_TESTS)), *(make(rng, depth - 1) for _ in range(4)))
    return (op, *(make(rng, depth - 1) for _ in range(1 if op in _ONE_ARGUMENT else 2)))


def _negative(t: Tree) -> Tree:
    return ("sub", ZERO, t)


def rewritten(t: Tree, rng: random.Random) -> Tree:
    """Another tree for the same function."""
    op, a, b = t[0], t[-2 if len(t) > 2 else -1], t[-1]
    strict = rng.choice(["lt", "le"])
    if op in ("max", "min"):
        return ("where", strict, a, b, *((b, a) if op == "max" else (a, b)))
    if op == "abs":
        return rng.choice([("mul", ("sign", a), a), ("max", a, _negative(a))])
    if op == "relu":
        return rng.choice(
            [("mul", HALF, ("add", a, ("abs", a))), ("where", strict, a, ZERO, ZERO, a)]
        )
    if op == "sign":
        return ("where", "lt", a, ZERO, _negative(ONE), ("where", "lt", ZERO, a, ONE, ZERO))
    if op == "mul":
        parts = ("mul", ("relu", a), b), ("mul", ("relu", _negative(a)), b)
        signs = ("mul", ("sign", a), ("sign", b))
        return rng.choice([("sub", *parts), ("mul", signs, ("abs", ("mul", a, b)))])
    return ("sub", ("relu", t), ("relu", _negative(t)))


def broken(t: Tree, rng: random.Random) -> Tree:
    """Most often another function: on one side, at a tie, at a point."""
    if t[0] == "where" and rng.random() < 0.5:
        other = {"lt": "le", "le": "lt", "eq": "le"}[t[1]]
        return rng.choice([("where", other, *t[2:]), (*t[:4], t[5], t[4])])
    if t[0] == "sign":
        return ("where", "lt", t[1], ZERO, _negative(ONE), ONE)
    if t[0] == "number":
        return ("number", t[1] + Fraction(1, 8))
    point = ("where", "eq", rng.choice([X, Y, ("sub", X, Y)]), ONE, ONE, ZERO)
    return rng.choice([("add", t, point), _negative(t), ("abs", t), ("relu", t)])


def at_random(tree: Tree, rng: random.Random, change: Any) -> Tree:
    """The tree with `change` made at a random node."""
    places = list(_places(tree, ()))
    return _changed(tree, rng.choice(places), rng, change)


def _places(tree: Tree, place: tuple[int, ...]) -> Any:
    yield place
    for i, part in enumerate(tree):
        if isinstance(part, tuple):
            yield from _places(part, (*place, i))


def _changed(tree: Tree, place: tuple[int, ...], rng: random.Random, change: Any) -> Tree:
    if not place:
        return change(tree, rng)
    i, *rest = place
    return (*tree[:i], _changed(tree[i], tuple(rest), rng, change), *tree[i + 1 :])

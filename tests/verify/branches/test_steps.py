"""Floors, roundings, remainders and conversions in proofs by branches: pairs that are equal, and
pairs that differ at whole numbers, at halves, for negative numbers or in one interval."""

import random
from fractions import Fraction
from math import floor, trunc

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import verify
from tests.verify.branches.asking import ask
from tests.verify.test_piecewise import settle
from verify.branches.polynomials import ONE, constant, polynomial
from verify.branches.steps import facts, of_numbers, step
from verify.branches.terms import Terms

pytest.importorskip("z3")

X, Y = (jax.ShapeDtypeStruct((3,), jnp.float32) for _ in range(2))
N = jax.ShapeDtypeStruct((3,), jnp.int32)
where, jfloor, jround, mod = jnp.where, jnp.floor, jnp.round, jnp.mod
EDGES = jnp.array([0.0, 1.0, 2.5, 4.0])
POINTS, VALUES = jnp.array([0.0, 1.0, 2.0]), jnp.array([1.0, 3.0, 2.0])


def interpolated(x, last=2.0):
    inside = where(x < 1, 1 + 2 * x, where(x < last, 3 - (x - 1), 2.0))
    return where(x < 0, 1.0, inside)


def below(edge):
    return lambda x, y: (x > 0) & (y > edge)


def in_unit(x, t):
    return (x >= 0) & (x < 1)


def picked(x, t):
    return t[jnp.clip((x * 4).astype(jnp.int32), 0, 3)]


def picked_by_hand(x, t, edge=0.5):
    return where(x < 0.25, t[0], where(x < edge, t[1], where(x < 0.75, t[2], t[3])))


def slots(n):
    return (n >= 0) & (n < 1000)


EQUAL = {
    "a floor moved by one": (lambda x: jfloor(x + 1), lambda x: jfloor(x) + 1, [X]),
    "a floor of a whole number": (lambda x: jfloor(jround(x)), jround, [X]),
    "a ceiling": (jnp.ceil, lambda x: where(jfloor(x) == x, x, jfloor(x) + 1), [X]),
    "a fraction": (lambda x: x - jfloor(x), lambda x: mod(x, 1.0), [X]),
    "a remainder": (lambda x: mod(x, 3.0), lambda x: x - 3 * jfloor(x / 3), [X]),
    "a remainder by an input": (mod, lambda x, y: x - y * jfloor(x / y), [X, Y], below(0)),
    "fmod": (lambda x: jnp.fmod(x, 3.0), lambda x: x - 3 * jnp.trunc(x / 3), [X]),
    "lax.rem": (lambda x: lax.rem(x, -0.5 + 0 * x), lambda x: x - jnp.trunc(2 * x) / 2, [X]),
    "a grid": (lambda x: jfloor(4 * x) / 4, lambda x: x - mod(x, 0.25), [X]),
    "divmod": (lambda x: jnp.divmod(x, 2.0)[0], lambda x: jfloor(x / 2), [X]),
    "truncated": (jnp.trunc, lambda x: jnp.sign(x) * jfloor(abs(x)), [X]),
    "rounded, then clipped": (
        lambda x: jnp.clip(jround(x), -8, 7),
        lambda x: jround(jnp.clip(x, -8, 7)),
        [X],
    ),
    "rounded, moved by two": (lambda x: jround(x + 2), lambda x: jround(x) + 2, [X]),
    "rounded, mirrored": (lambda x: jround(1 - x), lambda x: jround(1 - x) + 0 * x, [X]),
    "rounding keeps the order": (
        lambda x, y: jnp.maximum(jround(x), jround(y)),
        lambda x, y: jround(jnp.maximum(x, y)),
        [X, Y],
    ),
    "rounded at most up": (
        lambda x: jnp.maximum(jround(10 * x), jfloor(10 * x + 0.5)),
        lambda x: jfloor(10 * x + 0.5),
        [X],
    ),
    "a triangle wave": (
        lambda x: abs(mod(x, 2.0) - 1),
        lambda x: abs(mod(x + 2, 2.0) - 1),
        [X],
    ),
    "searchsorted": (
        lambda x: jnp.searchsorted(EDGES, x),
        lambda x: jnp.sum(x[:, None] > EDGES, axis=1).astype(jnp.int32),
        [X],
    ),
    "digitize": (
        lambda x: jnp.digitize(x, EDGES),
        lambda x: jnp.sum(x[:, None] >= EDGES, axis=1).astype(jnp.int32),
        [X],
    ),
    "interp": (lambda x: jnp.interp(x, POINTS, VALUES), interpolated, [X]),
    "a table": (picked, picked_by_hand, [X, jax.ShapeDtypeStruct((4,), jnp.float32)], in_unit),
    "halves of integers": (lambda n: n // 2, lambda n: (n - n % 2) // 2, [N], slots),
    "a decay in steps": (
        lambda n: 0.5 ** (n // 10).astype(jnp.float32),
        lambda n: 0.5 ** jfloor(n / 10),
        [N],
        slots,
    ),
}

DIFFERENT = {
    "a floor moved by a half": (lambda x: jfloor(x + 0.5), lambda x: jfloor(x) + 0.5, [X]),
    "floor and round": (lambda x: jfloor(x + 0.5), jround, [X]),
    "rounded, at least down": (
        lambda x: jnp.minimum(jround(10 * x), jfloor(10 * x + 0.5)),
        lambda x: jfloor(10 * x + 0.5),
        [X],
    ),
    "rounded, moved by one": (lambda x: jround(x + 1), lambda x: jround(x) + 1, [X]),
    "half away and half to even": (
        lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO),
        jround,
        [X],
    ),
    "a ceiling at whole numbers": (jnp.ceil, lambda x: jfloor(x) + 1, [X]),
    "truncated below zero": (jnp.trunc, jfloor, [X]),
    "a remainder with the other sign": (lambda x: lax.rem(x, 3.0), lambda x: mod(x, 3.0), [X]),
    "a remainder by what may be negative": (
        lambda x, y: mod(x, y),
        lambda x, y: x - abs(y) * jfloor(x / abs(y)),
        [X, Y],
        lambda x, y: y != 0,
    ),
    "rounded, then clipped to a half": (
        lambda x: jnp.clip(jround(x), -8, 7.5),
        lambda x: jround(jnp.clip(x, -8, 7.5)),
        [X],
    ),
    "searchsorted's other side": (
        lambda x: jnp.searchsorted(EDGES, x),
        lambda x: jnp.sum(x[:, None] >= EDGES, axis=1).astype(jnp.int32),
        [X],
    ),
    "interp, one edge": (
        lambda x: jnp.interp(x, POINTS, VALUES),
        lambda x: interpolated(x, 1.9),
        [X],
    ),
    "a table, one edge": (
        picked,
        lambda x, t: picked_by_hand(x, t, 0.51),
        [X, jax.ShapeDtypeStruct((4,), jnp.float32)],
        in_unit,
    ),
    "odd integers": (lambda n: n // 2, lambda n: (n + n % 2) // 2, [N], slots),
    "a conversion rounds towards zero": (
        lambda x: x.astype(jnp.int32),
        lambda x: jfloor(x).astype(jnp.int32),
        [X],
    ),
    "twice the floor": (lambda x: jfloor(2 * x), lambda x: 2 * jfloor(x), [X]),
    "far away": (
        lambda x: jfloor(x) + where(jfloor(x) == 54321, 1.0, 0.0),
        jfloor,
        [X],
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_programs_with_steps_are_proved(name):
    verdict = ask(EQUAL[name])
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize("name", DIFFERENT)
def test_programs_that_differ_at_a_step_are_refuted(name):
    verdict = ask(DIFFERENT[name])
    assert verdict.status == "refuted", str(verdict)


@pytest.mark.parametrize("name", DIFFERENT)
def test_no_branch_settles_a_difference_at_a_step(name):
    f, g, examples, *_ = DIFFERENT[name]
    assert settle(f, g, *examples) is None


def test_a_float_out_of_range_is_converted_to_nobody_knows_what():
    def whole(x):
        return x.astype(jnp.int32)

    pair = whole, lambda x: jfloor(x).astype(jnp.int32)
    assert verify.equivalent(*pair, X, assuming=lambda x: (x >= 0) & (x < 2.0**31))
    assert verify.equivalent(*pair, X, assuming=lambda x: x >= 0, seconds=9).status != "proved"


class Known:
    """A branch whose signs are those at a point."""

    def __init__(self, terms, values):
        self.terms, self.values = terms, values

    def at(self, p):
        total = Fraction(0)
        for m, c in p.items():
            for a, e in m:
                c *= self.atom(a) ** int(e)
            total += c
        return total

    def number(self, u):
        return self.at(u.over) / self.at(u.under)

    def atom(self, a):
        atom = self.terms.atoms[a]
        if atom.kind == "input":
            return self.values[atom.data]
        return FUNCTIONS[atom.data](self.number(atom.args[0]))

    def sign(self, u):
        value = self.number(u)
        return (value > 0) - (value < 0)

    def not_zero(self, u):
        assert self.sign(u)


def away(x):
    return Fraction(floor(abs(x) + Fraction(1, 2)) * (1 if x > 0 else -1))


FUNCTIONS = {
    "floor": lambda x: Fraction(floor(x)),
    "round": away,
    "round_even": lambda x: Fraction(round(x)),
}


def drawn(rng, terms, count):
    """A sum of multiples of inputs, of which the last is whole, and of a floor."""
    atoms = [terms.atom("input", (), n) for n in range(count)]
    atoms.append(terms.atom("whole", (terms.power(atoms[0]),), "floor"))
    p = {((a, Fraction(1)),): Fraction(rng.randint(-4, 4), rng.choice([1, 2])) for a in atoms}
    p[ONE] = Fraction(rng.randint(-9, 9), 2)
    return polynomial({m: c for m, c in p.items() if c})


@pytest.mark.parametrize("kind", ["floor", "round", "round_even", "rem", "truncate", "int_div"])
def test_a_step_has_its_value_and_what_is_known_of_it_is_true(kind):
    rng = random.Random(kind)
    for _ in range(300):
        terms = Terms(frozenset((2,)))
        halves = [Fraction(rng.randint(-12, 12), 2) for _ in range(2)]
        known = Known(terms, [*halves, Fraction(rng.randint(-5, 5))])
        u, name = drawn(rng, terms, 3), (kind, "()")
        value = known.number(u)
        if kind == "rem":
            v = terms.power(terms.atom("input", (), 1))
            if not known.sign(v):
                continue
            by = known.number(v)
            args, expected = (u, v), value - by * trunc(value / by)
        elif kind == "int_div":
            args, name = (u, constant(3)), (kind, "('int32',)")
            expected = Fraction(trunc(value / 3))
        elif kind == "truncate":
            args, name, expected = (u,), (kind, "('int32',)"), Fraction(trunc(value))
        else:
            args, expected = (u,), FUNCTIONS[kind](value)
        result = step(known, name, args)
        assert known.number(result) == expected
        used = {a for m in result.over for a, _ in m}

        def sign(m, at=known.at):
            value = at({m: Fraction(1)})
            return (value > 0) - (value < 0)

        for p, relation in facts(terms, used, sign):
            here = known.at(p)
            assert here > 0 if relation == "> 0" else here >= 0


def test_machine_integers_that_are_numbers():
    def made(name, *numbers):
        found = of_numbers(name, tuple(map(constant, numbers)))
        return None if found is None else found.over.get(ONE, 0)

    assert made(("wrap:int8", "()"), 200) == -56
    assert made(("int_div", "('int32',)"), -7, 2) == -3
    assert made(("int_div", "('int32',)"), 7, 0) == -1
    assert made(("int_and", "()"), -2, 7) == 6
    assert made(("shift_right_arithmetic", "('int8',)"), -8, 1) == -4
    assert made(("floor", "()"), Fraction(1, 2)) is None

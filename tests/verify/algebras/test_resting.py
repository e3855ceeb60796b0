"""What is so in all rows of a trial may rest on a choice that they all made alike: no constant."""

import contextlib
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.algebras.field import maxima
from verify.algebras.field.patterns import PatternField
from verify.interpretation.proof import PATTERNS, Agreement, TooLarge, prove
from verify.programs import trace
from verify.provers.searching import Search

pytest.importorskip("z3")
PATTERN = np.array([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0], bool)
LONG = np.random.default_rng(0).random(40) > 0.5
M = jax.ShapeDtypeStruct((13,), jnp.bool_)
M40 = jax.ShapeDtypeStruct((40,), jnp.bool_)
X = jax.ShapeDtypeStruct((), jnp.float32)
T = jax.ShapeDtypeStruct((2,), jnp.float32)


def is_it(m):
    """True at one of 8,192 inputs, and in no row of a trial."""
    return (m == (PATTERN if m.size == 13 else LONG)).all()


def number(m):
    return is_it(m).astype(jnp.int32)


def above(*arguments):
    return arguments[-1] > 0


def turned(m, z):
    return jnp.where(is_it(m), -z, z)


# Each pair differs where the truth values are the pattern.
APART = {
    "an index": (lambda m, t: t[number(m)], lambda m, t: t[0], [M, T]),
    "a count": (
        lambda m, t: t[jnp.maximum((m == PATTERN).sum() - 12, 0)],
        lambda m, t: t[0],
        [M, T],
    ),
    "a slice": (
        lambda m, t: lax.dynamic_slice(t, (number(m),), (1,)),
        lambda m, t: t[:1],
        [M, T],
    ),
    "an update": (lambda m, t: t.at[number(m)].set(5.0), lambda m, t: t.at[0].set(5.0), [M, T]),
    "a mask of a sum": (
        lambda m, x, s: jnp.where(~is_it(m), x * (s + 1 - s), 0.0),
        lambda m, x, s: x,
        [M, X, X],
    ),
    "a mask of many": (
        lambda m, x, s: jnp.where(~is_it(m), x * (s + 1 - s), 0.0),
        lambda m, x, s: x,
        [M40, X, X],
    ),
    "a sign": (
        lambda m, x, y, z: jnp.where(turned(m, z) > 0, x, y),
        lambda m, x, y, z: x,
        [M, X, X, X],
        above,
    ),
    "a sign of many": (
        lambda m, x, y, z: jnp.where(turned(m, z) > 0, x, y),
        lambda m, x, y, z: x,
        [M40, X, X, X],
        above,
    ),
    "a sign of a sum": (
        lambda m, x, y, z: jnp.where(jnp.where(is_it(m), -3 * z, z) + z + z > 0, x, y),
        lambda m, x, y, z: x,
        [M, X, X, X],
        above,
    ),
    "a sign as a number": (
        lambda m, z: (turned(m, z) > 0).astype(jnp.float32),
        lambda m, z: 1.0 + 0 * z,
        [M, X],
        above,
    ),
    "the larger": (
        lambda m, z: jnp.maximum(turned(m, z), 0.0),
        lambda m, z: z,
        [M, X],
        above,
    ),
    "a number that is not zero": (
        lambda m, z: jnp.where(
            jnp.maximum(jnp.where(is_it(m), 0.0, jnp.exp(z)), 0.0) == 0, 1.0, 2.0
        ),
        lambda m, z: 2.0 + 0 * z,
        [M, X],
    ),
    "the gradient of a maximum": (
        lambda m, z: jax.grad(lambda z: jnp.maximum(turned(m, z), 0.0))(z),
        lambda m, z: 1.0 + 0 * z,
        [M, X],
        above,
    ),
    "a branch of a condition": (
        lambda m, z: lax.cond(turned(m, z) > 0, lambda: z, lambda: 2 * z),
        lambda m, z: z,
        [M, X],
        above,
    ),
    "what is assumed": (
        lambda m, x, z: jnp.where(z > 0, x, 0.0),
        lambda m, x, z: x,
        [M, X, X],
        lambda m, x, z: turned(m, z) > 0,
    ),
}

# Infinities, NaN and large constants that are selected beside constants.
BESIDE_CONSTANTS = {
    "an infinity beside a constant": (
        lambda m: jnp.where(is_it(m), jnp.inf, 1.0),
        lambda m: jnp.float32(1),
        [M],
    ),
    "no number beside a constant": (
        lambda m: jnp.isnan(jnp.where(is_it(m), jnp.nan, 2.0)),
        lambda m: jnp.array(False),
        [M],
    ),
    "an order of an infinity and a constant": (
        lambda m: jnp.where(is_it(m), jnp.inf, 2.0) > 3,
        lambda m: jnp.array(False),
        [M],
    ),
    "a power of an infinity": (
        lambda m, y: y * jnp.exp(jnp.where(is_it(m), -jnp.inf, 0.0)),
        lambda m, y: y,
        [M, X],
    ),
    "a logarithm of an infinity": (
        lambda m, y: y + jnp.log(jnp.where(is_it(m), jnp.inf, 1.0)),
        lambda m, y: y,
        [M, X],
    ),
    "a place of an infinity": (
        lambda m, t: t[jnp.argmax(jnp.stack([jnp.where(is_it(m), -jnp.inf, 3.0), 1.0]))],
        lambda m, t: t[0],
        [M, T],
    ),
    "a large constant beside a constant": (
        lambda m, t: jax.nn.softmax(jnp.stack([jnp.where(is_it(m), -1e9, 1.0), 0.0]) + t),
        lambda m, t: jax.nn.softmax(jnp.array([1.0, 0.0]) + t),
        [M, T],
    ),
}

NOT_FOUND = ("a number that is not zero",)


def spread(m, x):
    """Not negative, but where the truth values are the pattern."""
    return jnp.mean(x * x) + jnp.where(is_it(m), -1000.0, -(jnp.mean(x) ** 2))


def larger(m, w, z):
    return jnp.where(w > jnp.exp(z), jnp.where(is_it(m), -5.0, w), jnp.exp(z))


# Signs that laws read off numbers.
TRUE = jax.ShapeDtypeStruct((), jnp.bool_)


def two_choices(f, t, a, b):
    """Of what is a sum of squares, but where signs alternate."""
    alternating = (f[1:] * f[:-1] < 0).all()
    v = jnp.mean(t * t) + jnp.where(alternating, -1000.0, -(jnp.mean(t) ** 2))
    return jnp.where(a, v, 5.0) + jnp.where(b, v, 6.0)


SIGNS = {
    "of a sum of squares": (lambda m, t: spread(m, t) < 0, lambda m, t: jnp.array(False), [M, T]),
    "of a sum of squares, many": (
        lambda m, t: t * (spread(m, t) >= 0),
        lambda m, t: t,
        [M40, T],
    ),
    "of what is like a maximum": (
        lambda m, w, z: larger(m, w, z) < 0,
        lambda m, w, z: jnp.array(False),
        [M, X, X],
    ),
    "of what is like a maximum, many": (
        lambda m, w, z: jnp.abs(larger(m, w, z)),
        larger,
        [M40, X, X],
    ),
    "of a table of two choices": (
        lambda f, t, a, b: two_choices(f, t, a, b) < 0,
        lambda f, t, a, b: jnp.array(False),
        [jax.ShapeDtypeStruct((24,), jnp.float32), T, TRUE, TRUE],
    ),
    "a NaN where an input counts": (
        lambda m, n, t: jnp.argmax(jnp.stack([jnp.where(n.all() | is_it(m), jnp.nan, t[0]), t[1]])),
        lambda m, n, t: jnp.argmax(t),
        [M40, jax.ShapeDtypeStruct((2,), jnp.bool_), T],
        lambda m, n, t: ~n.all(),
    ),
}


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_that_rests_on_a_rare_choice_decides_nothing(name):
    f, g, examples, *assuming = SIGNS[name]
    given = assuming[0] if assuming else None
    assert not verify.equivalent(f, g, *examples, assuming=given, seed=0)


def none_where_signs_alternate(f, y):
    return jnp.where((f[1:] * f[:-1] < 0).all(), jnp.nan, y)


def infinite_there(f, y, there=jnp.inf):
    return jnp.where((f[1:] * f[:-1] < 0).all(), there, y)


def infinite_or_none(f, p, y):
    return none_where_signs_alternate(f, jnp.where(p, -jnp.inf, y))


# Answers that are made of some parts of a value alone: a guard that no row has is in another.
DROPPED = {
    "below infinity": (
        lambda f, p, y: infinite_or_none(f, p, y) < jnp.inf,
        lambda f, p, y: jnp.array(True),
    ),
    "is it infinite": (
        lambda f, p, y: jnp.isposinf(infinite_there(f, jnp.where(p, -jnp.inf, y))),
        lambda f, p, y: jnp.array(False),
    ),
    "less infinity, NaN": (
        lambda f, p, y: jnp.where(p, -jnp.inf + none_where_signs_alternate(f, y), y),
        lambda f, p, y: jnp.where(p, -jnp.inf, y),
    ),
    "less infinity, infinite": (
        lambda f, p, y: jnp.where(p, -jnp.inf + infinite_there(f, y), y),
        lambda f, p, y: jnp.where(p, -jnp.inf, y),
    ),
    "times zero": (
        lambda f, p, y: 0 * none_where_signs_alternate(f, y),
        lambda f, p, y: jnp.zeros(()),
    ),
    "less itself": (
        lambda f, p, y: infinite_there(f, y) - infinite_there(f, y),
        lambda f, p, y: jnp.zeros(()),
    ),
    "a product with zeros": (
        lambda f, p, y: jnp.stack([none_where_signs_alternate(f, y), y]) @ jnp.zeros(2),
        lambda f, p, y: 0 * y,
    ),
}


@pytest.mark.parametrize("name", DROPPED)
def test_a_guard_that_no_row_has_is_behind_every_answer(name):
    f, g = DROPPED[name]
    examples = [
        jax.ShapeDtypeStruct((24,), jnp.float32),
        TRUE,
        jax.ShapeDtypeStruct((), jnp.float32),
    ]
    assert not verify.equivalent(f, g, *examples, seed=0)


@pytest.mark.parametrize("name", BESIDE_CONSTANTS)
def test_what_a_rare_choice_selects_beside_a_constant_is_no_constant(name):
    """Whether the search meets the choice or not."""
    f, g, examples = BESIDE_CONSTANTS[name]
    assert not verify.equivalent(f, g, *examples, seed=0)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", APART)
def test_a_choice_that_all_rows_made_alike_is_none(name, seed):
    f, g, examples, *assuming = APART[name]
    verdict = verify.equivalent(
        f, g, *examples, assuming=assuming[0] if assuming else None, seed=seed
    )
    assert verdict.status == ("unknown" if name in NOT_FOUND else "refuted"), str(verdict)


def test_a_maximum_that_no_row_has_decided_yet_will_rest_on_one():
    """What is asked of it before must not be remembered: here whether it is equal to itself."""
    u = jax.ShapeDtypeStruct((24,), jnp.float32)

    def f(u, v, y):
        a = jnp.maximum(u, v)
        same = a == a
        return y - jnp.prod(a * v - u * v) > 0, same  # the product is positive where v > u

    def g(u, v, y):
        a = jnp.maximum(u, v)
        return (y > 0) & (y > -1), a == a

    assert not verify.equivalent(f, g, u, u, X, assuming=lambda u, v, y: y > 0, seed=0)


def test_what_is_behind_a_value_is_asked_again_once_more_is_decided(monkeypatch):
    """A guard of a NaN is asked for its choices while a maximum among them is undecided."""
    monkeypatch.setattr(Search, "glance", lambda self: None)
    monkeypatch.setattr(Search, "second_glance", lambda self: None)
    monkeypatch.setattr(Search, "before_proof", lambda self: None)
    u = jax.ShapeDtypeStruct((24,), jnp.float32)
    sign = np.random.default_rng(1).random(24) > 0.5

    def chosen(u, v, c, n, y):
        a = jnp.maximum(u, v)
        void = n[0] & n[1] & (jnp.maximum(a, c)[0] > 0)
        s = jnp.argmax(jnp.stack([jnp.where(void, jnp.nan, y[0]), y[1]]))
        return s, jnp.prod(jnp.where(sign, a * v - u * v, a * u - u * v))

    def g(u, v, c, n, y):
        return chosen(u, v, c, n, y)[0], 0 * u[0]

    flags = jax.ShapeDtypeStruct((2,), jnp.bool_)
    given = {"assuming": lambda u, v, c, n, y: ~(n[0] & n[1]), "seed": 0}
    assert not verify.equivalent(chosen, g, u, u, u, flags, T, **given)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (3, 3), (4, 2)])
def test_the_place_of_a_maximum_rests_on_the_choices_of_its_own_lane(shape, dtype):
    """Of integers, which may be equal, there are two: which is the largest, and which of equals."""
    field = PatternField(1, PATTERNS)
    found = field.winner(field.random(shape, np.dtype(dtype)))
    marks = field.marks_of(found).reshape(*shape, -1)
    assert (marks == marks[:, :1]).all()
    shared = marks[:, None, 0] & marks[None, :, 0]
    assert not shared[~np.eye(len(marks), dtype=bool)].any()
    choices = np.unpackbits(marks[:, 0].view(np.uint8), axis=-1).sum(axis=-1)
    assert (choices == (2 if dtype == "int32" else 1)).all()


def test_choices_made_part_by_part_are_those_of_their_elements(monkeypatch):
    whole, parts = (PatternField(1, PATTERNS) for _ in range(2))
    wanted = whole.max(whole.random((6, 3), np.dtype("float32")))
    monkeypatch.setattr(maxima, "_CHUNK", 1)
    found = parts.max(parts.random((6, 3), np.dtype("float32")))
    assert (found.rows == wanted.rows).all()
    assert (parts.marks_of(found) == whole.marks_of(wanted)).all()


def alternating(f):
    """True on an open set that no row of a trial is in, and no search meets."""
    return (f[1:] * f[:-1] < 0).all()


PLACES = {
    "compared": (
        lambda f, x: jnp.argmax(x + jnp.where(alternating(f), UNIT, 0.0)) == jnp.argmax(x),
        lambda f, x: x[0] == x[0],
    ),
    "read in a table": (
        lambda f, x: (
            TABLE[jnp.argmax(x)],
            TABLE[jnp.argmax(x + jnp.where(alternating(f), UNIT, 0.0))],
        ),
        lambda f, x: (TABLE[jnp.argmax(x)], TABLE[jnp.argmax(x)]),
    ),
}
UNIT, TABLE = jnp.array([0.0, 100.0, 0.0, 0.0]), jnp.array([3.0, -1.0, 4.0, 7.0])


@pytest.mark.parametrize("name", PLACES)
def test_two_places_that_are_one_in_all_rows_are_two(name):
    f, g = PLACES[name]
    examples = jax.ShapeDtypeStruct((24,), jnp.float32), jax.ShapeDtypeStruct((4,), jnp.float32)
    assert not verify.equivalent(f, g, *examples, seed=0)
    mode = replace(PATTERNS, split=True)
    with contextlib.suppress(TooLarge):
        found = prove(trace(f, *examples), trace(g, *examples), mode, seed=0)
        assert not isinstance(found, Agreement)

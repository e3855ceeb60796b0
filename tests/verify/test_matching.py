"""An unknown says where the two programs part: the first values without a counterpart."""

import jax
import jax.numpy as jnp
import pytest

import verify
from verify.interpretation.matching import FIRST, where_they_part
from verify.interpretation.proof import MODES, Difference, prove
from verify.programs import trace

X = jax.ShapeDtypeStruct((4, 3), jnp.float32)
W = jax.ShapeDtypeStruct((3, 3), jnp.float32)


def first(x, w):
    return jnp.tanh(x @ w)


def first_by_hand(x, w):
    return jnp.tanh(jnp.einsum("ji,kj->ik", w, x).T)


def middle(x):
    y = 2.0 * x
    return jnp.floor(y + 1)


def middle_by_hand(x):
    y = x + x
    return jnp.floor(y) + 1


def last(x, w):
    return jnp.exp((x @ w) * x - 1)


def last_by_hand(x, w):
    return jnp.exp(x * jnp.dot(x, w)) / jnp.exp(1)


def said(reason):
    """(primitive, line, function) of both sides."""
    left, _, right = reason.partition(f"{FIRST}: the left's ")[2].partition(", and the right's ")
    return [text.split(" at ") for text in (left, right)]


def of(function):
    """Where a line of a function is said to be."""
    return f"({function.__name__})"


def test_an_unknown_names_where_the_programs_part():
    """Not what was spelt otherwise before, and came out the same; nor what follows."""

    def f(x, w):
        return last(middle(first(x, w)), w)

    def g(x, w):
        return last(middle_by_hand(first_by_hand(x, w)), w)

    examples = (jax.ShapeDtypeStruct((n, 2), jnp.float32) for n in (1, 2))
    verdict = verify.equivalent(f, g, *examples)  # nothing is known of floor(x + 1)
    assert verdict.status == "unknown"
    (left, right) = said(verdict.reason)
    assert left[0] == "add"
    assert left[1].endswith(of(middle))
    assert left[1].startswith("test_matching.py:")
    assert right[0] == "floor"
    assert right[1].endswith(of(middle_by_hand))


def part(f, g, *examples):
    left, right = trace(f, *examples), trace(g, *examples)
    found = prove(left, right, MODES[1], 0)
    assert isinstance(found, Difference)
    return said(where_they_part(left, right, found, 0))


def pooled(f):
    return lambda x, w: jax.lax.reduce_window(f(x), -jnp.inf, jax.lax.max, (2, 1), (2, 1), "SAME")


def scanned(step):
    return lambda x, w: jax.lax.scan(lambda h, x: (step(h, x, w), h), jnp.zeros(3), x)


def good(h, x, w):
    return jnp.tanh(x @ w + h)


def bad(h, x, w):
    return jnp.sinh(w.T @ x + h)


# Programs that differ, and the two operations at which they do.
PAIRS = {
    "at the start": (lambda x, w: x + w[0], lambda x, w: x + w[1], "slice", "slice"),
    "a lost term": (lambda x, w: jnp.exp(x @ w + 1), lambda x, w: jnp.exp(x @ w), "add", "exp"),
    "inside of a loop": (scanned(good), scanned(bad), "tanh", "sinh"),
    "behind a rewriting": (
        lambda x, w: jnp.sin((x - 1) * (x + 1)),
        lambda x, w: jnp.cos(x * x - 1),
        "sin",
        "cos",
    ),
    "in the second of two outputs": (
        lambda x, w: (jnp.exp(x), jnp.sin(x @ w)),
        lambda x, w: (jnp.exp(x), jnp.cos(x @ w)),
        "sin",
        "cos",
    ),
    "a reduction along another axis": (
        lambda x, w: jnp.exp((w * w).sum(0)),
        lambda x, w: jnp.exp((w * w).sum(1)),
        "reduce_sum",
        "reduce_sum",
    ),
    "beneath a maximum": (
        pooled(jnp.sin),
        pooled(jnp.cos),
        "sin",
        "cos",
    ),
    "random numbers": (
        lambda x, w: x * jax.random.uniform(jax.random.key(0), (4, 3)),
        lambda x, w: x * jax.random.uniform(jax.random.key(1), (4, 3)),
        "mul",
        "mul",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_place_is_where_they_begin_to_differ(name):
    f, g, left, right = PAIRS[name]
    assert [place[0] for place in part(f, g, X, W)] == [left, right]


def test_a_value_that_was_only_moved_is_matched():
    """What is arranged otherwise is no other value: then nothing can be said."""
    left, right = trace(lambda x: jnp.exp(x), X), trace(lambda x: jnp.exp(x[::-1]), X)
    found = prove(left, right, MODES[0], 0)
    assert where_they_part(left, right, found, 0) == ""

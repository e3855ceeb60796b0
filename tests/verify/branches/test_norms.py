"""Square roots that meet choices: pairs that are equal, and pairs that are a little less.

Each near miss differs on one side of a comparison, at a norm below one, or by a sign.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent
from verify.branches.branch import Branch, Evaluation
from verify.branches.polynomials import constant
from verify.branches.roots import root
from verify.branches.terms import Terms

X, Y = (jax.ShapeDtypeStruct((3,), jnp.float32) for _ in range(2))
S = jax.ShapeDtypeStruct((), jnp.float32)
norm, where, sqrt = jnp.linalg.norm, jnp.where, jnp.sqrt


def nonzero(x, *_):
    return x @ x > 0


EQUAL = {
    "clipped by a norm": (
        lambda x: where(norm(x) < 1, x, x / norm(x)),
        lambda x: x * jnp.minimum(1, 1 / norm(x)),
        [X],
        nonzero,
    ),
    "divided by a maximum": (
        lambda x: x / jnp.maximum(1, norm(x)),
        lambda x: where(x @ x > 1, x * jax.lax.rsqrt(x @ x), x),
        [X],
        nonzero,
    ),
    "onto a ball of another radius": (
        lambda x: where(norm(x) <= 2, x, 2 * x / norm(x)),
        lambda x: x / jnp.maximum(1, norm(x) / 2),
        [X],
        nonzero,
    ),
    "a norm compared by its square": (
        lambda x: where(norm(x) > 3, 1.0, 0.0),
        lambda x: where(x @ x > 9, 1.0, 0.0),
        [X],
    ),
    "two norms": (
        lambda x, y: jnp.maximum(norm(x), norm(y)),
        lambda x, y: sqrt(jnp.maximum(x @ x, y @ y)),
        [X, Y],
    ),
    "an absolute value": (
        lambda x: sqrt(x * x) / (sqrt(x * x) + 1),
        lambda x: where(x > 0, x / (x + 1), -x / (1 - x)),
        [S],
    ),
    "a root of a product": (
        lambda x, y: sqrt(x * y) * where(x > y, x, y),
        lambda x, y: jnp.maximum(x, y) * sqrt(x) * sqrt(y),
        [S, S],
        lambda x, y: (x > 0) & (y > 0),
    ),
    "signed roots": (
        lambda x: jnp.sign(x) * sqrt(jnp.abs(x)) * sqrt(jnp.abs(x)),
        lambda x: x,
        [S],
    ),
    "group soft threshold": (
        lambda x: jax.nn.relu(1 - 2 / norm(x)) * x,
        lambda x: where(norm(x) > 2, x - 2 * x / norm(x), 0),
        [X],
        nonzero,
    ),
}
DIFFERENT = {
    "always divided": (
        lambda x: where(norm(x) < 1, x, x / norm(x)),
        lambda x: x / norm(x),
        [X],
        nonzero,
    ),
    "the square for the norm": (
        lambda x: x / jnp.maximum(1, norm(x)),
        lambda x: where(x @ x > 1, x / (x @ x), x),
        [X],
        nonzero,
    ),
    "another radius": (
        lambda x: where(norm(x) <= 2, x, 2 * x / norm(x)),
        lambda x: x / jnp.maximum(1, norm(x)),
        [X],
        nonzero,
    ),
    "a threshold that is not squared": (
        lambda x: where(norm(x) > 3, 1.0, 0.0),
        lambda x: where(x @ x > 3, 1.0, 0.0),
        [X],
    ),
    "a tie": (
        lambda x: where(norm(x) >= 1, 1.0, 0.0),
        lambda x: where(x @ x > 1, 1.0, 0.0),
        [X],
    ),
    "without the sign": (
        lambda x: sqrt(x * x) / (sqrt(x * x) + 1),
        lambda x: where(x > 0, x / (x + 1), x / (1 - x)),
        [S],
    ),
    "a threshold below zero": (
        lambda x: where(norm(x) > -1, 1.0, 0.0),
        lambda x: where(x @ x > 1, 1.0, 0.0),
        [X],
    ),
    "a sum of roots": (
        lambda x, y: jnp.maximum(sqrt(x + y), 1.0),
        lambda x, y: jnp.maximum(sqrt(x) + sqrt(y), 1.0),
        [S, S],
        lambda x, y: (x > 0) & (y > 0),
    ),
    "no root of it": (
        lambda x: where(x > 1, sqrt(x) * sqrt(x), x),
        lambda x: where(x > 1, sqrt(x) * sqrt(x), sqrt(x) ** 2),
        [S],
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    f, g, examples, *assuming = pair
    assert equivalent(f, g, *examples, assuming=(assuming or [None])[0]).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    f, g, examples, *assuming = pair
    assert equivalent(f, g, *examples, assuming=(assuming or [None])[0]).status == "refuted"


@pytest.mark.parametrize("u", [2, 3, 5])
def test_the_sign_of_a_sum_with_a_root(u):
    """Of a sqrt(u) + b, and of a sqrt(u) sqrt(v) + b sqrt(v) + c, for small numbers."""
    evaluation = Evaluation(Terms(), Branch())
    r, s = (root(evaluation.terms, constant(n)) for n in (u, u + 5))
    terms = evaluation.terms
    for a, b, c in itertools.product(range(-3, 4), repeat=3):
        one = terms.plus(terms.product(constant(a), r), constant(b))
        two = terms.plus(terms.product(one, s), constant(c))
        found = [evaluation.sign(q) for q in (one, two)]
        number = a * math.sqrt(u) + b
        expected = [number, number * math.sqrt(u + 5) + c]
        assert found == [round(math.copysign(n != 0, n)) for n in expected]

"""What is above zero by its form or by a precondition decides comparisons; what is a little less
does not: sums that may be zero, differences, powers of what may be negative."""

import jax
import jax.numpy as jnp
import pytest
from jax.scipy import special

from verify import equivalent

X, Y = (jax.ShapeDtypeStruct((3,), jnp.float32) for _ in range(2))
where, exp, log, softmax = jnp.where, jnp.exp, jnp.log, jax.nn.softmax


def asked(positive):
    """Whether a value is above zero, and that it is."""
    return (
        lambda *xs: where(positive(*xs) > 0, xs[0], 7.0),
        lambda *xs: xs[0] + 0 * positive(*xs),
    )


def above(x, *_):
    return x > 0


POSITIVE = {
    "an exponential": (*asked(exp), [X]),
    "a softmax": (*asked(softmax), [X]),
    "a sum with a square": (*asked(lambda x: x * x + exp(x)), [X]),
    "a variance plus epsilon": (*asked(lambda x: jnp.var(x) + 1e-5 + 0 * x), [X]),
    "a root of one": (*asked(lambda x: jnp.sqrt(jnp.var(x) + 1e-5) + 0 * x), [X]),
    "the larger one": (*asked(lambda x, y: jnp.maximum(y, exp(x))), [X, Y]),
    "a matrix product": (*asked(lambda x: exp(jnp.outer(x, x)) @ exp(x)), [X]),
    "a quotient": (*asked(lambda x, y: exp(y) / (1 + x * x)), [X, Y]),
    "a given input": (*asked(lambda x: jnp.sqrt(x) * x), [X], above),
    "a hyperbolic cosine": (*asked(jnp.cosh), [X]),
}

EQUAL = {
    "entropy": (
        lambda x: special.entr(softmax(x)).sum(),
        lambda x: jax.nn.logsumexp(x) - (softmax(x) * x).sum(),
        [X],
    ),
    "relative entropy": (
        lambda x, y: special.rel_entr(softmax(x), softmax(y)).sum(),
        lambda x, y: (softmax(x) * (jax.nn.log_softmax(x) - jax.nn.log_softmax(y))).sum(),
        [X, Y],
    ),
    "a logarithm that is guarded": (
        lambda x: where(exp(x) > 0, log(exp(x) + 1), -jnp.inf),
        jax.nn.softplus,
        [X],
    ),
    "an angle in the right half-plane": (
        jnp.arctan2,
        lambda y, x: jnp.arctan(y / x),
        [X, Y],
        lambda y, x: x > 0,
    ),
    "an angle beside an exponential": (
        lambda y, x: jnp.arctan2(y, exp(x)),
        lambda y, x: jnp.arctan(y * exp(-x)),
        [X, Y],
    ),
    "a product of logarithms' arguments": (
        lambda x, y: log(x * exp(y)),
        lambda x, y: log(x) + y,
        [X, Y],
        above,
    ),
}

DIFFERENT = {
    "a square": (*asked(lambda x: x * x), [X]),
    "a sum of squares": (*asked(lambda x: (x * x).sum() + 0 * x), [X]),
    "an exponential less one": (*asked(lambda x: exp(x * x) - 1), [X]),
    "a sum with an input": (*asked(lambda x: exp(x) + x), [X]),
    "a difference of exponentials": (*asked(lambda x: exp(x) - exp(-x)), [X]),
    "the smaller one": (*asked(lambda x: jnp.minimum(x, exp(x))), [X]),
    "a masked exponential": (*asked(lambda x: where(x > 1, exp(x), 0.0)), [X]),
    "a softmax with a mask": (
        lambda x: where(softmax(where(x > 5, -jnp.inf, x)) > 0, 1.0, 0.0),
        jnp.ones_like,
        [X],
    ),
    "compared with more than zero": (
        lambda x: where(exp(x) > 0.01, x, 7.0),
        lambda x: x,
        [X],
    ),
    "an angle in the left half-plane": (
        jnp.arctan2,
        lambda y, x: jnp.arctan(y / x),
        [X, Y],
        lambda y, x: x < 0,
    ),
    "an angle anywhere": (jnp.arctan2, lambda y, x: jnp.arctan(y / x), [X, Y]),
    "an angle above a square": (
        lambda y, x: jnp.arctan2(y, x * x - 1),
        lambda y, x: jnp.arctan(y / (x * x - 1)),
        [X, Y],
    ),
    "a given input that may be zero": (
        lambda x: where(x > 0, x + 1, 0.0),
        lambda x: x + 1,
        [X],
        lambda x: x >= 0,
    ),
}


@pytest.mark.parametrize("name", [*POSITIVE, *EQUAL])
def test_what_is_above_zero_decides_a_comparison(name):
    f, g, examples, *assuming = (POSITIVE | EQUAL)[name]
    verdict = equivalent(f, g, *examples, assuming=assuming[0] if assuming else None, seed=0)
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_may_be_zero_or_less_decides_nothing(name):
    f, g, examples, *assuming = DIFFERENT[name]
    verdict = equivalent(f, g, *examples, assuming=assuming[0] if assuming else None, seed=0)
    assert verdict.status == "refuted", str(verdict)


def normalised(x, variance):
    return (x - x.mean()) * jax.lax.rsqrt(variance(x) + 1e-5)


def by_squares(x):
    return jnp.maximum(0, (x * x).mean() - x.mean() ** 2)


def slope(variance):
    return jax.grad(lambda x, c: (normalised(x, variance) * c).sum())


def test_the_gradient_of_a_maximum_that_is_never_zero():
    verdict = equivalent(slope(by_squares), slope(jnp.var), X, Y, seed=0)
    assert verdict.status == "proved", str(verdict)
    assert any(sentence.startswith("no ties") for sentence in verdict.assumptions)


LESS = {
    "less than a variance": (
        slope(lambda x: jnp.maximum(0, (x * x).mean() - 1.1 * x.mean() ** 2)),
        slope(lambda x: (x * x).mean() - 1.1 * x.mean() ** 2),
        [X, Y],
    ),
    "a maximum with more": (
        slope(lambda x: jnp.maximum(0.5, (x * x).mean() - x.mean() ** 2)),
        slope(jnp.var),
        [X, Y],
    ),
    "the value where it is zero": (
        lambda x: where(jnp.maximum(x * x, 0) == 0, 1.0, x),
        lambda x: x,
        [X],
    ),
    "a maximum that is zero in a half": (
        lambda x: where(jnp.maximum(jax.nn.relu(x) ** 2, 0) == 0, 1.0, x),
        lambda x: x,
        [X],
    ),
}


@pytest.mark.parametrize("name", LESS)
def test_a_maximum_that_may_be_zero(name):
    f, g, examples = LESS[name]
    assert equivalent(f, g, *examples, seed=0).status == "refuted"

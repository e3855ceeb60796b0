"""Logarithms of sums of exponentials within each other, and near misses of each law behind them."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.scipy.special import logsumexp

from verify import equivalent


def F(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def forward(start, steps, emitted):
    """The log-likelihood of a hidden Markov model."""

    def step(alpha, b):
        return logsumexp(alpha[:, None] + steps, axis=0) + b, None

    return logsumexp(lax.scan(step, start + emitted[0], emitted[1:])[0])


def forward_of_probabilities(start, steps, emitted):
    alpha = jnp.exp(start) * jnp.exp(emitted[0])
    for b in emitted[1:]:
        alpha = (alpha @ jnp.exp(steps)) * jnp.exp(b)
    return jnp.log(alpha.sum())


def scaled(start, steps, emitted):
    def step(carry, b):
        alpha, total = carry
        alpha = (alpha @ jnp.exp(steps)) * jnp.exp(b)
        size = alpha.sum()
        return (alpha / size, total + jnp.log(size)), None

    first = jnp.exp(start + emitted[0])
    return lax.scan(step, (first / first.sum(), jnp.log(first.sum())), emitted[1:])[0][1]


def posteriors(start, steps, emitted):
    """By a forward and a backward pass."""
    alphas = [jnp.exp(start + emitted[0])]
    for b in emitted[1:]:
        alphas.append((alphas[-1] @ jnp.exp(steps)) * jnp.exp(b))
    betas = [jnp.ones(len(start))]
    for b in emitted[:0:-1]:
        betas.insert(0, jnp.exp(steps) @ (jnp.exp(b) * betas[0]))
    both = jnp.stack(alphas) * jnp.stack(betas)
    return both / both.sum(1, keepdims=True)


def one_by_one(x):
    return lax.scan(lambda c, v: (jnp.logaddexp(c, v), None), x[0], x[1:])[0]


def sinkhorn(x):
    x = x - logsumexp(x, 1, keepdims=True)
    x = x - logsumexp(x, 0, keepdims=True)
    return jnp.exp(x - logsumexp(x, 1, keepdims=True))


def sinkhorn_of_numbers(x):
    p = jnp.exp(x)
    for axis in (1, 0, 1):
        p = p / p.sum(axis, keepdims=True)
    return p


def larger(u, v):
    return jnp.maximum(jnp.log(u), jnp.log(v))


def smaller(u, v):
    return jnp.minimum(jnp.log(u), jnp.log(v))


HMM = [F(3), F(3, 3), F(3, 3)]
EQUAL = {
    "a forward pass": (forward, forward_of_probabilities, HMM),
    "a scaled forward pass": (forward, scaled, HMM),
    "a gradient is a posterior": (jax.grad(forward, 2), posteriors, HMM),
    "logaddexp, one by one": (one_by_one, lambda x: jnp.log(jnp.exp(x).sum()), [F(6)]),
    "logaddexp as a tree": (
        lambda x: jnp.logaddexp(jnp.logaddexp(x[0], x[1]), jnp.logaddexp(x[2], x[3])),
        one_by_one,
        [F(4)],
    ),
    "softplus": (jax.nn.softplus, lambda x: jnp.log(1 + jnp.exp(x)), [F(5)]),
    "softplus of softplus": (
        lambda x: jax.nn.softplus(jax.nn.softplus(x)),
        lambda x: jnp.log(2 + jnp.exp(x)),
        [F(3)],
    ),
    "columns and rows": (sinkhorn, sinkhorn_of_numbers, [F(3, 3)]),
    "a maximum of logarithms": (
        lambda x: jnp.exp(jnp.log(jnp.exp(x).sum(1)) - jnp.log(jnp.exp(x).sum(1)).max()),
        lambda x: jnp.exp(x).sum(1) * jnp.exp(-jnp.log(jnp.exp(x).sum(1)).max()),
        [F(2, 3)],
    ),
    "two maxima of logarithms": (
        lambda x, y: jnp.exp(larger(x * x + 1, y * y + 2) + smaller(x * x + 1, y * y + 2)),
        lambda x, y: (x * x + 1) * (y * y + 2),
        [F(3), F(3)],
    ),
}
DIFFERENT = {
    "steps turned round": (forward, lambda s, t, e: forward_of_probabilities(s, t.T, e), HMM),
    "no emission at first": (
        forward,
        lambda s, t, e: forward_of_probabilities(s, t, e.at[0].set(0.0)),
        HMM,
    ),
    "the other sign in the exponent": (
        lambda x: jnp.maximum(x, 0) + jnp.log(1 + jnp.exp(jnp.abs(x))),
        lambda x: jnp.log(1 + jnp.exp(x)),
        [F(3)],
    ),
    "the other maximum": (
        lambda x: jnp.maximum(-x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))),
        lambda x: jnp.log(1 + jnp.exp(x)),
        [F(3)],
    ),
    "the magnitude of something else": (
        lambda x, y: jnp.log1p(jnp.exp(-jnp.abs(x))) + jnp.maximum(y, 0),
        lambda x, y: jnp.log1p(jnp.exp(y)),
        [F(3), F(3)],
    ),
    "a maximum that is none of a difference": (
        lambda x, y: jnp.log1p(jnp.exp(-jnp.maximum(x, y))) + jnp.maximum(x, 0),
        lambda x, y: jnp.log1p(jnp.exp(x)),
        [F(3), F(3)],
    ),
    "two and the exponential": (
        lambda x: jnp.maximum(x, 0) + jnp.log(2 + jnp.exp(-jnp.abs(x))),
        lambda x: jnp.log(2 + jnp.exp(x)),
        [F(3)],
    ),
    "one element left out": (one_by_one, lambda x: logsumexp(x[1:]), [F(4)]),
    "columns before rows": (sinkhorn, lambda x: sinkhorn_of_numbers(x.T).T, [F(3, 3)]),
    "a maximum for a minimum": (
        lambda x, y: jnp.exp(2 * larger(x * x + 1, y * y + 2)),
        lambda x, y: (x * x + 1) * (y * y + 2),
        [F(3), F(3)],
    ),
    "minus what it is the logarithm of": (
        lambda u, v: jnp.exp(jnp.log(u * u + 1) - larger(u * u + 1, v * v + 2)),
        lambda u, v: -(u * u + 1) * jnp.exp(-larger(u * u + 1, v * v + 2)),
        [F(3), F(3)],
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    verdict = equivalent(pair[0], pair[1], *pair[2])
    assert verdict.status == "proved"
    assert not any("ties" in sentence for sentence in verdict.assumptions)


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    assert equivalent(pair[0], pair[1], *pair[2]).status == "refuted"

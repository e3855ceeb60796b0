"""Square roots that meet themselves: what R R = u proves, and what it must not prove."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import verify
from tests.verify.pairs.famous import f32

V = f32(5)
EPSILON = 1e-5


def standardised(x, axes):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / jnp.sqrt(x.var(axes, keepdims=True) + EPSILON)


def by_autodiff(axes):
    return lambda x, g: jax.vjp(lambda x: standardised(x, axes), x)[1](g)[0]


def by_hand(axes, twice=False):
    """The gradient of a normalisation as papers write it; `twice` forgets to normalise once."""

    def gradient(x, g):
        centred = x - x.mean(axes, keepdims=True)
        r = lax.rsqrt(x.var(axes, keepdims=True) + EPSILON)
        h = centred * r
        other = centred if twice else h
        return r * (g - g.mean(axes, keepdims=True) - h * (g * other).mean(axes, keepdims=True))

    return gradient


PROVED = {
    "layer norm": (by_autodiff((1,)), by_hand((1,)), f32(2, 4), f32(2, 4)),
    "batch norm": (by_autodiff((0, 1, 2)), by_hand((0, 1, 2)), f32(2, 3, 3, 2), f32(2, 3, 3, 2)),
    "unit length": (
        lambda a: (a / jnp.sqrt(a @ a)) @ (a / jnp.sqrt(a @ a)),
        lambda a: jnp.float32(1) + 0 * a[0],
        V,
    ),
    "square of a cosine": (
        lambda a, b: (a @ b / jnp.sqrt(a @ a)) ** 2,
        lambda a, b: (a @ b) ** 2 / (a @ a),
        V,
        V,
    ),
    "conjugate": (
        lambda a, b: 1 / (jnp.sqrt(a) + b),
        lambda a, b: (jnp.sqrt(a) - b) / (a - b * b),
        V,
        V,
    ),
    "binomial": (
        lambda a, b: (jnp.sqrt(a) + b) ** 2,
        lambda a, b: a + b * b + 2 * b * jnp.sqrt(a),
        V,
        V,
    ),
    "root of a square": (lambda x: jnp.sqrt(x * x), jnp.abs, V),
    "root of a quotient": (
        lambda m, v: m / (jnp.sqrt(v / 0.5) + 1e-8),
        lambda m, v: m / (jnp.sqrt(v * 2) + 1e-8),
        V,
        V,
    ),
    "logarithm of a root": (lambda x: jnp.log(jnp.sqrt(x)), lambda x: 0.5 * jnp.log(x), V),
    "logarithm of a multiple of a root": (
        lambda u, s: jnp.log(jnp.sqrt(u) * s),
        lambda u, s: jnp.log(u) / 2 + jnp.log(s),
        V,
        V,
    ),
    "exponential of a logarithm of one": (
        lambda u, s: jnp.exp(jnp.log(jnp.sqrt(u) * s)) + 0 * jnp.log(s),
        lambda u, s: jnp.sqrt(u) * s + 0 * jnp.log(s),
        V,
        V,
    ),
    "one root a row": (
        lambda x: jnp.einsum("ij,ij->i", standardised(x, (1,)), standardised(x, (1,))),
        lambda x: 4 * x.var(1) / (x.var(1) + EPSILON),
        f32(3, 4),
    ),
}

REFUTED = {
    "layer norm, once too few": (
        by_autodiff((1,)),
        by_hand((1,), twice=True),
        f32(2, 4),
        f32(2, 4),
    ),
    "the wrong conjugate": (
        lambda a, b: 1 / (jnp.sqrt(a) + b),
        lambda a, b: (jnp.sqrt(a) - b) / (a + b * b),
        V,
        V,
    ),
    "the wrong sign": (
        lambda a, b: (jnp.sqrt(a) + b) ** 2,
        lambda a, b: a + b * b - 2 * b * jnp.sqrt(a),
        V,
        V,
    ),
    "a root is not negative": (lambda x: jnp.sqrt(x * x), lambda x: x, V),
    "two different roots": (
        lambda a, b: jnp.sqrt(a) * jnp.sqrt(b),
        lambda a, b: a,
        V,
        V,
    ),
    "roots of neighbours": (
        lambda a: (jnp.sqrt(a)[1:] * jnp.sqrt(a)[:-1]).sum(),
        lambda a: a[1:].sum(),
        V,
    ),
    "one root for all rows": (
        lambda x: standardised(x, (1,)) @ standardised(x, (1,)).T,
        lambda x: jnp.ones((3, 3)) * 4 * x.var(1) / (x.var(1) + EPSILON),
        f32(3, 4),
    ),
}


REFUTED |= {
    "logarithm of a multiple of a root, not halved": (
        lambda u, s: jnp.log(jnp.sqrt(u) * s),
        lambda u, s: jnp.log(u) + jnp.log(s),
        V,
        V,
    ),
    "logarithm of a multiple that may be negative": (
        lambda u, s: jnp.log(jnp.sqrt(u) * s),
        lambda u, s: jnp.log(u * s * s) / 2,
        V,
        V,
    ),
    "the other root in a logarithm": (
        lambda u, s: jnp.exp(jnp.log(jnp.sqrt(u) * s)),
        lambda u, s: -jnp.sqrt(u) * s,
        V,
        V,
    ),
}


@pytest.mark.parametrize("name", PROVED)
def test_a_root_meets_itself(name):
    f, g, *examples = PROVED[name]
    verdict = verify.equivalent(f, g, *examples)
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize("name", REFUTED)
def test_roots_that_do_not_meet_are_told_apart(name):
    f, g, *examples = REFUTED[name]
    assert verify.equivalent(f, g, *examples).status == "refuted"


def test_the_two_roots_of_a_number_are_not_confused():
    """-R has the square u too."""
    verdict = verify.equivalent(
        lambda u, x: jnp.sqrt(u) * x, lambda u, x: -jnp.sqrt(u) * x, V, V, seconds=5
    )
    assert verdict.status == "refuted"


def test_a_root_of_what_is_never_positive_proves_nothing():
    def root(x):
        return jnp.sqrt(-x * x - 1.0)

    verdict = verify.equivalent(lambda x: root(x) * root(x), lambda x: -x * x - 1.0, V, seconds=1)
    assert verdict.status != "proved"

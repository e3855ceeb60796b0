"""Roots of products of all pairs of numbers, sqrt(v v) among them, whatever comes first."""

import jax
import jax.numpy as jnp
import pytest

import verify

P = jax.ShapeDtypeStruct((3,), jnp.float32)
A = jax.ShapeDtypeStruct((3, 3), jnp.float32)
sqrt = jnp.sqrt


def above_zero(x):
    return x > 0


def outer(p):
    return sqrt(p[:, None] * p[None])


def outer_of_roots(p):
    return sqrt(p)[:, None] * sqrt(p)[None]


def normalised(a):
    d = 1 / sqrt(a.sum(1))
    return d[:, None] * a * d[None]


EQUAL = {
    "products first": (outer, outer_of_roots, P),
    "products last": (outer_of_roots, outer, P),
    "without the diagonal": (
        lambda p: outer(p)[:1, 1:],
        lambda p: outer_of_roots(p)[:1, 1:],
        P,
    ),
    "a graph's adjacency": (
        normalised,
        lambda a: a / sqrt(a.sum(1)[:, None] * a.sum(1)[None]),
        A,
    ),
    "a multiple of a square": (
        lambda p: sqrt(p[:, None] * 4 * p[None]),
        lambda p: 2 * outer_of_roots(p),
        P,
    ),
}
DIFFERENT = {
    "products": (outer, lambda p: p[:, None] * p[None], P),
    "the diagonal alone": (
        outer,
        lambda p: jnp.where(jnp.eye(3, dtype=bool), p * p, outer_of_roots(p)),
        P,
    ),
    "a sum along the other axis": (
        normalised,
        lambda a: a / sqrt(a.sum(1)[:, None] * a.sum(0)[None]),
        A,
    ),
    "a multiple": (
        lambda p: sqrt(p[:, None] * 4 * p[None]),
        lambda p: 4 * outer_of_roots(p),
        P,
    ),
}
# Where numbers may be negative, sqrt(p p) is no p.
SIGNS = {
    "a square": (lambda p: sqrt(p[:2][:, None] * p[None])[0, 0] + 0 * p[0], lambda p: p[0]),
    "of products": (lambda p: outer(p)[0, 1] ** 2 + outer(p)[0, 0], lambda p: p[0] * p[1] + p[0]),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name):
    f, g, x = EQUAL[name]
    assert verify.equivalent(f, g, x, assuming=above_zero).status == "proved"


@pytest.mark.parametrize("name", DIFFERENT)
def test_near_misses(name):
    f, g, x = DIFFERENT[name]
    assert verify.equivalent(f, g, x, assuming=above_zero).status == "refuted"


@pytest.mark.parametrize("name", SIGNS)
def test_a_root_of_a_square_has_no_sign(name):
    assert verify.equivalent(*SIGNS[name], P).status == "refuted"

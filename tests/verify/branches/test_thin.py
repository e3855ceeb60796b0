"""Zeros at ties, which a proof may leave out, and zeros on regions, which it may not."""

import jax
import jax.numpy as jnp
import pytest

import verify
from verify.branches.polynomials import polynomial
from verify.branches.terms import Terms
from verify.branches.thin import is_thin, is_thin_in_inputs

pytest.importorskip("z3")
X = jax.ShapeDtypeStruct((), jnp.float32)
I16 = jax.ShapeDtypeStruct((), jnp.int16)


def atoms():
    """n, a whole number, x and y, and exp(n)."""
    terms = Terms(frozenset({0}))
    n, x, y = (terms.power(terms.atom("input", (), i)) for i in range(3))
    return terms, n, x, y, terms.exp(n)


@pytest.mark.parametrize(
    ("thin", "made"),
    [
        (True, lambda t, n, x, y, e: t.minus(x, y)),
        (True, lambda t, n, x, y, e: t.minus(x, n)),
        (True, lambda t, n, x, y, e: t.plus(t.product(x, y), t.product(n, x))),
        (False, lambda t, n, x, y, e: t.minus(t.product(n, n), polynomial({(): 49}))),
        (False, lambda t, n, x, y, e: t.product(n, x)),
        (False, lambda t, n, x, y, e: t.minus(x, t.product(n, x))),  # n = 1
        (False, lambda t, n, x, y, e: t.minus(t.product(e, x), x)),  # n = 0
    ],
)
def test_a_tie_is_thin_whatever_the_whole_inputs_are(thin, made):
    terms, *values = atoms()
    p = made(terms, *values).over
    assert is_thin(terms, p) == thin
    assert is_thin_in_inputs(terms, p) == thin


def test_a_quotient_without_a_value_at_a_whole_number_is_no_tie():
    """At n = 7 the left has no value, whatever x is, and the right is 7."""

    def left(n, x):
        y = n.astype(jnp.float32)
        return jnp.where(y * y == 49.0, jnp.abs(x) * jnp.abs(x) / (y * y - 49), x)

    def right(n, x):
        return jnp.where(n.astype(jnp.float32) ** 2 == 49.0, 7.0, x)

    assert verify.equivalent(left, right, I16, X, seed=0).status != "proved"

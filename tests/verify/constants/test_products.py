"""Constants that are products of powers of others: discounts (`verify/constants/numbers.py`)."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import verify

V = jax.ShapeDtypeStruct((5,), jnp.float32)


def discounted(factor):
    return lambda r: lax.scan(lambda g, x: (x + factor * g,) * 2, 0.0, r, reverse=True)[1]


def written_out(*factors):
    """Sums with the weights of their distance."""
    return lambda r: jnp.stack([jnp.stack(factors[: 5 - t]) @ r[t:] for t in range(5)])


EQUAL = {
    "powers": (discounted(0.95), written_out(*(0.95**k for k in range(5)))),
    "of a longer one": (discounted(0.997), written_out(*(0.997**k for k in range(5)))),
    "two factors": (
        lambda r: 0.99**2 * 0.997**2 * r,
        lambda r: 0.99 * (0.997 * (0.99 * (0.997 * r))),
    ),
}

DIFFERENT = {
    "one power less": (discounted(0.95), written_out(1, 0.95, 0.95**2, 0.95**3, 0.95**3)),
    "another base": (discounted(0.997), written_out(*(0.9971**k for k in range(5)))),
    "near the power": (discounted(0.95), written_out(1, 0.95, 0.95**2, 0.857376, 0.95**4)),
}


@pytest.mark.parametrize("name", EQUAL)
def test_proved(name):
    assert verify.equivalent(*EQUAL[name], V)


@pytest.mark.parametrize("name", DIFFERENT)
def test_refuted(name):
    assert verify.equivalent(*DIFFERENT[name], V).status == "refuted"


@pytest.mark.parametrize("name", EQUAL)
def test_not_where_constants_are_exact(name):
    assert not verify.equivalent(*EQUAL[name], V, constants="exact")

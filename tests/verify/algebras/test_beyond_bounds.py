"""relu(u) > 0 where u > 0: a comparison with one candidate of a maximum asks the others."""

import jax
import jax.numpy as jnp
import pytest

import verify

x = jax.ShapeDtypeStruct((3,), jnp.float32)
relu, where, larger = jax.nn.relu, jnp.where, jnp.maximum


def backward(mask):
    """A gradient by hand, of sum((relu(x y) - y)**2)."""

    def f(x, y, z):
        h = relu(x * y)
        return 2 * (h - y) * mask(x * y, h) * y

    return f


EQUAL = {
    "a mask": (lambda x, y, z: where(relu(x) > 0, y, z), lambda x, y, z: where(x > 0, y, z)),
    "its opposite": (lambda x, y, z: where(relu(x) <= 0, y, z), lambda x, y, z: where(x > 0, z, y)),
    "of a minimum": (
        lambda x, y, z: (y * (jnp.minimum(x, 1) < 1)) @ z,
        lambda x, y, z: where(x < 1, y, 0) @ z,
    ),
    "of three": (
        lambda x, y, z: where(larger(larger(x, y), z) > z, x, y),
        lambda x, y, z: where(larger(x, y) > z, x, y),
    ),
    "shifted": (lambda x, y, z: where(relu(x) + y > y, y, z), lambda x, y, z: where(x > 0, y, z)),
    "a gradient by hand": (
        backward(lambda u, h: h > 0),
        lambda x, y, z: jax.grad(lambda x: ((relu(x * y) - y) ** 2).sum())(x),
    ),
}
DIFFERENT = {
    "at zero": (lambda x, y, z: where(relu(x) > 0, y, z), lambda x, y, z: where(x >= 0, y, z)),
    "not strict": (lambda x, y, z: where(relu(x) >= 0, y, z), lambda x, y, z: where(x > 0, y, z)),
    "another bound": (lambda x, y, z: where(relu(x) > 1, y, z), lambda x, y, z: where(x > 0, y, z)),
    "the wrong side": (
        lambda x, y, z: where(jnp.minimum(x, 1) > 1, y, z),
        lambda x, y, z: where(x > 1, y, z),
    ),
    "the bound of another": (
        lambda x, y, z: where(larger(x, y) > z, y, z),
        lambda x, y, z: where(x > z, y, z),
    ),
    "one of three": (
        lambda x, y, z: where(larger(larger(x, y), z) > z, x, y),
        lambda x, y, z: where(x > z, x, y),
    ),
    "a gradient by hand": (
        backward(lambda u, h: h >= 0),
        lambda x, y, z: jax.grad(lambda x: ((relu(x * y) - y) ** 2).sum())(x),
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert verify.equivalent(*pair, x, x, x).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses(pair):
    assert verify.equivalent(*pair, x, x, x).status == "refuted"


def test_infinities_are_no_candidates():
    """logsumexp asks whether a maximum is finite."""
    found = verify.equivalent(jax.nn.logsumexp, lambda x: jnp.log(jnp.exp(x).sum()), x)
    assert found.status == "proved"
    assert "branches" not in found.method

"""exp of a gathered log-probability is the gathered probability, and near misses."""

import jax
import jax.numpy as jnp
import pytest

import verify

x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
label = jax.ShapeDtypeStruct((2,), jnp.int32)
softmax, log_softmax = jax.nn.softmax, jax.nn.log_softmax


def inside(x, n):
    return (n >= 0) & (n < 3)


def take(x, n):
    return jnp.take_along_axis(x, n[:, None], 1)[:, 0]


def one_hot(n):
    return jax.nn.one_hot(n, 3)


EQUAL = {
    "gathered": (lambda x, n: jnp.exp(take(log_softmax(x), n)), lambda x, n: take(softmax(x), n)),
    "a ratio": (
        lambda x, n: jnp.exp(take(log_softmax(x), n) - take(log_softmax(2 * x), n)),
        lambda x, n: take(softmax(x), n) / take(softmax(2 * x), n),
    ),
    "a product with a one-hot vector": (
        lambda x, n: jnp.exp(jnp.einsum("bc,bc->b", one_hot(n), log_softmax(x))),
        lambda x, n: take(softmax(x), n),
    ),
    "a product with whole numbers": (
        lambda x, n: jnp.exp(log_softmax(x) @ jnp.array([1.0, 2.0, -3.0])),
        lambda x, n: softmax(x)[:, 0] * softmax(x)[:, 1] ** 2 / softmax(x)[:, 2] ** 3,
    ),
    "a focal loss": (
        lambda x, n: (1 - jnp.exp(take(log_softmax(x), n))) ** 2 * take(log_softmax(x), n),
        lambda x, n: (one_hot(n) * (1 - softmax(x)) ** 2 * log_softmax(x)).sum(-1),
    ),
}
DIFFERENT = {
    "another label": (
        lambda x, n: jnp.exp(take(log_softmax(x), n)),
        lambda x, n: take(softmax(x), (n + 1) % 3),
    ),
    "the sign of a logarithm": (
        lambda x, n: jnp.exp(jnp.log(x * x) @ jnp.array([0.5, 0.5, 0.0])),
        lambda x, n: x[:, 0] * x[:, 1],
    ),
    "an odd multiple that is taken for an even one": (
        lambda x, n: jnp.exp(log_softmax(x) @ jnp.array([1.0, 2.0, -3.0])),
        lambda x, n: softmax(x)[:, 0] * softmax(x)[:, 1] ** 2 / softmax(x)[:, 2],
    ),
    "the complement": (
        lambda x, n: 1 - jnp.exp(take(log_softmax(x), n)),
        lambda x, n: ((1 - one_hot(n)) * softmax(x)).sum(-1) + 1e-3,
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert verify.equivalent(*pair, x, label, assuming=inside).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses(pair):
    assert verify.equivalent(*pair, x, label, assuming=inside).status == "refuted"


def test_parities_of_a_matrix_product():
    """exp(n . log u) is a product of powers, of negative numbers too."""
    from verify.algebras.field import Field

    field = Field(0, exponents=True)
    u = field.random((2, 1), jnp.dtype("float32"))
    logs = field.function("log", [u], u.shape, u.dtype)
    for n in ((1, 2), (1, 1), (2, -1), (3, 5)):
        by = field.lift(jnp.array([[n]], jnp.float32))
        column = field.reshape(logs, (1, 2, 1))
        total = field.dot(by, column)
        found = field.function("exp", [total], total.shape, total.dtype)
        rows = [field.pick([u], jnp.array([[[i]]])) for i in range(2)]
        wanted = field.lift(jnp.ones((1, 1, 1), jnp.float32))
        for value, power in zip(rows, n, strict=True):
            for _ in range(abs(power)):
                wanted = field.mul(wanted, value) if power > 0 else field.div(wanted, value)
        assert field.agree(found, wanted)

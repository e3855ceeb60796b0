"""Arrays without elements: whatever is asked about them has an answer."""

import jax
import jax.numpy as jnp
import pytest

import verify

EMPTY = jax.ShapeDtypeStruct((0,), jnp.float32)
ROWS, COLUMNS = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((0, 3), (3, 0)))
NONE = jax.ShapeDtypeStruct((0, 2, 3), jnp.float32)


def row(x):
    return x.reshape(1, -1)


EQUAL = {
    "roots": (
        lambda x: jnp.sqrt(jnp.abs(x)),
        lambda x: jnp.sqrt(jnp.maximum(x, -x)) * (x * 0 + 1),
        EMPTY,
    ),
    "quotients": (lambda x: x / (x + 1), lambda x: 1 - 1 / (1 + x), EMPTY),
    "log_softmax": (
        lambda x: jax.nn.log_softmax(row(x), axis=-1),
        lambda x: row(x) - jax.nn.logsumexp(row(x), axis=-1, keepdims=True),
        EMPTY,
    ),
    "outer product": (
        lambda x: row(x).T @ row(x) + 0,
        lambda x: jnp.outer(x, x),
        EMPTY,
    ),
    "Cholesky factor": (
        lambda x: jnp.linalg.cholesky(row(x).T @ row(x) + jnp.eye(0)),
        lambda x: jnp.linalg.cholesky(jnp.outer(x, x) + jnp.eye(0)),
        EMPTY,
    ),
    "product without rows": (lambda a, b: a @ b, lambda a, b: (a * 1) @ b, ROWS, COLUMNS),
    "product without terms": (lambda a, b: b @ a, lambda a, b: jnp.zeros((3, 3)), ROWS, COLUMNS),
    "batch of none": (
        lambda a: a @ a.swapaxes(1, 2),
        lambda a: jnp.einsum("bij,bkj->bik", a, a),
        NONE,
    ),
    "sorted": (lambda x: jnp.sort(x), lambda x: x, EMPTY),
    "comparisons": (
        lambda x: jnp.where(x > 0.5, x, 0.1),
        lambda x: jnp.where(x > 0.5, x, 1 / 10),
        EMPTY,
    ),
    "sum": (lambda x: jnp.sum(x), lambda x: jnp.sum(2 * x), EMPTY),
    "mean over a batch of none": (lambda a: a.sum(0), lambda a: (a * 3).sum(0), NONE),
}


@pytest.mark.parametrize("name", EQUAL)
def test_what_has_no_elements_is_equal(name):
    assert verify.equivalent(*EQUAL[name], seconds=20)


def test_beside_one_that_has_some_a_difference_is_found():
    x = jax.ShapeDtypeStruct((2,), jnp.float32)
    f = lambda e, x: jnp.concatenate([jnp.sqrt(e), x])  # noqa: E731
    assert verify.equivalent(f, lambda e, x: x, EMPTY, x)
    assert verify.equivalent(f, lambda e, x: jnp.sqrt(x) ** 2, EMPTY, x).status == "refuted"
    assert verify.equivalent(f, lambda e, x: x + e.sum() + 1, EMPTY, x).status == "refuted"

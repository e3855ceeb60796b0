"""The rules of reductions and dot products mean what JAX means by them."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule

X = np.zeros((3, 4, 2))
BYTES = np.random.default_rng(0).integers(-128, 128, (6, 7)).astype(np.int8)


def dot_general(a_sum, b_sum, a_batch=(), b_batch=(), **options):
    dimensions = ((a_sum, b_sum), (a_batch, b_batch))
    return lambda a, b: lax.dot_general(a, b, dimensions, **options)


CASES = {
    "sum": (lambda x: jnp.sum(x, (0, 2)), X),
    "sum of all": (jnp.sum, X),
    "sum of nothing": (lambda x: jnp.sum(x[:0], 0), X),
    "prod": (lambda x: jnp.prod(x, 1), X),
    "prod of nothing": (lambda x: jnp.prod(x[:0], 0), X),
    "max": (lambda x: jnp.max(x, (1, 2)), X),
    "min": (lambda x: jnp.min(x, 0), X),
    "mean": (lambda x: jnp.mean(x, (0, 1)), X),
    "dot": (jnp.dot, np.zeros((3, 4)), np.zeros((4, 5))),
    "dot of vectors": (jnp.dot, np.zeros(4), np.zeros(4)),
    "batched": (
        dot_general((3, 1), (0, 3), (0,), (2,)),
        np.zeros((2, 3, 5, 4)),
        np.zeros((4, 6, 2, 3)),
    ),
    "two batches": (
        dot_general((0,), (1,), (1, 2), (2, 0)),
        np.zeros((4, 2, 3)),
        np.zeros((3, 4, 2, 5)),
    ),
    "outer": (dot_general((), ()), np.zeros((2, 3)), np.zeros(4)),
    "no terms": (jnp.dot, np.zeros((3, 0)), np.zeros((0, 2))),
    "bytes wrap": (jnp.dot, BYTES, BYTES.T),
    "bytes summed in int32": (
        dot_general((1,), (1,), preferred_element_type=jnp.int32),
        BYTES,
        BYTES,
    ),
    "sum of bytes": (lambda i: lax.reduce_sum_p.bind(i, axes=(1,), out_sharding=None), BYTES),
    "product of bytes": (lambda i: jnp.prod(i, 1, dtype=jnp.int8), BYTES),
    "max of bytes": (lambda i: [i.max(0), i.min(0)], BYTES),
    "softmax": (lambda x: jnp.exp(x - x.max(-1, keepdims=True)), X),
}


@pytest.mark.parametrize("name", CASES)
def test_rule_means_what_jax_means(name: str) -> None:
    f, *inputs = CASES[name]
    check_rule(f, *inputs)

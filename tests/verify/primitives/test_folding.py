"""The rules of logical and generic reductions mean what JAX means by them."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.algebras.base import Unsupported

BOOL = np.random.default_rng(0).random((3, 5, 7)) < 0.7
X = np.zeros((3, 4))
INT = np.random.default_rng(1).integers(-(2**31), 2**31, (5, 6)).astype(np.int32)


def logical(operation, start):
    return lambda b: [
        lax.reduce(b, start, operation, axes) for axes in ((0,), (2,), (0, 1), (0, 1, 2), ())
    ]


CASES = {
    "any": (logical(lax.bitwise_or, False), BOOL),
    "all": (logical(lax.bitwise_and, True), BOOL),
    "parity": (logical(lax.bitwise_xor, False), BOOL),
    "any of many false": (lambda b: jnp.any(b, 1), np.zeros((2, 9), bool)),
    "all of many true": (lambda b: jnp.all(b, 1), np.ones((2, 9), bool)),
    "all, but one": (lambda b: jnp.all(b, 1), ~np.eye(9, dtype=bool)),
    "of nothing": (lambda b: [jnp.any(b, 0), jnp.all(b, 0)], np.zeros((0, 2), bool)),
    "product": (lambda x: lax.reduce(x, 1.0, lambda a, b: b * a, (1,)), X),
    "sum of a scaled array": (lambda x: lax.reduce(2 * x, 0.0, lambda a, b: a + b, (0,)), X),
    "minimum": (lambda x: lax.reduce(x, np.inf, lambda a, b: lax.min(a, b), (0, 1)), X),
    "maximum from 1": (lambda x: lax.reduce(x, 1.0, lambda a, b: lax.max(a, b), (0,)), X),
    "minimum of int32": (
        lambda i: lax.reduce(i, np.int32(2**31 - 1), lambda a, b: lax.min(a, b), (0,)),
        INT,
    ),
    "two at once": (
        lambda x, i: lax.reduce(
            (x, i), (0.0, np.int32(1)), lambda a, b: (a[0] + b[0], b[1] * a[1]), (1,)
        ),
        np.zeros((5, 6)),
        INT,
    ),
    "of nothing, generic": (lambda x: lax.reduce(x[:0], 1.0, lambda a, b: a * b, (0,)), X),
}


@pytest.mark.parametrize("name", CASES)
def test_reduction_means_what_jax_means(name: str) -> None:
    f, *inputs = CASES[name]
    check_rule(f, *inputs)


REFUSED = {
    "bitwise": (lambda i: lax.reduce(i, np.int32(0), lax.bitwise_or, (0,)), INT),
    "not associative": (lambda x: lax.reduce(x, 0.0, lambda a, b: a + b * b, (0,)), X),
    "starts from 2": (lambda x: lax.reduce(x, 2.0, lambda a, b: a * b, (0,)), X),
    "argmax by hand": (
        lambda x, y: lax.reduce(
            (x, y),
            (-np.inf, 0.0),
            lambda a, b: (jnp.where(a[0] > b[0], a[0], b[0]), jnp.where(a[0] > b[0], a[1], b[1])),
            (0,),
        ),
        X,
        X,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_reductions_without_a_known_meaning_are_refused(name: str) -> None:
    f, *inputs = REFUSED[name]
    with pytest.raises(Unsupported):
        check_rule(f, *inputs)

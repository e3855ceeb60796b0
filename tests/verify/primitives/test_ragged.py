"""Ragged products mean what JAX means by them, whatever their groups are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from tests.verify.harness import check_rule
from verify.algebras.numeric import Bounded, Numeric


def ragged(a_sum, b_sum, cut, group=(), a_batch=(), b_batch=(), **options):
    dimensions = lax.RaggedDotDimensionNumbers(
        ((a_sum, b_sum), (a_batch, b_batch)), [cut], list(group)
    )
    return lambda a, b, sizes: lax.ragged_dot_general(a, b, sizes, dimensions, **options)


def whole(*sizes, dtype=np.int32):
    return np.array(sizes, dtype)


FREE, SUMMED = ragged((1,), (1,), 0, (0,)), ragged((0,), (0,), 0)
A, B = np.zeros((6, 3)), np.zeros((3, 3, 4))
CASES = {
    "all rows": (FREE, A, B, whole(1, 3, 2)),
    "rows in no group": (FREE, A, B, whole(1, 2, 1)),
    "more rows than there are": (FREE, A, B, whole(1, 3, 9)),
    "empty groups": (FREE, A, B, whole(0, 6, 0)),
    "no groups": (FREE, A, np.zeros((0, 3, 4)), whole()),
    "no rows": (FREE, np.zeros((0, 3)), B, whole(0, 0, 0)),
    "sizes below zero": (FREE, A, B, whole(4, -2, 3)),
    "sizes that wrap": (FREE, A, B, whole(3, 126, 2, dtype=np.int8)),
    "without sign": (FREE, A, B, whole(2, 255, 2, dtype=np.uint8)),
    "groups in the middle": (ragged((1,), (0,), 0, (1,)), A, np.zeros((3, 2, 4)), whole(5, 1)),
    "other groups in each of a batch": (
        ragged((2,), (2,), 1, (0,), (0,), (1,)),
        np.zeros((2, 5, 3)),
        np.zeros((4, 2, 3, 2)),
        np.array([[1, 0, 3, 1], [2, 2, 0, 0]], np.int32),
    ),
    "other groups in each of a free axis": (
        ragged((2,), (1,), 1, (0,)),
        np.zeros((2, 5, 3)),
        np.zeros((2, 3, 2)),
        np.array([[1, 4], [3, 1]], np.int32),
    ),
    "sums": (SUMMED, np.zeros((6, 3)), np.zeros((6, 2)), whole(1, 3, 2)),
    "sums of a part": (SUMMED, np.zeros((6, 3)), np.zeros((6, 2)), whole(0, 3, 2)),
    "the second of two summed axes": (
        ragged((0, 2), (1, 0), 2),
        np.zeros((2, 3, 5)),
        np.zeros((5, 2, 4)),
        np.array([[1, 2, 2], [4, 0, 0]], np.int32),
    ),
    "sums in a batch": (
        ragged((1,), (2,), 1, (), (0,), (1,)),
        np.zeros((2, 5, 3)),
        np.zeros((4, 2, 5)),
        np.array([[1, 2], [5, 0]], np.int32),
    ),
    "an infinity in no group": (
        SUMMED,
        np.ones((4, 1)),
        np.array([[1.0], [2.0], [3.0], [np.inf]]),
        whole(2, 1),
    ),
    "places that wrap": (
        FREE,
        np.zeros((135, 1)),
        np.zeros((3, 1, 1)),
        whole(100, 30, 4, dtype=np.int8),
    ),
    "a batch that is cut": (
        ragged((1,), (1,), 0, (), (0,), (0,)),
        np.zeros((4, 3, 2)),
        np.zeros((4, 3, 2)),
        whole(1, 2),
    ),
    "bytes summed in 32 bits": (
        ragged((1,), (1,), 0, (0,), preferred_element_type=jnp.int32),
        np.full((6, 3), 100, np.int8),
        np.full((3, 3, 2), 100, np.int8),
        whole(1, 2, 2),
    ),
}


class Inputs(Numeric):
    """Numbers none of which is a constant, so that sizes are what they are in proofs."""

    def lift(self, array, dtype=None):
        x = super().lift(array, dtype)
        return Bounded(x.value, x.errors, x.dtype)


@pytest.mark.parametrize("algebra", [Numeric(), Inputs()], ids=["known sizes", "sizes as inputs"])
@pytest.mark.parametrize("name", CASES)
def test_rule_means_what_jax_means(name, algebra):
    f, *inputs = CASES[name]
    check_rule(f, *inputs, algebra=algebra)


# -- proofs ----------------------------------------------------------------------------------------

X, W = jax.ShapeDtypeStruct((4, 3), jnp.float32), jax.ShapeDtypeStruct((2, 3, 2), jnp.float32)
N = jax.ShapeDtypeStruct((2,), jnp.int32)


def of_each_expert(x, w, n, last=0):
    """Every row by every matrix, and a choice: what a mixture of experts computes without it."""
    place, ends = jnp.arange(len(x)), jnp.cumsum(n)
    mine = (ends - n <= place[:, None]) & (place[:, None] < ends + last)
    return jnp.einsum("mk,gkn,mg->mn", x, w, mine.astype(x.dtype))


def small(x, w, n):
    return (n >= 0) & (n <= 4)


def test_equal():
    assert verify.equivalent(lax.ragged_dot, of_each_expert, X, W, N, assuming=small)


@pytest.mark.parametrize(
    "other",
    [
        lambda x, w, n: of_each_expert(x, w, n, last=1),
        lambda x, w, n: of_each_expert(x, w[::-1], n),
        lambda x, w, n: lax.ragged_dot(x, w, n.at[1].add(4)),
    ],
    ids=["one row too many", "the other matrix", "all of the rest in the last group"],
)
def test_near_misses(other):
    assert verify.equivalent(lax.ragged_dot, other, X, W, N, assuming=small).status == "refuted"


def test_its_gradient():
    def loss(f):
        return jax.grad(lambda x, w, n: (f(x, w, n) ** 2).sum(), (0, 1))

    args = X, W, N
    assert verify.equivalent(loss(lax.ragged_dot), loss(of_each_expert), *args, assuming=small)

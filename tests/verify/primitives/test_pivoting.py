"""LU with pivots: the numbers, and what solve, inv and det are once every pivot is a case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import equivalent
from verify.counterexample.computed import values
from verify.programs import trace

A2, A3, A4 = (jax.ShapeDtypeStruct((n, n), jnp.float32) for n in (2, 3, 4))
B2, B3 = (jax.ShapeDtypeStruct((n,), jnp.float32) for n in (2, 3))
inv, solve, det = jnp.linalg.inv, jnp.linalg.solve, jnp.linalg.det


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (2, 5, 5), (7, 7), (3, 2), (2, 3)])
def test_the_factors_are_those_of_jax(shape):
    a = np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)
    expected = jax.lax.linalg.lu(a)
    for one, two in zip(values(trace(jax.lax.linalg.lu, a), [a]), expected, strict=True):
        np.testing.assert_allclose(one.value, two, rtol=1e-3, atol=1e-4)


def test_of_several_largest_entries_the_first_is_the_pivot():
    a = np.array([[1, 2], [-1, 3]], np.float32)
    _, pivots, order = values(trace(jax.lax.linalg.lu, a), [a])
    assert pivots.value.tolist() == order.value.tolist() == [0, 1]


def cramer(a, b):
    top = [b[0] * a[1, 1] - b[1] * a[0, 1], b[1] * a[0, 0] - b[0] * a[1, 0]]
    return jnp.stack(top) / det(a)


def det3(a):
    return jnp.dot(a[0], jnp.cross(a[1], a[2]))


def adjoint3(a):
    return jnp.stack([jnp.cross(a[1], a[2]), jnp.cross(a[2], a[0]), jnp.cross(a[0], a[1])], axis=1)


def columns_replaced(a, b):
    return jnp.stack([det3(a.at[:, i].set(b)) / det3(a) for i in range(3)])


EQUAL = {
    "the inverse of 3x3": (inv, lambda a: adjoint3(a) / det3(a), [A3]),
    "Cramer's rule, 3x3": (solve, columns_replaced, [A3, B3]),
    "the inverse of 2x2": (
        inv,
        lambda a: jnp.array([[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]]) / det(a),
        [A2],
    ),
    "of a transpose": (lambda a: inv(a.T), lambda a: inv(a).T, [A2]),
    "Cramer's rule, 2x2": (solve, cramer, [A2, B2]),
    "solved, multiplied": (lambda a, b: a @ solve(a, b), lambda a, b: b, [A2, B2]),
    "a constant matrix": (
        lambda b: solve(jnp.array([[0.0, 2.0], [4.0, 1.0]]), b),
        lambda b: jnp.stack([b[1] / 4 - b[0] / 8, b[0] / 2]),
        [B2],
    ),
}
DIFFERENT = {
    "the adjoint of the transpose": (inv, lambda a: adjoint3(a.T) / det3(a), [A3]),
    "Cramer's rule with a row replaced": (
        solve,
        lambda a, b: columns_replaced(a.T, b),
        [A3, B3],
    ),
    "the pivot of 3x3, in which there is a choice": (
        lambda a: jax.lax.linalg.lu(a)[0][0, 0],
        lambda a: a[0, 0],
        [A3],
    ),
    "the adjoint without the signs": (
        inv,
        lambda a: jnp.array([[a[1, 1], a[0, 1]], [a[1, 0], a[0, 0]]]) / det(a),
        [A2],
    ),
    "transposed": (solve, lambda a, b: solve(a.T, b), [A2, B2]),
    "the first rows only, 3x3": (
        lambda a, b: solve(a, b),
        lambda a, b: jnp.append(solve(a[:2, :2], b[:2]), 0.0),
        [A3, B3],
    ),
    "the factor, its pivots forgotten": (
        lambda a: jax.lax.linalg.lu(a)[0][1, 1],
        lambda a: a[1, 1] - a[1, 0] / a[0, 0] * a[0, 1],
        [A2],
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert equivalent(pair[0], pair[1], *pair[2]).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    assert equivalent(pair[0], pair[1], *pair[2]).status == "refuted"


@pytest.mark.full
def test_larger_matrices_have_numbers():
    """So that a difference shows; of what is equal nothing is known but that it is one function."""
    a, b = jax.ShapeDtypeStruct((5, 5), jnp.float32), jax.ShapeDtypeStruct((5,), jnp.float32)
    moved = equivalent(solve, lambda a, b: solve(a + 0.01 * jnp.eye(5), b), a, b, seconds=20)
    assert moved.status == "refuted"
    assert equivalent(lambda a, b: 2 * solve(a, b), lambda a, b: solve(a, b) * 2, a, b)

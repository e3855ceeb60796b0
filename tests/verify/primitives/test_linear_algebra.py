"""Triangular systems and Cholesky factors mean what JAX means; other factors are functions."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import linalg

from tests.verify.harness import check_rule
from verify.algebras.field import Field
from verify.evaluate import evaluate
from verify.programs import trace

rng = np.random.default_rng(0)
A = rng.normal(size=(2, 3, 3)) + 4 * np.eye(3)
B = rng.normal(size=(2, 3, 2))


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize(
    ("left", "lower", "transpose"), list(itertools.product([False, True], repeat=3))
)
def test_triangular_solve_means_what_jax_means(left, lower, transpose, unit) -> None:
    def f(a, b):
        return linalg.triangular_solve(
            a, b, left_side=left, lower=lower, transpose_a=transpose, unit_diagonal=unit
        )

    b = B if left else B.swapaxes(1, 2)
    check_rule(f, A, b, integers=False, reals=False)


def test_complex_triangular_solve() -> None:
    a = A + 1j * rng.normal(size=A.shape)
    for conjugate in (False, True):
        check_rule(
            lambda a, b, c=conjugate: linalg.triangular_solve(
                a, b, left_side=True, lower=True, transpose_a=True, conjugate_a=c
            ),
            a,
            B + 0.5j,
            integers=False,
            reals=False,
        )


def test_cholesky_means_what_jax_means() -> None:
    positive = A @ A.swapaxes(1, 2)
    check_rule(jnp.linalg.cholesky, positive, integers=False, reals=False)
    check_rule(
        jax.grad(lambda a: jnp.linalg.cholesky(a)[0, 2].sum()),
        positive,
        integers=False,
        reals=False,
    )
    a = A + 1j * rng.normal(size=A.shape)
    hermitian = a @ a.conj().swapaxes(1, 2)
    check_rule(jnp.linalg.cholesky, hermitian, integers=False, reals=False, rtol=1e-11)


FACTORS = {
    "lu": lambda a: jax.lax.linalg.lu(a)[0],
    "qr": lambda a: jnp.linalg.qr(a)[1],
    "eigh": lambda a: jnp.linalg.eigh(a)[0],
    "svd": lambda a: jnp.linalg.svd(a, compute_uv=False),
}


@pytest.mark.parametrize("name", FACTORS)
def test_factors_are_functions_of_the_matrix(name: str) -> None:
    """Equal matrices have equal factors, alone and in a batch; others have others."""
    f = FACTORS[name]
    field = Field(0)
    a = field.random((3, 3), np.dtype(np.float32))

    def residues(g):
        (value,) = evaluate(trace(g, np.zeros((3, 3), np.float32)), field, [a])
        return value.rows

    one = residues(f)
    np.testing.assert_array_equal(one, residues(lambda a: f(a + a - a)))
    np.testing.assert_array_equal(one, residues(lambda a: f(jnp.stack([a * 2, a]))[1]))
    assert (one != residues(lambda a: f(a * 2))).any()
    assert (one != residues(lambda a: f(a.at[2, 2].add(1)))).any()

"""The law of cube roots: what it proves, and near misses of each of its hooks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.algebras.field import Field
from verify.algebras.field.laws.cube_roots import CUBE_ROOTS, Cube, Root

x = jax.ShapeDtypeStruct((3,), jnp.float32)
c = jnp.cbrt

EQUAL = {
    "the cube of a root": (lambda x: c(x) ** 3, lambda x: x),
    "three separate calls": (lambda x: c(x) * c(x) * c(x), lambda x: x),
    "of minus the root": (lambda x: (-c(x)) ** 3, lambda x: -x),
    "the root of a cube": (lambda x: c(x**3), lambda x: x),
    "of minus a cube": (lambda x: c(-(x * x * x)), lambda x: -x),
    "a quotient": (lambda x: x / c(x), lambda x: c(x) * c(x)),
    "a reciprocal": (lambda x: 1 / c(x) ** 3, lambda x: 1 / x),
    "a sum of multiples": (lambda x: (2 * c(x) + c(x)) ** 3, lambda x: 27 * x),
    "moved": (lambda x: c(x)[::-1] ** 3, lambda x: x[::-1]),
    "the fifth power": (lambda x: c(x) ** 5, lambda x: x * c(x) ** 2),
    "the sixth power": (lambda x: c(x) ** 6, lambda x: x * x),
    "of a sum": (lambda x: c(x + 1) ** 3 - 1, lambda x: x),
    "a matrix product": (lambda x: c(x) @ c(x) ** 2, lambda x: x.sum()),
    "the derivative": (
        lambda x: c(x) * jax.grad(lambda t: c(t).sum())(x) * c(x),
        lambda x: x * jax.grad(lambda t: c(t).sum())(x) / c(x),
    ),
    "another format": (lambda x: c(x.astype(jnp.bfloat16)).astype(x.dtype) ** 3, lambda x: x),
}
DIFFERENT = {
    "the sign": (lambda x: c(x) ** 3, lambda x: -x),
    "a square": (lambda x: c(x) ** 2, lambda x: x),
    "the absolute value": (lambda x: c(x**3), lambda x: jnp.abs(x)),
    "roots of two numbers": (lambda x: c(x) * c(x) * c(x + 1), lambda x: x),
    "moved apart": (lambda x: c(x) * c(x) * c(x[::-1]), lambda x: x),
    "equal in two elements": (lambda x: c(x) ** 2 * c(x.at[0].set(1.0)), lambda x: x),
    "a quotient": (lambda x: x / c(x), lambda x: c(x)),
    "a sum of multiples": (lambda x: (2 * c(x) + c(x)) ** 3, lambda x: 9 * x),
    "a sum of two roots": (lambda x: (c(x) + c(2 * x)) ** 3, lambda x: 3 * x),
    "a root and its square": (lambda x: (c(x) + c(x) ** 2) * c(x), lambda x: 2 * x),
    "the fourth power": (lambda x: c(x) ** 4, lambda x: x * c(x) ** 2),
    "twice a cube": (lambda x: c(2 * x**3), lambda x: 2 * x),
    "no cube": (lambda x: c(x * x * (x + 1)), lambda x: x),
    "a matrix product": (lambda x: c(x) @ c(x[::-1]) ** 2, lambda x: x.sum()),
    "a reciprocal": (lambda x: 1 / (2 * c(x)) ** 3, lambda x: 1 / (2 * x)),
    "a factor that is forgotten": (lambda x: (3 * c(x)) * c(x) * c(x), lambda x: x),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert verify.equivalent(*pair, x).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses(pair):
    assert verify.equivalent(*pair, x).status == "refuted"


def test_each_comparison_of_radicands_is_counted():
    """Without that the error bound would not cover a confusion of two of them."""
    field = Field(0)
    u, v = (field.random((5,), np.dtype("float32")) for _ in range(2))
    one, two = (field.function("cbrt", [w], w.shape, w.dtype) for w in (u, v))
    before = field.inner_pairs
    field.mul(one, two)
    assert field.inner_pairs >= before + 5


def test_where_each_row_is_in_a_branch_of_its_own_residues_are_not_compared():
    from verify.algebras.field import Mode
    from verify.algebras.field.patterns import PatternField

    field = PatternField(0, Mode(patterns=True, ties=False), exponents=True)
    u = field.random((1,), np.dtype("float32"))
    zero = field.lift(np.zeros(1), u.dtype)
    v = field.maximum(u, zero)  # in some rows it is u
    one, two = (field.function("cbrt", [w], w.shape, w.dtype) for w in (u, v))
    assert CUBE_ROOTS.product(field, field.mul(one, one), two) is None


def test_facts():
    field = Field(0)
    u = field.random((5,), np.dtype("float32"))
    root = field.function("cbrt", [u], u.shape, u.dtype)
    known = CUBE_ROOTS.of(field.neg(field.mul(root, root)))
    assert isinstance(known, Root)
    assert known.exponent == 2
    assert field.agree(known.factor, field.lift(np.full(5, -1.0), u.dtype))
    cube = CUBE_ROOTS.of(field.mul(u, field.mul(u, u)))
    assert isinstance(cube, Cube)
    assert cube.base is u

"""The rules of arithmetic, comparison, choice and casts mean what JAX means by them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule

X, Y = np.zeros((3, 4)), np.zeros((3, 4))
CASES = {
    "add": (lambda x, y: x + y, X, Y),
    "add scalar": (lambda x: x + 1.5, X),
    "sub": (lambda x, y: x - y, X, Y),
    "mul": (lambda x, y: x * y, X, Y),
    "neg": (lambda x: -x, X),
    "square": (lambda x: lax.square(x), X),
    "integer_pow 0": (lambda x: lax.integer_pow(x, 0), X),
    "integer_pow 1": (lambda x: lax.integer_pow(x, 1), X),
    "integer_pow 5": (lambda x: lax.integer_pow(x, 5), X),
    "integer_pow -3": (lambda x: lax.integer_pow(x * x + 1, -3), X),
    "max": (lambda x, y: lax.max(x, y), X, Y),
    "min": (lambda x, y: lax.min(x, y), X, Y),
    "relu": (jax.nn.relu, X),
    "clamp": (lambda x: lax.clamp(-1.0, x, 2.0), X),
    "clamp arrays": (lambda low, x: lax.clamp(low, x, low + 1), X, Y),
    "clamp upside down": (lambda x: lax.clamp(2.0, x, -1.0), X),
    "comparisons": (
        lambda x, y: [f(x, y) for f in (lax.eq, lax.ne, lax.lt, lax.le, lax.gt, lax.ge)],
        X,
        Y,
    ),
    "where": (lambda x, y: jnp.where(x > y, x, 2 * y), X, Y),
    "select_n scalar": (lambda x, y: lax.select_n(x[0, 0] > 0, x, y), X, Y),
    "select_n integers": (
        lambda w, x, y: lax.select_n(w, x, y, x + y),
        np.array([[0, 1, 2, 0], [2, 2, 1, 0], [0, 0, 1, 1]], np.int32),
        X,
        Y,
    ),
    "convert to integers": (lambda x: (3 * x).astype(jnp.int32), X),
    "convert to small integers": (lambda x: x.astype(jnp.int8), X),
    "convert to booleans": (lambda x: x.astype(jnp.bool_), X),
    "convert booleans": (lambda x: (x > 0).astype(jnp.float32), X),
    "convert from integers": (lambda i: i.astype(jnp.float64), np.int32([-5, 7, 2**31 - 1])),
    "convert between formats": (lambda x: x.astype(jnp.float32).astype(jnp.float64), X),
    "is_finite": (lambda x: lax.is_finite(x), X),
    "logic": (lambda x, y: [(x > 0) & (y > 0), (x > 0) | (y > 0), ~(x > 0)], X, Y),
    "boolean order": (lambda x, y: [lax.max(x > 0, y > 0), lax.min(x > 0, y > 0)], X, Y),
}
FORMATS = ("convert between formats",)


@pytest.mark.parametrize("name", CASES)
def test_rule_means_what_jax_means(name: str) -> None:
    f, *inputs = CASES[name]
    check_rule(f, *inputs, reals=name not in FORMATS)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "uint32", "int64"])
def test_integers_wrap_as_in_jax(dtype: str) -> None:
    ends = np.iinfo(dtype)
    a = np.array([ends.min, ends.max, ends.max, 3, 100], dtype)
    b = np.array([ends.max, ends.max, 1, 2, 77], dtype)
    check_rule(
        lambda a, b: [a + b, a - b, a * b, -a, ~a, lax.max(a, b), lax.min(a, b), a < b, a**3],
        a,
        b,
    )


@pytest.mark.parametrize("new", ["int8", "uint8", "int16", "uint32", "int64", "bool", "float64"])
@pytest.mark.parametrize("old", ["int8", "uint8", "int32", "uint32"])
def test_conversion_of_integers_wraps_as_in_jax(old: str, new: str) -> None:
    ends = np.iinfo(old)
    x = np.array([ends.min, ends.max, 0, 1, 100, ends.max // 2 + 1], old)
    check_rule(lambda x: x.astype(new), x)

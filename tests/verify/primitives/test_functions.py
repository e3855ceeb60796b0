"""Functions mean what JAX means: by the expressions of the rules, and by the native functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.algebras.numeric import Numeric

X = np.array([[0.3, -1.7, 2.5, 0.0], [-0.5, 3.0, 1.5, -2.5]])
POSITIVE = np.array([0.3, 1.7, 2.5, 0.01, 7.0])
UNIT = np.array([0.3, -0.7, 0.0, 0.99, -0.999])


class Expressions(Numeric):
    """The numeric algebra without native functions: the rules' expressions are tested."""

    native = frozenset({"lgamma"})


# name: (function, input, lowest and highest random input)
REAL = {
    "exp": (lax.exp, X, -4, 4),
    "exp2": (lax.exp2, X - 0.125, -3.5, -3.1),  # JAX's exp2(3) is not 8
    "expm1": (lax.expm1, X, -4, 4),
    "log": (lax.log, POSITIVE, 1, 4),
    "log1p": (lax.log1p, POSITIVE, 1, 4),
    "log2": (jnp.log2, POSITIVE, 1, 4),
    "logistic": (lax.logistic, X, -4, 4),
    "tanh": (lax.tanh, X, -4, 4),
    "sinh": (lax.sinh, X, -4, 4),
    "cosh": (lax.cosh, X, -4, 4),
    "asinh": (lax.asinh, X, -4, 4),
    "acosh": (lax.acosh, POSITIVE + 1, 2, 4),
    "atanh": (lax.atanh, UNIT, -0.9, 0.9),
    "sin": (lax.sin, X, -4, 4),
    "cos": (lax.cos, X, -4, 4),
    "tan": (lax.tan, X, -1.4, 1.4),
    "asin": (lax.asin, UNIT, -1, 1),
    "acos": (lax.acos, UNIT, -1, 1),
    "atan": (lax.atan, X, -4, 4),
    "sqrt": (lax.sqrt, POSITIVE, 1, 4),
    "rsqrt": (lax.rsqrt, POSITIVE, 1, 4),
    "cbrt": (lax.cbrt, X, -4, 4),
    "erf": (lax.erf, X, -4, 4),
    "erfc": (lax.erfc, X, -4, 4),
    "erf_inv": (lax.erf_inv, UNIT, -0.9, 0.9),
    "lgamma": (lax.lgamma, POSITIVE, 1, 4),
    "digamma": (lax.digamma, POSITIVE, 1, 4),
    "floor": (lax.floor, X, -4, 4),
    "ceil": (lax.ceil, X, -4, 4),
    "round half away": (lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO), X, -4, 4),
    "round half to even": (lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN), X, -4, 4),
    "abs": (lax.abs, X, -4, 4),
    "sign": (lax.sign, X, -4, 4),
    "pow 3": (lambda x: lax.pow(x, 3.0), X, -4, 4),
    "pow -2": (lambda x: lax.pow(x, -2.0), POSITIVE, 1, 4),
    "pow 1/2": (lambda x: lax.pow(x, 0.5), POSITIVE, 1, 4),
    "pow 5/2": (lambda x: lax.pow(x, 2.5), POSITIVE, 1, 4),
    "pow -3/2": (lambda x: lax.pow(x, -1.5), POSITIVE, 1, 4),
    "pow 0": (lambda x: lax.pow(x, 0.0), X, -4, 4),
    "pow 1/3": (lambda x: lax.pow(x, 1 / 3), POSITIVE, 1, 4),
    "pow int": (lambda x: lax.pow(x, jnp.int32(3)), X, -4, 4),
    "pow of several exponents": (
        lambda x: lax.pow(x, jnp.array([0, 1, 0.5, -2, 3.0])),
        POSITIVE,
        1,
        4,
    ),
    "pow of a constant": (lambda x: lax.pow(2.0, x), X, -4, 4),
    "pow of itself": (lambda x: lax.pow(x, x), POSITIVE, 1, 4),
    "rem of a constant": (lambda x: lax.rem(x, 0.7), X, -4, 4),
    "division": (lambda x: 3.0 / (x + 10), X, -4, 4),
    "polynomial": (lambda x: jnp.polyval(jnp.array([2.0, -1, 0.5]), x), X, -4, 4),
    "gelu": (lambda x: jax.nn.gelu(x, approximate=False), X, -4, 4),
    "gradient of tanh": (jax.grad(lambda x: jnp.tanh(x).sum()), X, -4, 4),
    "gradient of asin": (jax.grad(lambda x: jnp.arcsin(x).sum()), UNIT, -0.9, 0.9),
    "gradient of log2": (jax.grad(lambda x: jnp.log2(x).sum()), POSITIVE, 1, 4),
}
ROUNDINGS = ("floor", "ceil", "round half away", "round half to even", "rem of a constant")


@pytest.mark.parametrize("algebra", [Numeric(), Expressions()], ids=["native", "expressions"])
@pytest.mark.parametrize("name", REAL)
def test_function_means_what_jax_means(name: str, algebra: Numeric) -> None:
    f, x, low, high = REAL[name]
    whole = int(np.ceil(low)) <= int(np.floor(high)) and name not in ("atanh", "erf_inv")
    check_rule(
        f,
        x,
        low=low,
        high=high,
        integers=whole and "asin" not in name,
        rtol=1e-10 if name == "digamma" else 1e-12,
        may_be_unknown=name in ROUNDINGS,
        algebra=algebra,
    )


def test_two_operands_mean_what_jax_means() -> None:
    y = np.array([[1.5, -0.5, 2.0, -3.0], [1.0, -2.0, 0.5, 4.0]])
    check_rule(lambda x, y: [lax.rem(x, y), lax.atan2(x, y + 0.25)], X, y, may_be_unknown=True)


def test_axes_of_size_one_are_repeated() -> None:
    y = np.arange(1.0, 13).reshape(3, 4)
    check_rule(lambda x, y: lax.atan2(x, y), np.ones((3, 1)) / 2, y, low=1)
    check_rule(lambda x: lax.pow(x, 2.0), X)


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8"])
def test_abs_and_sign_of_integers(dtype: str) -> None:
    ends = np.iinfo(dtype)
    x = np.array([ends.min, ends.max, 0, 1, ends.min + 1], dtype)
    check_rule(lambda x: [jnp.abs(x), jnp.sign(x)], x)


def test_what_is_not_defined_is_not_a_number() -> None:
    """As in JAX: the harness compares where the results are NaN."""
    x = np.array([-1.0, 2.0])
    for f in (lax.log, lax.sqrt, lax.acosh, lambda x: lax.pow(x, 0.5)):
        check_rule(f, x, integers=False, reals=False)
        check_rule(f, x, integers=False, reals=False, algebra=Expressions())

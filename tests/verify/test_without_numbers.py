"""No proof without a search: where verify has no numbers for a primitive, JAX runs the programs."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import mlir

import verify

F32 = jnp.float32
SEVERAL = jnp.uint8([0, 200])


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


MATRIX = of(F32, 2, 2)


def beside_eigenvalues(f):
    return lambda m, *xs: jnp.linalg.eigh(m)[0][0] * 0 + f(*xs)


# Each pair differs, or is not defined together, somewhere that a proof would assume away.
DIFFERENT = {
    "a sum that wraps": (
        lambda x: (x + x).astype(F32),
        lambda x: 2 * x.astype(F32),
        of(jnp.int8),
    ),
    "a square's logarithm": (lambda x: jnp.log(x * x), lambda x: 2 * jnp.log(x), of(F32)),
    "a root, squared": (lambda x: jnp.sqrt(x) ** 2, lambda x: x, of(F32)),
    "a tie": (
        lambda x, y: jnp.where(x > y, 1.0, 2.0),
        lambda x, y: jnp.where(x >= y, 1.0, 2.0),
        of(F32),
        of(F32),
    ),
    "a tie at a constant": (
        lambda x: jnp.where(x > 0.1234, 1.0, 2.0),
        lambda x: jnp.where(x >= 0.1234, 1.0, 2.0),
        of(F32),
    ),
    "a tie at the negative of a constant": (
        lambda x: jnp.where(-x > 17.3, 1.0, 2.0),
        lambda x: jnp.where(-x >= 17.3, 1.0, 2.0),
        of(F32),
    ),
    "a tie at half a constant": (
        lambda x: jnp.where(x + x > 0.2468, 1.0, 2.0),
        lambda x: jnp.where(x + x >= 0.2468, 1.0, 2.0),
        of(F32),
    ),
    "a choice at a constant": (
        lambda x: jnp.where(x > 77, x, 0),
        lambda x: jnp.where(x > 78, x, 0),
        of(jnp.int32),
    ),
    "a product by a constant that wraps": (
        lambda x: (x * jnp.uint8(255)).astype(F32),
        lambda x: -x.astype(F32),
        of(jnp.uint8),
    ),
}
UNPROVED = ("a choice at a constant", "a product by a constant that wraps")  # by any law
EQUAL = {
    "a product": (lambda x: 2 * x, lambda x: x + x, of(F32)),
    "a quotient": (lambda x: x * x / x, lambda x: x * 1, of(F32)),
    "a sum of wrapped ones": (lambda x: (x + x + x) - x, lambda x: 2 * x, of(jnp.int8)),
    "a guarded root": (
        lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0),
        lambda x: jnp.where(x <= 0, 0.0, jnp.sqrt(x)),
        of(F32),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_by_jax_is_not_proved(name):
    f, g, *examples = DIFFERENT[name]
    asked = [beside_eigenvalues(h) for h in (f, g)]
    verdict = verify.equivalent(*asked, MATRIX, *examples)
    assert verdict.status == "unknown"
    if name not in UNPROVED:
        assert "JAX computes" in verdict.reason


@pytest.mark.parametrize("name", EQUAL)
def test_what_is_equal_stays_proved(name):
    f, g, *examples = EQUAL[name]
    asked = [beside_eigenvalues(h) for h in (f, g)]
    assert verify.equivalent(*asked, MATRIX, *examples).status == "proved"


HELD = "the constants are the floats that they hold, and no other numbers that round to them"


def test_literals_that_add_up_as_floats_only_are_named():
    f, g = beside_eigenvalues(lambda x: x * 0.14717191 + 0.5 * x), lambda x: 0.6471719 * x
    verdict = verify.equivalent(f, beside_eigenvalues(g), MATRIX, of(F32))
    assert verdict.status == "proved"
    assert verdict.assumptions == (HELD,)


def test_literals_that_stand_for_any_number_need_no_word():
    f, g = beside_eigenvalues(lambda x: 0.3 * x + x), lambda x: x + x * 0.3
    assert verify.equivalent(f, beside_eigenvalues(g), MATRIX, of(F32)).assumptions == ()


def test_incomplete_gammas_have_no_numbers_and_ties_are_tried():
    def beside(f):
        return lambda x: lax.igamma(jnp.float32(1.5), jnp.abs(x)) + f(x)

    f, g = DIFFERENT["a tie at a constant"][:2]
    assert verify.equivalent(beside(f), beside(g), of(F32)).status == "unknown"


def test_a_matrix_that_is_always_singular_proves_nothing():
    """Its pivots are zero but for rounding."""
    for f in (
        lambda m: jnp.linalg.inv(jnp.outer(m, m)) * 0,
        lambda m: jnp.linalg.solve(jnp.outer(m, m), m)[:, None] * jnp.zeros((2, 2)),
    ):
        verdict = verify.equivalent(f, lambda m: jnp.zeros((2, 2)), of(F32, 2))
        assert verdict.status != "proved", str(verdict)


def test_promises_that_are_broken_are_no_difference():
    asked = [
        beside_eigenvalues(lambda x, i, mode=mode: x.at[i].add(1.0, mode=mode))
        for mode in ("promise_in_bounds", "clip")
    ]
    verdict = verify.equivalent(*asked, MATRIX, of(F32, 4), of(jnp.int32))
    assert verdict.status == "proved", str(verdict)


def masked(a, value):
    return jnp.where(a > 0, 1.0, 0.0) * value


# Functions that have no value on an open set, guarded and not, or cancelling.
SPECIAL = {
    "both incomplete gammas": (
        lambda a, x: lax.igamma(a, x) + lax.igammac(a, x),
        lambda a, x: jnp.ones_like(x),
    ),
    "a guarded incomplete gamma": (
        lambda a, x: jnp.where(a > 0, lax.igamma(a, x * x), 0.0),
        lambda a, x: masked(a, lax.igamma(a, x * x)),
    ),
    "a guarded digamma": (
        lambda a, x: jnp.where(a > 0, lax.digamma(jnp.maximum(a, 0)), 0.0),
        lambda a, x: masked(a, lax.digamma(jnp.maximum(a, 0))),
    ),
    "a guarded lgamma": (
        lambda a, x: jnp.where(a > 0, lax.lgamma(jnp.maximum(a, 0)), 0.0),
        lambda a, x: masked(a, lax.lgamma(jnp.maximum(a, 0))),
    ),
    "a zeta function": (lambda a, x: lax.zeta(x, x) - lax.zeta(x, x), lambda a, x: 0 * x),
    "an incomplete beta": (
        lambda a, x: 0 * jax.scipy.special.betainc(a, a, x),
        lambda a, x: 0 * x,
    ),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_without_a_value_are_not_forgotten(name):
    f, g = SPECIAL[name]
    verdict = verify.equivalent(f, g, of(F32), of(F32))
    assert verdict.status != "proved"
    if "gamma" in name and "incomplete" not in name:
        assert verdict.status == "refuted"
    else:
        assert "JAX computes" in verdict.reason


# -- names are no primitives -----------------------------------------------------------------------


def impostor(name, function, like):
    primitive = Primitive(name)
    primitive.def_impl(function)
    primitive.def_abstract_eval(lambda *avals, **_: avals[0])
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=False))
    return lambda *xs: primitive.bind(*xs, **like)


IMPOSTORS = {
    "add": (impostor("add", lambda x, y: x * y, {}), jnp.add, lambda x, y: y + x),
    "mul": (impostor("mul", lambda x, y: x - y, {}), jnp.multiply, lambda x, y: y * x),
    "sin": (
        impostor("sin", lambda x, **_: 2 * x, {"accuracy": None}),
        lambda x, y: jnp.sin(x) + 0 * y,
        lambda x, y: jnp.sin(x) + y * 0,
    ),
    "max": (impostor("max", lambda x, y: x + y, {}), jnp.maximum, lambda x, y: lax.max(y, x)),
    "neg": (impostor("neg", lambda x: x, {}), lambda x, y: -x + 0 * y, lambda x, y: 0 * y - x),
}


@pytest.mark.parametrize("name", IMPOSTORS)
def test_a_primitive_of_another_library_is_none_of_jax(name):
    """Whatever has been compared with JAX before, under the same name."""
    other, f, g = IMPOSTORS[name]
    assert verify.equivalent(f, g, of(F32), of(F32)).status == "proved"
    unary = name in ("sin", "neg")
    verdict = verify.equivalent(
        lambda x, y: other(x) + 0 * y if unary else other(x, y), g, of(F32), of(F32)
    )
    assert verdict.status == "unknown"
    assert "not one of JAX's" in verdict.reason

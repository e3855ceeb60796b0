"""What parts of verify make of the catalogue, where lists of their own were incomplete or wrong."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import verify
from verify.checks.linearity import nonlinear
from verify.counterexample import Comparison
from verify.counterexample.many import SUMS
from verify.counterexample.positive import never_reached
from verify.formats import note
from verify.programs import trace
from verify.programs.value_numbers import normalised
from verify.provers.question import Question


def _floats(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def test_a_write_of_a_maximum_chooses():
    program = trace(lambda x, y: x.at[0].max(y), _floats(3), _floats())
    comparison = Comparison(program, program)
    question = Question(comparison, None, ["x", "y"], np.random.default_rng(0))
    assert question.chooses


def test_the_gradient_of_a_pooling_is_linear_in_the_gradient_only():
    def pooled(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (2,), (2,), "VALID")

    program = trace(lambda x, d: jax.vjp(pooled, x)[1](d)[0], _floats(6), _floats(3))
    program, _, _ = normalised(program, program)  # without the pooling itself
    assert nonlinear(program, [False, True]) == ""
    assert nonlinear(program, [True, False]).startswith("select_and_scatter_add")


def test_writing_a_maximum_rounds_nothing():
    x = jax.ShapeDtypeStruct((3,), jnp.bfloat16)

    def wide(x: Any) -> Any:
        return (x.astype(jnp.float32).at[0].max(x[1].astype(jnp.float32))).astype(x.dtype)

    assert note(trace(lambda x: x.at[0].max(x[1]), x), trace(wide, x)) == ""
    added = trace(lambda x: x.astype(jnp.float32).at[0].add(1.5).astype(x.dtype), x)
    assert note(trace(lambda x: x.at[0].add(1.5), x), added)


def test_sums_that_are_subtracted_are_sums():
    program = trace(lambda x: x.at[jnp.array([0, 0])].subtract(x[1:]), _floats(3))
    assert not program.primitives().isdisjoint(SUMS)


def test_odd_even_and_positive_functions_are_proved_to_be():
    x = _floats(3)
    i0, i1 = lax.bessel_i0e, lax.bessel_i1e
    for f, g, planted in (
        (lambda x: i1(-x), lambda x: -i1(x), lambda x: i1(x)),
        (lambda x: i0(-x), i0, lambda x: -i0(x)),
        (lambda x: jnp.maximum(i0(x), 0), i0, i1),
        (lambda x: jnp.maximum(i1(x), 0), lambda x: i1(jnp.maximum(x, 0)), lambda x: i1(x)),
    ):
        assert verify.equivalent(f, g, x).status == "proved"
        assert verify.equivalent(f, planted, x).status != "proved"
    assert verify.equivalent(lambda x: abs(jnp.arccos(x)), jnp.arccos, x).status == "proved"
    assert verify.equivalent(lambda x: abs(jnp.arcsin(x)), jnp.arcsin, x).status == "refuted"


def test_any_function_of_an_element_may_be_applied_by_a_scatter():
    def by_hand(x: Any) -> Any:
        return jnp.stack([x[0], lax.bessel_i0e(x[1]), x[2]])

    def applied(x: Any) -> Any:
        return x.at[1].apply(lax.bessel_i0e)

    assert verify.equivalent(applied, by_hand, _floats(3)).status == "proved"
    assert verify.equivalent(applied, lambda x: lax.bessel_i0e(x), _floats(3)).status != "proved"


def test_a_composite_sees_the_bits_of_constants_as_the_machine_has_them():
    """In float32 this constant is 0, over the reals it is 1."""
    bits = lax.composite(lambda x: lax.bitcast_convert_type(x, jnp.int32), name="tests.bits")

    def computed(x: Any) -> Any:
        return bits(jnp.full(2, 1e8, jnp.float32) + 1 - 1e8) + 0 * x

    x = jax.ShapeDtypeStruct((2,), jnp.int32)
    assert verify.equivalent(computed, lambda x: bits(jnp.zeros(2)) + 0 * x, x).status != "refuted"
    assert verify.equivalent(computed, lambda x: bits(jnp.ones(2)) + 0 * x, x).status == "refuted"


def test_signs_of_more_functions_keep_a_search_from_edges():
    program = trace(lambda x: jnp.sqrt(lax.erf(abs(x))) + jnp.log(lax.erfc(x)), _floats(3))
    assert len(never_reached(program)) == 2
    assert not never_reached(trace(lambda x: jnp.sqrt(lax.erf(x)), _floats(3)))

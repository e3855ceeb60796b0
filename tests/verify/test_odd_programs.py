"""Odd dtypes, shapes and constants: `faithful`, `derivatives`, `rounding` and what explains a
counterexample give a verdict, and raise nothing.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify

FLOATS = ["float32", "bfloat16", "float16", "float8_e4m3fn"]
DTYPES = [*FLOATS, "int32", "int8", "uint8", "int4", "uint4", "bool", "complex64"]
SHAPES = [(), (0,), (2, 0), (2, 3)]
ZEROS = np.array([2, 0, 3], np.float32)
DENORMAL = np.array([1e-45, 0, 1], np.float32)


def spec(shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))


def nothing(x):
    return ()


def nested(x):
    return {"a": (x, None), "b": [None, {"c": x + x}], "d": ()}


# What once raised, and more of its kind: at (3,), float32, unless it says otherwise.
PROGRAMS = {
    "divided by a constant with a zero": lambda x: jnp.where(ZEROS > 0, x / ZEROS, 0),
    "divided by zeros": lambda x: x / (0 * ZEROS),
    "divided by numbers that are flushed": lambda x: x / DENORMAL,
    "divided by infinity and none": lambda x: x / np.array([np.inf, np.nan, 0], np.float32),
    "remainder of a constant with a zero": lambda x: lax.rem(x, jnp.asarray(ZEROS)),
    "a power of a constant with a zero": lambda x: jnp.asarray(ZEROS) ** x,
    "a reciprocal of a constant with a zero": lambda x: x * (1 / jnp.asarray(ZEROS)),
    "times infinity": lambda x: x * jnp.inf,
    "plus what is no number": lambda x: x + jnp.nan,
    "overflows": lambda x: x * 3e38 * 3e38,
    "underflows": lambda x: x * 1e-38 * 1e-38,
    "the largest of nothing": lambda x: jnp.max(x[:0], initial=-jnp.inf),
    "the mean of nothing": lambda x: x[:0].sum() / x[:0].size if x[:0].size else x[:0].sum() / 0.0,
    "a product of nothing": lambda x: jnp.prod(x[:0]),
    "logarithms of nothing": lambda x: jnp.log(x[:0]) + jnp.exp(x[:0]),
    "a scan over nothing": lambda x: lax.scan(lambda c, y: (c + y, c), x[0], x[:0]),
    "nothing returned": nothing,
    "none among what is returned": nested,
    "a constant returned": lambda x: jnp.ones(3),
    "what is given": lambda x: x,
    "what is compared with no number": lambda x: jnp.where(x > jnp.nan, x, -x),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_faithful_has_a_verdict(name):
    for example in (spec((3,)), np.array([0, -1, 2], np.float32), np.full(3, np.inf, np.float32)):
        verdict = verify.faithful(PROGRAMS[name], example, seed=0)
        assert verdict.status in ("proved", "unknown"), verdict
        assert str(verdict)


@pytest.mark.parametrize("name", PROGRAMS)
def test_rounding_has_a_value(name):
    verdict = verify.equivalent(PROGRAMS[name], PROGRAMS[name], spec((3,)), seconds=1, seed=0)
    assert verdict.status in ("proved", "unknown"), verdict
    assert str(verdict.rounding) or verdict.rounding is None
    assert verdict.to_json()


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "nothing returned"])
def test_derivatives_have_a_verdict(name):
    f = jax.custom_jvp(PROGRAMS[name])
    f.defjvp(lambda p, t: jax.jvp(PROGRAMS[name], p, t))
    verdict = verify.derivatives(f, spec((3,)), seconds=1, seed=0)
    assert verdict.status in ("proved", "unknown"), verdict


def test_a_constant_that_divides_by_zero_has_a_bound_where_it_does_not():
    verdict = verify.faithful(PROGRAMS["divided by a constant with a zero"], spec((3,)), seed=0)
    assert verdict, verdict
    wrong = PROGRAMS["divided by zeros"]
    assert verify.faithful(wrong, spec((3,)), seed=0).status == "unknown"


OPERATIONS = {
    "sum": lambda x: x.sum(),
    "sort": lambda x: jnp.sort(x.reshape(-1)),
    "maximum": lambda x: jnp.maximum(x, x[..., ::-1] if x.ndim else x),
    "times itself": lambda x: x * x,
    "as a float": lambda x: jnp.real(x).astype(jnp.float32) / 3,
    "as a truth value": lambda x: x.astype(bool),
    "scaled": lambda x: x * jnp.ones((), x.dtype) + jnp.ones((), x.dtype),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_dtype_and_shape_has_a_verdict(name, dtype):
    f = OPERATIONS[name]
    # XLA itself is wrong about sorted numbers of fewer than eight bits.
    for shape in SHAPES if dtype[-1] != "4" or name != "sort" else [()]:
        try:
            jax.eval_shape(f, spec(shape, dtype))
        except (TypeError, ValueError):
            continue  # not in JAX
        verdict = verify.faithful(f, spec(shape, dtype), seed=0)
        assert verdict.status in ("proved", "unknown"), verdict


@pytest.mark.parametrize("name", ["shift_right_logical", "shift_left", "shift_right_arithmetic"])
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_shifts_of_scalars_are_scalars(name, dtype):
    f = getattr(lax, name)
    verdict = verify.faithful(lambda x, n: f(x, n) & x, spec((), dtype), spec((), dtype), seed=0)
    assert verdict, verdict


@pytest.mark.parametrize("name", ["population_count", "clz"])
def test_bits_of_scalars_are_counted(name):
    verdict = verify.faithful(lambda x: getattr(lax, name)(x), spec((), "uint8"), seed=0)
    assert verdict, verdict


def test_integers_at_the_power_of_integers():
    verdict = verify.faithful(jnp.power, spec((), "uint8"), spec((), "uint8"), seed=0)
    assert verdict, verdict


COMPLEX = {
    "a factor": (lambda z: z * z, lambda z: jnp.conj(z) * z),
    "a logarithm": (lambda z: jnp.log(z), lambda z: jnp.log(2 * z)),
    "infinite": (lambda z: 1 / z, lambda z: 2 / z),
    "an exponential": (lambda z: jnp.exp(z) * 1e30, lambda z: jnp.exp(jnp.conj(z))),
    "a magnitude": (lambda z: jnp.abs(z), lambda z: jnp.real(z)),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_a_difference_of_complex_numbers_is_explained(name):
    f, g = COMPLEX[name]
    verdict = verify.equivalent(f, g, spec((2,), "complex64"), seconds=5, seed=0)
    assert verdict.status == "refuted", verdict
    assert str(verdict)
    assert verdict.to_json()


@pytest.mark.parametrize("seconds", [2])
def test_a_logarithm_of_a_conjugate_raises_nothing(seconds):
    f, g = (lambda z: jnp.log(jnp.conj(z))), (lambda z: jnp.conj(jnp.log(z)))
    assert verify.equivalent(f, g, spec((2,), "complex64"), seconds=seconds, seed=0) is not None


def test_a_rule_for_what_jax_cannot_differentiate_is_unknown():
    f = jax.custom_jvp(lambda x: jnp.nextafter(x, jnp.ones_like(x)))
    f.defjvp(lambda p, t: (f(*p), t[0]))
    verdict = verify.derivatives(f, spec((3,)), seed=0)
    assert verdict.status == "unknown", verdict
    assert "the derivative without the rules" in verdict.reason


def test_numbers_near_the_end_of_their_range_have_a_bound_or_none():
    huge = np.array([2.0**1020, -(2.0**1021), 2.0**600])
    with jax.enable_x64(True):
        for f in (
            lambda x: x + x,
            lambda x: x.sum(),
            lambda x: (x[:, None] * x).sum(),
            lambda x: x @ x,
            lambda x: x * 2.0**1000 + x * 2.0**1010,
            lambda x: x / 5e-324,
            lambda x: jnp.cumsum(x),
        ):
            assert verify.faithful(f, huge, seed=0).status in ("proved", "unknown")


@pytest.mark.parametrize("dtype", ["int2"])
def test_what_xla_does_not_survive_is_compiled_elsewhere(dtype):
    verdict = verify.faithful(lambda x: jnp.concatenate([x, x]), spec((3,), dtype), seed=0)
    assert verdict.status == "unknown", verdict
    assert "XLA ended the process" in verdict.reason

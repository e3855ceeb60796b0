"""`assert_equivalent` and the like: what passes, what fails, and what the message begins with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify

X = jax.ShapeDtypeStruct((4, 16), jnp.float32)


def layer_norm(x):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5)


def layer_norm_by_squares(x):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) - mean**2 + 1e-5)


def near(number, dtype):
    return (number + jax.random.normal(jax.random.key(0), (4, 16))).astype(dtype)


def said(ask, *arguments, **options):
    with pytest.raises(AssertionError) as caught:
        ask(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_a_variance_by_squares_is_equal_and_not_within_a_tolerance(dtype):
    """Near 100 the squares are 10,000 and their difference is 1."""
    pair = layer_norm, layer_norm_by_squares
    verify.assert_equivalent(*pair, near(100, dtype))
    text = said(verify.assert_equivalent, *pair, near(100, dtype), rounding=1e-5)
    assert text.startswith("NOT WITHIN rounding=1e-05: as compiled")
    assert "at the examples" in text
    observed = float(text.split("observed ")[1].split(",")[0])  # infinite in bfloat16
    assert observed > 1e-3
    assert "layer_norm = layer_norm_by_squares\nPROVED" in text


def test_a_tolerance_is_for_what_is_certified():
    pair = layer_norm, layer_norm_by_squares
    verify.assert_equivalent(*pair, near(0, jnp.float32), rounding=1e-4)
    text = said(verify.assert_equivalent, *pair, near(0, jnp.float32), rounding=2e-6)
    assert text.startswith("NOT WITHIN rounding=2e-06: no more is certified at the examples")
    assert "certified bound 1" in text
    assert "at random inputs" in said(verify.assert_equivalent, *pair, X, rounding=2e-6)


def test_zero_is_bit_for_bit():
    verify.assert_equivalent(lambda x: jnp.flip(jnp.flip(x)), lambda x: x, X, rounding=0)
    verify.assert_equivalent(lambda x: x + x, lambda x: 2 * x, jnp.arange(3), rounding=0)
    with pytest.raises(AssertionError, match="NOT WITHIN rounding=0"):
        verify.assert_equivalent(jnp.mean, lambda x: x.sum() / x.size, near(1, X.dtype), rounding=0)


def test_where_no_bound_is_known_it_fails_and_says_why():
    def transformed(x):
        return jnp.fft.fft(x).real

    text = said(
        verify.assert_equivalent, transformed, lambda x: transformed(1 * x), X, rounding=1.0
    )
    assert text.startswith("NOT WITHIN rounding=1: no bound is known (rounding errors of complex")


def test_an_unknown_has_no_rounding_to_ask_for():
    text = said(verify.assert_equivalent, lambda x: x, lambda x: 1 - x, X, rounding=1e-5)
    assert text.startswith("REFUTED")


def test_what_is_computed_has_a_tolerance_too():
    verify.assert_faithful(jnp.sin, near(0, jnp.float32), rounding=1e-5)
    text = said(verify.assert_faithful, jnp.sin, near(0, jnp.float32), rounding=1e-9)
    assert text.startswith("NOT WITHIN rounding=1e-09: more was observed\nsin as compiled\nPROVED")
    with pytest.raises(TypeError, match="assert_faithful: rounding: expected a number"):
        verify.assert_faithful(jnp.sin, X, rounding="1e-5")


OPTIONS = {
    "derivatives at some inputs": (
        lambda: verify.assert_derivatives(jax.nn.silu, X, assuming=jnp.isfinite),
        "assert_derivatives: assuming: no option; it takes seconds, seed .*jax.grad",
    ),
    "rounding of derivatives": (
        lambda: verify.assert_derivatives(jax.nn.silu, X, rounding=1),
        "assert_derivatives: rounding: no option; .*assert_equivalent",
    ),
    "faithful at some inputs": (
        lambda: verify.assert_faithful(jax.nn.silu, X, assuming=jnp.isfinite),
        "assert_faithful: assuming: no option; it takes seconds, seed, rounding ",
    ),
    "an argument of the function": (
        lambda: verify.assert_equivalent(jnp.sum, jnp.sum, X, axis=0),
        "assert_equivalent: axis: no option; it takes assuming, constants, .*functools.partial",
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_that_there_is_not_names_who_was_asked_and_what_it_takes(case):
    ask, message = OPTIONS[case]
    with pytest.raises(TypeError, match=message):
        ask()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (-1e-5, ValueError),
        (np.nan, ValueError),
        ("1e-5", TypeError),
        (True, TypeError),
        (np.ones(2), TypeError),
    ],
)
def test_a_tolerance_is_a_number_from_zero_on(given, error):
    with pytest.raises(error, match="assert_equivalent: rounding: expected"):
        verify.assert_equivalent(jnp.sin, jnp.sin, X, rounding=given)


@jax.custom_jvp
def wrong(x):
    return x**3


@wrong.defjvp
def _(primals, tangents):
    return wrong(*primals), 3 * primals[0] * tangents[0]


def test_each_question_is_an_assertion_whose_message_begins_with_the_verdict():
    verify.assert_derivatives(jax.nn.silu, X)
    text = said(verify.assert_derivatives, wrong, X)
    assert text.startswith("REFUTED")
    assert text.endswith("the derivatives of wrong are not proved right")
    verify.assert_faithful(jax.nn.softmax, near(0, jnp.float32), seed=0)
    text = said(verify.assert_faithful, jnp.fft.fft, X)
    assert text.startswith("UNKNOWN: no bound is known")
    assert text.endswith("fft is not proved faithful")


def test_the_rounding_of_a_verdict():
    verdict = verify.equivalent(lambda x: 2 * x + 1, lambda x: x + x + 1, X)
    assert verify.rounding(verdict) is verdict.rounding is verify.rounding(verdict)
    assert verify.rounding(verify.Verdict("unknown")) is None
    with pytest.raises(TypeError, match="rounding: verdict: expected a verdict"):
        verify.rounding(verify.equivalent)

"""Programs that are the same for the floats that their literals hold, and for no other numbers that
round to these, are not proved the same: nobody means 10 * 0.1 > 1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify

x = jax.ShapeDtypeStruct((3,), jnp.float32)
NARROW = jnp.asarray(np.full(3, 0.1), jnp.bfloat16)


def one(condition):
    return jnp.where(condition, 1.0, 0.0)


def positive(x):
    return one(x > 0)


ONLY = {
    "ten tenths": (lambda x: one(x * 0.1 * 10 > x), positive),
    "ten tenths are one": (lambda x: one(x * 0.1 * 10 == x), lambda x: one(x == 0)),
    "three tenths": (lambda x: one(x * 0.1 * 3 < x * 0.3), positive),
    "three thirds": (lambda x: one(x * 0.33333334 * 3 > x), positive),
    "another width": (lambda x: one(x * 0.1 < x * NARROW.astype(jnp.float32)), positive),
    "a number without a reading": (lambda x: one(x * 123453 / 10 > x * 12345.3), positive),
    "a root": (lambda x: one(x * np.sqrt(2.0) * np.sqrt(2.0) < 2 * x), lambda x: one(x > 0)),
    "integers": (lambda x: (x * 0.1 * 10 > x).astype(jnp.int32), lambda x: (x > 0) * 1),
    "a sign": (lambda x: jnp.sign(x * 0.7 - x * 0.1 * 7), lambda x: -jnp.sign(x)),
}
BEHIND = {  # no input of a short search shows it
    "a bound": (lambda x: (x > 1e6) & (10 * (0.1 * x) > x), lambda x: x > 1e6),
    "a square": (
        lambda x: (x * x + x[::-1] > 77.7) & (10 * (0.1 * x) > x),
        lambda x: (x * x + x[::-1] > 77.7) & (x > 0),
    ),
    "a sum": (
        lambda x: one(x.sum() > 12345.5) * one(x * 0.7 > x * 0.1 * 7),
        lambda x: one(x.sum() > 12345.5) * one(x < 0),
    ),
    "a clip": (
        lambda x: jnp.where(x > 5e5, jnp.maximum(10 * (0.1 * x), x), x),
        lambda x: jnp.where(x > 5e5, 10 * (0.1 * x), x),
    ),
    "an order of two literals": (
        lambda x: jnp.where(x > 1e6, jnp.maximum(x * 1.4142135, x * 1.1892071 * 1.1892071), x),
        lambda x: jnp.where(x > 1e6, x * 1.4142135, x),
    ),
    "two among many": (
        lambda x: one(x > 77777.7) * one(x * 0.7 > x * 0.1 * 7) + 0.3 * x + 0.9,
        lambda x: 0.9 + one(x > 77777.7) * one(x < 0) + x * 0.3,
    ),
    "a floor": (
        lambda x: jnp.where(x > 1e6, jnp.floor((x * 0.7) / x * 10), 0.0),
        lambda x: jnp.where(x > 1e6, 6.0, 0.0),
    ),
    "a cast": (
        lambda x: jnp.where(x > 1e6, ((x * 0.7) / x * 10).astype(jnp.int32), 0),
        lambda x: jnp.where(x > 1e6, 6, 0),
    ),
    "a relu": (
        lambda x: jnp.where(x > 1e6, jax.nn.relu(10 * (0.1 * x) - x), 0.0),
        lambda x: jnp.where(x > 1e6, 10 * (0.1 * x) - x, 0.0),
    ),
    "a root": (
        lambda x: jnp.where(x > 1e6, jnp.sqrt((10 * (0.1 * x) - x) ** 2), 0.0),
        lambda x: jnp.where(x > 1e6, 10 * (0.1 * x) - x, 0.0),
    ),
    "a place": (
        lambda x: jnp.where(x > 1e6, jnp.argmax(jnp.stack([x, 10 * (0.1 * x)]), 0), 0),
        lambda x: jnp.where(x > 1e6, 1, 0),
    ),
}
WHATEVER = {
    "a leaky maximum": (lambda x: jnp.maximum(x, 0.1 * x), lambda x: jnp.where(x > 0, x, 0.1 * x)),
    "a threshold": (lambda x: one(x > 0.1) * x, lambda x: jnp.where(x > 0.1, x, 0.0)),
    "bounds": (
        lambda x: jnp.clip(x, 0.1, 0.7),
        lambda x: jnp.maximum(jnp.minimum(x, 0.7), 0.1),
    ),
    "an activation": (
        jax.nn.gelu,
        lambda x: (x + x * jnp.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    ),
    "an epsilon": (lambda x: x / (1e-5 + x * x), lambda x: x / (x * x + 1e-5)),
    "a float's own fraction": (
        lambda x: x * (np.float32(0.1) * np.float32(134217728)),
        lambda x: x * 13421773,
    ),
}


@pytest.mark.parametrize("pair", BEHIND.values(), ids=list(BEHIND))
def test_a_proof_that_needs_the_float_says_so_whatever_the_search_sees(pair):
    verdict = verify.equivalent(*pair, x, seconds=20)
    assert verdict.status != "proved" or "floats that they hold" in verdict.assumptions[-1]


@pytest.mark.parametrize("pair", ONLY.values(), ids=list(ONLY))
def test_not_proved_without_a_word(pair):
    verdict = verify.equivalent(*pair, x, seconds=2)
    assert verdict.status != "proved" or "floats that they hold" in verdict.assumptions[-1]
    exact = verify.equivalent(*pair, x, constants="exact")
    assert exact.status != "refuted"


@pytest.mark.parametrize("pair", WHATEVER.values(), ids=list(WHATEVER))
def test_proved_whatever_the_numbers_are(pair):
    verdict = verify.equivalent(*pair, x)
    assert verdict.status == "proved"


# d + 1/2 is e as floats, and more than e as the decimals that were written; neither has a reading.
D, E = 0.14717191, 0.6471719
BESIDE_A_READING = {
    "a sum": (lambda x, y: x * D + 0.5 * x + 0.1 * y * 10, lambda x, y: E * x + y),
    "a product": (lambda x, y: (x * D + 0.5 * x) * (0.1 * y * 10), lambda x, y: E * x * y),
    "a choice": (
        lambda x, y: jnp.where(x * D + 0.5 * x >= E * x, 1.0, 2.0) * (0.1 * y * 10),
        lambda x, y: jnp.where(x * D + 0.5 * x <= E * x, 1.0, 2.0) * y,
    ),
    "an order of literals": (
        lambda x, y: jnp.where((y > 1e6) & (D * y + y / 2 <= E * y), 0.1 * y * 10, x),
        lambda x, y: jnp.where(y > 1e6, y, x),
    ),
}
WHATEVER_BESIDE = {
    "a sum": (lambda x, y: x * D + 0.1 * y * 10, lambda x, y: x * D + y),
    "a choice": (
        lambda x, y: jnp.where(x * D > 3, 1.0, 2.0) * (0.1 * y * 10),
        lambda x, y: jnp.where(D * x > 3, y, 2 * y),
    ),
}


@pytest.mark.parametrize("pair", BESIDE_A_READING.values(), ids=list(BESIDE_A_READING))
def test_a_literal_that_is_read_does_not_hide_those_that_are_not(pair):
    verdict = verify.equivalent(*pair, x, x, seconds=20)
    assert verdict.status != "proved" or "floats that they hold" in verdict.assumptions[-1]


@pytest.mark.parametrize("pair", WHATEVER_BESIDE.values(), ids=list(WHATEVER_BESIDE))
def test_what_is_read_is_all_that_is_said(pair):
    verdict = verify.equivalent(*pair, x, x)
    assert verdict.status == "proved"
    assert not any("floats that they hold" in sentence for sentence in verdict.assumptions)

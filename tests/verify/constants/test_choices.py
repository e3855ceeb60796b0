"""Where a literal decides a choice: what its rounding explains is no counterexample, whether a
proof is found or not, and what it does not explain is one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.counterexample.confirm import Comparison
from verify.programs import trace

x = jax.ShapeDtypeStruct((4,), jnp.float32)
t = jax.ShapeDtypeStruct((), jnp.float32)
n = jax.ShapeDtypeStruct((3,), jnp.int32)
TENTH = np.float32(0.1)


def norm(x):
    return jnp.sqrt((x @ x) ** 2)


def quantised(scaled, scale, high=127):
    return lambda x: jnp.clip(jnp.round(scaled(x)), -128, high) * scale


def counted(step, until=1.0):
    """x doubled as long as a sum of steps is below some number."""

    def f(x):
        body = lambda c: (c[0] + step, c[1] * 2)  # noqa: E731
        return lax.while_loop(lambda c: c[0] < until, body, (jnp.float32(0), x))[1]

    return f


EQUAL = {
    "fake quantisation": (quantised(lambda x: x / 0.1, 0.1), quantised(lambda x: x * 10, 0.1), x),
    "quantisation beside a norm": (
        lambda x: jnp.round(x / 0.1) * 0.1 + jnp.linalg.norm(x),
        lambda x: jnp.round(x * 10) * 0.1 + norm(x) ** 0.5,
        x,
    ),
    "a floor, and another law": (
        lambda x: jnp.floor(x / 0.1) + jnp.floor(x + 1),
        lambda x: jnp.floor(x * 10) + jnp.floor(x) + 1,
        x,
    ),
    "a threshold": (
        lambda x: jnp.where(x > 0.1, 1, 0),
        lambda x: jnp.where(x * 10.0 * 0.1 > 0.1, 1, 0),
        x,
    ),
    "one point": (
        lambda x: jnp.where(x != 0.1, jnp.floor(x + 1), 0),
        lambda x: jnp.where(x * 10.0 * 0.1 != 0.1, jnp.floor(x) + 1, 0),
        x,
    ),
    "mod": (lambda x: jnp.mod(x, 0.1), lambda x: jnp.mod(10 * x, 1) / 10, x),
    "rem": (lambda x: lax.rem(x, TENTH), lambda x: lax.rem(10 * x, jnp.float32(1)) / 10, x),
    "integers divided": (
        lambda n: jnp.floor(n * 0.1).astype(jnp.int32),
        lambda n: n // 10,
        n,
    ),
    "integers truncated": (
        lambda n: (n * 0.2).astype(jnp.int32),
        lambda n: lax.div(n, jnp.int32(5)),
        n,
    ),
    "hours of days": (
        lambda n: jnp.floor((n % 1440) * np.float32(1 / 60)),
        lambda n: ((n % 1440) // 60).astype(jnp.float32),
        n,
    ),
    "a cosine's extremum": (
        lambda t: 1 + jnp.cos(jnp.pi * t / 7.319),
        lambda t: 1 + jnp.cos(np.float32(np.pi / 7.319) * t),
        t,
    ),
    "a square's zero": (
        lambda t: (t - 7.319) ** 2 * 0.57721566,
        lambda t: (t - 7.319) ** 2 / 1.7324547,
        t,
    ),
    "another square's zero": (
        lambda t: (t * 0.57721566 - 1) ** 2,
        lambda t: (t / 1.7324547) ** 2 - 2 * t / 1.7324547 + 1,
        t,
    ),
    "a step of a number without a reading": (
        lambda x: jnp.floor(x * 0.57721566),
        lambda x: jnp.floor(x / 1.7324547),
        x,
    ),
    "a number without a reading behind a threshold": (
        lambda x: jnp.where(x > 0.1, x * 0.57721566, 0),
        lambda x: jnp.where(x * 10 > 1, x / 1.7324547, 0),
        x,
    ),
    "turns": (
        lambda x: jnp.floor(x / np.float32(2 * np.pi)) + jnp.floor(x + 1),
        lambda x: jnp.floor(x / (8 * jnp.arctan(1.0))) + jnp.floor(x) + 1,
        x,
    ),
    "a loop of tenths": (counted(0.1), lambda x: x * 1024 + 0 * norm(x), x),
    "a loop of thirds": (counted(1 / 3), lambda x: x * 8, x),
    "a loop of decimals": (counted(0.001, 0.01), lambda x: x * 1024, x),
}
DIFFERENT = {
    "on the other side": (
        lambda x: jnp.where(x > 0.1, 1, 0),
        lambda x: jnp.where(x >= 0.1, 1, 0),
        x,
    ),
    "on the other side of pi": (
        lambda x: jnp.where(x > np.pi, 1, 0),
        lambda x: jnp.where(x >= np.pi, 1, 0),
        x,
    ),
    "on the other side of any number": (
        lambda x: jnp.where(x > 0.57721566, 1, 0),
        lambda x: jnp.where(x >= 0.57721566, 1, 0),
        x,
    ),
    "on the other side, written otherwise": (
        lambda x: jnp.where(x > 0.1, 1, 0),
        lambda x: jnp.where(10 * x >= 1, 1, 0),
        x,
    ),
    "another threshold": (
        lambda x: jnp.where(x > 0.1, 1, 0),
        lambda x: jnp.where(x > np.nextafter(TENTH, np.float32(1)), 1, 0),
        x,
    ),
    "at one float": (lambda x: jnp.where(x == 0.2, 1.0, x), lambda x: x, x),
    "at one float without a reading": (
        lambda x: jnp.where(x == -0.57721566, 1.0, x),
        lambda x: x,
        x,
    ),
    "another scale": (quantised(lambda x: x / 0.1, 0.1), quantised(lambda x: x * 10, 0.2), x),
    "one level more": (quantised(lambda x: x / 0.1, 0.1), quantised(lambda x: x * 10, 0.1, 128), x),
    "rounding otherwise at halves": (
        lambda x: jnp.round(x / 0.1) * 0.1,
        lambda x: jnp.floor(x * 10 + 0.5) * 0.1,
        x,
    ),
    "the other way": (lambda x: jnp.floor(x / 0.1), lambda x: jnp.ceil(x / 0.1) - 1, x),
    "another remainder": (lambda x: jnp.mod(x, 0.1), lambda x: lax.rem(x, TENTH), x),
    "negative integers": (
        lambda n: jnp.floor(n * 0.1).astype(jnp.int32),
        lambda n: lax.div(n, jnp.int32(10)),
        n,
    ),
    "another height behind a constant": (
        lambda x: jnp.where(x > 0.1, x * 0.3, 0),
        lambda x: jnp.where(x * 10 > 1, x * 0.30001, 0),
        x,
    ),
    "a loop of tenths": (counted(0.1), lambda x: x * 512, x),
    "a loop with one step more": (counted(0.1), counted(0.09), x),
    "a loop with a longer way": (counted(1 / 3), counted(1 / 3, 1.5), x),
    "behind a loop": (lambda x: counted(0.1)(x) + 1, lambda x: counted(0.1)(x) + 2, x),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_what_a_reading_explains_is_not_refuted(pair):
    f, g, example = pair
    verdict = verify.equivalent(f, g, example, seconds=2)
    assert verdict.status != "refuted"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_what_no_reading_explains_is_refuted(pair):
    f, g, example = pair
    verdict = verify.equivalent(f, g, example, seconds=20)
    assert verdict.status == "refuted"


@pytest.mark.unrecorded("the clock decides")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_an_expired_clock_refutes_nothing(seed, seconds):
    """A glance that meets a multiple of 1/20, before any constant has been read."""
    f, g, _ = EQUAL["quantisation beside a norm"]
    wide = jax.ShapeDtypeStruct((1600,), jnp.float32)
    assert verify.equivalent(f, g, wide, seconds=seconds, seed=seed).status != "refuted"


AT = {
    "a half": (*EQUAL["fake quantisation"], [np.float32([0.05, 0.15, -0.25, 0.35])]),
    "the threshold": (*EQUAL["a threshold"], [np.float32([0.1, 0.1, 0.1, 0.1])]),
    "one point": (*EQUAL["one point"], [np.float32([0.1, 0.1, 0.1, 0.1])]),
    "a multiple": (*EQUAL["mod"], [np.float32([-0.1, 0.3, 0.7, -0.2])]),
    "the least integer": (*EQUAL["integers divided"], [np.int32([-(2**31), 2**31 - 1, 70])]),
    "the zero": (*EQUAL["another square's zero"], [np.float32(1.7324545)]),
}


@pytest.mark.parametrize("name", AT)
def test_evaluated_there(name):
    """The programs differ as they are written, and do not where their literals are read."""
    f, g, example, inputs = AT[name]
    programs = trace(f, example), trace(g, example)
    assert Comparison(*programs).at(inputs) is not None
    assert Comparison(*programs, constants="rounded").at(inputs) is None


def test_a_precondition_holds_where_the_input_is_the_number():
    """x is 0.1 at the difference, whatever 0.1 is: no input that counts."""
    f, g, _ = DIFFERENT["on the other side"]
    assert verify.equivalent(f, g, x, assuming=lambda x: x < 0.1, seconds=10).status != "refuted"
    assert verify.equivalent(f, g, x, assuming=lambda x: x <= 0.1, seconds=10).status == "refuted"


def test_a_sort_beside_a_rounded_literal():
    x = jax.ShapeDtypeStruct((), jnp.float32)
    verdict = verify.equivalent(
        lambda x, y: jnp.sort(jnp.stack([x, y]) * 0.3)[0],
        lambda x, y: jnp.minimum(x, y) * 0.3,
        x,
        x,
    )
    assert verdict, verdict.reason

"""Open sets that random inputs miss, on which one program has no value: never "isolated points"."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import equivalent

S = jax.ShapeDtypeStruct((), jnp.float32)


def strip(x, y):
    """Negative in a strip of width 6e-4."""
    return (x * x - y * 3.1 - 0.1137) ** 2 - 1e-6


def steps(x, y):
    """Zero on an open set."""
    return jnp.floor(x * x * 7.25 + y - 3.5) ** 2 + jnp.floor(x * y * 3.125 + 5.25) ** 2


def powers_of_steps(x, y):
    one, two = jnp.floor(x * x * 7.25 + y - 3.5), jnp.floor(x * y * 3.125 + 5.25)
    return jnp.exp(one) + jnp.exp(two) - 2


def logs_of_steps(x, y):
    one, two = jnp.floor(x * x * 7.25 + y - 3.5), jnp.floor(x * y * 3.125 + 5.25)
    return jnp.log(one**2 + 1) + jnp.log(two**2 + 1)


def sum_of_logs(x, y):
    """Zero wherever it has a value."""
    return jnp.log(x * y) - jnp.log(x) - jnp.log(y)


THIN = {
    "root of a strip": (lambda x, y: jnp.sqrt(strip(x, y)) ** 2, strip),
    "a root that does not matter": (lambda x, y: x + 0 * jnp.sqrt(strip(x, y)), lambda x, y: x),
    "logarithm of a strip": (
        lambda x, y: jnp.log(strip(x, y) ** 2),
        lambda x, y: 2 * jnp.log(strip(x, y)),
    ),
    "arc sine beyond one": (
        lambda x, y: jnp.sin(jnp.arcsin(1 - strip(x, y))),
        lambda x, y: 1 - strip(x, y),
    ),
    "a quotient of steps": (lambda x, y: steps(x, y) / steps(x, y), lambda x, y: 1 + 0 * x),
}
NEVER = {
    **{
        f.__name__: (
            lambda x, y, f=f: x / f(x, y),
            lambda x, y, f=f: jnp.where(f(x, y) == 0, 7.0, x / f(x, y)),
        )
        for f in (steps, powers_of_steps, logs_of_steps)
    },
    "a region where logarithms cancel": (
        lambda x, y: jnp.where(x > 5, 1 / sum_of_logs(x, y), 0.0),
        lambda x, y: jnp.where(
            x > 5, jnp.where(sum_of_logs(x, y) == 0, 7.0, 1 / sum_of_logs(x, y)), 0.0
        ),
    ),
}
EQUAL = {
    "a root": (lambda x, y: jnp.sqrt(x * x + y * y) ** 2, lambda x, y: x * x + y * y),
    "a quotient": (lambda x, y: x * y / (x * y), lambda x, y: x * 0 + 1),
    "an edge that is a point": (lambda x, y: (x - y) ** 2 / (x - y), lambda x, y: x - y),
    "never below zero": (
        lambda x, y: jnp.sqrt((x * x - y) ** 2 + 1e-6) ** 2,
        lambda x, y: (x * x - y) ** 2 + 1e-6,
    ),
}


@pytest.mark.parametrize("name", THIN)
def test_one_side_has_no_value_on_a_thin_region(name):
    verdict = equivalent(*THIN[name], S, S, seconds=40)
    assert verdict.status == "refuted", verdict
    one, two = (f(*map(jnp.asarray, verdict.counterexample.inputs)) for f in THIN[name])
    assert np.isnan(one) != np.isnan(two)


@pytest.mark.unrecorded("unknown, or refuted where the search goes far enough in its seconds")
@pytest.mark.parametrize("name", NEVER)
def test_no_region_is_left_out_as_points(name):
    assert equivalent(*NEVER[name], S, S, seconds=5).status != "proved"


@pytest.mark.parametrize("name", EQUAL)
def test_points_are_left_out(name):
    verdict = equivalent(*EQUAL[name], S, S, seconds=40)
    assert verdict, verdict


def hole(width):
    """A root without a value in a strip around 1.644."""
    return lambda x: jnp.sqrt(jnp.abs(x * x + jnp.sin(x) - 3.7) - width)


COMPARED = {
    "a sign": (
        lambda u: lambda x: jnp.where(u(x) >= 0, 1.0, 0.0),
        lambda u: lambda x: 1 - jnp.where(u(x) < 0, 1.0, 0.0),
    ),
    "isnan": (lambda u: lambda x: jnp.where(jnp.isnan(u(x)), 0.0, u(x)), lambda u: u),
    "a maximum": (
        lambda u: lambda x: jnp.where(u(x) > 0, u(x), 0),
        lambda u: lambda x: jnp.maximum(u(x), 0),
    ),
}


@pytest.mark.parametrize("width", [0.1, 1e-3])
@pytest.mark.parametrize("name", COMPARED)
def test_what_is_compared_has_no_value_on_a_thin_region(name, width):
    f, g = (make(hole(width)) for make in COMPARED[name])
    x = jax.ShapeDtypeStruct((3,), jnp.float32)
    verdict = equivalent(f, g, x, seconds=40)
    assert verdict.status == "refuted", verdict
    one, two = (np.asarray(h(*map(jnp.asarray, verdict.counterexample.inputs))) for h in (f, g))
    assert not np.array_equal(one, two, equal_nan=True)

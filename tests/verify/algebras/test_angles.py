"""Sines and cosines of angles that an inverse function has made, and near misses."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent

X = jax.ShapeDtypeStruct((3,), jnp.float32)
angle, sin, cos, sqrt = jnp.arctan2, jnp.sin, jnp.cos, jnp.sqrt


def length(x, y):
    return sqrt(x * x + y * y)


EQUAL = {
    "cosine of a direction": (lambda x, y: cos(angle(y, x)), lambda x, y: x / length(x, y)),
    "back from polar": (
        lambda x, y: (length(x, y) * cos(angle(y, x)), length(x, y) * sin(angle(y, x))),
        lambda x, y: (x, y),
    ),
    "cosine of atan": (
        lambda x, y: cos(jnp.arctan(x)) + y,
        lambda x, y: y + 1 / sqrt(1 + x * x),
    ),
    "sine of minus atan": (
        lambda x, y: sin(-jnp.arctan(x)) + y,
        lambda x, y: y - x / sqrt(1 + x * x),
    ),
    "cosine of asin": (lambda x, y: cos(jnp.arcsin(x)) + y, lambda x, y: y + sqrt(1 - x * x)),
    "sine of acos": (
        lambda x, y: sin(jnp.arccos(x))[::-1] + y,
        lambda x, y: y + sqrt((1 - x) * (1 + x))[::-1],
    ),
    "minus asin": (lambda x, y: cos(-jnp.arcsin(x)) + y, lambda x, y: y + sqrt(1 - x * x)),
}
DIFFERENT = {
    "sine for cosine": (lambda x, y: cos(angle(y, x)), lambda x, y: y / length(x, y)),
    "the angle of the mirrored point": (
        lambda x, y: cos(angle(x, y)),
        lambda x, y: x / length(x, y),
    ),
    "a slope is no direction": (lambda x, y: cos(jnp.arctan(y / x)), lambda x, y: x / length(x, y)),
    "the sign forgotten": (
        lambda x, y: sin(-jnp.arctan(x)) + y,
        lambda x, y: y + x / sqrt(1 + x * x),
    ),
    "of the wrong inverse": (lambda x, y: sin(jnp.arccos(x)) + y, lambda x, y: y + x),
    "the other way round": (lambda x, y: angle(sin(x), cos(x)) + y, lambda x, y: x + y),
    "asin of a sine": (lambda x, y: jnp.arcsin(sin(x)) + y, lambda x, y: x + y),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert equivalent(*pair, X, X).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    assert equivalent(*pair, X, X).status == "refuted"


def test_in_the_right_half_plane_atan2_is_an_angle_still():
    def distance(x, y):
        return length(x, y) * jnp.cos(jnp.arctan2(y, x))

    def right(x, y):
        return x > 0

    assert equivalent(distance, lambda x, y: x, X, X, assuming=right).status == "proved"
    assert equivalent(distance, lambda x, y: y, X, X, assuming=right).status == "refuted"

"""The order of values of increasing functions, and near misses of each hook."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent


def F(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


X, XY, POINT, CENTRES = [F(6)], [F(4), F(4)], F(3), F(4, 3)


def squares(x, c):
    return ((x - c) ** 2).sum(-1)


def norm(x):
    return jnp.sqrt(jnp.sum(x * x))


def distances(x, c):
    return jnp.linalg.norm(x - c, axis=-1)


EQUAL = {
    "the largest root": (
        lambda x: jnp.sqrt(x * x + 1).max(),
        lambda x: jnp.sqrt((x * x + 1).max()),
        X,
    ),
    "the nearest": (
        lambda x, c: distances(x, c).min(),
        lambda x, c: jnp.sqrt(squares(x, c).min()),
        [POINT, CENTRES],
    ),
    "which is the nearest": (
        lambda x, c: jnp.argmin(distances(x, c)),
        lambda x, c: jnp.argmin(squares(x, c)),
        [POINT, CENTRES],
    ),
    "an angle": (lambda x: jnp.arctan(x).max(), lambda x: jnp.arctan(x.max()), X),
    "minus exponentials": (lambda x: jnp.argmin(-jnp.exp(x)), jnp.argmax, X),
    "below a number": (lambda x: jnp.sqrt(x * x + 1) < 2, lambda x: x * x + 1 < 4, X),
    "a clipped ratio": (
        lambda x: jnp.clip(jnp.exp(x), 0.5, 2.0),
        lambda x: jnp.exp(jnp.clip(x, jnp.log(0.5), jnp.log(2.0))),
        X,
    ),
    "a quotient of exponentials": (
        lambda x, y: jnp.minimum(jnp.exp(x) / jnp.exp(y), 1),
        lambda x, y: jnp.exp(jnp.minimum(x - y, 0)),
        XY,
    ),
    "a logarithm of what was cut": (
        lambda x: jnp.log(jnp.maximum(jnp.exp(x), 1)),
        lambda x: jnp.maximum(x, 0),
        X,
    ),
}
GRADIENT = F(6)
QUOTIENTS = {
    "clipped by its norm": (
        lambda g: g * jnp.minimum(1, 1 / norm(g)),
        lambda g: jnp.where(norm(g) < 1, g, g / norm(g)),
        [GRADIENT],
    ),
    "to another norm": (
        lambda g: g * jnp.minimum(1, 3 / norm(g)),
        lambda g: jnp.where(norm(g) < 3, g, 3 * g / norm(g)),
        [GRADIENT],
    ),
}
DIFFERENT = {
    "clipped to twice the norm": (
        lambda g: g * jnp.minimum(1, 1 / norm(g)),
        lambda g: jnp.where(norm(g) < 1, g, 2 * g / norm(g)),
        [GRADIENT],
    ),
    "clipped from twice the norm on": (
        lambda g: g * jnp.minimum(1, 1 / norm(g)),
        lambda g: jnp.where(norm(g) < 2, g, g / norm(g)),
        [GRADIENT],
    ),
    "a divisor of any sign": (
        lambda x, y: jnp.maximum(x / y, 1),
        lambda x, y: jnp.maximum(x, y) / y,
        XY,
    ),
    "a divisor forgotten": (
        lambda x, y: jnp.maximum(x / (y * y + 1), 1),
        lambda x, y: jnp.maximum(x, 1) / (y * y + 1),
        XY,
    ),
    "minus a root is falling": (
        lambda x: (-jnp.sqrt(x * x + 1)).max(),
        lambda x: -jnp.sqrt((x * x + 1).max()),
        X,
    ),
    "a root below two is not a number below two": (
        lambda x: jnp.sqrt(x * x + 1) < 2,
        lambda x: x * x + 1 < 2,
        X,
    ),
    "a root cut at two": (
        lambda x: jnp.maximum(jnp.sqrt(x * x + 1), 2),
        lambda x: jnp.sqrt(jnp.maximum(x * x + 1, 2)),
        X,
    ),
    "the farthest": (
        lambda x, c: jnp.argmin(distances(x, c)),
        lambda x, c: jnp.argmax(squares(x, c)),
        [POINT, CENTRES],
    ),
    "a square is not increasing": (lambda x: (x * x).max(), lambda x: x.max() ** 2, X),
    "an inverse is falling": (
        lambda x: (1 / jnp.exp(x)).max(),
        lambda x: jnp.exp(-x.max()),
        X,
    ),
    "a ratio clipped elsewhere": (
        lambda x: jnp.clip(jnp.exp(x), 0.5, 2.0),
        lambda x: jnp.exp(jnp.clip(x, jnp.log(0.5), jnp.log(2.5))),
        X,
    ),
    "two functions": (
        lambda x, y: jnp.maximum(jnp.exp(x), jnp.sqrt(y * y + 1)),
        lambda x, y: jnp.exp(jnp.maximum(x, y * y + 1)),
        XY,
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    verdict = equivalent(pair[0], pair[1], *pair[2])
    assert verdict.status == "proved"
    assert not any("ties" in sentence for sentence in verdict.assumptions)


@pytest.mark.parametrize("pair", QUOTIENTS.values(), ids=list(QUOTIENTS))
def test_quotients_are_equal(pair):
    assert equivalent(pair[0], pair[1], *pair[2]).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    assert equivalent(pair[0], pair[1], *pair[2]).status == "refuted"


def test_logarithms_of_exponentials_do_not_go_round_in_a_circle():
    """log(exp(x)) is x, and not also the image of exp(x), which is that of x: moving x would not
    end."""
    from verify.algebras.field import Field, Mode

    field = Field(0, Mode(scaling=True, increasing=True), exponents=True)
    x = field.random((2, 3), jnp.dtype("float32"))
    y = field.function("exp", [x], x.shape, x.dtype)
    assert field.function("log", [y], x.shape, x.dtype) is x
    assert field.reshape(x, (3, 2)).shape == (3, 2)

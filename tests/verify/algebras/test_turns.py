"""Parts of a turn, and whole ones: sin(x + pi / 2) = cos(x), cos(x mod 2 pi) = cos(x)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.numpy import pi

from verify import equivalent

X = jax.ShapeDtypeStruct((3,), jnp.float32)
N = jax.ShapeDtypeStruct((3,), jnp.int32)
B = jax.ShapeDtypeStruct((3,), jnp.bool_)


def wrapped(x):
    return ((x + pi) % (2 * pi)) - pi


EQUAL = {
    "a quarter": (lambda x: jnp.sin(x + pi / 2), jnp.cos, [X]),
    "a quarter back": (lambda x: jnp.cos(x - pi / 2), jnp.sin, [X]),
    "from a half": (lambda x: jnp.sin(pi - x), jnp.sin, [X]),
    "a sixth": (
        lambda x: jnp.cos(x + pi / 3),
        lambda x: 0.5 * jnp.cos(x) - jnp.sqrt(3.0) / 2 * jnp.sin(x),
        [X],
    ),
    "two columns": (
        lambda x: jnp.sin(x[:, None] + jnp.arange(2) * pi / 2),
        lambda x: jnp.stack([jnp.sin(x), jnp.cos(x)], 1),
        [X],
    ),
    "signs": (
        lambda x: x * jnp.cos(pi * jnp.arange(3)),
        lambda x: x * jnp.array([1, -1, 1.0]),
        [X],
    ),
    "beside one another": (
        lambda x: jnp.sin(jnp.concatenate([x, x + 0.5 * pi])),
        lambda x: jnp.concatenate([jnp.sin(x), jnp.cos(x)]),
        [X],
    ),
    "at zero": (
        lambda x: x[1:] * jnp.cos(jnp.arange(2) * jnp.tanh(x[0])),
        lambda x: jnp.stack([x[1], x[2] * jnp.cos(jnp.tanh(x[0]))]),
        [X],
    ),
    "turns": (lambda x, n: jnp.cos(x + 2 * pi * n), lambda x, n: jnp.cos(x), [X, N]),
    "modulo a turn": (lambda x: jnp.cos(x % (2 * pi)), jnp.cos, [X]),
    "wrapped": (lambda x: jnp.sin(wrapped(x)), jnp.sin, [X]),
    "twice a remainder": (lambda x: jnp.cos(2 * (x % (2 * pi))), lambda x: jnp.cos(2 * x), [X]),
    "a difference of angles": (
        lambda x, y: jnp.cos(wrapped(x - y)),
        lambda x, y: jnp.cos(x) * jnp.cos(y) + jnp.sin(x) * jnp.sin(y),
        [X, X],
    ),
}
DIFFERENT = {
    "a quarter the other way": (lambda x: jnp.sin(x - pi / 2), jnp.cos, [X]),
    "a third": (lambda x: jnp.sin(x + pi / 3), jnp.cos, [X]),
    "nearly a quarter": (lambda x: jnp.sin(x + 1.5708), jnp.cos, [X]),
    "times pi": (lambda x: jnp.cos(pi * x), jnp.cos, [X]),
    "at zero": (
        lambda x: x[1:] * jnp.cos(jnp.arange(2) * jnp.tanh(x[0])),
        lambda x: jnp.stack([0 * x[1], x[2] * jnp.cos(jnp.tanh(x[0]))]),
        [X],
    ),
    "beside one another": (
        lambda x: jnp.sin(jnp.concatenate([x + 0.5 * pi, x])),
        lambda x: jnp.concatenate([jnp.sin(x), jnp.cos(x)]),
        [X],
    ),
    "half turns": (lambda x, n: jnp.cos(x + pi * n), lambda x, n: jnp.cos(x), [X, N]),
    "parts of turns": (lambda x, y: jnp.cos(x + 2 * pi * y), lambda x, y: jnp.cos(x), [X, X]),
    "modulo half a turn": (lambda x: jnp.cos(x % pi), jnp.cos, [X]),
    "half a remainder": (lambda x: jnp.cos((x % (2 * pi)) / 2), lambda x: jnp.cos(x / 2), [X]),
    "the remainder itself": (lambda x: x % (2 * pi), lambda x: x, [X]),
    "its square": (lambda x: jnp.cos((x % (2 * pi)) ** 2), lambda x: jnp.cos(x**2), [X]),
    "another divisor": (lambda x: jnp.cos(x % (2 * pi + 0.01)), jnp.cos, [X]),
    "a turn that is chosen": (
        lambda x, b: jnp.cos(x + jnp.where(b, pi, 2 * pi)),
        lambda x, b: jnp.cos(x),
        [X, B],
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_turns(name):
    f, g, examples = EQUAL[name]
    verdict = equivalent(f, g, *examples)
    assert verdict, verdict


@pytest.mark.parametrize("name", DIFFERENT)
def test_no_turns(name):
    f, g, examples = DIFFERENT[name]
    verdict = equivalent(f, g, *examples)
    assert verdict.status == "refuted", verdict


def test_a_rest_that_is_zero_where_signs_do_not_alternate():
    """In all rows the rest is zero, and it rests on choices that they have made alike."""
    signs = jax.ShapeDtypeStruct((24,), jnp.float32)

    def f(s, x):
        rest = jnp.where((s[1:] * s[:-1] < 0).all(), x, 0.0)
        return jnp.cos((x + pi) - (x - rest))

    assert not equivalent(f, lambda s, x: -jnp.ones_like(x), signs, X)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_tables_of_turns(dtype):
    """Matrices of a cosine and of a Fourier transform, as NumPy has them."""
    x = jax.ShapeDtypeStruct((6,), dtype)
    n = np.arange(6)
    if dtype == np.float32:
        table = np.cos(np.pi * np.outer(n, 2 * n + 1) / 12).astype(dtype)
        own = lambda: jnp.cos(pi * jnp.outer(n, 2 * jnp.arange(6) + 1) / 12)  # noqa: E731
        assert equivalent(lambda x: table @ x, lambda x: own() @ x, x)
        assert equivalent(lambda x: table.T @ x, lambda x: own() @ x, x).status == "refuted"
    else:
        table = np.exp(-2j * np.pi * np.outer(n, n) / 6).astype(dtype)
        assert equivalent(lambda x: table @ x, jnp.fft.fft, x)
        assert equivalent(lambda x: table.conj() @ x, jnp.fft.fft, x).status == "refuted"

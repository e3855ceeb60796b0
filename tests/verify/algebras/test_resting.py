"""What is so in all rows of a trial may rest on a choice that they all made alike: no constant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify

pytest.importorskip("z3")
PATTERN = np.array([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0], bool)
LONG = np.random.default_rng(0).random(40) > 0.5
M = jax.ShapeDtypeStruct((13,), jnp.bool_)
M40 = jax.ShapeDtypeStruct((40,), jnp.bool_)
X = jax.ShapeDtypeStruct((), jnp.float32)
T = jax.ShapeDtypeStruct((2,), jnp.float32)


def is_it(m):
    """True at one of 8,192 inputs, and in no row of a trial."""
    return (m == (PATTERN if m.size == 13 else LONG)).all()


def number(m):
    return is_it(m).astype(jnp.int32)


def above(*arguments):
    return arguments[-1] > 0


def turned(m, z):
    return jnp.where(is_it(m), -z, z)


# Each pair differs where the truth values are the pattern.
APART = {
    "an index": (lambda m, t: t[number(m)], lambda m, t: t[0], [M, T]),
    "a count": (
        lambda m, t: t[jnp.maximum((m == PATTERN).sum() - 12, 0)],
        lambda m, t: t[0],
        [M, T],
    ),
    "a slice": (
        lambda m, t: lax.dynamic_slice(t, (number(m),), (1,)),
        lambda m, t: t[:1],
        [M, T],
    ),
    "an update": (lambda m, t: t.at[number(m)].set(5.0), lambda m, t: t.at[0].set(5.0), [M, T]),
    "a mask of a sum": (
        lambda m, x, s: jnp.where(~is_it(m), x * (s + 1 - s), 0.0),
        lambda m, x, s: x,
        [M, X, X],
    ),
    "a mask of many": (
        lambda m, x, s: jnp.where(~is_it(m), x * (s + 1 - s), 0.0),
        lambda m, x, s: x,
        [M40, X, X],
    ),
    "a sign": (
        lambda m, x, y, z: jnp.where(turned(m, z) > 0, x, y),
        lambda m, x, y, z: x,
        [M, X, X, X],
        above,
    ),
    "a sign of many": (
        lambda m, x, y, z: jnp.where(turned(m, z) > 0, x, y),
        lambda m, x, y, z: x,
        [M40, X, X, X],
        above,
    ),
    "a sign of a sum": (
        lambda m, x, y, z: jnp.where(jnp.where(is_it(m), -3 * z, z) + z + z > 0, x, y),
        lambda m, x, y, z: x,
        [M, X, X, X],
        above,
    ),
    "a sign as a number": (
        lambda m, z: (turned(m, z) > 0).astype(jnp.float32),
        lambda m, z: 1.0 + 0 * z,
        [M, X],
        above,
    ),
    "the larger": (
        lambda m, z: jnp.maximum(turned(m, z), 0.0),
        lambda m, z: z,
        [M, X],
        above,
    ),
    "a number that is not zero": (
        lambda m, z: jnp.where(
            jnp.maximum(jnp.where(is_it(m), 0.0, jnp.exp(z)), 0.0) == 0, 1.0, 2.0
        ),
        lambda m, z: 2.0 + 0 * z,
        [M, X],
    ),
    "the gradient of a maximum": (
        lambda m, z: jax.grad(lambda z: jnp.maximum(turned(m, z), 0.0))(z),
        lambda m, z: 1.0 + 0 * z,
        [M, X],
        above,
    ),
    "a branch of a condition": (
        lambda m, z: lax.cond(turned(m, z) > 0, lambda: z, lambda: 2 * z),
        lambda m, z: z,
        [M, X],
        above,
    ),
    "what is assumed": (
        lambda m, x, z: jnp.where(z > 0, x, 0.0),
        lambda m, x, z: x,
        [M, X, X],
        lambda m, x, z: turned(m, z) > 0,
    ),
}

NOT_FOUND = ("a number that is not zero",)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", APART)
def test_a_choice_that_all_rows_made_alike_is_none(name, seed):
    f, g, examples, *assuming = APART[name]
    verdict = verify.equivalent(
        f, g, *examples, assuming=assuming[0] if assuming else None, seed=seed
    )
    assert verdict.status == ("unknown" if name in NOT_FOUND else "refuted"), str(verdict)

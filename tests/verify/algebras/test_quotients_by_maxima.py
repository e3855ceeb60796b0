"""1 / max(u, v) is 1 / u where u > v, and else 1 / v: gradients clipped by their norm."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent

X = jax.ShapeDtypeStruct((4,), jnp.float32)


def norm(x):
    return jnp.sqrt(jnp.sum(x * x))


def clipped(x):
    return x * jnp.minimum(1, 1 / norm(x))


EQUAL = {
    "by a maximum": (clipped, lambda x: x / jnp.maximum(1.0, norm(x))),
    "by a choice": (
        lambda x: jnp.where(norm(x) > 1, x / norm(x), x),
        lambda x: x / jnp.maximum(1.0, norm(x)),
    ),
    "at a half": (
        lambda x: x * jnp.minimum(1, 0.5 / norm(x)),
        lambda x: 0.5 * x / jnp.maximum(0.5, norm(x)),
    ),
    "a safe norm": (
        lambda x: x / jnp.maximum(norm(x), 2.0**-20),
        lambda x: jnp.where(norm(x) > 2.0**-20, x / norm(x), x * 2.0**20),
    ),
}
DIFFERENT = {
    "another bound": lambda x: x / jnp.maximum(0.5, norm(x)),
    "a minimum": lambda x: x / jnp.minimum(1.0, norm(x)),
    "not by the norm": lambda x: x / jnp.maximum(1.0, norm(x) ** 2),
    "one element": lambda x: x / jnp.maximum(1.0, jnp.concatenate([norm(x)[None], x[:3]])),
}


@pytest.mark.parametrize("name", EQUAL)
def test_quotients_by_maxima(name):
    verdict = equivalent(*EQUAL[name], X)
    assert verdict, verdict


@pytest.mark.parametrize("name", DIFFERENT)
def test_other_quotients(name):
    verdict = equivalent(clipped, DIFFERENT[name], X)
    assert verdict.status == "refuted", verdict

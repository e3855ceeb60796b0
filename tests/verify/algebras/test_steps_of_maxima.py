"""floor and round never fall: the step of a maximum is the maximum of the steps."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent

X, S = jax.ShapeDtypeStruct((4,), jnp.float32), jax.ShapeDtypeStruct((), jnp.float32)

EQUAL = {
    "quantised": (
        lambda x, s: jnp.clip(jnp.round(x / s), -128, 127) * s,
        lambda x, s: jnp.round(jnp.clip(x / s, -128, 127)) * s,
        [X, S],
    ),
    "as bytes": (
        lambda x: jnp.clip(jnp.round(x), -128, 127).astype(jnp.int8),
        lambda x: jnp.round(jnp.clip(x, -128, 127)).astype(jnp.int8),
        [X],
    ),
    "floor of relu": (
        lambda x: jnp.floor(jax.nn.relu(x)),
        lambda x: jax.nn.relu(jnp.floor(x)),
        [X],
    ),
    "ceil of a minimum": (
        lambda x: jnp.ceil(jnp.minimum(x, 3.0)),
        lambda x: jnp.minimum(jnp.ceil(x), 3.0),
        [X],
    ),
    "pooled": (
        lambda x: jnp.floor(x.reshape(2, 2).max(1)),
        lambda x: jnp.floor(x).reshape(2, 2).max(1),
        [X],
    ),
    "sorted": (lambda x: jnp.sort(jnp.floor(x)), lambda x: jnp.floor(jnp.sort(x)), [X]),
    "at a whole number": (lambda x: jnp.floor(x) >= 2, lambda x: x >= 2, [X]),
}

DIFFERENT = {
    "half is no step": (
        lambda x: jnp.round(jnp.maximum(x, 0.5)),
        lambda x: jnp.maximum(jnp.round(x), 0.5),
        [X],
    ),
    "two steps": (
        lambda x, s: jnp.maximum(jnp.floor(x), jnp.round(s)),
        lambda x, s: jnp.floor(jnp.maximum(x, s)),
        [X, S],
    ),
    "the place of the largest": (
        lambda x: jnp.argmax(jnp.floor(x)),
        lambda x: jnp.argmax(x),
        [X],
    ),
    "which is larger": (
        lambda x, s: jnp.floor(x) > jnp.floor(s),
        lambda x, s: x > s,
        [X, S],
    ),
    "above a whole number": (lambda x: jnp.floor(x) > 2, lambda x: x > 2, [X]),
    "another bound": (
        lambda x: jnp.round(jnp.clip(x, -128, 127)),
        lambda x: jnp.clip(jnp.round(x), -127, 127),
        [X],
    ),
    "the derivative": (
        jax.grad(lambda x: jnp.sum(x * jnp.floor(jax.nn.relu(x)))),
        jax.grad(lambda x: jnp.sum(x * jnp.floor(x))),
        [X],
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_the_step_of_a_maximum(name):
    f, g, examples = EQUAL[name]
    verdict = equivalent(f, g, *examples)
    assert verdict, verdict


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_steps_do_not_keep(name):
    f, g, examples = DIFFERENT[name]
    verdict = equivalent(f, g, *examples)
    assert verdict.status == "refuted", verdict

"""A program run by JAX one operation after the other: in its own dtypes, and all in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify.counterexample import values
from verify.counterexample.held import held
from verify.counterexample.plainly import values_by_jax, values_in_float64
from verify.programs import trace


def f32(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def i32(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.int32)


PROGRAMS = {
    "the gradient of a pool": (
        jax.grad(lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "VALID").sum()),
        f32(4),
    ),
    "random numbers": (lambda k: jax.random.uniform(k, (3,)), jax.random.key(0)),
    "a scan": (lambda x: lax.scan(lambda c, y: (c + y, c * y), 0.0, x), f32(4)),
    "sorting pairs": (lambda x: lax.sort((x, 2 * x), num_keys=1), f32(5)),
    "segments": (lambda x, i: jax.ops.segment_max(x, i, 3), f32(5), i32(5)),
    "a fold": (lambda x: lax.reduce(x, 0.0, lambda a, b: a + b, (0,)), f32(5)),
    "a scatter": (lambda x, y: x.at[jnp.array([0, 2])].add(y), f32(4), f32(2)),
    "a precision": (
        lambda a, b: jnp.dot(a, b, precision="highest", preferred_element_type=jnp.float32),
        f32(3, 3),
        f32(3),
    ),
    "another format on the way": (
        lambda x: (x.astype(jnp.bfloat16) * 2).astype(jnp.float32),
        f32(3),
    ),
    "a loop": (
        lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, 1.5 * c[1]), (0, x)),
        f32(3),
    ),
    "branches": (lambda i, x: lax.switch(i, [jnp.sin, jnp.cos, lambda x: x], x), i32(), f32(3)),
    "complex numbers": (lambda x: jnp.abs(jnp.fft.fft(x)), f32(4)),
    "the gradient of a scan": (
        jax.grad(lambda x: lax.scan(lambda c, y: (jnp.sin(c + y), c * y), 0.0, x)[0]),
        f32(3),
    ),
    "a factorisation": (lambda a: jnp.linalg.cholesky(a @ a.T + jnp.eye(2)), f32(2, 2)),
    "integers of floats": (lambda x: jnp.round(x * 10).astype(jnp.int8), f32(4)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_float64_is_what_verify_certifies(name):
    f, *examples = PROGRAMS[name]
    program = trace(f, *examples)
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=v.shape) for v in program.inputs]
    inputs = held(program.inputs, drawn)
    own, wide = values_by_jax(program, inputs), values_in_float64(program, inputs)
    for a, b, c, v in zip(values(program, inputs), own, wide, program.outputs, strict=True):
        assert b.dtype == v.dtype
        assert c.dtype in (np.float64, np.complex128) or c.dtype == v.dtype
        allowed = 8 * a.errors + 2.0**-40 * np.abs(a.value + 0.0)
        with np.errstate(invalid="ignore"):  # a maximum over nothing is -inf on both sides
            near = (np.abs(a.value - c) <= allowed) | (a.value == c)
        assert near[~a.unknown].all()


def test_what_float32_hides_is_seen_in_float64():
    program = trace(lambda x: lax.fori_loop(0, 2, lambda i, y: y + 1e-9, x) - x, f32())
    one = held(program.inputs, [1.0])
    assert values_by_jax(program, one)[0] == 0
    assert values_in_float64(program, one)[0] > 1e-9

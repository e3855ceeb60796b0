"""The same operations of the same values are one value, and programs made of them are one."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify import equivalent
from verify.programs import trace
from verify.programs.value_numbers import normalised

X = jax.ShapeDtypeStruct((3,), jnp.float32)
M = jax.ShapeDtypeStruct((3, 3), jnp.float32)


def twice(x):
    return np.asarray(x) * 2


def thrice(x):
    return np.asarray(x) * 3


def by_host(f):
    return lambda x: jax.pure_callback(f, jax.ShapeDtypeStruct((3,), jnp.float32), x)


def deep(x):
    for _ in range(60):
        x = x / (1 + jnp.exp(-x)) + jnp.sqrt(x * x + 1)
    return x


def steps(count, by):
    return lambda x: lax.scan(lambda c, _: (jnp.tanh(c * by), None), x, None, length=count)[0]


@dataclasses.dataclass(frozen=True)
class Scale:
    """A callback that says it equals another one, which it does not."""

    name: str
    by: float = dataclasses.field(compare=False)

    def __call__(self, x):
        return np.asarray(x * self.by, np.float32)


SCALE = Scale("scale", 2.0)

SAME = {
    "itself": (deep, deep, X),
    "compiled": (deep, jax.jit(deep), X),
    "checkpointed": (deep, jax.checkpoint(deep), X),
    "its gradient": (
        jax.grad(lambda x: deep(x).sum()),
        jax.grad(jax.jit(lambda x: deep(x).sum())),
        X,
    ),
    "operands exchanged": (lambda x: x * 2 + jnp.sin(x), lambda x: jnp.sin(x) + 2 * x, X),
    "what is never used": (lambda x: x * 2, lambda x: [x * 2, jnp.exp(x)][0], X),
    "no rule": (jnp.linalg.eigvals, jax.jit(jnp.linalg.eigvals), M),
    "a callback": (by_host(twice), by_host(twice), X),
    "a callback that is an object": (by_host(SCALE), by_host(SCALE), X),
    "a loop": (steps(5, 2.0), steps(5, 2.0), X),
    "a constant that is no number": (
        lambda x: jnp.where(x > 0, x, jnp.nan),
        lambda x: jnp.where(x > 0, x, jnp.nan),
        X,
    ),
}
OTHER = {
    "a subtraction exchanged": (lambda x: x - 2 * x[::-1], lambda x: 2 * x[::-1] - x, X),
    "a callback": (by_host(twice), by_host(thrice), X),
    "a callback that says it is equal": (by_host(SCALE), by_host(Scale("scale", 3.0)), X),
    "a loop's constant": (steps(5, 2.0), steps(5, 2.5), X),
    "a loop's length": (steps(5, 2.0), steps(6, 2.0), X),
    "a sign of zero": (
        lambda x: lax.bitcast_convert_type(x * 0 + np.float32(-0.0), jnp.int32),
        lambda x: lax.bitcast_convert_type(x * 0 + np.float32(0.0), jnp.int32),
        X,
    ),
    "an axis": (lambda x: x.sum(0), lambda x: x.sum(1), M),
    "branches exchanged": (
        lambda x: lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x),
        lambda x: lax.cond(x.sum() > 0, jnp.cos, jnp.sin, x),
        X,
    ),
    "another key": (
        lambda x: x + jax.random.normal(jax.random.key(0), (3,)),
        lambda x: x + jax.random.normal(jax.random.key(1), (3,)),
        X,
    ),
    "a parameter": (
        lambda x: lax.cumsum(x, 0),
        lambda x: lax.cumsum(x, 0, reverse=True),
        X,
    ),
    "a body's captured array": (
        lambda x: lax.fori_loop(0, 2, lambda i, c: c * np.float32([1, 2, 3]), x),
        lambda x: lax.fori_loop(0, 2, lambda i, c: c * np.float32([1, 2, 4]), x),
        X,
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_one_program_is_proved_whatever_it_does(name):
    verdict = equivalent(*SAME[name], seconds=10)
    assert verdict, verdict
    assert (verdict.error_probability, verdict.assumptions) == (0.0, ())


@pytest.mark.parametrize("name", OTHER)
def test_programs_that_differ_are_two(name):
    f, g, example = OTHER[name]
    assert not normalised(trace(f, example), trace(g, example))[2]
    assert equivalent(f, g, example, seconds=10).status != "proved"


def test_what_writes_is_not_even_itself():
    shape = jax.ShapeDtypeStruct((3,), jnp.float32)
    f = functools.partial(jax.experimental.io_callback, twice, shape)
    assert equivalent(f, f, X, seconds=10).status == "unknown"


def test_a_value_is_computed_once():
    program = trace(lambda x: ((x - x.mean()) * (x - x.mean()), jnp.exp(x), 3.0), X)
    one, _, _ = normalised(program, program)
    names = [e.primitive for e in one.equations]
    assert names.count("sub") == 1
    assert len(one.outputs) == 3


def test_a_law_of_one_value_holds_where_it_is_written_twice():
    f = lambda x: jnp.sqrt((x - x.mean()) * (x - x.mean()))  # noqa: E731
    assert equivalent(f, lambda x: jnp.abs(x - x.mean()), X)
    assert equivalent(f, lambda x: x - x.mean(), X).status == "refuted"

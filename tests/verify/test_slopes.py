"""Differences behind comparisons that come out the same at every input that is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import equivalent
from verify.counterexample import Comparison
from verify.counterexample.batch import edge_rows
from verify.counterexample.drawing import interesting
from verify.counterexample.rows import rows
from verify.programs import trace

V = jax.ShapeDtypeStruct((30,), jnp.float32)
WEIGHTS = np.random.default_rng(1).standard_normal(30).astype(np.float32)
WEIGHTS[1] = -2.0
MATRIX = np.random.default_rng(0).integers(-2, 3, (30, 30)).astype(np.float32)
SIGNS = np.array([1.0, -1.0, 1.0] * 10, np.float32)


def positive_parts(v):
    return jax.nn.relu(MATRIX @ v).sum()


GATES = {
    "a minimum": lambda v: (v * SIGNS).min() > 3,
    "a maximum": lambda v: v.max() < -3,
    "a quantile": lambda v: jnp.sort(-v)[2] > 4,
    "a distance": lambda v: ((v + 2 * jnp.abs(WEIGHTS)) ** 2).sum() < 1,
    "a norm": lambda v: jnp.linalg.norm(v + 5) < 0.5,
    "a count": lambda v: (v < -1).sum() > 28,
    "a product of truths": lambda v: jnp.prod(jnp.where(v < -1, 1.0, 0.0)) > 0.5,
    "a cosine": lambda v: (v @ WEIGHTS) / jnp.sqrt((v @ v) * (WEIGHTS @ WEIGHTS)) > 0.97,
    "a probability": lambda v: jax.nn.softmax(-v)[1] > 0.999,
    "a mean of positive parts": lambda v: jax.nn.relu(v + 1).mean() < 1e-3,
    "a soft maximum": lambda v: jax.nn.logsumexp(v) < -5,
    "no positive part": lambda v: positive_parts(v) == 0,
}


def logs(gate, log):
    return lambda v: jnp.where(gate(v), log(v[1]), 0.0)


def of_square(x):
    return jnp.log(x**2)


def twice(x):
    """The same but for negative numbers."""
    return 2 * jnp.log(x)


def twice_positive(x):
    return 2 * jnp.log(jnp.abs(x))


@pytest.mark.parametrize("name", GATES)
def test_a_difference_behind_a_gate_is_found(name):
    gate = GATES[name]
    assert equivalent(logs(gate, of_square), logs(gate, twice), V, seconds=40).status == "refuted"


@pytest.mark.unrecorded("how far it comes in four seconds is for the clock to say")
@pytest.mark.parametrize("name", ["a minimum", "a distance", "a soft maximum"])
def test_what_is_the_same_behind_a_gate_is_not_refuted(name):
    one, two = (logs(GATES[name], log) for log in (of_square, twice_positive))
    assert equivalent(one, two, V, seconds=4).status != "refuted"


def test_a_divisor_that_is_zero_in_a_cone_is_no_isolated_point():
    verdict = equivalent(
        lambda v: v.sum() / positive_parts(v) * positive_parts(v), lambda v: v.sum(), V, seconds=40
    )
    assert verdict.status == "refuted"


@pytest.mark.parametrize("name", GATES)
def test_rows_lie_on_the_other_side(name):
    program = trace(lambda v: jnp.where(GATES[name](v), 1.0, 2.0), V)
    comparison, rng = Comparison(program, program), np.random.default_rng(0)
    (drawn,) = rows(program.inputs, interesting(comparison.constants()), rng, 64, plain=True)
    before = [row for row in drawn if not GATES[name](jnp.asarray(row, np.float32))]
    drawn = [np.stack(before)]
    found = [row for more in edge_rows(comparison, drawn, rng) for row in more[0]]
    assert sum(bool(GATES[name](jnp.asarray(row, np.float32))) for row in found) > 1


def test_where_no_input_is_on_the_other_side_none_is_found():
    program = trace(lambda v: jnp.where((v * v).sum() < -1, 1.0, 2.0), V)
    comparison, rng = Comparison(program, program), np.random.default_rng(0)
    drawn = rows(program.inputs, interesting(comparison.constants()), rng, 64, plain=True)
    assert not list(edge_rows(comparison, drawn, rng))


def test_what_is_compared_with_an_axis_of_one():
    """Elements of a row with its maximum: down the slope of a comparison of two shapes."""
    x = jax.ShapeDtypeStruct((4,), jnp.float32)

    def pooled(x, d):
        return jax.vjp(lambda x: x.reshape(2, 2).max(1), x)[1](d)[0]

    def by_hand(x, d):
        rows = x.reshape(2, 2)
        mask = (rows == rows.max(1, keepdims=True)).astype(x.dtype)
        return (mask / mask.sum(1, keepdims=True) * d[:, None]).reshape(-1)

    d = jax.ShapeDtypeStruct((2,), jnp.float32)
    assert equivalent(pooled, by_hand, x, d)
    wrong = equivalent(pooled, lambda x, d: by_hand(x, d[::-1]), x, d)
    assert wrong.status == "refuted", wrong

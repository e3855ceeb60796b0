"""Differences behind conjunctions that no draw meets: found before a proof counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import equivalent
from verify.counterexample import Comparison
from verify.preconditions.gates import behind_gates, gates
from verify.programs import trace

V = jax.ShapeDtypeStruct((30,), jnp.float32)
N = jax.ShapeDtypeStruct((12,), jnp.int32)
PATTERN = np.random.default_rng(0).random(40) > 0.5
SIGNS = np.array([1.0, -1.0, -1.0] * 10, np.float32)


def orthant(v):
    return (v * SIGNS > 1).all()


def chain(v):
    return (v[0] > 3) & (v[1] < v[0] - 4) & (v[2] + v[3] > 100) & (v[4] < -50) & (v[5] > v[4])


def digits(n):
    return (n == jnp.arange(12) * 7).all()


APART = {
    "a logarithm": (
        lambda v: jnp.where(orthant(v), jnp.log(v[1] ** 2), 0.0),
        lambda v: jnp.where(orthant(v), 2 * jnp.log(v[1]), 0.0),
        V,
    ),
    "a root that is compared": (
        lambda v: jnp.where(orthant(v), jnp.where(jnp.sqrt(v[1]) >= 0, 1.0, 0.0), 1.0),
        lambda v: 1.0 + 0 * v[0],
        V,
    ),
    "a divisor": (
        lambda v: jnp.where(orthant(v), jnp.argmax(jnp.exp(v) / jax.nn.relu(v[1])), 0),
        lambda v: jnp.where(orthant(v), jnp.argmax(v), 0),
        V,
    ),
    "a chain of comparisons": (
        lambda v: jnp.where(chain(v), jnp.log(v[4] ** 2), 0.0),
        lambda v: jnp.where(chain(v), 2 * jnp.log(v[4]), 0.0),
        V,
    ),
    "a row of truth values": (
        lambda m, v: jnp.where((m == PATTERN).all(), jnp.log(v[1] ** 2), 0.0),
        lambda m, v: jnp.where((m == PATTERN).all(), 2 * jnp.log(v[1]), 0.0),
        jax.ShapeDtypeStruct((40,), jnp.bool_),
        V,
    ),
    "a row of integers": (
        lambda n: jnp.where(digits(n), n.sum(), 0),
        lambda n: 0 * n[0],
        N,
    ),
}
SAME = {
    "where it is positive": (
        lambda v: jnp.where(orthant(v), jnp.log(v[0] ** 2), 0.0),
        lambda v: jnp.where(orthant(v), 2 * jnp.log(v[0]), 0.0),
        V,
    ),
}


@pytest.mark.parametrize("name", APART)
def test_a_difference_behind_a_gate_is_found(name):
    assert equivalent(*APART[name], seconds=40).status == "refuted"


@pytest.mark.parametrize("name", SAME)
def test_what_is_the_same_behind_a_gate_is_not_refuted(name):
    assert equivalent(*SAME[name], seconds=40).status != "refuted"


def test_the_gates_of_a_program_are_its_largest_conjunctions():
    program = trace(lambda v: jnp.where(chain(v) & orthant(v), 1.0, 2.0), V)
    assert len(gates(program)) == 1
    assert not gates(trace(lambda v: v + 1, V))


@pytest.mark.parametrize("gate", [orthant, chain])
def test_rows_lie_behind_them(gate):
    program = trace(lambda v: jnp.where(gate(v), 1.0, 2.0), V)
    found = list(behind_gates(Comparison(program, program), np.random.default_rng(0)))
    assert found
    for (drawn,) in found:
        assert len(drawn) > 3
        assert all(bool(gate(jnp.asarray(row))) for row in drawn)


@pytest.mark.parametrize(
    "gate",
    [
        lambda m: (m == PATTERN).all(),
        lambda m: jnp.where(PATTERN, m, ~m).all(),
    ],
)
def test_rows_lie_behind_a_pattern_of_truth_values(gate):
    program = trace(lambda m: jnp.where(gate(m), 1.0, 2.0), jnp.zeros(40, bool))
    found = list(behind_gates(Comparison(program, program), np.random.default_rng(0)))
    assert sum(bool(gate(jnp.asarray(row))) for (drawn,) in found for row in drawn) > 3

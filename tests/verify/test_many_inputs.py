"""What is told of many inputs at once leaves nothing out that one of them alone would show."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify.algebras.wary import Wary
from verify.counterexample import Comparison, Smooth
from verify.counterexample.directed import aimed
from verify.counterexample.many import doubtful, evaluated
from verify.programs import trace

X = jax.ShapeDtypeStruct((2,), jnp.float32)
ROWS = np.array([[1.0, 2.0], [-1.0, 2.0], [0.0, 0.0], [1000.0, 0.5]])


def compared(f, g, x=X):
    return Comparison(trace(f, x), trace(g, x))


DOUBTFUL = {
    "a choice": (jnp.abs, lambda x: x, [1]),
    "a tie": (lambda x: jnp.where(x >= 0, 1.0, 0.0), lambda x: jnp.where(x > 0, 1.0, 0.0), [2]),
    "one side without a value": (lambda x: x + 0 * jnp.log(x - 0.25), lambda x: x, [1, 2]),
    "a small difference": (lambda x: x, lambda x: x * (1 + 2.0**-20), [0, 1, 3]),
    "nothing": (lambda x: (x + 1) * (x - 1), lambda x: x * x - 1, []),
    "both without a value": (lambda x: jnp.log(-jnp.exp(x)), lambda x: jnp.log(-jnp.exp(x)), []),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_rows_that_may_differ_are_found(name):
    f, g, expected = DOUBTFUL[name]
    comparison = compared(f, g)
    found = doubtful(comparison, [ROWS])
    assert found == expected
    for row in range(len(ROWS)):
        assert row in found or comparison.at([ROWS[row]]) is None


SUSPECT = {
    "a logarithm": (jnp.log, [1, 2]),
    "a root": (jnp.sqrt, [1, 2]),
    "a quotient": (lambda x: 1 / x, [2]),
    "an overflow": (jnp.exp, []),
    "behind a choice": (lambda x: jnp.log(jnp.where(x > 5, -x, 1.0)), [3]),
    "a sum": (lambda x: 1 / (x.sum() - 1), [1]),
}


@pytest.mark.parametrize("name", SUSPECT)
def test_rows_that_ask_for_what_there_is_not_are_found(name):
    f, expected = SUSPECT[name]
    wary = Wary(len(ROWS))
    evaluated(trace(f, X), [ROWS], numeric=wary)
    assert set(expected) <= set(np.flatnonzero(wary.suspect))
    assert len(expected) > 0 or not wary.suspect.any()


EDGES = {
    "a large threshold": lambda x: jnp.where(x.sum() > 1e6, 1.0, 0.0),
    "an odd threshold": lambda x: jnp.where(x[0] * 3 > 0.7, 1.0, 0.0),
    "two elements": lambda x: jnp.where(x[0] > x[1], 1.0, 0.0),
}


@pytest.mark.parametrize("name", EDGES)
def test_crossings_of_decisions_are_met_on_both_sides(name):
    program = trace(EDGES[name], X)
    base, rng = [np.zeros(2)], np.random.default_rng(0)
    seen = {float(v) for rows in aimed([program], base, rng) for v in outputs(program, rows)}
    assert len(seen) > 1


def outputs(program, rows):
    (value,) = evaluated(program, rows)
    return value.value.ravel()


def test_only_differences_at_ties_are_sifted_out():
    def derivative(at_tie, beyond):
        return lambda x, d: (
            d * jnp.where(x > 0, jnp.where(x > 3, beyond, 1.0), 0.0)
            + jnp.where(x == 0, at_tie * d, 0.0)
        )

    programs = [trace(derivative(*way), X, X) for way in ((0.5, 1.0), (0.0, 1.0), (0.0, 1.25))]
    x = np.array([[0.0, 1.0], [5.0, 1.0], [2.0, -1.0]])
    drawn = [x, np.ones_like(x)]
    same, other = (Smooth(programs[0], p, 1, 0, forwards=True) for p in programs[1:])
    assert doubtful(same, drawn) == []
    assert doubtful(other, drawn) == [1]


def test_of_rows_that_bounds_leave_open_some_are_looked_at():
    """On a line of ties of rounded numbers all are open: x - mean(x) is zero, and bounds say so of
    no row."""
    from verify.counterexample import many

    def same(x):
        return jnp.where(((x - x.mean()) ** 2).sum() > 0, 1.0, 2.0)

    def other(x):
        return jnp.where(((x - x.sum() / 3) ** 2).sum() > 0, 1.0, 2.0)

    rows = np.repeat(np.linspace(0.1, 0.9, 200)[:, None], 3, axis=1)
    variables = [trace(f, jax.ShapeDtypeStruct((3,), jnp.float32)) for f in (same, other)]
    found = doubtful(Comparison(*variables), [rows])
    assert 0 < len(found) <= 2 * many._OPEN

"""A `while` that ends over the reals, and never in float32: there is a verdict all the same."""

import time

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from tests.verify.pairs.law import f32
from verify.checks.roundoff import rounding
from verify.counterexample import Comparison, inhabited, plainly
from verify.counterexample.plainly import values_by_jax, values_in_float64
from verify.limits import budget
from verify.programs import trace
from verify.trust import child, dangers, selfcheck


def counts(start):
    """64 steps over the reals; in float32 0.5 + 2**-26 is 0.5."""
    return lax.while_loop(lambda c: c < 0.5 + 2.0**-20, lambda c: c + 2.0**-26, start)


def root(x):
    """Newton's method, until it is more exact than float32 is."""
    wrong = lambda s: jnp.abs(s * s - 2) > 1e-12  # noqa: E731
    return lax.while_loop(wrong, lambda s: (s + 2 / s) / 2, 1.0 + 0 * x)


ENDLESS = {
    "from an input": lambda x: x + counts(0.5 + 0 * x),
    "from a constant": lambda x: x + counts(jnp.float32(0.5)),
    "Newton's method": lambda x: x * root(x),
    "in a loop": lambda x: lax.fori_loop(0, 2, lambda _, c: c + counts(0.5 + 0 * c), x),
    "in a branch": lambda x: lax.cond(x > -1e9, lambda x: x + counts(0.5 + 0 * x), lambda x: x, x),
    "of halves": lambda x: lax.while_loop(lambda c: c > 0, lambda c: c - 2.0**-30, 64 + 0 * x) + x,
}
ONE = [np.float32(1)]


def late(run, *arguments):
    """Ends with `Endless`, soon."""
    start = time.monotonic()
    with budget.whole_call(1.0), pytest.raises(child.Endless):
        run(*arguments)
    return time.monotonic() - start


# A worker that is ended has to be started again, which takes seconds.
SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in ENDLESS if case != "in a loop"]


@pytest.mark.parametrize("case", ENDLESS)
def test_it_is_not_run_in_this_process(case):
    assert not dangers.harmless(trace(ENDLESS[case], f32()))


@pytest.mark.parametrize("case", ["in a loop", *SLOW])
def test_jax_is_not_waited_for(case, monkeypatch):
    monkeypatch.setattr(plainly, "_MOST_FAILURES", 1)
    program = trace(ENDLESS[case], f32())
    assert late(values_by_jax, program, ONE) < 20  # with XLA's compilation
    assert late(values_by_jax, program, ONE) < 0.1  # it is known by now


@pytest.mark.parametrize("case", ["from an input", "in a branch"])
def test_in_float64_it_may_end(case):
    program = trace(ENDLESS[case], f32())
    (found,) = values_in_float64(program, ONE)
    assert found == 1.5 + 2.0**-20


def test_other_loops_are_run_to_their_end():
    def f(x, n):
        return lax.while_loop(lambda c: c < 10, lambda c: c + 3, x), lax.fori_loop(
            0, n, lambda i, c: c * 2, x
        )

    program = trace(f, np.float32(2), np.int32(3))
    inputs = [np.float32(2), np.int32(3)]
    assert [float(y) for y in values_by_jax(program, inputs)] == [11, 16]
    assert [float(y) for y in values_in_float64(program, inputs)] == [11, 16]


def test_the_comparison_with_jax_says_where_it_does_not_end():
    one = trace(ENDLESS["from a constant"], f32())
    two = trace(lambda x: (x + (0.5 + 2.0**-20)) * 1.0, f32())
    start = time.monotonic()
    with budget.whole_call(2.0):
        wrong = selfcheck.disagreement(one, two, np.random.default_rng(0))
    assert "JAX does not end the while at test_endless_loops.py" in wrong
    assert time.monotonic() - start < 30


def test_no_input_is_defined_where_nothing_ends():
    program = trace(ENDLESS["from an input"], f32())
    comparison = Comparison(program, program)
    comparison.at = lambda inputs: None  # what verify's own numbers say is no matter here
    with budget.whole_call(1.0):
        assert not inhabited(comparison, np.random.default_rng(0), 1e6)


@pytest.mark.slow
def test_rounding_and_faithful_do_not_wait():
    program = trace(ENDLESS["from a constant"], f32())
    with budget.whole_call(2.0):
        assert rounding(program, program, ONE) is None
    assert verify.faithful(ENDLESS["from a constant"], np.float32(1), seconds=1).status != "proved"


@pytest.mark.unrecorded("how far it gets depends on the clock")
@pytest.mark.slow
@pytest.mark.parametrize("case", ["from an input", "from a constant"])
def test_the_verdict_comes_in_time(case):
    start = time.monotonic()
    verdict = verify.equivalent(ENDLESS[case], lambda x: x + 0.7, f32(), seconds=1, seed=1)
    assert verdict.status in ("refuted", "unknown")
    assert time.monotonic() - start < 60  # most of it XLA's compilation

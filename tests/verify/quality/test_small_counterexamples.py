"""Planted faults of deep networks show with as few non-zero numbers as they can (`faults.py`)."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from tests.verify.quality.faults import FAULTS, Fault
from verify.counterexample import Comparison, shrink
from verify.counterexample.screen import screen
from verify.programs import trace

QUICK = ("a lost bias", "a lost bias, of the head", "a lost skip", "a mask that looks ahead")
S = jax.ShapeDtypeStruct


def nonzeros(inputs) -> int:
    return sum(int(np.count_nonzero(array)) for array in jax.tree.leaves(inputs))


def apart(fault: Fault, inputs) -> bool:
    """Whether JAX computes different outputs."""
    with jax.enable_x64(True):
        wide = [jax.tree.map(lambda x: jnp.asarray(x, np.float64), x) for x in inputs]
        return not np.allclose(fault.f(*wide), fault.g(*wide), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in FAULTS]
)
def test_few_numbers_show_a_fault(name):
    fault = FAULTS[name]
    verdict = verify.equivalent(fault.f, fault.g, *fault.examples, seconds=300)
    assert verdict.status == "refuted", verdict.reason
    assert apart(fault, verdict.counterexample.inputs)
    assert nonzeros(verdict.counterexample.inputs) <= fault.smallest + fault.more


def network(weights, x, *, lost=False):
    for number, (weight, bias) in enumerate(weights):
        x = jax.nn.relu(x @ weight + (0 if lost and number == 1 else bias))
    return x


WEIGHTS = [(S((40, 40), np.float32), S((40,), np.float32)) for _ in range(3)]
EXAMPLES = (WEIGHTS, S((4, 40), np.float32))


@pytest.fixture
def screened(monkeypatch):
    """However small programs are."""
    monkeypatch.setattr(importlib.import_module("verify.counterexample.screen"), "_DEAR", 0)


@pytest.fixture
def difference(screened):
    left = trace(network, *EXAMPLES)
    right = trace(functools.partial(network, lost=True), *EXAMPLES)
    comparison = Comparison(left, right)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=v.shape) * 0.1 for v in left.inputs]
    witness = comparison.at(inputs)
    assert witness is not None
    return comparison, witness


def test_a_screen_sees_a_difference(difference):
    comparison, witness = difference
    seen = screen(comparison, witness)
    assert seen is not None
    assert seen(witness.inputs)
    assert not seen([np.zeros_like(x) for x in witness.inputs])


def test_small_programs_need_no_screen():
    small = Comparison(trace(lambda x: x + 1, 1.0), trace(lambda x: x + 2, 1.0))
    found = small.at([np.asarray(1.0)])
    assert found is not None
    assert screen(small, found) is None


def test_what_a_screen_says_is_not_believed(difference, monkeypatch):
    """One that sees differences everywhere leads nowhere: what is reported is confirmed."""
    comparison, witness = difference
    module = importlib.import_module("verify.counterexample.shrinking")
    monkeypatch.setattr(module, "screen", lambda *_: lambda _: True)
    small = shrink(comparison, witness, 2e9)
    assert comparison.at(small.inputs) is not None


def test_a_screen_keeps_to_the_precondition(screened):
    """Zero would be smaller, but does not count."""
    bias = lambda weights, x: weights[1][1][0] >= 2  # noqa: E731
    g = functools.partial(network, lost=True)
    verdict = verify.equivalent(network, g, *EXAMPLES, assuming=bias, seconds=200)
    assert verdict.status == "refuted", verdict.reason
    weights, x = verdict.counterexample.inputs
    assert weights[1][1][0] == 2
    assert nonzeros((weights, x)) == 2  # and the weight that takes it on

"""The prover that the documentation explains the idea with: right where it answers."""

import doctest
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "docs" / "explanation" / "tiny_prover.py"
TINY = runpy.run_path(str(PATH))
x, w = np.ones((2, 3), np.float32), np.ones((3, 2), np.float32)


def test_what_it_says_of_itself():
    module = type(pytest)("tiny_prover", TINY["__doc__"])
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(module, "tiny_prover", globs=dict(TINY)):
        runner.run(test)
    assert runner.tries > 5
    assert runner.failures == 0


def test_it_is_read_in_ten_minutes():
    code = PATH.read_text().split('"""', 2)[2]
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) < 110


EQUAL = [
    (lambda x, w: (x @ w).T, lambda x, w: w.T @ x.T),
    (lambda x, w: jnp.exp(x - w.T) / 3, lambda x, w: jnp.exp(x + -w.T) / jnp.float32(3)),
    (lambda x, w: x / (x + w.T), lambda x, w: 1 / (1 + w.T / x)),
    (lambda x, w: jax.jit(lambda a: a**3)(x), lambda x, w: x * x * x),
    (lambda x, w: (x - x.mean()).sum(0), lambda x, w: x.sum(0) - x.sum() / 3),
]
DIFFERENT = [
    (lambda x, w: x @ w, lambda x, w: (x @ w).T),
    (lambda x, w: jnp.exp(x), lambda x, w: jnp.exp(x + 0.5)),
    (lambda x, w: x.sum(0), lambda x, w: 2 * x.sum(0)),
    (lambda x, w: x / w.T, lambda x, w: w.T / x),
    (lambda x, w: x**3, lambda x, w: x * x),
    (lambda x, w: x - x.mean(0), lambda x, w: x - x.mean()),
]


@pytest.mark.parametrize("pair", EQUAL, ids=range(len(EQUAL)))
def test_equal_functions_are_proved(pair):
    assert TINY["ask"](*pair, x, w) == "proved"


@pytest.mark.parametrize("pair", DIFFERENT, ids=range(len(DIFFERENT)))
def test_different_functions_are_refuted(pair):
    assert TINY["ask"](*pair, x, w).startswith("refuted")


@pytest.mark.parametrize("move", [lambda x: x[::-1], lambda x: jnp.max(x, 0), jnp.cumsum])
def test_a_primitive_without_a_rule_is_no_function_of_the_elements(move):
    """Hashed element by element, a reversal would be proved equal to any other."""
    with pytest.raises(KeyError):
        TINY["ask"](move, move, x)

"""The domain that the documentation shows: what it counts, and that all rules take it."""

import doctest
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.conformance import GENERATORS
from tests.verify.conformance.compare import case
from tests.verify.conformance.proposals import Absent
from verify.algebras.base import Unsupported
from verify.algebras.extended import fresh, parts_of
from verify.evaluate import evaluate

PATH = Path(__file__).parents[2] / "docs" / "howto" / "own_domain.py"
OWN = runpy.run_path(str(PATH))
count, Counted = OWN["multiplications"], OWN["Counted"]
X, Y = np.ones((2, 5), np.float32), np.ones((5, 3), np.float32)
IMAGE, KERNEL = np.ones((1, 6, 7, 2), np.float32), np.ones((3, 3, 2, 4), np.float32)


def conv(x, w, padding="SAME", **options):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (1, 1), padding, dimension_numbers=numbers, **options)


def pixels(x, w, **options):
    """Products of a pixel with a kernel: those of ones with ones."""
    return np.asarray(conv(jnp.ones_like(x), jnp.ones_like(w), **options)).astype(int)


def test_what_it_says_of_itself():
    module = type(pytest)("own_domain", OWN["__doc__"])
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(module, "own_domain", globs=dict(OWN)):
        runner.run(test)
    assert runner.tries >= 4
    assert runner.failures == 0


COUNTED = {
    "elementwise": (lambda x: (x + x - 1) * x / 3, 2, X),
    "functions": (lambda x: jnp.tanh(jnp.exp(x)) + jnp.maximum(x, 0), 0, X),
    "moved": (lambda x: (x * x).T[::-1], 1, X),
    "a power": (lambda x: x**3, 2, X),
    "dot": (lambda x, y: x @ y, 5, X, Y),
    "dot of dot": (lambda x, y: (x @ y) @ y.T, 3 * (5 + 1), X, Y),
    "dot with products": (lambda x, y: x @ (y * y), 5 * (1 + 1), X, Y),
    "a choice": (lambda x: jnp.where(x * x > 1, x, 1), 1, X),
    "rows in groups": (
        lambda x, w: lax.ragged_dot(x, w, np.array([1, 1])),
        5,
        X,
        np.ones((2, 5, 3)),
    ),
    "dot with a mask": (lambda x: x @ jnp.tril(jnp.ones((5, 5))), np.arange(5, 0, -1), X),
    "softmax": (jax.nn.softmax, 1, X),
    "scan": (lambda x: lax.scan(lambda c, _: (c * x, None), x, None, length=4)[0], 4, X),
    "product of all": (lambda x: x.prod(1), 4, X),
    "complex": (lambda x: (x + 1j) * (x + 1j), 4, X),
    "nothing": (lambda x: x * 0, 0, X),
    "no inputs": (lambda x: jnp.zeros(3), 0, X),
}


@pytest.mark.parametrize("name", COUNTED)
def test_counted_by_hand(name):
    f, expected, *inputs = COUNTED[name]
    (found,) = count(f, *inputs)
    np.testing.assert_array_equal(found, np.broadcast_to(expected, found.shape))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "VALID"},
        {"rhs_dilation": (2, 1)},
        {"padding": ((1, 2), (0, 1)), "lhs_dilation": (2, 3)},
    ],
    ids=["same", "valid", "dilated kernel", "dilated image"],
)
def test_a_convolution_multiplies_with_no_padding_and_no_holes(options):
    (found,) = count(lambda x, w: conv(x, w, **options), IMAGE, KERNEL)
    np.testing.assert_array_equal(found, pixels(IMAGE, KERNEL, **options))


def test_groups_see_their_own_channels():
    (found,) = count(lambda x, w: conv(x, w, feature_group_count=2), IMAGE, KERNEL[:, :, :1])
    np.testing.assert_array_equal(found * 2, pixels(IMAGE, KERNEL))


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_every_rule_takes_it(name):
    """Or says that it is not supported, and nothing else."""
    for index in range(6):
        try:
            one = case(name, 0, index)
        except Absent:
            return
        if one is None:
            continue
        algebra = OWN["Multiplications"]()

        def unknown(shape, dtype):
            return Counted(np.zeros(shape), np.zeros(shape, bool), dtype)

        inputs = [fresh(unknown, var.shape, var.dtype) for var in one.program.inputs]
        try:
            results = evaluate(one.program, algebra, inputs)
        except Unsupported:
            continue
        for part in (part for x in results for part in parts_of(x, Counted)):
            assert part.zero.shape == part.shape
            assert (part.count >= 0).all()
            assert not part.count[part.zero].any()

"""The rules of poolings and their derivatives mean what JAX means by them, on ties as well."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.algebras.base import Unsupported
from verify.primitives import sliding

INT = np.random.default_rng(0).integers(-(2**31), 2**31, (5, 6)).astype(np.int32)
BYTE = np.random.default_rng(1).integers(0, 256, (5, 6)).astype(np.uint8)
BOOL = np.random.default_rng(2).random((5, 6)) < 0.6
X = np.zeros((5, 6))

OPERATIONS = {
    "sum": (lax.add, 0.0, X),
    "max": (lax.max, -np.inf, X),
    "min": (lax.min, np.inf, X),
    "product": (lax.mul, 1.0, X),
    "max from 0": (lax.max, 0.0, X),
    "sum of int32": (lax.add, np.int32(0), INT),
    "max of int32": (lax.max, np.int32(-(2**31)), INT),
    "min of int32": (lax.min, np.int32(2**31 - 1), INT),
    "min of uint8": (lax.min, np.uint8(255), BYTE),
    "product of uint8": (lax.mul, np.uint8(1), BYTE),
    "any": (lax.bitwise_or, False, BOOL),
    "all": (lax.bitwise_and, True, BOOL),
    "parity": (lax.bitwise_xor, False, BOOL),
}
SLIDES = {
    "all inside": ((2, 3), (1, 2), ((0, 0), (0, 0)), None, None),
    "padded": ((3, 2), (2, 1), ((1, 2), (0, 1)), None, None),
    "windows of padding only": ((2, 2), (1, 1), ((3, 0), (0, 3)), None, None),
    "cropped": ((2, 2), (1, 1), ((-1, 0), (1, -2)), None, None),
    "dilated base": ((2, 2), (1, 1), ((0, 1), (0, 0)), (2, 3), None),
    "dilated window": ((2, 2), (1, 1), ((0, 0), (1, 0)), None, (3, 2)),
    "all at once": ((2, 3), (2, 3), ((2, 1), (0, 4)), (2, 3), (2, 1)),
    "no room": ((6, 1), (1, 1), ((0, 0), (0, 0)), None, None),
}


def windows(operation, initial, slide):
    window, strides, padding, base, dilation = slide
    return lambda x: lax.reduce_window(
        x, initial, operation, window, strides, padding, base, dilation
    )


@pytest.mark.parametrize(
    ("operation", "slide"),
    [
        (operation, slide)
        for operation in OPERATIONS
        for slide in (SLIDES if operation in ("sum", "max", "min") else ("padded", "all at once"))
    ],
)
def test_window_reductions_mean_what_jax_means(operation: str, slide: str) -> None:
    function, initial, x = OPERATIONS[operation]
    check_rule(windows(function, initial, SLIDES[slide]), x)


def random_slide(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))

    def some(low, high, *shape):
        return rng.integers(low, high, shape).tolist()

    padding = tuple(tuple(pair) for pair in some(0, 3, n, 2))
    slide = (tuple(some(1, 4, n)), tuple(some(1, 4, n)), padding)
    return np.zeros(some(1, 6, n)), (*slide, tuple(some(1, 4, n)), tuple(some(1, 3, n)))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("operation", ["sum", "max"])
def test_any_window_means_what_jax_means(operation: str, seed: int) -> None:
    function, initial, _ = OPERATIONS[operation]
    x, slide = random_slide(seed)
    check_rule(windows(function, initial, slide), x, reals=False)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("operation", ["max", "min"])
def test_gradient_of_pooling_goes_to_the_first_of_equal_maxima(operation: str, seed: int) -> None:
    function, initial, _ = OPERATIONS[operation]
    x, (window, strides, padding, base, _) = random_slide(seed)
    pool = windows(function, initial, (window, strides, padding, base, None))
    out = np.zeros(jax.eval_shape(pool, x).shape)
    # Few different numbers: ties in most windows.
    check_rule(lambda x, c: jax.vjp(pool, x)[1](c)[0], x, out, low=0, high=2)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("operation", ["max", "min"])
def test_tangent_of_pooling_is_that_of_the_maximum(operation: str, seed: int) -> None:
    function, initial, _ = OPERATIONS[operation]
    x, slide = random_slide(seed)
    pool = windows(function, initial, slide)
    tangent = lambda x, c: jax.jvp(pool, (x,), (c,))[1]  # noqa: E731
    # No ties: there XLA's choice depends on the window (see the rule).
    order = np.random.default_rng(seed).permutation(x.size).reshape(x.shape).astype(float)
    check_rule(tangent, order, order[::-1] ** 2, integers=False)


def test_tangent_of_pooling_without_padding_is_that_of_the_first() -> None:
    pool = windows(lax.max, -np.inf, SLIDES["all inside"])
    check_rule(lambda x, c: jax.jvp(pool, (x,), (c,))[1], X, X, low=0, high=2)


def test_several_operands_are_folded_each_by_its_own_operation() -> None:
    def body(a, b):
        return a[0] + b[0], lax.max(b[1], a[1]), a[2] * b[2]

    f = lambda x, y, i: lax.reduce_window(  # noqa: E731
        (x, y, i), (0.0, -np.inf, np.int32(1)), body, (2, 2), (1, 1), "SAME"
    )
    check_rule(f, X, X, INT)


REFUSED = {
    "a sum that starts from 2": lambda x: lax.reduce_window(
        x, 2.0, lax.add, (2, 2), (1, 1), "VALID"
    ),
    "a body that is not associative": lambda x: lax.reduce_window(
        x, 0.0, lambda a, b: a + 2 * b, (2, 2), (1, 1), "VALID"
    ),
    "the difference": lambda x: lax.reduce_window(
        x, 0.0, lambda a, b: a - b, (2, 2), (1, 1), "VALID"
    ),
    "an element added to itself": lambda x: lax.reduce_window(
        x, 0.0, lambda a, b: b + b, (2, 2), (1, 1), "VALID"
    ),
    "operands crossed": lambda x: lax.reduce_window(
        (x, x), (0.0, 0.0), lambda a, b: (a[1] + b[1], a[0] + b[0]), (2, 2), (1, 1), "VALID"
    ),
    "a start that depends on the input": lambda x: lax.reduce_window(
        x, x[0, 0], lambda a, b: a * b, (2, 2), (1, 1), "VALID"
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_reductions_without_a_known_meaning_are_refused(name: str) -> None:
    with pytest.raises(Unsupported):
        check_rule(REFUSED[name], X)


def test_blocks_of_windows_join_into_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliding, "BLOCK", 7)
    pool = windows(lax.max, -np.inf, SLIDES["padded"])
    out = np.zeros(jax.eval_shape(pool, X).shape)
    check_rule(pool, X)
    check_rule(windows(lax.add, 0.0, SLIDES["all at once"]), X)
    check_rule(lambda x, c: jax.vjp(pool, x)[1](c)[0], X, out)
    check_rule(lambda x, c: jax.jvp(pool, (x,), (c,))[1], X, X, integers=False)


def test_average_pooling_over_channels_last() -> None:
    def average(x):
        total = lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
        count = lax.reduce_window(
            jnp.ones_like(x), 0.0, lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"
        )
        return total / count

    check_rule(average, np.zeros((2, 6, 5, 3)))

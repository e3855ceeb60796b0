"""What cannot be evaluated tile by tile is an error that names the operation and the line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import (
    batch_norm,
    conv,
    dense,
    flatten,
    global_avg_pool,
    global_max_pool,
    group_norm,
    max_pool,
    tiled,
)
from cnnjax.tiling import Untileable

KERNEL = jnp.ones((3, 3, 3, 4))
AFFINE = {"scale": jnp.ones(3), "bias": jnp.ones(3)}
STATE = {"mean": jnp.ones(3), "var": jnp.ones(3)}

UNTILEABLE = {
    r"flatten \(reshape\)": lambda x: dense(flatten(conv(x, KERNEL)), jnp.ones((480, 5))),
    r"global_avg_pool \(reduce_sum\)": lambda x: global_avg_pool(conv(x, KERNEL)),
    r"global_max_pool \(reduce_window_max\)": lambda x: global_max_pool(x),
    r"group_norm \(reduce_sum\)": lambda x: group_norm(x, AFFINE, groups=1),
    r"batch_norm \(reduce_sum\)": lambda x: batch_norm(x, AFFINE, STATE, training=True)[0],
    "scan": lambda x: jax.lax.scan(lambda y, _: (y * 2, None), x, None, length=3)[0],
    "cumsum": lambda x: jnp.cumsum(x, 1),
    "sort": lambda x: jnp.sort(x, -1),
    "fft": lambda x: jnp.fft.fft(x, axis=1).real,
    "concatenate": lambda x: jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap"),
    r"conv \(concatenate\)": lambda x: conv(x, KERNEL, padding_mode="circular"),
    "dot_general": lambda x: jnp.einsum("bhwc,hk->bkwc", x, jnp.ones((12, 12))),
    "argmax": lambda x: x[:, jnp.argmax(x, 1)[0, 0]],
    "reshape": lambda x: (x.reshape(-1, 3) @ jnp.ones((3, 3))).reshape(x.shape),
    "slice": lambda x: x[:, 0],
    "reduce_sum": lambda x: x - x.mean((1, 2), keepdims=True),
}


@pytest.mark.parametrize("names", UNTILEABLE)
def test_the_operation_and_the_line_are_named(names):
    with pytest.raises(Untileable, match=f"tiled: {names} at test_errors.py:"):
        tiled(UNTILEABLE[names], 2)(jnp.ones((2, 12, 10, 3)))


def test_axes_that_cross():
    with pytest.raises(Untileable, match="lays one axis of the image along the other"):
        tiled(lambda x: x + jnp.swapaxes(x, 0, 1), 2)(jnp.ones((6, 6, 3)))


def test_what_no_output_needs_is_no_error():
    def stack(x):
        global_avg_pool(x)
        return x * 2

    assert tiled(stack, 2)(jnp.ones((5, 5, 3))).shape == (5, 5, 3)


@pytest.mark.parametrize(
    ("tile", "error"), [(0, ValueError), ((2, 0), ValueError), (2.5, TypeError), ("a", TypeError)]
)
def test_the_tile_is_checked_at_once(tile, error):
    with pytest.raises(error, match="tiled: tile must be"):
        tiled(lambda x: x, tile)


WRONG = {
    r"the last argument must be the image, .*; got \(\)": (lambda x: x, (3.0,)),
    r"the last argument must be the image, .*; got \(4, 3\)": (lambda x: x, (np.ones((4, 3)),)),
    r"expected arguments": (lambda: 3, ()),
    r"results must be .*; got a result of shape \(3, 12, 10\), with image axes \[1, 2\]": (
        lambda x: jnp.moveaxis(x, -1, 0),
        (np.ones((12, 10, 3), np.float32),),
    ),
    r"the results must have one image size, got \[\(6, 5\), \(12, 10\)\]": (
        lambda x: (x, max_pool(x, 2)),
        (np.ones((12, 10, 3), np.float32),),
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_arguments_and_results_are_checked(message):
    function, arguments = WRONG[message]
    with pytest.raises((TypeError, ValueError), match=message):
        tiled(function, 2)(*arguments)


def test_a_custom_vjp_is_evaluated_but_not_differentiated():
    @jax.custom_vjp
    def straight_through(x):
        return jnp.round(x)

    straight_through.defvjp(lambda x: (jnp.round(x), None), lambda _, ct: (ct,))
    stack = tiled(lambda x: straight_through(x) * 2, 2)
    x = jnp.linspace(0, 3, 75).reshape(5, 5, 3)
    np.testing.assert_array_equal(stack(x), jnp.round(x) * 2)
    with pytest.raises(Untileable, match="custom_vjp"):
        jax.grad(lambda x: stack(x).sum())(x)

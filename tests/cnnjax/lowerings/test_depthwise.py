"""Depthwise convolution by shifts: parts, second derivatives, and bugs that shifts invite."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from cnnjax.lowerings import CONV, Geometry, depthwise
from tests.cnnjax.lowerings.cases import spec

# Gradients at this geometry are proved in test_proofs.py ("stride 2").
STRIDED = Geometry((2, 1), ((1, 1), (1, 1)), (1, 1), groups=2)


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (8, 5, 5, 2), (7, 9, 1, 1), (4, 6, 2, 5)], ids=str)
def test_parts_are_the_whole_once_each(shape):
    g = np.arange(np.prod(shape)).reshape(shape)
    pieces = [g[piece] for piece in depthwise._pieces(jnp.asarray(g), 9)]
    assert len({piece.shape for piece in pieces}) == 1
    assert sorted(np.concatenate([piece.ravel() for piece in pieces])) == list(range(g.size))
    assert len(pieces) <= 8


def test_larger_arrays_are_cut_into_more_parts():
    g = jax.ShapeDtypeStruct((32, 64, 64, 16), jnp.float32)  # 8 MiB
    assert len(depthwise._pieces(g, 9)) == 8
    assert len(depthwise._pieces(jax.ShapeDtypeStruct((32, 128, 128, 16), jnp.float32), 9)) == 16
    assert len(depthwise._pieces(jax.ShapeDtypeStruct((32, 256, 256, 64), jnp.float32), 9)) == 32


def test_second_derivatives_are_the_plain_ones():
    def hessian(lowering, x, kernel, t):
        def loss(x, kernel):
            return jnp.sum(CONV[lowering].run(x, kernel, STRIDED) ** 2)

        return jax.jvp(jax.grad(loss, (0, 1)), (x, kernel), t)[1]

    x, kernel = spec(1, 3, 2, 2), spec(3, 3, 1, 2)
    sides = partial(hessian, "shifted"), partial(hessian, "lax")
    verify.assert_equivalent(*sides, x, kernel, (x, kernel))


def _gradients(lowering, x, kernel, g):
    return jax.vjp(lambda *a: CONV[lowering].run(*a, STRIDED), x, kernel)[1](g)


def _unflipped(x, kernel, g):
    """The image's gradient with the kernel not flipped."""
    return _gradients("shifted", x, jnp.flip(kernel, (0, 1)), g)[0], 1


def _unspread(x, kernel, g):
    """The image's gradient with g one row too low."""
    return jnp.roll(_gradients("shifted", x, kernel, g)[0], 1, 1), 1


def _part_lost(x, kernel, g):
    """The kernel's gradient without the last image."""
    return 0, _gradients("shifted", x[:-1], kernel, g[:-1])[1]


def _taps_swapped(x, kernel, g):
    """The kernel's gradient with the window's axes exchanged."""
    return 0, jnp.swapaxes(_gradients("shifted", x, kernel, g)[1], 0, 1)


def _channels_mixed(x, kernel, g):
    """The kernel's gradient of the other channel."""
    return 0, _gradients("shifted", x[..., ::-1], kernel, g)[1]


@pytest.mark.parametrize(
    ("bug", "which"),
    [
        (_unflipped, 0),
        (_unspread, 0),
        (_part_lost, 1),
        (_taps_swapped, 1),
        (_channels_mixed, 1),
    ],
)
def test_a_planted_bug_is_refuted(bug, which):
    examples = spec(2, 3, 3, 2), spec(3, 3, 1, 2), spec(2, 2, 3, 2)

    def right(*arrays):
        return _gradients("lax", *arrays)[which]

    verdict = verify.equivalent(lambda *a: bug(*a)[which], right, *examples)
    assert verdict.status == "refuted", verdict

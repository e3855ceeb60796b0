"""Convolutions by products (`pointwise`, `blocked`) and sums by products: bugs they invite."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

import cnnjax
import verify
from cnnjax.lowerings import CONV, SPREAD, SUM_POOL, Geometry, blocked, choose, wide
from tests.cnnjax.lowerings.cases import spec

PLAIN = Geometry((1, 1), ((0, 0), (0, 0)), (1, 1))
STRIDED = Geometry((2, 2), ((0, 0), (0, 0)), (1, 1))
SAME = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1))


@pytest.mark.parametrize(
    ("size", "wide", "block"),
    [
        (28, 6, 4),
        (10, 16, 2),
        (11, 1, 4),
        (9, 6, 3),
        (3, 6, 3),
        (28, 32, 2),
        (28, 64, 1),
        (5, 99, 1),
    ],
)
def test_blocks(size, wide, block):
    assert blocked.neighbours(size, wide) == block


@pytest.mark.parametrize(
    ("x", "kernel", "expected"),
    [
        ((32, 28, 28, 1), (5, 5, 1, 6), True),  # LeNet-5
        ((32, 14, 14, 6), (5, 5, 6, 16), True),
        ((32, 28, 28, 6), (5, 5, 6, 16), False),  # rows of 6 MiB
        ((32, 32, 32, 3), (3, 3, 3, 64), True),  # ResNet-18's first layer
        ((1, 32, 32, 3), (3, 3, 3, 64), True),
        ((32, 100, 100, 3), (5, 5, 3, 32), False),  # the note's
        ((4, 100, 100, 3), (5, 5, 3, 32), True),
        ((4, 200, 200, 3), (5, 5, 3, 32), False),  # rows of 29 MiB
        ((32, 28, 28, 8), (3, 3, 8, 8), False),
    ],
)
def test_where_blocks_pay(x, kernel, expected):
    half = kernel[0] // 2
    same = Geometry((1, 1), ((half, half), (half, half)), (1, 1))
    assert blocked.pays(spec(*x), spec(*kernel), same) == expected
    strided = Geometry((2, 1), ((half, half), (half, half)), (1, 1))
    assert not blocked.pays(spec(*x), spec(*kernel), strided)


@pytest.mark.parametrize(
    ("x", "kernel", "expected"),
    [
        ((8, 100, 100, 3), (5, 5, 3, 32), True),  # the note's, a part of a batch
        ((8, 32, 32, 3), (5, 5, 3, 32), True),
        ((8, 64, 64, 1), (7, 7, 1, 64), True),
        ((8, 64, 64, 7), (7, 7, 7, 32), False),  # kernels of 10976 numbers
        ((8, 64, 64, 3), (3, 3, 3, 128), False),  # outputs are wide as they are
        ((1, 32, 32, 3), (7, 7, 3, 32), False),
        ((8, 32, 32, 8), (5, 5, 8, 16), False),
    ],
)
def test_where_wide_pixels_pay(x, kernel, expected):
    half = kernel[0] // 2
    same = Geometry((1, 1), ((half, half), (half, half)), (1, 1))
    arrays = spec(*x), spec(*kernel), same
    assert wide.pays(*arrays) == expected
    assert not blocked.pays(*arrays)
    chosen = choose("conv", CONV, None, *arrays)
    assert (chosen is CONV["wide"].run) == expected


def _shifted_block(x, kernel):
    """Every second block starts one column late."""
    y = CONV["blocked"].run(x, kernel, SAME)
    late = CONV["blocked"].run(jnp.roll(x, -1, 2), kernel, SAME)
    block = blocked.neighbours(y.shape[2], y.shape[3])
    return jnp.where((jnp.arange(y.shape[2]) // block % 2 == 1)[:, None], late, y)


def _flipped_block(x, kernel):
    """The outputs of a block in reverse."""
    y = CONV["blocked"].run(x, kernel, SAME)
    block = blocked.neighbours(y.shape[2], y.shape[3])
    return jnp.flip(y.reshape(*y.shape[:2], -1, block, y.shape[3]), 3).reshape(y.shape)


def _band_without_its_end(x, kernel):
    """The last column that a block reads is missing: wrong only where the block ends."""
    y = CONV["blocked"].run(x, kernel, SAME)
    short = CONV["blocked"].run(x, kernel.at[:, -1].set(0), SAME)
    block = blocked.neighbours(y.shape[2], y.shape[3])
    return jnp.where((jnp.arange(y.shape[2]) % block == block - 1)[:, None], short, y)


@pytest.mark.parametrize("bug", [_shifted_block, _flipped_block, _band_without_its_end])
def test_a_planted_bug_in_blocks_is_refuted(bug):
    examples = spec(1, 4, 8, 2), spec(3, 3, 2, 3)
    plain = partial(CONV["lax"].run, geometry=SAME)
    assert verify.equivalent(partial(CONV["blocked"].run, geometry=SAME), plain, *examples)
    verdict = verify.equivalent(bug, plain, *examples)
    assert verdict.status == "refuted", verdict


@pytest.mark.parametrize("width", [4, 8, 24])
def test_both_ways_to_cut_an_image_are_the_same(width):
    def runs(cut, x):
        return cut(x, (width - 2) // 2, 4, 2)

    x = spec(2, 3, width, 2)
    verify.assert_equivalent(
        partial(runs, blocked._block_by_block), partial(runs, blocked._piece_by_piece), x
    )
    late = partial(blocked._piece_by_piece, blocks=(width - 2) // 2, columns=4, step=2)
    verdict = verify.equivalent(
        lambda x: late(jnp.roll(x, 1, 2)), partial(runs, blocked._block_by_block), x
    )
    assert verdict.status == "refuted", verdict


def test_an_image_gradient_added_up_by_another_matrix_is_refuted(monkeypatch):
    examples = spec(1, 4, 8, 2), spec(3, 3, 2, 3), spec(1, 4, 8, 3)

    def verdict():
        # New functions: of old ones JAX has the program already.
        def gradient(lowering, x, kernel, g):
            return jax.vjp(partial(CONV[lowering].run, geometry=SAME), x, kernel)[1](g)[0]

        return verify.equivalent(partial(gradient, "blocked"), partial(gradient, "lax"), *examples)

    assert verdict()
    eye = jnp.eye
    monkeypatch.setattr(blocked.jnp, "eye", lambda n, **options: jnp.roll(eye(n, **options), 1, 0))
    assert verdict().status == "refuted"


@pytest.mark.parametrize("x", [(1, 4, 8, 2), (2, 3, 11, 1), (4, 6, 2)], ids=str)
def test_a_bias_in_blocks_is_a_bias_with_its_gradient(x):
    def everything(lowering, x, kernel, bias, g):
        f = partial(cnnjax.conv, lowering=lowering)
        y, pull = jax.vjp(f, x, kernel, bias)
        return y, pull(g)

    examples = spec(*x), spec(3, 3, x[-1], 3), spec(3), spec(*x[:-1], 3)
    sides = partial(everything, "blocked"), partial(everything, "lax")
    verify.assert_equivalent(*sides, *examples)


def test_a_bias_repeated_in_another_order_is_refuted(monkeypatch):
    def f(lowering):
        return lambda x, kernel, bias: cnnjax.conv(x, kernel, bias, lowering=lowering)

    examples = spec(1, 4, 8, 2), spec(3, 3, 2, 3), spec(3)
    assert verify.equivalent(f("blocked"), f("lax"), *examples)
    monkeypatch.setattr(blocked.jnp, "tile", lambda bias, count: jnp.repeat(bias, count))
    verdict = verify.equivalent(f("blocked"), f("lax"), *examples)
    assert verdict.status == "refuted", verdict


@pytest.mark.parametrize("window", [1, 3])
def test_no_channels_give_zeros(window):
    y = cnnjax.conv(jnp.ones((2, 5, 6, 0)), jnp.ones((window, window, 0, 3)))
    assert y.shape == (2, 5, 6, 3)
    assert not y.any()


def _second_pixel(x, kernel):
    """A stride that starts at the second pixel."""
    return CONV["pointwise"].run(x[:, 1:, 1:], kernel, STRIDED)


def _transposed(x, kernel):
    """The matrix with inputs and outputs exchanged."""
    return CONV["pointwise"].run(x, jnp.swapaxes(kernel, 2, 3), STRIDED)


@pytest.mark.parametrize("bug", [_second_pixel, _transposed])
def test_a_planted_bug_in_a_pointwise_convolution_is_refuted(bug):
    examples = spec(2, 4, 4, 3), spec(1, 1, 3, 3)
    plain = partial(CONV["lax"].run, geometry=STRIDED)
    assert verify.equivalent(partial(CONV["pointwise"].run, geometry=STRIDED), plain, *examples)
    verdict = verify.equivalent(bug, plain, *examples)
    assert verdict.status == "refuted", verdict


def test_counting_both_rows_of_ones_is_refuted():
    def gradient(lowering, bias, g):
        return jax.vjp(partial(SPREAD[lowering].run, shape=g.shape), bias)[1](g)[0]

    right, examples = partial(gradient, "lax"), (spec(4), spec(2, 3, 4))
    assert verify.equivalent(partial(gradient, "ones"), right, *examples)
    verdict = verify.equivalent(lambda *a: 2 * gradient("ones", *a), right, *examples)
    assert verdict.status == "refuted", verdict


def test_a_grid_that_starts_a_row_late_is_refuted():
    call = {"window": (2, 2), "stride": (2, 2), "pads": ((0, 0), (0, 0))}
    plain = partial(SUM_POOL["lax"].run, **call)

    def late(x):
        return SUM_POOL["folded"].run(x[1:], **call)

    x = spec(5, 4, 2)
    assert verify.equivalent(partial(SUM_POOL["folded"].run, **call), plain, x)
    verdict = verify.equivalent(late, plain, x)
    assert verdict.status == "refuted", verdict

"""Windows as rows of one product: where that is chosen, and what goes wrong in such a rewrite.

That it is the plain convolution, with its derivatives, is proved in `test_proofs.py`.
"""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

import cnnjax
import verify
from cnnjax.lowerings import CONV, Geometry, choose
from cnnjax.lowerings import patches as lowering
from tests.cnnjax.lowerings.cases import spec
from verify.programs import trace


@pytest.mark.parametrize(
    ("x", "kernel", "stride", "expected"),
    [
        ((1, 4, 4, 512), (3, 3, 512, 512), 1, True),  # ResNet-18's last layers, one image
        ((1, 8, 8, 256), (3, 3, 256, 512), 2, True),
        ((1, 14, 14, 256), (3, 3, 256, 256), 1, True),
        ((3, 4, 4, 512), (3, 3, 512, 512), 1, True),
        ((4, 4, 4, 512), (3, 3, 512, 512), 1, False),  # another library from four images on
        ((1, 16, 16, 128), (3, 3, 128, 128), 1, False),  # 256 pixels
        ((1, 32, 32, 64), (3, 3, 64, 256), 2, True),  # the same with a stride
        ((1, 8, 8, 64), (3, 3, 64, 64), 1, False),  # a small kernel
        ((128, 2, 2, 512), (3, 3, 512, 512), 1, True),  # the window is beyond the image
        ((32, 4, 4, 8), (3, 3, 8, 8), 2, True),  # or beyond the outputs
        ((32, 3, 3, 8), (3, 3, 8, 8), 1, False),
        ((32, 6, 9, 8), (7, 7, 8, 8), 1, True),
    ],
)
def test_where_rows_of_windows_pay(x, kernel, stride, expected):
    half = kernel[0] // 2
    how = Geometry((stride, stride), ((half, half), (half, half)), (1, 1))
    arrays = spec(*x), spec(*kernel), how
    assert lowering.pays(*arrays) == expected
    assert (choose("conv", CONV, None, *arrays) is CONV["patches"].run) == expected


def primitives(f, *examples):
    return {str(e.primitive) for e in trace(f, *examples).equations}


def test_the_forward_pass_is_a_convolution_where_that_is_fast():
    conv = partial(cnnjax.conv, padding=1, lowering="patches")
    kernel = spec(3, 3, 2, 2)
    assert "conv_general_dilated" in primitives(conv, spec(1, 4, 4, 2), kernel)
    assert "conv_general_dilated" not in primitives(conv, spec(1, 4, 2, 2), kernel)

    def gradients(x, kernel, g):
        return jax.vjp(conv, x, kernel)[1](g)

    found = primitives(gradients, spec(1, 4, 4, 2), kernel, spec(1, 4, 4, 2))
    assert "dot_general" in found


def _taps_transposed(x, kernel):
    """Rows and columns of the window exchanged: the taps of a row in another order."""
    return cnnjax.conv(x, kernel.swapaxes(0, 1), padding=1, lowering="patches")


def _one_tap_late(x, kernel):
    """The taps in their order, but for the last of each row, which is that of the next one."""
    return cnnjax.conv(x, jnp.roll(kernel, 1, 1), padding=1, lowering="patches")


def _no_padding_behind(x, kernel):
    """What lies behind the image is its last column, not zero."""
    x = jnp.concatenate([x, x[:, :, -1:]], 2)
    return cnnjax.conv(x, kernel, padding=((1, 1), (1, 0)), lowering="patches")


@pytest.mark.parametrize("bug", [_taps_transposed, _one_tap_late, _no_padding_behind])
@pytest.mark.parametrize("size", [(4, 5), (2, 2)], ids=str)
def test_a_wrong_window_is_refuted(bug, size):
    plain = partial(cnnjax.conv, padding=1, lowering="lax")
    examples = spec(2, *size, 2), spec(3, 3, 2, 2)
    assert verify.equivalent(partial(cnnjax.conv, padding=1, lowering="patches"), plain, *examples)
    verdict = verify.equivalent(bug, plain, *examples)
    assert verdict.status == "refuted", verdict


def _gradient(lowering, x, kernel, g):
    return jax.vjp(lambda x: cnnjax.conv(x, kernel, padding=1, lowering=lowering), x)[1](g)[0]


def _overlaps_lost(x, kernel, g):
    """Where windows overlap, what the last tap gives back is left out."""
    return _gradient("patches", x, kernel.at[-1, -1].set(0), g)


def test_a_gradient_that_loses_an_overlap_is_refuted():
    examples = spec(1, 2, 3, 2), spec(3, 3, 2, 2), spec(1, 2, 3, 2)
    plain = partial(_gradient, "lax")
    assert verify.equivalent(partial(_gradient, "patches"), plain, *examples)
    verdict = verify.equivalent(_overlaps_lost, plain, *examples)
    assert verdict.status == "refuted", verdict

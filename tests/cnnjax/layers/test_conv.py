"""Convolution and its adjoint: the laws that tie them to each other and to plain matrices.

Agreement with the NumPy loops and with PyTorch on random configurations is in test_grid.py.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
from tests.cnnjax import reference
from tests.cnnjax.layers.grid import QUICK


def integers(shape, seed=0, dtype=np.float32):
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape), dtype)


# (image, window, stride, padding, dilation, groups): sizes odd and even, every form of padding,
# strides up to and beyond the window, sizes whose last cells no window reaches.
ADJOINTS = [
    ((9, 8), (3, 3), 1, "SAME", 1, 1),
    ((9, 8), (3, 3), 2, "SAME", 1, 1),
    ((9, 8), (4, 3), (2, 3), "SAME_LOWER", 1, 1),
    ((9, 8), (2, 3), (3, 2), "VALID", 1, 1),
    ((10, 11), (2, 2), 4, "VALID", 1, 1),
    ((10, 11), (2, 2), 4, "SAME", 1, 1),
    ((7, 7), (1, 1), 3, "SAME", 1, 1),
    ((8, 7), (3, 3), 2, 1, 1, 1),
    ((8, 7), (3, 4), 3, (0, 2), 1, 2),
    ((8, 7), (3, 3), 2, ((2, 0), (1, 3)), 2, 2),
    ((5, 4), (3, 2), 2, 6, 1, 1),
    ((1, 1), (3, 3), 1, 1, 1, 1),
    ((11,), (4,), 3, (1, 0), 2, 4),
    ((4, 3, 5), (2, 3, 2), (2, 1, 3), "SAME", 1, 2),
]


@pytest.mark.parametrize(("image", "window", "stride", "padding", "dilation", "groups"), ADJOINTS)
def test_conv_transpose_is_the_adjoint_of_conv(image, window, stride, padding, dilation, groups):
    """<conv(u), x> = <u, conv_transpose(x)>, an equation between whole numbers."""
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    kernel = integers((*window, 2, 3 * groups), 1)
    u = integers((2, *image, 2 * groups), 2)
    y = cnnjax.conv(u, kernel, **options)
    x = integers(y.shape, 3)
    back = cnnjax.conv_transpose(x, kernel, size=image, **options)
    assert back.shape == u.shape
    assert float(jnp.sum(y * x)) == float(jnp.sum(u * back))
    # One inner product could agree by chance: every entry of the adjoint, by autodiff.
    (by_autodiff,) = jax.linear_transpose(lambda u: cnnjax.conv(u, kernel, **options), u)(x)
    np.testing.assert_array_equal(back, by_autodiff)


@pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER", "VALID", 0, 1, (0, 2), ((2, 1),)])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_conv_transpose_takes_every_size_that_conv_maps_to_it_and_no_other(padding, stride):
    """Several image sizes have one output size; ``size`` says which of them is meant."""
    window, outputs = 3, 3
    kernel, x = integers((window, 1, 1), 1), integers((outputs, 1), 2)
    options = {"stride": stride, "padding": padding}
    fits, default = [], cnnjax.conv_transpose(x, kernel, **options).shape[0]
    for size in range(1, 20):
        pads = reference.resolve(padding, (size,), (window,), (stride,), (1,))
        if reference.out_size((size,), (window,), (stride,), (1,), pads) == (outputs,):
            fits.append(size)
            found = cnnjax.conv_transpose(x, kernel, size=(size,), **options)
            assert found.shape == (size, 1)
        else:
            with pytest.raises(ValueError, match=r"conv_transpose: (conv turns|window 3)"):
                cnnjax.conv_transpose(x, kernel, size=(size,), **options)
    assert len(fits) == stride
    same = padding in ("SAME", "SAME_LOWER")
    assert default == (outputs * stride if same else min(fits))
    assert default == (max(fits) if same else min(fits))


def test_conv_transpose_refuses_where_no_size_fits():
    with pytest.raises(ValueError, match=r"conv_transpose: .*no image size"):
        cnnjax.conv_transpose(integers((1, 1)), integers((1, 1, 1)), stride=1, padding=3)


def test_grouped_conv_is_one_conv_a_group_in_order():
    x, kernel = integers((2, 6, 6, 6)), integers((3, 3, 2, 9), 1)
    parts = [
        cnnjax.conv(x[..., 2 * g : 2 * g + 2], kernel[..., 3 * g : 3 * g + 3]) for g in range(3)
    ]
    whole = cnnjax.conv(x, kernel, groups=3)
    np.testing.assert_array_equal(whole, jnp.concatenate(parts, axis=-1))


def test_depthwise_conv_keeps_channels_apart():
    """groups = C: output channel 2 c + m depends on input channel c alone."""
    x, kernel = integers((5, 5, 3)), integers((3, 3, 1, 6), 1)
    y = cnnjax.conv(x, kernel, groups=3)
    for c in range(3):
        moved = cnnjax.conv(x.at[..., c].add(1), kernel, groups=3)
        changed = np.any(np.asarray(moved != y), axis=(0, 1))
        assert changed.tolist() == [o // 2 == c for o in range(6)]


def test_pointwise_conv_is_dense():
    x, kernel, bias = integers((2, 4, 5, 3)), integers((1, 1, 3, 7), 1), integers((7,), 2)
    np.testing.assert_array_equal(cnnjax.conv(x, kernel, bias), cnnjax.dense(x, kernel[0, 0], bias))


def test_conv_over_the_whole_image_is_dense_after_flatten():
    x, kernel = integers((2, 4, 5, 3)), integers((4, 5, 3, 7), 1)
    y = cnnjax.conv(x, kernel, padding="VALID")
    assert y.shape == (2, 1, 1, 7)
    np.testing.assert_array_equal(
        cnnjax.flatten(y), cnnjax.dense(cnnjax.flatten(x), kernel.reshape(-1, 7))
    )


def test_conv_does_not_flip_the_kernel():
    """A kernel whose only tap is its first cell reads the cell up and left of the centre."""
    x = integers((5, 5, 1))
    kernel = jnp.zeros((3, 3, 1, 1)).at[0, 0, 0, 0].set(1)
    y = cnnjax.conv(x, kernel)
    np.testing.assert_array_equal(y[1:, 1:], x[:-1, :-1])
    np.testing.assert_array_equal(y[0], 0)


def test_dilation_is_a_kernel_with_zeros_between():
    x, kernel = integers((9, 9, 2)), integers((3, 2, 2, 4), 1)
    spread = jnp.zeros((5, 4, 2, 4)).at[::2, ::3].set(kernel)
    np.testing.assert_array_equal(
        cnnjax.conv(x, kernel, dilation=(2, 3), padding="VALID"),
        cnnjax.conv(x, spread, padding="VALID"),
    )


# The second and third are among those that XLA's CPU backend differentiates wrongly when the
# convolution itself pads (openxla/xla#48713).
WIDE = [
    ((1, 1), (1, 1)),
    ((2, 0), (7, 0)),
    ((2, 0), (7, 1)),
    ((0, 0), (0, 9)),
    ((4, 9), (9, 4)),
    ((9, 9), (9, 9)),
]


@pytest.mark.parametrize("pad", WIDE)
def test_padding_is_zeros_around_the_image_however_wide(pad):
    x, kernel = integers((6, 6, 2)), integers((2, 3, 2, 3), 1)

    def direct(x, kernel):
        return cnnjax.conv(x, kernel, padding=pad)

    def explicit(x, kernel):
        padded = jnp.pad(x, (*pad, (0, 0)))
        return cnnjax.conv(padded, kernel, padding="VALID")

    weights = integers(jax.eval_shape(direct, x, kernel).shape, 2)

    def run(f, x, kernel, weights):
        y, pull = jax.vjp(f, x, kernel)
        return (y, *pull(weights))

    # Arguments, not constants: XLA folds those without its convolution.
    @functools.partial(jax.jit, compiler_options=QUICK)
    def both(*arrays):
        return run(direct, *arrays), run(explicit, *arrays)

    found, want = both(x, kernel, weights)
    for a, b in zip(found, want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_conv_is_linear_in_image_and_in_kernel():
    x, other = integers((6, 6, 2)), integers((6, 6, 2), 1)
    kernel, second = integers((3, 3, 2, 3), 2), integers((3, 3, 2, 3), 3)
    conv = cnnjax.conv
    np.testing.assert_array_equal(
        conv(2 * x + other, kernel), 2 * conv(x, kernel) + conv(other, kernel)
    )
    np.testing.assert_array_equal(
        conv(x, 2 * kernel + second), 2 * conv(x, kernel) + conv(x, second)
    )


def test_bias_is_added_once_to_its_channel():
    x, kernel, bias = integers((4, 4, 2)), integers((3, 3, 2, 3), 1), jnp.asarray([1.0, 0.0, -2.0])
    difference = cnnjax.conv(x, kernel, bias) - cnnjax.conv(x, kernel)
    np.testing.assert_array_equal(difference, jnp.broadcast_to(bias, difference.shape))


def test_whole_numbers_stay_whole():
    """Integer arrays convolve in their own dtype, exactly: int32 beyond float32's 2**24."""
    x = jnp.full((3, 3, 1), 2**20 + 1, jnp.int32)
    y = cnnjax.conv(x, jnp.ones((3, 3, 1, 1), jnp.int32), padding="VALID")
    assert y.dtype == jnp.int32
    assert int(y[0, 0, 0]) == 9 * (2**20 + 1)


def test_precision_reaches_the_program():
    x, kernel = integers((4, 4, 2)), integers((3, 3, 2, 3), 1)
    for call in (
        lambda x, k: cnnjax.conv(x, k, precision="highest"),
        lambda x, k: cnnjax.conv_transpose(
            x, jnp.swapaxes(k, 2, 3), stride=1, padding=0, precision="highest"
        ),
        lambda x, k: cnnjax.dense(x, k[0, 0], precision="highest"),
    ):
        assert "HIGHEST" in str(jax.make_jaxpr(call)(x, kernel))

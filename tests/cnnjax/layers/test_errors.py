"""Every misuse raises at the call, and the message names the layer, the given and the expected."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax

X = jnp.zeros((8, 10, 10, 4))
KERNEL = jnp.zeros((5, 5, 3, 32))
GOOD = jnp.zeros((5, 5, 4, 32))
NORM = {"scale": jnp.ones(4), "bias": jnp.zeros(4)}
STATE = {"mean": jnp.zeros(4), "var": jnp.ones(4)}
bf16 = jnp.bfloat16

CALLS = [
    # conv
    (
        lambda: cnnjax.conv(X, KERNEL),
        ValueError,
        "conv: kernel expects 3 input channels (kernel (5, 5, 3, 32)), x has 4 (x (8, 10, 10, 4))",
    ),
    (
        lambda: cnnjax.conv(X, KERNEL, groups=2),
        ValueError,
        "conv: kernel expects 6 input channels (kernel (5, 5, 3, 32), groups 2), x has 4 (x (8, ",
    ),
    (lambda: cnnjax.conv(X, GOOD, groups=3), ValueError, "conv: groups 3 must divide the 32 out"),
    (lambda: cnnjax.conv(X, GOOD, groups=0), ValueError, "conv: groups must be at least 1"),
    (lambda: cnnjax.conv(X, GOOD, groups=1.0), TypeError, "conv: groups must be an int"),
    (lambda: cnnjax.conv(X, GOOD[0, 0]), ValueError, "conv: kernel must be (*window, C // groups,"),
    (lambda: cnnjax.conv(X, GOOD[None, None]), ValueError, "1, 2 or 3 window axes, got shape (1, "),
    (lambda: cnnjax.conv(X[0, 0], GOOD), ValueError, "conv: x must be (*batch, H, W, channels)"),
    (
        lambda: cnnjax.conv(X, GOOD, jnp.zeros(4)),
        ValueError,
        "conv: bias must have shape (32,), got",
    ),
    (
        lambda: cnnjax.conv(X.astype(bf16), GOOD),
        TypeError,
        "conv: kernel is float32, x is bfloat16",
    ),
    (
        lambda: cnnjax.conv(X, GOOD, jnp.zeros(32, bf16)),
        TypeError,
        "conv: bias is bfloat16, x is float32; cast one of them, e.g. bias.astype(x.dtype)",
    ),
    (lambda: cnnjax.conv(X, GOOD, stride=0), ValueError, "conv: stride must be at least 1"),
    (
        lambda: cnnjax.conv(X, GOOD, stride=(1, 2, 3)),
        ValueError,
        "conv: stride must be an int or 2",
    ),
    (
        lambda: cnnjax.conv(X, GOOD, stride="2"),
        TypeError,
        "conv: stride must be an int or 2 ints, g",
    ),
    (lambda: cnnjax.conv(X, GOOD, dilation=-1), ValueError, "conv: dilation must be at least 1"),
    (lambda: cnnjax.conv(X, GOOD, padding="same"), ValueError, "conv: padding must be "),
    (lambda: cnnjax.conv(X, GOOD, padding=-1), ValueError, "conv: padding must not be negative"),
    (
        lambda: cnnjax.conv(X, GOOD, padding="VALID", dilation=(1, 3)),
        ValueError,
        "conv: window 5 (dilation 3, spans 13) does not fit into spatial axis 1 of size 10",
    ),
    (
        lambda: cnnjax.conv(X, GOOD, padding_mode="mirror"),
        ValueError,
        "conv: padding mode must be one of zeros, reflect, replicate, circular; got 'mirror'",
    ),
    (
        lambda: cnnjax.conv(X[:, :2], GOOD, padding_mode="reflect"),
        ValueError,
        "conv: reflect padding (2, 2) needs 3 elements along spatial axis 0 or more, there are 2",
    ),
    (
        lambda: cnnjax.pad(X[:, :3], 4, mode="circular"),
        ValueError,
        "pad: circular padding (4, 4) needs 4 elements along spatial axis 0 or more, there are 3",
    ),
    (lambda: cnnjax.pad(X[:, :0], 1, mode="replicate"), ValueError, "needs 1 elements along spat"),
    (lambda: cnnjax.pad(X, "SAME"), TypeError, "pad: padding must be numbers"),
    (lambda: cnnjax.conv("image", GOOD), TypeError, "conv: x must be an array, got str"),
    (lambda: cnnjax.conv(X, None), TypeError, "conv: kernel must be an array, got NoneType"),
    # conv_transpose
    (
        lambda: cnnjax.conv_transpose(X, GOOD, stride=2, padding="SAME"),
        ValueError,
        "conv_transpose: kernel (*window, C // groups, O) (5, 5, 4, 32) expects 32 input channels",
    ),
    (
        lambda: cnnjax.conv_transpose(
            X, jnp.zeros((3, 3, 2, 4)), stride=2, padding="SAME", size=(19, 21)
        ),
        ValueError,
        "conv_transpose: conv turns an image of size (19, 21) into (10, 11), but x has (10, 10)",
    ),
    (lambda: cnnjax.conv_transpose(X, GOOD), TypeError, "stride"),
    # pools
    (lambda: cnnjax.max_pool(X, 0), ValueError, "max_pool: window must be at least 1"),
    (lambda: cnnjax.max_pool(X, 2, stride=0), ValueError, "max_pool: stride must be at least 1"),
    (lambda: cnnjax.max_pool(X, 11), ValueError, "max_pool: window 11 (dilation 1, spans 11) does"),
    (lambda: cnnjax.max_pool(X[0, 0], 2), ValueError, "max_pool: x needs 2 image axes and a chann"),
    (lambda: cnnjax.max_pool(X, (2, 2.0)), TypeError, "max_pool: window must be an int or 2 ints"),
    (
        lambda: cnnjax.max_pool(X == 0, 2),
        TypeError,
        "max_pool: x must hold integers or floats, got",
    ),
    (
        lambda: cnnjax.avg_pool(X.astype(int), 2),
        TypeError,
        "avg_pool: x must have a floating dtype",
    ),
    (
        lambda: cnnjax.global_avg_pool(X[:, :0]),
        ValueError,
        "global_avg_pool: x has no cells to pool",
    ),
    (lambda: cnnjax.global_max_pool(X[0, 0]), ValueError, "global_max_pool: x needs 2 image axes"),
    # dense and flatten
    (
        lambda: cnnjax.dense(X, jnp.zeros((5, 2))),
        ValueError,
        "dense: kernel expects 5 inputs (kernel (5, 2)), x has 4 (x (8, 10, 10, 4))",
    ),
    (lambda: cnnjax.dense(X, KERNEL), ValueError, "dense: kernel must be (inputs, outputs), got"),
    (
        lambda: cnnjax.dense(X, jnp.zeros((4, 2), bf16)),
        TypeError,
        "dense: kernel is bfloat16, x is",
    ),
    (
        lambda: cnnjax.dense(X, jnp.zeros((4, 2)), jnp.zeros((1, 2))),
        ValueError,
        "dense: bias must have shape (2,), got (1, 2)",
    ),
    (
        lambda: cnnjax.flatten(X[0, 0]),
        ValueError,
        "flatten: x needs 2 image axes and a channel axis",
    ),
    (
        lambda: cnnjax.flatten(X, spatial=0),
        ValueError,
        "flatten: spatial must be at least 1, got 0",
    ),
    # norms
    (
        lambda: cnnjax.batch_norm(X[..., :3], NORM, STATE, training=True),
        ValueError,
        "batch_norm: params['scale'] must have shape (3,), got (4,)",
    ),
    (
        lambda: cnnjax.batch_norm(X, NORM, {"mean": jnp.zeros(4)}, training=True),
        KeyError,
        "batch_norm: state needs ['mean', 'var'], got ['mean']",
    ),
    (
        lambda: cnnjax.batch_norm(X[:1, 0, 0], NORM, STATE, training=True),
        ValueError,
        "batch_norm: training needs two values a channel or more, x is (1, 4)",
    ),
    (
        lambda: cnnjax.batch_norm(X[:0], NORM, STATE, training=True),
        ValueError,
        "batch_norm: training needs two values a channel or more",
    ),
    (
        lambda: cnnjax.batch_norm(X, NORM, STATE, training=True, momentum=9),
        ValueError,
        "batch_norm: momentum must be in [0, 1], got 9",
    ),
    (lambda: cnnjax.batch_norm(X, NORM, STATE), TypeError, "training"),
    (
        lambda: cnnjax.layer_norm(X, {}),
        KeyError,
        "layer_norm: params needs ['scale', 'bias'], got []",
    ),
    (
        lambda: cnnjax.layer_norm(X.astype(int), NORM),
        TypeError,
        "layer_norm: x must have a floating dtype, got int32",
    ),
    (
        lambda: cnnjax.group_norm(X, NORM, groups=3),
        ValueError,
        "group_norm: groups 3 must divide the 4 channels of x (8, 10, 10, 4)",
    ),
    (
        lambda: cnnjax.rms_norm(X, {"bias": jnp.zeros(4)}),
        KeyError,
        "rms_norm: params needs ['scale'], got ['bias']",
    ),
    (lambda: cnnjax.instance_norm(X[0, 0]), ValueError, "instance_norm: x needs 2 image axes"),
    # activations and dropout
    (
        lambda: cnnjax.stochastic_depth(cnnjax.init, X, 1.0),
        ValueError,
        "stochastic_depth: rate is the probability to drop, in [0, 1); got 1.0",
    ),
    (
        lambda: cnnjax.gelu(X.astype(int)),
        TypeError,
        "gelu: x must have a floating dtype, got int32",
    ),
    (lambda: cnnjax.softmax(X.astype(int)), TypeError, "softmax: x must have a floating dtype"),
    (lambda: cnnjax.relu({"x": X}), TypeError, "relu: x must be an array, got dict"),
    (
        lambda: cnnjax.dropout(cnnjax.init, X.astype(int), 0.5),
        TypeError,
        "dropout: x must have a floating dtype, got int32",
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), CALLS, ids=[words[:60] for *_, words in CALLS])
def test_misuse_is_named(call, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call()


def test_numpy_arrays_and_integers_are_welcome():
    """Arrays of NumPy, sizes of NumPy, lists where tuples are meant."""
    x, kernel = np.ones((6, 6, 2), np.float32), np.ones((3, 3, 2, 4), np.float32)
    y = cnnjax.conv(x, kernel, stride=[np.int64(2), 1], padding=[[1, 1], [np.int32(0), 2]])
    assert y.shape == (3, 6, 4)
    assert cnnjax.max_pool(x, [2, np.int64(3)]).shape == (3, 2, 2)

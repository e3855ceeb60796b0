"""The rule of convolution means what JAX means by it, for every parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.primitives import sliding


def conv(strides=1, padding="VALID", lhs=1, rhs=1, spec=None, features=1, batches=1, **options):
    """x, w -> their convolution; numbers stand for all spatial dimensions."""

    def f(x, w):
        n = x.ndim - 2
        every = [v if isinstance(v, tuple) else (v,) * n for v in (strides, lhs, rhs)]
        return lax.conv_general_dilated(
            x,
            w,
            every[0],
            padding,
            lhs_dilation=every[1],
            rhs_dilation=every[2],
            dimension_numbers=spec,
            feature_group_count=features,
            batch_group_count=batches,
            **options,
        )

    return f


def z(*shape):
    return np.zeros(shape)


NHWC = ("NHWC", "HWIO", "NHWC")
BYTES = np.random.default_rng(0).integers(-128, 128, (2, 2, 5, 5)).astype(np.int8)

CASES = {
    "plain": (conv(), z(2, 2, 5, 6), z(3, 2, 3, 2)),
    "same": (conv(padding="SAME"), z(1, 1, 5, 4), z(1, 1, 3, 4)),
    "same, strided": (conv((2, 3), "SAME"), z(1, 1, 6, 7), z(1, 1, 3, 2)),
    "same_lower, strided": (conv(2, "SAME_LOWER"), z(1, 1, 6, 7), z(1, 1, 2, 3)),
    "channels last": (conv(spec=NHWC), z(2, 5, 6, 3), z(3, 2, 3, 4)),
    "one axis": (conv(2, [(1, 2)]), z(2, 3, 9), z(2, 3, 4)),
    "three axes": (conv(1, "SAME"), z(1, 2, 3, 4, 3), z(2, 2, 2, 3, 1)),
    "no axes": (conv(padding=[]), z(2, 3), z(4, 3)),
    "one by one": (conv(spec=NHWC), z(1, 4, 3, 2), z(1, 1, 2, 3)),
    "whole image": (conv(), z(2, 2, 4, 3), z(5, 2, 4, 3)),
    "window larger than the image": (conv(), z(1, 1, 2, 2), z(1, 1, 3, 3)),
    "stride skips the end": (conv(3), z(1, 1, 8, 6), z(1, 1, 2, 2)),
    "dilated window": (conv(1, [(2, 1), (0, 3)], rhs=(2, 3)), z(1, 2, 6, 7), z(2, 2, 2, 3)),
    "dilated image": (conv(1, [(2, 1), (1, 2)], lhs=(2, 3)), z(1, 2, 3, 4), z(2, 2, 3, 3)),
    "cropped": (conv(1, [(-1, 2), (1, -2)]), z(1, 1, 6, 7), z(1, 1, 3, 2)),
    "cropped within the holes": (
        conv(1, [(-2, -1), (-1, -3)], lhs=3),
        z(1, 1, 4, 4),
        z(1, 1, 2, 2),
    ),
    "feature groups": (conv(features=3, spec=NHWC), z(2, 4, 4, 6), z(2, 2, 2, 9)),
    "depthwise": (conv(2, "SAME", features=4, spec=NHWC), z(1, 5, 4, 4), z(3, 3, 1, 8)),
    "batch groups": (conv(batches=3), z(6, 2, 4, 4), z(9, 2, 2, 3)),
    "empty batch": (conv(), z(0, 2, 4, 4), z(3, 2, 2, 2)),
    "no channels": (conv(), z(1, 0, 4, 4), z(3, 0, 2, 2)),
    "bytes wrap": (conv(padding="SAME"), BYTES, BYTES[:, :, :3, :2]),
    "bytes in int32": (
        conv(padding="SAME", preferred_element_type=jnp.int32),
        BYTES,
        BYTES[:, :, :3, :2],
    ),
    "complex": (conv(), z(1, 2, 4, 4) * 1j, z(2, 2, 2, 3) * 1j),
    "bfloat16": (conv(), z(1, 2, 4, 4).astype(jnp.bfloat16), z(2, 2, 2, 3).astype(jnp.bfloat16)),
}


@pytest.mark.parametrize("name", CASES)
def test_convolution_means_what_jax_means(name: str) -> None:
    f, *inputs = CASES[name]
    check_rule(f, *inputs)


def random_case(seed: int):
    """Any ranks, layouts, strides, paddings, dilations and groups."""
    rng = np.random.default_rng(seed)

    def some(low, high, *shape):
        return rng.integers(low, high, shape).tolist()

    n = int(rng.integers(0, 4))
    features, batches = [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)][rng.integers(5)]
    image, kernel = some(3, 7, n), some(1, 4, n)
    batch, inputs, outputs = some(1, 3, 3)
    lhs = (batch * batches, inputs * features, *image)
    rhs = (outputs * features * batches, inputs, *kernel)
    layouts = [tuple(rng.permutation(n + 2).tolist()) for _ in range(3)]
    f = conv(
        tuple(some(1, 4, n)),
        [tuple(pair) for pair in some(-1, 4, n, 2)],
        tuple(some(1, 4, n)),
        tuple(some(1, 3, n)),
        lax.ConvDimensionNumbers(*layouts),
        features,
        batches,
    )
    x, w = (np.zeros(s).transpose(np.argsort(p)) for s, p in zip((lhs, rhs), layouts, strict=False))
    return f, x, w


@pytest.mark.parametrize("seed", range(24))
def test_any_convolution_means_what_jax_means(seed: int) -> None:
    check_rule(*random_case(seed), reals=False)


@pytest.mark.parametrize("of", ["image", "kernel"])
@pytest.mark.parametrize("name", ["same, strided", "dilated window", "feature groups"])
def test_gradients_are_convolutions_too(name: str, of: str) -> None:
    f, x, w = CASES[name]
    which = 0 if of == "image" else 1
    check_rule(
        lambda x, w, c: jax.vjp(f, x, w)[1](c)[which], x, w, np.zeros(jax.eval_shape(f, x, w).shape)
    )


def test_blocks_of_positions_join_into_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliding, "BLOCK", 50)
    for name in ("plain", "batch groups", "feature groups", "dilated image"):
        check_rule(*CASES[name], reals=False)

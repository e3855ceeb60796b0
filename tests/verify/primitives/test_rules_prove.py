"""The rules in the field of residues: what they let `equivalent` prove, and what they must not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify import equivalent

NHWC = ("NHWC", "HWIO", "NHWC")


def f32(*shape):
    return jax.ShapeDtypeStruct(shape, np.float32)


def i32(*shape):
    return jax.ShapeDtypeStruct(shape, np.int32)


def conv(x, w, padding="SAME", **options):
    return lax.conv_general_dilated(x, w, (1, 1), padding, dimension_numbers=NHWC, **options)


def wrapped(i, n):
    """An index as JAX reads it: negative ones from the end, then clamped."""
    return jnp.clip(jnp.where(i < 0, i + n, i), 0, n - 1)


X = f32(4, 5)
IMAGE, KERNEL = f32(1, 5, 5, 3), f32(3, 3, 3, 2)

Y = f32(4, 4)

PROVED = {
    "a broadcast with turned dimensions transposes": (
        lambda y: lax.broadcast_in_dim(y, (3, 4, 4), (2, 1)),
        lambda y: jnp.broadcast_to(y.T, (3, 4, 4)),
        Y,
    ),
    "a broadcast of three turned dimensions": (
        lambda x: lax.broadcast_in_dim(x, (2, 3, 6, 5), (3, 0, 1)),
        lambda x: jnp.broadcast_to(x.transpose(1, 2, 0)[:, :, None], (2, 3, 6, 5)),
        f32(5, 2, 3),
    ),
    "a turned broadcast repeats an axis of one": (
        lambda x: lax.broadcast_in_dim(x, (5, 4), (1, 0)),
        lambda x: jnp.broadcast_to(x.T, (5, 4)),
        f32(4, 1),
    ),
    "a contraction with a turned broadcast": (
        lambda x, y: jnp.einsum("bij,jk->bik", lax.broadcast_in_dim(y, (3, 4, 4), (2, 1)), x),
        lambda x, y: jnp.broadcast_to(y.T @ x, (3, 4, 4)),
        Y,
        Y,
    ),
    "convolution is a sum of shifted products": (
        conv,
        lambda x, w: sum(
            jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))[:, p : p + 5, q : q + 5] @ w[p, q]
            for p in range(3)
            for q in range(3)
        ),
        IMAGE,
        KERNEL,
    ),
    "depthwise convolution is one convolution a channel": (
        lambda x, w: conv(x, w, feature_group_count=3),
        lambda x, w: jnp.concatenate(
            [conv(x[..., c : c + 1], w[..., c : c + 1]) for c in range(3)], -1
        ),
        IMAGE,
        f32(3, 3, 1, 3),
    ),
    "dilating the kernel is filling it with zeros": (
        lambda x, w: conv(x, w, rhs_dilation=(2, 1)),
        lambda x, w: conv(x, lax.pad(w, 0.0, ((0, 0, 1), (0, 0, 0), (0, 0, 0), (0, 0, 0)))),
        f32(1, 7, 6, 2),
        f32(3, 3, 2, 2),
    ),
    "pooling twice is pooling once": (
        lambda x: lax.reduce_window(
            lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "SAME"),
            -jnp.inf,
            lax.max,
            (2,),
            (1,),
            "SAME",
        ),
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (3,), (1,), ((0, 2),)),
        f32(9),
    ),
    "sorting forgets the order": (
        lambda x: jnp.sort(x, 1),
        lambda x: jnp.sort(x[:, jnp.array([3, 1, 4, 0, 2])], 1),
        X,
    ),
    "the last of a sorted array is the maximum": (
        lambda x: jnp.sort(x, 1)[:, -1],
        lambda x: x.max(1),
        X,
    ),
    "top_k is the end of sort": (
        lambda x: lax.top_k(x, 2)[0],
        lambda x: jnp.sort(x, 1)[:, :-3:-1],
        X,
    ),
    "sorting what is negated reverses": (
        lambda x: -jnp.sort(-x, 1),
        lambda x: jnp.sort(x, 1)[:, ::-1],
        X,
    ),
    "the median is the one in the middle": (
        lambda x: jnp.median(x, 1),
        lambda x: jnp.sort(x, 1)[:, 2],
        X,
    ),
    "a running sum is a product with a triangle": (
        lambda x: jnp.cumsum(x, 1),
        lambda x: x @ jnp.triu(jnp.ones((5, 5))),
        X,
    ),
    "a running maximum is a pooling": (
        lambda x: lax.cummax(x, 1),
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 5), (1, 1), ((0, 0), (4, 0))),
        X,
    ),
    "a segment sum adds rows": (
        lambda x: jax.ops.segment_sum(x, jnp.array([0, 1, 0, 2]), 3),
        lambda x: jnp.stack([x[0] + x[2], x[1], x[3]]),
        X,
    ),
    "indexing is a product with a one-hot vector": (
        lambda x, i: x[i],
        lambda x, i: jax.nn.one_hot(wrapped(i, 4), 4) @ x,
        X,
        i32(3),
    ),
    "dynamic_slice is indexing": (
        lambda x, i: lax.dynamic_slice(x, (i, 0), (1, 5))[0],
        lambda x, i: x[i],
        X,
        i32(),
    ),
    "dynamic_update_slice is a choice": (
        lambda x, u, i: lax.dynamic_update_slice(x, u, (i, 0)),
        lambda x, u, i: jnp.where(jnp.arange(4)[:, None] == wrapped(i, 4), u, x),
        X,
        f32(1, 5),
        i32(),
    ),
    "any is or": (
        lambda x: jnp.any(x > 0, 1),
        lambda x: (x[:, 3] > 0) | (x[:, 0] > 0) | (x[:, 2] > 0) | (x[:, 1] > 0) | (x[:, 4] > 0),
        X,
    ),
}


@pytest.mark.parametrize("name", PROVED)
def test_equal_programs_are_proved_equal(name: str) -> None:
    f, g, *examples = PROVED[name]
    verdict = equivalent(f, g, *examples)
    assert verdict.status == "proved", verdict


REFUTED = {
    "a turned broadcast is no broadcast": (
        lambda y: lax.broadcast_in_dim(y, (3, 4, 4), (2, 1)),
        lambda y: lax.broadcast_in_dim(y, (3, 4, 4), (1, 2)),
        Y,
    ),
    "a turned broadcast, the other way round": (
        lambda x: lax.broadcast_in_dim(x, (3, 3, 3, 2), (1, 2, 0)),
        lambda x: lax.broadcast_in_dim(x, (3, 3, 3, 2), (2, 0, 1)),
        f32(3, 3, 3),
    ),
    "a contraction over the other axis of a turned broadcast": (
        lambda x, y: jnp.einsum("bij,jk->bik", lax.broadcast_in_dim(y, (3, 4, 4), (2, 1)), x),
        lambda x, y: jnp.broadcast_to(y @ x, (3, 4, 4)),
        Y,
        Y,
    ),
    "the kernel is not flipped": (conv, lambda x, w: conv(x, w[::-1, ::-1]), IMAGE, KERNEL),
    "padding one to the left": (
        lambda x, w: conv(x, w, ((1, 1), (1, 1))),
        lambda x, w: conv(x, w, ((1, 1), (2, 0))),
        IMAGE,
        KERNEL,
    ),
    "groups in another order": (
        lambda x, w: conv(x, w, feature_group_count=2),
        lambda x, w: conv(x, w[..., ::-1], feature_group_count=2)[..., ::-1],
        f32(1, 4, 4, 4),
        f32(2, 2, 2, 4),
    ),
    "a larger window": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (3,), (1,), ((0, 2),)),
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (4,), (1,), ((0, 3),)),
        f32(9),
    ),
    "the second largest": (
        lambda x: lax.top_k(x, 2)[0][:, 1],
        lambda x: x.max(1),
        X,
    ),
    "exclusive running sum": (
        lambda x: jnp.cumsum(x, 1) - x,
        lambda x: jnp.cumsum(x, 1),
        X,
    ),
    "another segment": (
        lambda x: jax.ops.segment_sum(x, jnp.array([0, 1, 0, 2]), 3),
        lambda x: jax.ops.segment_sum(x, jnp.array([0, 1, 1, 2]), 3),
        X,
    ),
    "indices that do not wrap": (
        lambda x, i: x[i],
        lambda x, i: x.at[i].get(mode="clip", wrap_negative_indices=False),
        X,
        i32(),
    ),
    "an update that is dropped, not clamped": (
        lambda x, i: x.at[i].set(1.0, mode="drop"),
        lambda x, i: x.at[i].set(1.0, mode="clip"),
        X,
        i32(),
    ),
    "the last of equal maxima": (
        lambda x: jnp.argmax(x, 1),
        lambda x: 4 - jnp.argmax(x[:, ::-1], 1),
        X,
    ),
}


@pytest.mark.parametrize("name", REFUTED)
def test_different_programs_are_refuted(name: str) -> None:
    f, g, *examples = REFUTED[name]
    verdict = equivalent(f, g, *examples)
    assert verdict.status == "refuted", verdict


def test_a_product_over_nothing_is_zero() -> None:
    nothing = f32(2, 0), f32(0, 3)
    assert equivalent(lambda a, b: a @ b, lambda a, b: jnp.zeros((2, 3)), *nothing)
    assert not equivalent(lambda a, b: a @ b, lambda a, b: jnp.ones((2, 3)), *nothing)

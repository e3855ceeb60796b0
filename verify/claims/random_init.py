"""Kernels start random: measured by training, and why it must be so, proved.

Two kernels that start alike and feed alike get the same gradient, so they stay alike for ever: a
layer of 32 would be a layer of one.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from cnnjax import conv, global_avg_pool, relu
from verify.claims.claim import Claim, Variant
from verify.claims.measured import results
from verify.claims.programs import equal, f32, source


def network(x: jax.Array, kernels: jax.Array, weights: jax.Array) -> jax.Array:
    """A layer of kernels, the mean of each map, and a weight for each: one number."""
    return global_avg_pool(relu(conv(x, kernels))) @ weights


def kernel_gradients(x: jax.Array, kernels: jax.Array, weights: jax.Array) -> jax.Array:
    return jax.grad(network, argnums=1)(x, kernels, weights)


def of_first(x: jax.Array, kernel: jax.Array, weight: jax.Array) -> jax.Array:
    """The gradient of the first of two kernels that start alike."""
    return kernel_gradients(x, *_alike(kernel, weight))[..., 0]


def of_second(x: jax.Array, kernel: jax.Array, weight: jax.Array) -> jax.Array:
    """The gradient of the second."""
    return kernel_gradients(x, *_alike(kernel, weight))[..., 1]


def _alike(kernel: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jnp.stack([kernel, kernel], axis=-1), jnp.stack([weight, weight])


def _variants() -> Iterator[Variant]:
    yield equal(
        "alike-stay-alike",
        "Two kernels that start alike, with equal weights after them, get the same gradient.",
        of_first,
        of_second,
        f32(5, 5, 2),
        f32(3, 3, 2),
        f32(),
    )
    yield equal(
        "random-differ",
        "Two kernels that start differently do not.",
        lambda x, kernels, weights: kernel_gradients(x, kernels, weights)[..., 0],
        lambda x, kernels, weights: kernel_gradients(x, kernels, weights)[..., 1],
        f32(5, 5, 2),
        f32(3, 3, 2, 2),
        f32(2),
        expected="refuted",
    )


CLAIM = Claim(
    id="random-init",
    korean="CNN 커널의 초기 픽셀값(가중치)은 '랜덤 초기화'로 시작한다.",
    english="A CNN kernel's initial pixel values (weights) start from 'random initialisation'.",
    statement=source(network, kernel_gradients, of_first, of_second),
    conclusion=(
        "That kernels start random is how the library makes them; that they must is proved: "
        "kernels that start alike get equal gradients and stay one kernel. What becomes of random "
        "ones is measured by training."
    ),
    variants=tuple(_variants()),
    measured=results("random-init"),
)

"""Every layer once, as a function of one image, for the tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import cnnjax

CHANNELS = 4


@dataclass(frozen=True)
class Layer:
    """``call(parameters, x)`` for x (*batch, *image); parameters of x's dtype."""

    name: str
    call: Callable
    image: tuple[int, ...] = (6, 5, CHANNELS)
    shapes: tuple[tuple[int, ...], ...] = ()
    # Sums of products of small integers, divided by powers of two at most: exact in float32.
    exact: bool = False

    def parameters(self, dtype, seed: int = 1) -> tuple[jax.Array, ...]:
        rng = np.random.default_rng(seed)
        return tuple(jnp.asarray(rng.integers(-3, 4, s), dtype) for s in self.shapes)


def _conv(parameters, x, **options):
    return cnnjax.conv(x, *parameters, **options)


def _conv_transpose(parameters, x, **options):
    return cnnjax.conv_transpose(x, *parameters, **options)


def _norm(layer, parameters, x, **options):
    # Scales around 1 whatever the draw.
    scale, bias = parameters
    return layer(x, {"scale": scale / 8 + 1, "bias": bias}, **options)


def _batch_norm(parameters, x, *, training):
    scale, bias, mean = parameters
    state = {"mean": mean, "var": jnp.square(mean) + 2}
    params = {"scale": scale / 8 + 1, "bias": bias}
    return cnnjax.batch_norm(x, params, state, training=training)[0]


_C = (CHANNELS,)

LAYERS = [
    Layer("conv", partial(_conv, stride=(2, 1)), shapes=((3, 3, 4, 6), (6,)), exact=True),
    Layer(
        "conv 1-D, dilated",
        partial(_conv, dilation=2, padding="VALID"),
        image=(9, CHANNELS),
        shapes=((3, 4, 2),),
        exact=True,
    ),
    Layer(
        "conv 3-D, grouped",
        partial(_conv, groups=2, padding=(1, 0)),
        image=(3, 4, 2, CHANNELS),
        shapes=((2, 2, 2, 2, 6), (6,)),
        exact=True,
    ),
    Layer("conv, depthwise", partial(_conv, groups=4), shapes=((3, 3, 1, 8),), exact=True),
    Layer("conv, wide padding", partial(_conv, padding=5), shapes=((3, 3, 4, 2),), exact=True),
    Layer(
        "conv, reflected",
        partial(_conv, padding_mode="reflect"),
        shapes=((3, 3, 4, 2),),
        exact=True,
    ),
    Layer("pad, circular", lambda _, x: cnnjax.pad(x, (2, 1), mode="circular"), exact=True),
    Layer("pad, replicate", lambda _, x: cnnjax.pad(x, 2, mode="replicate"), exact=True),
    Layer(
        "conv_transpose",
        partial(_conv_transpose, stride=2, padding="SAME"),
        shapes=((3, 3, 3, 4), (3,)),
        exact=True,
    ),
    Layer("max_pool", lambda _, x: cnnjax.max_pool(x, 2), exact=True),
    Layer("max_pool, padded", lambda _, x: cnnjax.max_pool(x, 3, padding="SAME"), exact=True),
    Layer("max_pool, rounded up", lambda _, x: cnnjax.max_pool(x, 2, ceil_mode=True), exact=True),
    Layer("avg_pool", lambda _, x: cnnjax.avg_pool(x, 2), exact=True),
    Layer(
        "avg_pool, counted",
        lambda _, x: cnnjax.avg_pool(x, 2, padding="SAME", count_padding=True),
        exact=True,
    ),
    Layer(
        "avg_pool, not counted",
        lambda _, x: cnnjax.avg_pool(x, 2, padding="SAME", count_padding=False),
        exact=True,
    ),
    Layer("global_avg_pool", lambda _, x: cnnjax.global_avg_pool(x), (4, 4, 4), exact=True),
    Layer("global_max_pool", lambda _, x: cnnjax.global_max_pool(x), exact=True),
    Layer("flatten", lambda _, x: cnnjax.flatten(x), exact=True),
    Layer("dense", lambda p, x: cnnjax.dense(x, *p), (7,), ((7, 3), (3,)), exact=True),
    Layer("batch_norm, inference", partial(_batch_norm, training=False), shapes=(_C, _C, _C)),
    Layer("layer_norm", partial(_norm, cnnjax.layer_norm), shapes=(_C, _C)),
    Layer("group_norm", partial(_norm, cnnjax.group_norm, groups=2), shapes=(_C, _C)),
    Layer("instance_norm", partial(_norm, cnnjax.instance_norm), shapes=(_C, _C)),
    Layer("rms_norm", partial(_norm, cnnjax.rms_norm), shapes=(_C, _C)),
    Layer("relu", lambda _, x: cnnjax.relu(x), exact=True),
    Layer("relu6", lambda _, x: cnnjax.relu6(x), exact=True),
    Layer("leaky_relu", lambda _, x: cnnjax.leaky_relu(x, 0.25), exact=True),
    Layer("identity", lambda _, x: cnnjax.identity(x), exact=True),
    Layer("elu", lambda _, x: cnnjax.elu(x)),
    Layer("gelu", lambda _, x: cnnjax.gelu(x)),
    Layer("silu", lambda _, x: cnnjax.silu(x)),
    Layer("sigmoid", lambda _, x: cnnjax.sigmoid(x)),
    Layer("tanh", lambda _, x: cnnjax.tanh(x)),
    Layer("softplus", lambda _, x: cnnjax.softplus(x)),
    Layer("softmax", lambda _, x: cnnjax.softmax(x)),
]

# Not functions of one image: the statistics run over the batch.
OVER_THE_BATCH = [
    Layer("batch_norm, training", partial(_batch_norm, training=True), shapes=(_C, _C, _C)),
]


def images(layer: Layer, batch: tuple[int, ...], dtype, seed: int = 0) -> jax.Array:
    """Whole numbers for the exact layers; normal draws, all different, for the others."""
    rng = np.random.default_rng(seed)
    shape = (*batch, *layer.image)
    draw = rng.integers(-4, 5, shape) if layer.exact else rng.normal(size=shape)
    return jnp.asarray(draw, dtype)

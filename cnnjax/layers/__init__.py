"""Layers: plain functions of arrays. See README.md for the order to read them in."""

from cnnjax.layers.activation import (
    elu,
    gelu,
    identity,
    leaky_relu,
    relu,
    relu6,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from cnnjax.layers.convolution import conv, conv_transpose
from cnnjax.layers.depth import stochastic_depth
from cnnjax.layers.dropping import dropout
from cnnjax.layers.fully_connected import dense, flatten
from cnnjax.layers.norm import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from cnnjax.layers.padding import pad
from cnnjax.layers.pool import avg_pool, global_avg_pool, global_max_pool, max_pool

__all__ = [
    "avg_pool",
    "batch_norm",
    "conv",
    "conv_transpose",
    "dense",
    "dropout",
    "elu",
    "flatten",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "group_norm",
    "identity",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "max_pool",
    "pad",
    "relu",
    "relu6",
    "rms_norm",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stochastic_depth",
    "tanh",
]

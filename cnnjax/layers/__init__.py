"""Layers: plain functions of arrays. See README.md for the order to read them in."""

from cnnjax.layers.activation import (
    elu,
    gelu,
    identity,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from cnnjax.layers.conv import conv, conv_transpose
from cnnjax.layers.dense import dense, flatten
from cnnjax.layers.dropout import dropout
from cnnjax.layers.norm import batch_norm, group_norm, layer_norm
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
    "layer_norm",
    "leaky_relu",
    "max_pool",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]

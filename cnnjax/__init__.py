"""cnnjax: convolutional layers as pure functions, and models that train with Optax.

Layers are functions of arrays: ``from cnnjax import conv, max_pool, dense``. The rest is one
import away and loaded only then:

    cnnjax.geometry    padding, output size, receptive field
    cnnjax.init        initial kernels
    cnnjax.losses      cross-entropy, accuracy
    cnnjax.models      notes_cnn, lenet5, vgg11, resnet18
    cnnjax.data        patterns, digits, readers
    cnnjax.train       fit, evaluate
    cnnjax.checkpoint  saved models
    cnnjax.summary     the table of a model
    cnnjax.tiling      tiled, blocks: networks tile by tile, for large images
    cnnjax.convert     to and from Flax and PyTorch
    cnnjax.pictures    curves, kernels, feature maps
    cnnjax.cli         the command line
"""

from cnnjax import geometry, init, losses
from cnnjax.layers import (
    avg_pool,
    batch_norm,
    conv,
    conv_transpose,
    dense,
    dropout,
    elu,
    flatten,
    gelu,
    global_avg_pool,
    global_max_pool,
    group_norm,
    identity,
    layer_norm,
    leaky_relu,
    max_pool,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from cnnjax.losses import accuracy, cross_entropy
from cnnjax.tiling import tiled

__version__ = "0.1.0"

__all__ = [
    "accuracy",
    "avg_pool",
    "batch_norm",
    "conv",
    "conv_transpose",
    "cross_entropy",
    "dense",
    "dropout",
    "elu",
    "flatten",
    "gelu",
    "geometry",
    "global_avg_pool",
    "global_max_pool",
    "group_norm",
    "identity",
    "init",
    "layer_norm",
    "leaky_relu",
    "losses",
    "max_pool",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
    "tiled",
]

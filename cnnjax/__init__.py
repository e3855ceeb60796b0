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
    cnnjax.export      StableHLO and ONNX
    cnnjax.pictures    curves, kernels, feature maps
    cnnjax.cli         the command line

The layers too are imported when first asked for (PEP 562): `cnnjax --help` needs no JAX, which
takes seconds to import.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnjax import geometry, init, losses
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
    from cnnjax.losses import accuracy, cross_entropy
    from cnnjax.tiling.in_tiles import tiled

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
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "losses",
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
    "tiled",
]

# What `cnnjax.NAME` is without an import of its own.
_MODULES = (
    *(
        "checkpoint",
        "convert",
        "data",
        "export",
        "geometry",
        "init",
        "layers",
        "losses",
        "lowerings",
    ),
    *("models", "pictures", "preprocessing", "summary", "tiling", "train"),
)
_ELSEWHERE = {"accuracy": "losses", "cross_entropy": "losses", "tiled": "tiling"}


if not TYPE_CHECKING:  # a checker would take every name for this function's

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = importlib.import_module(f"{__name__}.{_ELSEWHERE.get(name, 'layers')}")
        globals()[name] = getattr(home, name)
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""To and from Flax nnx, and models as nnx modules.

As with linen (see `linen.py`) only names are at stake: the modules here name their layers as the
parameters are named. An nnx module holds its arrays: `to_nnx` returns a module ready to call, and
`from_nnx` reads one. The running statistics sit beside the scale and bias of their layer; here
they go back under `params["batch_stats"]`.

A detail of training: batch norm's running variance is the unbiased one here (as in PyTorch), the
biased one in Flax. It differs by n / (n - 1) for n values a channel; inference is the same.

Needs `pip install "cnnjax[flax]"`.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from cnnjax.convert import leaves
from cnnjax.convert.nnx_networks import ConvNeXt, MobileNetV2, UNet, conv, norm
from cnnjax.models import residual, resnet, vgg
from cnnjax.models.model import BATCH_STATS, Model, Params

# What an nnx module learns or keeps running; the rest of its state is the keys of dropout.
STATE = nnx.Any(nnx.Param, nnx.BatchStat)
STATISTICS = ("mean", "var")


def to_nnx(model: Model, params: Params) -> nnx.Module:
    """The nnx twin of `model`, holding `params`, in inference mode.

    Args:
      model: one of `cnnjax.models`.
      params: its parameters.

    Returns:
      A module called as `twin(x)`; `twin.train()` and `twin.eval()` switch batch norm and
      dropout.

    Raises:
      ConversionError: lists every missing, unknown and misshapen parameter.

    >>> import jax
    >>> from cnnjax.models import notes_cnn
    >>> model = notes_cnn(10, widths=(4, 8), image=(8, 12, 3))
    >>> twin = to_nnx(model, model.init(jax.random.key(0)))
    >>> twin(jax.numpy.ones((2, 8, 12, 3))).shape
    (2, 10)
    """
    given = leaves.check_params("to_nnx", model, params)
    # The module's own draw would be thrown away, so it is never made; only the key and the
    # counter of dropout need values of their own.
    twin = nnx.eval_shape(lambda: module(model))
    graph, *states = nnx.split(twin, STATE, nnx.RngState)
    state, dropout = states
    nnx.replace_by_pure_dict(state, leaves.unflatten({beside(path): given[path] for path in given}))
    twin = nnx.merge(graph, state, jax.tree.map(first_of_stream, dropout))
    twin.eval()
    return twin


def from_nnx(model: Model, twin: nnx.Module | nnx.State) -> Params:
    """The parameters of `model` from an nnx module, or its state, named as that of `module`.

    Raises:
      ConversionError: lists every missing, unknown and misshapen parameter.
    """
    state = nnx.state(twin, STATE) if isinstance(twin, nnx.Module) else twin
    given = {
        (BATCH_STATS, *path) if path[-1] in STATISTICS else path: leaf
        for path, leaf in leaves.flatten(nnx.to_pure_dict(state)).items()
    }
    return leaves.unflatten(leaves.check_params("from_nnx", model, leaves.unflatten(given)))


def first_of_stream(leaf: jax.ShapeDtypeStruct) -> jax.Array:
    """The state of a fresh random stream: the key of seed 0, or a counter at zero."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key(0)
    return jnp.zeros(leaf.shape, leaf.dtype)


def beside(path: leaves.Path) -> leaves.Path:
    """Where nnx keeps a leaf: statistics beside the parameters of their layer."""
    return path[1:] if path[0] == BATCH_STATS else path


def module(model: Model, *, seed: int = 0) -> nnx.Module:
    """The nnx twin of `model` with parameters of its own, drawn by Flax."""
    if model.name not in MODULES:
        raise ValueError(f"nnx: no module for {model.name!r}, there are {', '.join(MODULES)}")
    return MODULES[model.name](**model.config, rngs=nnx.Rngs(seed))


def pool(x: jax.Array) -> jax.Array:
    return nnx.max_pool(x, (2, 2), (2, 2))


def flat(x: jax.Array) -> jax.Array:
    return x.reshape(*x.shape[:-3], -1)


class NotesCNN(nnx.Module):
    """`cnnjax.models.notes_cnn`."""

    def __init__(
        self,
        classes: int,
        widths: Sequence[int],
        kernel: int,
        image: Sequence[int],
        *,
        rngs: nnx.Rngs,
    ):
        height, width, channels = image
        self.depth = len(widths)
        for i, outputs in enumerate(widths, 1):
            conv = nnx.Conv(channels, outputs, (kernel, kernel), rngs=rngs)
            setattr(self, f"conv{i}", conv)
            height, width, channels = height // 2, width // 2, outputs
        self.dense = nnx.Linear(height * width * channels, classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        for i in range(1, self.depth + 1):
            x = pool(nnx.relu(getattr(self, f"conv{i}")(x)))
        return self.dense(flat(x))


class LeNet5(nnx.Module):
    """`cnnjax.models.lenet5`."""

    def __init__(self, classes: int, image: Sequence[int], *, rngs: nnx.Rngs):
        height, width = ((side // 2 - 4) // 2 for side in image[:2])
        self.conv1 = nnx.Conv(image[2], 6, (5, 5), padding=2, rngs=rngs)
        self.conv2 = nnx.Conv(6, 16, (5, 5), padding=0, rngs=rngs)
        self.dense1 = nnx.Linear(height * width * 16, 120, rngs=rngs)
        self.dense2 = nnx.Linear(120, 84, rngs=rngs)
        self.dense3 = nnx.Linear(84, classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer in (self.conv1, self.conv2):
            x = nnx.avg_pool(nnx.relu(layer(x)), (2, 2), (2, 2))
        return self.dense3(nnx.relu(self.dense2(nnx.relu(self.dense1(flat(x))))))


class VGG(nnx.Module):
    """`cnnjax.models.vgg11`, `vgg16`."""

    def __init__(
        self,
        name: str,
        classes: int,
        image: Sequence[int],
        head: int,
        width: int,
        dropout: float,
        *,
        rngs: nnx.Rngs,
    ):
        channels = image[2]
        self.stages = tuple(map(len, vgg.STAGES[name]))
        i = 0
        for stage in vgg.STAGES[name]:
            for units in stage:
                i += 1
                conv = nnx.Conv(channels, units * width, (3, 3), padding=1, rngs=rngs)
                setattr(self, f"conv{i}", conv)
                channels = units * width
        cells = (image[0] // 2 ** len(self.stages)) * (image[1] // 2 ** len(self.stages))
        self.dense1 = nnx.Linear(cells * channels, head, rngs=rngs)
        self.dense2 = nnx.Linear(head, head, rngs=rngs)
        self.dense3 = nnx.Linear(head, classes, rngs=rngs)
        self.drop = nnx.Dropout(dropout, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        i = 0
        for count in self.stages:
            for _ in range(count):
                i += 1
                x = nnx.relu(getattr(self, f"conv{i}")(x))
            x = pool(x)
        x = flat(x)
        for dense in (self.dense1, self.dense2):
            x = self.drop(nnx.relu(dense(x)))
        return self.dense3(x)


class Downsample(nnx.Module):
    """The projection shortcut of a block whose shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, rngs: nnx.Rngs):
        self.conv = conv(inputs, outputs, 1, stride, 0, rngs)
        self.bn = norm(outputs, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.bn(self.conv(x))


class Block(nnx.Module):
    """A residual block: two 3x3 convolutions, or a bottleneck of 1x1, 3x3 and 1x1."""

    def __init__(self, kind: str, inputs: int, width: int, stride: int, rngs: nnx.Rngs):
        sides, outputs = residual.sides(kind), width * residual.EXPANSION[kind]
        self.depth = len(sides)
        first = 2 if kind == "bottleneck" else 1  # the convolution with the stride
        channels = inputs
        for i, side in enumerate(sides, 1):
            after = outputs if i == len(sides) else width
            step = stride if i == first else 1
            setattr(self, f"conv{i}", conv(channels, after, side, step, side // 2, rngs))
            setattr(self, f"bn{i}", norm(after, rngs))
            channels = after
        self.project = inputs != outputs
        if self.project:
            self.downsample = Downsample(inputs, outputs, stride, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = x
        for i in range(1, self.depth + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            y = nnx.relu(y) if i < self.depth else y
        return nnx.relu(y + (self.downsample(x) if self.project else x))


class Stage(nnx.Module):
    """The blocks of one resolution; the first one changes it."""

    def __init__(self, kind: str, count: int, inputs: int, width: int, stride: int, rngs: nnx.Rngs):
        self.count = count
        for j in range(count):
            block = Block(kind, inputs, width, stride if j == 0 else 1, rngs)
            setattr(self, f"block{j}", block)
            inputs = width * residual.EXPANSION[kind]

    def __call__(self, x: jax.Array) -> jax.Array:
        for j in range(self.count):
            x = getattr(self, f"block{j}")(x)
        return x


class ResNet(nnx.Module):
    """`cnnjax.models.resnet18` and its relatives."""

    def __init__(
        self,
        name: str,
        classes: int,
        image: Sequence[int],
        stem: str,
        width: int,
        *,
        rngs: nnx.Rngs,
    ):
        self.imagenet = stem == "imagenet"
        side, stride, padding = (7, 2, 3) if self.imagenet else (3, 1, 1)
        self.conv1 = conv(image[2], width, side, stride, padding, rngs)
        self.bn1 = norm(width, rngs)
        kind, blocks = resnet.BLOCKS[name]
        self.depth = len(blocks)
        channels = width
        for i, count in enumerate(blocks, 1):
            inner = width * 2 ** (i - 1)
            stage = Stage(kind, count, channels, inner, 1 if i == 1 else 2, rngs)
            setattr(self, f"layer{i}", stage)
            channels = inner * residual.EXPANSION[kind]
        self.dense = nnx.Linear(channels, classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.bn1(self.conv1(x)))
        if self.imagenet:
            x = nnx.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        for i in range(1, self.depth + 1):
            x = getattr(self, f"layer{i}")(x)
        return self.dense(x.mean((-3, -2)))


MODULES: dict[str, Any] = {
    "notes": NotesCNN,
    "lenet": LeNet5,
    **{name: functools.partial(VGG, name) for name in vgg.STAGES},
    **{name: functools.partial(ResNet, name) for name in resnet.BLOCKS},
    "mobilenet_v2": MobileNetV2,
    "convnext": ConvNeXt,
    "unet": UNet,
}

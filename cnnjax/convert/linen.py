"""To and from Flax linen, and models as linen modules.

Flax keeps images, kernels and flattened maps in the same order as this library, so only names
are at stake. The modules here name their layers as the parameters are named: what `to_linen`
returns is `{"params": ...}`, and `"batch_stats"` for the network with batch norm. A module of
your own converts as long as it uses these names.

A detail of training: batch norm's running variance is the unbiased one here (as in PyTorch), the
biased one in Flax. It differs by n / (n - 1) for n values a channel; inference is the same.

Needs `pip install "cnnjax[flax]"`.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax

from cnnjax.convert import leaves
from cnnjax.convert.linen_networks import ConvNeXt, MobileNetV2, UNet, conv, norm
from cnnjax.models import residual, resnet, vgg
from cnnjax.models.model import BATCH_STATS, Model, Params


def to_linen(model: Model, params: Params) -> dict[str, Any]:
    """Variables for `module(model).apply(variables, x)`.

    Args:
      model: one of `cnnjax.models`.
      params: its parameters.

    Raises:
      ConversionError: lists every missing, unknown and misshapen parameter.

    >>> import jax
    >>> from cnnjax.models import notes_cnn
    >>> model = notes_cnn(10, widths=(4, 8), image=(8, 12, 3))
    >>> variables = to_linen(model, model.init(jax.random.key(0)))
    >>> module(model).apply(variables, jax.numpy.ones((2, 8, 12, 3))).shape
    (2, 10)
    """
    leaves.check_params("to_linen", model, params)
    trained = {name: layer for name, layer in params.items() if name != BATCH_STATS}
    stats = {BATCH_STATS: params[BATCH_STATS]} if BATCH_STATS in params else {}
    return {"params": trained} | stats


def from_linen(model: Model, variables: Mapping[str, Any]) -> Params:
    """The parameters of `model` from linen variables named as those of `module(model)`.

    Raises:
      ConversionError: lists every missing, unknown and misshapen parameter.
    """
    if "params" not in variables:
        raise leaves.ConversionError(
            f"from_linen: variables need the collection 'params', there are {sorted(variables)}"
        )
    stats = {BATCH_STATS: variables[BATCH_STATS]} if variables.get(BATCH_STATS) else {}
    params = {**variables["params"], **stats}
    return leaves.unflatten(leaves.check_params("from_linen", model, params))


def module(model: Model) -> nn.Module:
    """The linen twin of `model`; called as `twin.apply(variables, x, train=False)`."""
    if model.name not in MODULES:
        raise ValueError(f"linen: no module for {model.name!r}, there are {', '.join(MODULES)}")
    return MODULES[model.name](**model.config)


def pool(x: jax.Array) -> jax.Array:
    return nn.max_pool(x, (2, 2), (2, 2))


def flat(x: jax.Array) -> jax.Array:
    return x.reshape(*x.shape[:-3], -1)


class NotesCNN(nn.Module):
    """`cnnjax.models.notes_cnn`."""

    classes: int
    widths: Sequence[int]
    kernel: int
    image: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        window = (self.kernel, self.kernel)
        for i, width in enumerate(self.widths, 1):
            x = pool(nn.relu(nn.Conv(width, window, name=f"conv{i}")(x)))
        return nn.Dense(self.classes, name="dense")(flat(x))


class LeNet5(nn.Module):
    """`cnnjax.models.lenet5`."""

    classes: int
    image: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        for i, (width, padding) in enumerate(((6, 2), (16, 0)), 1):
            x = nn.relu(nn.Conv(width, (5, 5), padding=padding, name=f"conv{i}")(x))
            x = nn.avg_pool(x, (2, 2), (2, 2))
        x = flat(x)
        for i, width in enumerate((120, 84), 1):
            x = nn.relu(nn.Dense(width, name=f"dense{i}")(x))
        return nn.Dense(self.classes, name="dense3")(x)


class VGG(nn.Module):
    """`cnnjax.models.vgg11`, `vgg16`; training needs `rngs={"dropout": key}`."""

    name_: str
    classes: int
    image: Sequence[int]
    head: int
    width: int
    dropout: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        i = 0
        for stage in vgg.STAGES[self.name_]:
            for units in stage:
                i += 1
                conv = nn.Conv(units * self.width, (3, 3), padding=1, name=f"conv{i}")
                x = nn.relu(conv(x))
            x = pool(x)
        x = flat(x)
        for i in (1, 2):
            x = nn.relu(nn.Dense(self.head, name=f"dense{i}")(x))
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(self.classes, name="dense3")(x)


class Downsample(nn.Module):
    """The projection shortcut of a block whose shape changes."""

    width: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return norm(train, "bn")(conv(self.width, 1, self.stride, 0, "conv")(x))


class Block(nn.Module):
    """A residual block: two 3x3 convolutions, or a bottleneck of 1x1, 3x3 and 1x1."""

    kind: str
    width: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        outputs, y = self.width * residual.EXPANSION[self.kind], x
        sides = residual.sides(self.kind)
        first = 2 if self.kind == "bottleneck" else 1  # the convolution with the stride
        for i, side in enumerate(sides, 1):
            last = i == len(sides)
            stride = self.stride if i == first else 1
            y = conv(outputs if last else self.width, side, stride, side // 2, f"conv{i}")(y)
            y = norm(train, f"bn{i}")(y)
            y = y if last else nn.relu(y)
        if x.shape[-1] != outputs:
            x = Downsample(outputs, self.stride, name="downsample")(x, train)
        return nn.relu(x + y)


class Stage(nn.Module):
    """The blocks of one resolution; the first one changes it."""

    kind: str
    count: int
    width: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        for j in range(self.count):
            stride = self.stride if j == 0 else 1
            x = Block(self.kind, self.width, stride, name=f"block{j}")(x, train)
        return x


class ResNet(nn.Module):
    """`cnnjax.models.resnet18` and its relatives; training needs `mutable=["batch_stats"]`."""

    name_: str
    classes: int
    image: Sequence[int]
    stem: str
    width: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        imagenet = self.stem == "imagenet"
        stem = (7, 2, 3) if imagenet else (3, 1, 1)
        x = nn.relu(norm(train, "bn1")(conv(self.width, *stem, "conv1")(x)))
        if imagenet:
            x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        kind, blocks = resnet.BLOCKS[self.name_]
        for i, count in enumerate(blocks, 1):
            width, stride = self.width * 2 ** (i - 1), 1 if i == 1 else 2
            x = Stage(kind, count, width, stride, name=f"layer{i}")(x, train)
        return nn.Dense(self.classes, name="dense")(x.mean((-3, -2)))


MODULES: dict[str, Any] = {
    "notes": NotesCNN,
    "lenet": LeNet5,
    **{name: functools.partial(VGG, name) for name in vgg.STAGES},
    **{name: functools.partial(ResNet, name) for name in resnet.BLOCKS},
    "mobilenet_v2": MobileNetV2,
    "convnext": ConvNeXt,
    "unet": UNet,
}

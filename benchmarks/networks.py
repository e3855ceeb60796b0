"""The networks of the training benchmark as data, so that every library builds the same one.

Images are 100x100x3 (the note's), 28x28x1 (LeNet-5), 32x32x3 (ResNet-18, depthwise block) and
64x64x3 (ResNet-50 and MobileNet-V2 as published for larger ones: a twelfth of the work of 224x224).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Conv:
    outputs: int
    window: int
    stride: int = 1
    pad: int = 0  # on every side
    bias: bool = True
    depthwise: bool = False  # then `outputs` is the number of inputs


@dataclass(frozen=True)
class BatchNorm:
    pass


@dataclass(frozen=True)
class Relu:
    pass


@dataclass(frozen=True)
class Relu6:
    pass


@dataclass(frozen=True)
class MaxPool:
    window: int
    stride: int
    pad: int = 0  # on every side


@dataclass(frozen=True)
class AvgPool:
    window: int  # windows do not overlap


@dataclass(frozen=True)
class Flatten:
    pass


@dataclass(frozen=True)
class Dense:
    outputs: int


@dataclass(frozen=True)
class Residual:
    """body(x) + shortcut(x); an empty shortcut is x itself."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()


Layer = Conv | BatchNorm | Relu | Relu6 | MaxPool | AvgPool | Flatten | Dense | Residual


@dataclass(frozen=True)
class Network:
    """`steps`: how many a timed call does, so that it lasts long enough to time."""

    image: tuple[int, int, int]
    layers: tuple[Layer, ...]
    steps: int = 1


def _notes() -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for width in (32, 64, 128):
        layers += [Conv(width, 5, pad=2), Relu(), MaxPool(2, 2)]
    return (*layers, Flatten(), Dense(10))


def _lenet() -> tuple[Layer, ...]:
    features = (Conv(6, 5, pad=2), Relu(), AvgPool(2), Conv(16, 5), Relu(), AvgPool(2), Flatten())
    return (*features, Dense(120), Relu(), Dense(84), Relu(), Dense(10))


def _block(inputs: int, outputs: int, stride: int) -> tuple[Layer, ...]:
    body = (
        Conv(outputs, 3, stride, 1, bias=False),
        BatchNorm(),
        Relu(),
        Conv(outputs, 3, 1, 1, bias=False),
        BatchNorm(),
    )
    shortcut: tuple[Layer, ...] = ()
    if inputs != outputs:
        shortcut = (Conv(outputs, 1, stride, bias=False), BatchNorm())
    return Residual(body, shortcut), Relu()


def _resnet18() -> tuple[Layer, ...]:
    layers: list[Layer] = [Conv(64, 3, pad=1, bias=False), BatchNorm(), Relu()]
    inputs = 64
    for outputs in (64, 128, 256, 512):
        layers += _block(inputs, outputs, 1 if inputs == outputs else 2)
        layers += _block(outputs, outputs, 1)
        inputs = outputs
    return (*layers, AvgPool(4), Flatten(), Dense(10))


def _resnet50() -> tuple[Layer, ...]:
    """He et al. 2016, table 1, with the stride in the 3x3 convolution as in torchvision."""
    layers: list[Layer] = [Conv(64, 7, 2, 3, bias=False), BatchNorm(), Relu(), MaxPool(3, 2, 1)]
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            body = (
                *_normed(width, 1), Relu(), *_normed(width, 3, stride), Relu(),
                *_normed(4 * width, 1),
            )  # fmt: skip
            shortcut = () if block else _normed(4 * width, 1, stride)
            layers += [Residual(body, shortcut), Relu()]
    return (*layers, AvgPool(2), Flatten(), Dense(10))


def _normed(outputs: int, window: int, stride: int = 1, depthwise: bool = False) -> Any:
    made = Conv(outputs, window, stride, window // 2, bias=False, depthwise=depthwise)
    return made, BatchNorm()


def _mobilenet_v2() -> tuple[Layer, ...]:
    """Sandler et al. 2018, table 2."""
    layers: list[Layer] = [*_normed(32, 3, 2), Relu6()]
    inputs = 32
    for expansion, outputs, blocks, first in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):  # fmt: skip
        for block in range(blocks):
            inner, stride = expansion * inputs, 1 if block else first
            expand = (*_normed(inner, 1), Relu6()) if expansion > 1 else ()
            body = (*expand, *_normed(inner, 3, stride, True), Relu6(), *_normed(outputs, 1))
            layers += [Residual(body)] if stride == 1 and inputs == outputs else body
            inputs = outputs
    return (*layers, *_normed(1280, 1), Relu6(), AvgPool(2), Flatten(), Dense(10))


def _separable() -> tuple[Layer, ...]:
    """Four blocks of MobileNet v1 (Howard et al. 2017) between two dense convolutions' worth."""
    layers: list[Layer] = [Conv(64, 1), Relu()]
    for _ in range(4):
        layers += [Conv(64, 3, pad=1, depthwise=True), Relu(), Conv(64, 1), Relu()]
    return (*layers, AvgPool(32), Flatten(), Dense(10))


NETWORKS = {
    "notes": Network((100, 100, 3), _notes()),
    "lenet5": Network((28, 28, 1), _lenet(), steps=200),
    "resnet18": Network((32, 32, 3), _resnet18()),
    "separable": Network((32, 32, 3), _separable()),
    "resnet50": Network((64, 64, 3), _resnet50()),
    "mobilenet_v2": Network((64, 64, 3), _mobilenet_v2()),
}

"""The networks of the training benchmark as data, so that every library builds the same one.

Images are 100x100x3 (the note's), 28x28x1 (LeNet-5) and 32x32x3 (ResNet-18, depthwise block).
"""

from __future__ import annotations

from dataclasses import dataclass


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
class MaxPool:
    window: int


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


Layer = Conv | BatchNorm | Relu | MaxPool | AvgPool | Flatten | Dense | Residual


@dataclass(frozen=True)
class Network:
    """`steps`: how many a timed call does, so that it lasts long enough to time."""

    image: tuple[int, int, int]
    layers: tuple[Layer, ...]
    steps: int = 1


def _notes() -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for width in (32, 64, 128):
        layers += [Conv(width, 5, pad=2), Relu(), MaxPool(2)]
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
}

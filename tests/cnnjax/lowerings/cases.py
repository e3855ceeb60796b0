"""The shapes at which lowerings are proved equal to the plain one, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp


def spec(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


@dataclass(frozen=True)
class ConvCase:
    """One call of `cnnjax.conv`: shapes and options."""

    name: str
    x: tuple[int, ...]
    kernel: tuple[int, ...]
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def examples(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        return spec(*self.x), spec(*self.kernel)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class PoolCase:
    """One call of `cnnjax.max_pool`."""

    name: str
    x: tuple[int, ...]
    window: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    padding: Any = "VALID"

    def __str__(self) -> str:
        return self.name


def _options(**given: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(given.items())


DENSE = [
    ConvCase("5x5 SAME", (2, 6, 7, 3), (5, 5, 3, 2)),
    ConvCase("5x5 VALID", (2, 6, 7, 2), (5, 5, 2, 3), _options(padding="VALID")),
    ConvCase("even kernel", (1, 5, 6, 2), (2, 4, 2, 3)),
    ConvCase("1x1", (2, 3, 4, 3), (1, 1, 3, 2)),
    ConvCase("stride 2, even size", (2, 6, 8, 2), (3, 3, 2, 2), _options(stride=2)),
    ConvCase(
        "stride 2, padded as PyTorch", (1, 7, 6, 2), (3, 3, 2, 2), _options(stride=2, padding=1)
    ),
    ConvCase("stride beyond the window", (1, 8, 7, 2), (2, 1, 2, 2), _options(stride=3)),
    ConvCase("dilated", (1, 8, 7, 2), (3, 2, 2, 2), _options(dilation=(2, 3))),
    ConvCase("uneven padding", (1, 5, 4, 1), (3, 3, 1, 2), _options(padding=((0, 1), (2, 0)))),
    ConvCase("1-D", (3, 7, 2), (3, 2, 2), _options(stride=2)),
    ConvCase("3-D", (1, 3, 4, 3, 2), (2, 3, 1, 2, 2)),
    ConvCase("no batch", (5, 5, 2), (3, 3, 2, 2)),
]

DEPTHWISE = [
    ConvCase("3x3", (2, 5, 6, 3), (3, 3, 1, 3), _options(groups=3)),
    ConvCase("stride 2", (1, 6, 7, 2), (3, 3, 1, 2), _options(groups=2, stride=2)),
    ConvCase("two kernels a channel", (2, 4, 5, 2), (3, 2, 1, 4), _options(groups=2)),
    ConvCase("dilated", (1, 7, 6, 2), (3, 2, 1, 2), _options(groups=2, dilation=2)),
    ConvCase("VALID", (1, 5, 6, 2), (4, 3, 1, 2), _options(groups=2, padding="VALID")),
    ConvCase("1-D", (2, 7, 3), (3, 1, 3), _options(groups=3, padding=(2, 0))),
    ConvCase("3-D", (1, 3, 3, 4, 2), (2, 1, 3, 1, 2), _options(groups=2)),
    ConvCase("one channel", (2, 5, 5, 1), (3, 3, 1, 2)),
    ConvCase("sums in several parts", (4, 4, 3, 2), (2, 3, 1, 2), _options(groups=2)),
    ConvCase("stride beyond the window", (1, 8, 7, 2), (2, 1, 1, 2), _options(groups=2, stride=3)),
    ConvCase(
        "all at once",
        (2, 6, 5, 2),
        (2, 2, 1, 4),
        _options(groups=2, stride=(2, 1), dilation=2, padding=((0, 1), (1, 0))),
    ),
    ConvCase("no batch", (4, 5, 2), (3, 3, 1, 2), _options(groups=2)),
]

POINTWISE = [
    ConvCase("two axes", (2, 3, 4, 3), (1, 1, 3, 2)),
    ConvCase("stride 2", (2, 5, 4, 2), (1, 1, 2, 3), _options(stride=2)),
    ConvCase("dilation is nothing", (1, 4, 3, 2), (1, 1, 2, 2), _options(dilation=3)),
    ConvCase("padded", (1, 3, 2, 2), (1, 1, 2, 2), _options(padding=1, stride=(1, 2))),
    ConvCase("1-D", (3, 4, 2), (1, 2, 3)),
    ConvCase("3-D", (1, 2, 3, 2, 2), (1, 1, 1, 2, 1)),
    ConvCase("no batch", (3, 3, 2), (1, 1, 2, 2)),
    ConvCase("two batch axes", (2, 2, 3, 2, 2), (1, 1, 2, 2)),
]

BLOCKED = [
    *DENSE,
    ConvCase("blocks of 4 and a rest", (1, 3, 11, 1), (3, 3, 1, 2)),
    ConvCase("blocks of 3", (1, 3, 9, 1), (2, 5, 1, 1)),
    ConvCase("one channel, three blocks", (2, 6, 14, 1), (5, 5, 1, 2), _options(padding="VALID")),
    ConvCase("seven blocks, cut piece by piece", (1, 3, 28, 1), (3, 3, 1, 2)),
    ConvCase("six channels, five blocks", (1, 6, 14, 6), (5, 5, 6, 16), _options(padding="VALID")),
    ConvCase(
        "all at once",
        (1, 7, 13, 2),
        (2, 3, 2, 3),
        _options(stride=(2, 3), dilation=(1, 2), padding=((0, 1), (3, 2))),
    ),
]

BEYOND = [
    ConvCase("window beyond the image", (2, 2, 3, 2), (5, 4, 2, 3)),
    ConvCase("beyond on one side", (1, 2, 6, 2), (3, 3, 2, 2), _options(stride=(1, 2), padding=1)),
    ConvCase("beyond the outputs", (2, 4, 5, 2), (3, 3, 2, 3), _options(padding="VALID")),
    ConvCase("one output", (2, 3, 4, 2), (3, 4, 2, 3), _options(padding="VALID")),
    ConvCase("beyond, dilated", (1, 2, 2, 2), (3, 3, 2, 2), _options(dilation=2, padding=(3, 2))),
    ConvCase("beyond, 1-D", (3, 2, 2), (4, 2, 3)),
]

WINOGRAD = [
    ConvCase("5x5 SAME", (2, 6, 7, 2), (5, 5, 2, 3)),
    ConvCase("3x3 SAME, whole tiles", (2, 4, 8, 2), (3, 3, 2, 2)),
    ConvCase("VALID", (1, 7, 8, 2), (3, 3, 2, 1), _options(padding="VALID")),
    ConvCase("windows of 2 and 5", (1, 5, 6, 1), (2, 5, 1, 2)),
    ConvCase("windows of 4 and 3", (1, 6, 5, 2), (4, 3, 2, 1)),
    ConvCase("uneven padding", (1, 5, 4, 1), (3, 3, 1, 2), _options(padding=((0, 1), (4, 0)))),
    ConvCase("smaller than the window", (2, 3, 2, 1), (5, 5, 1, 1)),
    ConvCase("no batch", (5, 5, 2), (3, 3, 2, 2)),
]

# x is what the convolution gives.
TRANSPOSED = [
    ConvCase("stride 2", (2, 3, 2, 2), (4, 3, 3, 2), _options(stride=2, padding="SAME")),
    ConvCase(
        "stride 2, largest size",
        (1, 3, 2, 2),
        (3, 3, 2, 2),
        _options(stride=2, padding=1, size=(6, 4)),
    ),
    ConvCase(
        "stride beyond the window", (1, 3, 2, 2), (2, 1, 2, 2), _options(stride=3, padding="VALID")
    ),
    ConvCase(
        "uneven", (1, 3, 4, 1), (5, 2, 2, 1), _options(stride=(2, 3), padding=((1, 2), (0, 1)))
    ),
    ConvCase("stride 1", (1, 4, 3, 2), (3, 2, 1, 2), _options(stride=1, padding="SAME")),
    ConvCase("1-D", (2, 4, 3), (5, 2, 3), _options(stride=2, padding="SAME_LOWER")),
    ConvCase("3-D", (1, 2, 2, 2, 2), (3, 2, 3, 1, 2), _options(stride=(2, 1, 2), padding="VALID")),
]

POOLS = [
    PoolCase("2x2", (2, 4, 6, 2), 2),
    PoolCase("2x2, odd size", (1, 5, 7, 2), 2),
    PoolCase("2x2 SAME, odd size", (1, 5, 3, 2), 2, padding="SAME"),
    PoolCase("3x2", (2, 6, 4, 1), (3, 2)),
    PoolCase("3x3 stride 2, padded: ResNet", (1, 6, 6, 1), 3, 2, 1),
    PoolCase("overlapping", (1, 5, 4, 1), 2, 1),
    PoolCase("stride beyond the window", (1, 8, 7, 1), 2, 3),
    PoolCase("last window in the padding's reach", (1, 4, 5, 1), 3, 3, (1, 2)),
    PoolCase("1-D", (2, 7, 2), (3,), 2, (2, 0)),
    PoolCase("3-D", (1, 4, 2, 5, 1), (2, 2, 2)),
    PoolCase("no batch", (4, 4, 2), 2),
]

"""The layer calls that `lowerings.py` measures and proves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

import cnnjax
from cnnjax.lowerings import MEANS, SPREAD, SUM_POOL

__all__ = ["SUBJECTS", "Subject"]


@dataclass(frozen=True)
class Subject:
    """A layer call: image (without batch) and kernel shapes, and a small version to prove."""

    name: str
    lowering: str
    call: Callable[..., jax.Array]
    shapes: tuple[tuple[int, ...], ...]
    small: tuple[tuple[int, ...], ...]


def _pool(x: Any, *, lowering: str, **options: Any) -> jax.Array:
    return cnnjax.max_pool(x, lowering=lowering, **options)


def _sums(x: Any, *, lowering: str, window: tuple[int, ...]) -> jax.Array:
    return SUM_POOL[lowering].run(x, window, window, ((0, 0),) * len(window))


def _bias(x: Any, bias: Any, *, lowering: str) -> jax.Array:
    return x + SPREAD[lowering].run(bias, x.shape)


def _means(x: Any, *, lowering: str) -> jax.Array:
    return MEANS[lowering].run(x)


SUBJECTS = [
    Subject(
        "conv 5x5, 32 to 64 at 50x50",
        "canonical",
        cnnjax.conv,
        ((50, 50, 32), (5, 5, 32, 64)),
        ((6, 6, 3), (5, 5, 3, 2)),
    ),
    Subject(
        "conv 3x3, 64 to 64 at 32x32",
        "canonical",
        cnnjax.conv,
        ((32, 32, 64), (3, 3, 64, 64)),
        ((5, 5, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "conv 3x3 stride 2, 64 to 128 at 32x32",
        "canonical",
        partial(cnnjax.conv, stride=2, padding=1),
        ((32, 32, 64), (3, 3, 64, 128)),
        ((6, 6, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "conv 5x5, 32 to 64 at 50x50",
        "winograd",
        cnnjax.conv,
        ((50, 50, 32), (5, 5, 32, 64)),
        ((6, 6, 3), (5, 5, 3, 2)),
    ),
    Subject(
        "conv 5x5, 64 to 128 at 25x25",
        "winograd",
        cnnjax.conv,
        ((25, 25, 64), (5, 5, 64, 128)),
        ((5, 5, 2), (5, 5, 2, 3)),
    ),
    Subject(
        "conv 3x3, 64 to 64 at 32x32",
        "winograd",
        cnnjax.conv,
        ((32, 32, 64), (3, 3, 64, 64)),
        ((5, 5, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "conv 3x3, 256 to 256 at 16x16",
        "winograd",
        cnnjax.conv,
        ((16, 16, 256), (3, 3, 256, 256)),
        ((5, 5, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "conv 3x3, 256 to 256 at 2x2",
        "patches",
        cnnjax.conv,
        ((2, 2, 256), (3, 3, 256, 256)),
        ((2, 2, 2), (3, 3, 2, 3)),
    ),
    Subject(
        "conv 3x3 stride 2, 256 to 512 at 4x4",
        "patches",
        partial(cnnjax.conv, stride=2, padding=1),
        ((4, 4, 256), (3, 3, 256, 512)),
        ((4, 4, 2), (3, 3, 2, 3)),
    ),
    Subject(
        "depthwise 3x3, 64 at 32x32",
        "shifted",
        partial(cnnjax.conv, groups=64),
        ((32, 32, 64), (3, 3, 1, 64)),
        ((5, 4, 64), (3, 3, 1, 64)),
    ),
    Subject(
        "conv 1x1, 64 to 64 at 32x32",
        "pointwise",
        cnnjax.conv,
        ((32, 32, 64), (1, 1, 64, 64)),
        ((4, 3, 3), (1, 1, 3, 2)),
    ),
    Subject(
        "conv 5x5, 1 to 6 at 28x28",
        "blocked",
        cnnjax.conv,
        ((28, 28, 1), (5, 5, 1, 6)),
        ((5, 8, 1), (5, 5, 1, 2)),
    ),
    Subject(
        "conv 5x5 unpadded, 6 to 16 at 14x14",
        "blocked",
        partial(cnnjax.conv, padding="VALID"),
        ((14, 14, 6), (5, 5, 6, 16)),
        ((6, 8, 2), (5, 5, 2, 2)),
    ),
    Subject(
        "conv 3x3, 3 to 64 at 32x32",
        "blocked",
        cnnjax.conv,
        ((32, 32, 3), (3, 3, 3, 64)),
        ((4, 8, 3), (3, 3, 3, 2)),
    ),
    Subject(
        "conv 5x5, 3 to 32 at 100x100",
        "wide",
        cnnjax.conv,
        ((100, 100, 3), (5, 5, 3, 32)),
        ((6, 12, 2), (5, 5, 2, 3)),
    ),
    Subject(
        "conv 7x7, 3 to 64 at 64x64",
        "wide",
        cnnjax.conv,
        ((64, 64, 3), (7, 7, 3, 64)),
        ((7, 9, 1), (7, 7, 1, 2)),
    ),
    Subject(
        "transposed conv 4x4 stride 2, 64 to 32 at 16x16",
        "phases",
        partial(cnnjax.conv_transpose, stride=2, padding="SAME"),
        ((16, 16, 64), (4, 4, 32, 64)),
        ((3, 2, 2), (4, 4, 2, 2)),
    ),
    Subject(
        "transposed conv 3x3, 64 to 32 at 32x32",
        "spread",
        partial(cnnjax.conv_transpose, stride=1, padding="SAME"),
        ((32, 32, 64), (3, 3, 32, 64)),
        ((4, 3, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "bias, 64 at 32x32",
        "ones",
        _bias,
        ((32, 32, 64), (64,)),
        ((3, 3, 2), (2,)),
    ),
    Subject(
        "means, 64 at 32x32",
        "ones",
        _means,
        ((32, 32, 64),),
        ((3, 3, 2),),
    ),
    Subject(
        "mean-pool 2x2, 64 at 56x56",
        "folded",
        partial(_sums, window=(2, 2)),
        ((56, 56, 64),),
        ((5, 6, 2),),
    ),
    Subject(
        "max-pool 2x2, 32 at 100x100",
        "argmax",
        partial(_pool, window=2),
        ((100, 100, 32),),
        ((5, 6, 2),),
    ),
    Subject(
        "max-pool 3x3 stride 2, 64 at 56x56",
        "argmax",
        partial(_pool, window=3, stride=2, padding=1),
        ((56, 56, 64),),
        ((6, 6, 1),),
    ),
]

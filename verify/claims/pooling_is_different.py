"""Pooling is not downsampling: a pixel that downsampling drops shows it."""

from __future__ import annotations

from collections.abc import Iterator

import jax

from cnnjax import avg_pool, conv, max_pool
from verify.claims.claim import Claim, Size, Variant
from verify.claims.programs import equal, equal_gradients, f32, source
from verify.dtypes import Function


def downsampled(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution of stride 1, then every second pixel of every second row."""
    return conv(x, kernel)[::2, ::2]


def max_pooled(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same convolution, then the largest pixel of each 2x2 window."""
    return max_pool(conv(x, kernel), 2)


def avg_pooled(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same convolution, then the mean of each 2x2 window."""
    return avg_pool(conv(x, kernel), 2)


def max_pooled_1x1(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Pooling with a window of one pixel, every second of them."""
    return max_pool(conv(x, kernel), 1, stride=2)


def avg_pooled_1x1(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The mean of one pixel."""
    return avg_pool(conv(x, kernel), 1, stride=2)


DIFFERENT: dict[str, Function] = {"max": max_pooled, "average": avg_pooled}
SAME: dict[str, Function] = {"max-1x1": max_pooled_1x1, "average-1x1": avg_pooled_1x1}

SMALL = (f32(6, 6, 2), f32(3, 3, 2, 1))
NOTE = (f32(100, 100, 3), f32(5, 5, 3, 32))


def _of(prefix: str, examples: tuple[object, ...], size: Size) -> Iterator[Variant]:
    for name, pooled in DIFFERENT.items():
        yield equal(
            f"{prefix}{name}",
            f"2x2 {name}-pooling is not downsampling: one pixel shows it.",
            pooled,
            downsampled,
            *examples,
            expected="refuted",
            size=size,
        )
    for name, pooled in SAME.items():
        yield equal(
            f"{prefix}{name}",
            f"Pooling with a 1x1 window is downsampling ({name.split('-')[0]}).",
            pooled,
            downsampled,
            *examples,
            size=size,
        )


def _variants() -> Iterator[Variant]:
    yield from _of("", SMALL, "small")
    for name, pooled in SAME.items():
        yield equal_gradients(
            f"{name}-gradients",
            "With a 1x1 window the gradients in image and kernel are those of downsampling.",
            pooled,
            downsampled,
            *SMALL,
        )
    yield from _of("note-", NOTE, "full")


CLAIM = Claim(
    id="pooling-is-different",
    korean="pooling을 할 경우는 또 다른거고",
    english="If one pools [instead of downsampling], that is another matter.",
    statement=source(downsampled, max_pooled, avg_pooled),
    conclusion=(
        "True: max- and average-pooling read all pixels of their window, downsampling only one of "
        "them, so a single pixel tells them apart. Only the 1x1 window makes pooling downsampling."
    ),
    variants=tuple(_variants()),
)

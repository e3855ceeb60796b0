"""Patch by patch through all layers is layer by layer, if the maps in between end in zeros."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import jax

import cnnjax
from verify.claims.claim import Claim, Size, Variant
from verify.claims.patch_by_patch import (
    Layers,
    Over,
    case_a,
    case_b,
    interior,
    max_pool,
    squares,
    through_all_layers,
)
from verify.claims.programs import equal, equal_gradients, f32, source
from verify.dtypes import Function

WAYS: dict[str, Over] = {"sequential": "one after the other", "vmapped": "all at once"}


Network = tuple[jax.ShapeDtypeStruct, list[dict[str, jax.ShapeDtypeStruct]]]


def _network(size: int, channels: int, widths: Sequence[int], kernel: int) -> Network:
    """Shapes of an image and of its layers."""
    layers: list[dict[str, jax.ShapeDtypeStruct]] = []
    inputs = channels
    for outputs in widths:
        layers.append({"kernel": f32(kernel, kernel, inputs, outputs), "bias": f32(outputs)})
        inputs = outputs
    return f32(size, size, channels), layers


CONVOLUTIONS = _network(5, 2, (2, 3), 3)  # 5x5 positions, patches of 5x5
POOLED = _network(26, 2, (2, 2, 3), 3)  # 3x3 positions (26, 13, 6, 3), patches of 22x22
NOTE = _network(100, 3, (32, 64, 128), 5)  # 12x12 positions, patches of 36x36


def _a(pool: int, over: Over, zeros_outside: bool = True) -> Callable[..., jax.Array]:
    def patch_by_patch(x: jax.Array, layers: Layers) -> jax.Array:
        return case_a(x, layers, pool, over, zeros_outside=zeros_outside)

    return patch_by_patch


def _b(pool: int) -> Callable[..., jax.Array]:
    def layer_by_layer(x: jax.Array, layers: Layers) -> jax.Array:
        return case_b(x, layers, pool)

    return layer_by_layer


def _inside(f: Callable[..., jax.Array], pool: int) -> Callable[..., jax.Array]:
    def away_from_the_border(x: jax.Array, layers: Layers) -> jax.Array:
        rows, columns = (interior(n, layers, pool) for n in x.shape[:2])
        return f(x, layers)[rows, columns]

    return away_from_the_border


def _without_bias(f: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    def with_zero_biases(x: jax.Array, layers: Layers) -> jax.Array:
        return f(x, [{**layer, "bias": layer["bias"] * 0} for layer in layers])

    return with_zero_biases


def _split_pool(x: jax.Array) -> jax.Array:
    """2x2 max-pooling by `jnp.max`."""
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))


def _of(prefix: str, about: str, pool: int, network: Network, size: Size) -> Iterator[Variant]:
    """Both forms of Case A, and the naive form, for one network."""
    for name, over in WAYS.items():
        yield equal(
            f"{prefix}{name}",
            f"Each position from its own patch, {over}, gives the map that layer by layer gives "
            f"({about}).",
            _a(pool, over),
            _b(pool),
            *network,
            size=size,
        )
    naive = _a(pool, "all at once", zeros_outside=False)
    yield equal(
        f"{prefix}naive",
        "Padding only the image is not the same: beyond the border the maps in between are not "
        f"zero ({about}).",
        naive,
        _b(pool),
        *network,
        expected="refuted",
        size=size,
    )
    yield equal(
        f"{prefix}naive-interior",
        f"Padding only the image is the same where the patch lies on the image ({about}).",
        _inside(naive, pool),
        _inside(_b(pool), pool),
        *network,
        size=size,
    )


def _variants() -> Iterator[Variant]:
    yield from _of("", "two convolutions", 1, CONVOLUTIONS, "small")
    yield equal(
        "naive-without-bias",
        "Without biases padding only the image is still not the same: a kernel that overhangs the "
        "border sees the image from outside.",
        _without_bias(_a(1, "all at once", zeros_outside=False)),
        _without_bias(_b(1)),
        *CONVOLUTIONS,
        expected="refuted",
    )
    yield equal(
        "pooling",
        "The pooling that is used here is the library's.",
        lambda x: max_pool(x, 2),
        lambda x: cnnjax.max_pool(x, 2),
        f32(7, 6, 2),
    )
    pools: tuple[Function, Function, jax.ShapeDtypeStruct]
    pools = (lambda x: max_pool(x, 2), _split_pool, f32(4, 6, 2))
    yield equal("pooling-as-max", "Pooling by jnp.max has the same values.", *pools)
    yield equal_gradients(
        "pooling-as-max-gradients",
        "Its gradients differ where maxima tie: jnp.max splits them, pooling gives all to the "
        "first. Case A and Case B agree on ties because they pool in the same way.",
        *pools,
        expected="refuted",
    )
    yield from _of("pooled-", "three convolutions, each with 2x2 max-pooling", 2, POOLED, "small")
    for name, over in WAYS.items():
        for prefix, pool, network in (("", 1, CONVOLUTIONS), ("pooled-", 2, POOLED)):
            yield equal_gradients(
                f"{prefix}{name}-gradients",
                f"Both have the same gradients in the image, the kernels and the biases ({over}"
                f"{', with pooling' if pool > 1 else ''}).",
                _a(pool, over),
                _b(pool),
                *network,
            )
    yield from _of("note-", "the note's three layers with pooling, 100x100x3", 2, NOTE, "full")


CLAIM = Claim(
    id="case-a-is-case-b",
    korean="아래 두 방식은 output이 완전히 같다.",
    english=(
        "The two have exactly the same output: (A) all layers for one patch, then the next patch; "
        "(B) one layer for all patches, then the next layer."
    ),
    statement=source(case_b, max_pool, case_a, through_all_layers, squares),
    conclusion=(
        "True with one condition: what a patch computes beyond the border of a map in between must "
        "be set to zero, because layer by layer pads every map with zeros. Padding only the image "
        "is wrong at the border (a bias is enough to show it, and even without biases it differs) "
        "and right in the interior. With pooling in between the same holds, and so it does for the "
        "gradients, ties of the maximum included."
    ),
    variants=tuple(_variants()),
)

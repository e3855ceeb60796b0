"""A deeper layer is an MLP over all the maps of the layer before: it combines features."""

from __future__ import annotations

from collections.abc import Iterator

import jax

from cnnjax import conv, max_pool, relu
from verify.claims.claim import Claim, Variant
from verify.claims.patches import layer, mlp_on_patches
from verify.claims.programs import equal, equal_gradients, f32, source


def layer2_after_layer1(
    x: jax.Array, kernel1: jax.Array, bias1: jax.Array, kernel2: jax.Array, bias2: jax.Array
) -> jax.Array:
    """Two layers of the note: the second reads the pooled maps of the first."""
    return layer(max_pool(layer(x, kernel1, bias1), 2), kernel2, bias2)


def mlp_of_features(
    x: jax.Array, kernel1: jax.Array, bias1: jax.Array, kernel2: jax.Array, bias2: jax.Array
) -> jax.Array:
    """The same with the second layer as an MLP on patches of all maps (5x5x32 in the note)."""
    return mlp_on_patches(max_pool(layer(x, kernel1, bias1), 2), kernel2, bias2)


def layer2(maps: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """The second layer alone, on the maps of the first."""
    return layer(maps, kernel, bias)


def sum_over_all_maps(maps: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """Every map convolved with its own slice of the kernel, and summed before the ReLU."""
    return relu(_each(maps, kernel, maps.shape[-1]) + bias)


def sum_over_all_but_one(maps: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """The last map left out."""
    return relu(_each(maps, kernel, maps.shape[-1] - 1) + bias)


def relu_of_each_map(maps: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """A ReLU for each map, and the sum after it."""
    count = maps.shape[-1]
    each = [
        relu(conv(maps[..., c, None], kernel[:, :, c, None], bias / count)) for c in range(count)
    ]
    return sum(each[1:], each[0])


def _each(maps: jax.Array, kernel: jax.Array, count: int) -> jax.Array:
    each = [conv(maps[..., c, None], kernel[:, :, c, None]) for c in range(count)]
    return sum(each[1:], each[0])


TWO_LAYERS = (f32(8, 8, 2), f32(3, 3, 2, 3), f32(3), f32(3, 3, 3, 4), f32(4))
MAPS = (f32(6, 6, 3), f32(3, 3, 3, 4), f32(4))
NOTE = (f32(100, 100, 3), f32(5, 5, 3, 32), f32(32), f32(5, 5, 32, 64), f32(64))
NOTE_MAPS = (f32(50, 50, 32), f32(5, 5, 32, 64), f32(64))


def _variants() -> Iterator[Variant]:
    yield equal(
        "values",
        "Layer 2 is the MLP on patches of all maps of layer 1, after layer 1 and its pooling.",
        layer2_after_layer1,
        mlp_of_features,
        *TWO_LAYERS,
    )
    yield equal_gradients(
        "gradients",
        "Both have the same gradients in the image, in both kernels and in both biases.",
        layer2_after_layer1,
        mlp_of_features,
        *TWO_LAYERS,
    )
    yield equal(
        "all-maps",
        "What a kernel answers is the sum of its answers to each map, cut off at 0 once.",
        layer2,
        sum_over_all_maps,
        *MAPS,
    )
    yield equal_gradients(
        "all-maps-gradients",
        "The sum over the maps has the same gradients in maps, kernel and bias.",
        layer2,
        sum_over_all_maps,
        *MAPS,
    )
    yield equal(
        "some-maps",
        "A sum over only some of the maps is not the same: the pixel of a map left out shows it.",
        layer2,
        sum_over_all_but_one,
        *MAPS,
        expected="refuted",
    )
    yield equal(
        "relu-of-each-map",
        "A ReLU for each map, and then the sum, is not the same: features could not inhibit.",
        layer2,
        relu_of_each_map,
        *MAPS,
        expected="refuted",
    )
    yield equal(
        "note-values",
        "Layer 2 of the note: 64 kernels of 5x5x32 on the pooled maps of 100x100x3.",
        layer2_after_layer1,
        mlp_of_features,
        *NOTE,
        size="full",
    )
    yield equal_gradients(
        "note-gradients",
        "The same gradients at the note's size, in the maps, the kernels and the biases.",
        layer2,
        mlp_on_patches,
        *NOTE_MAPS,
        size="full",
    )
    yield equal(
        "note-some-maps",
        "At the note's size, leaving out one of the 32 maps shows.",
        layer2,
        sum_over_all_but_one,
        *NOTE_MAPS,
        expected="refuted",
        size="full",
    )


CLAIM = Claim(
    id="deeper-is-mlp-of-features",
    korean="CNN deeper layer = “Feature들의 조합을 보는 MLP”",
    english="A deeper CNN layer is an MLP that looks at combinations of features.",
    statement=source(layer2_after_layer1, mlp_of_features, sum_over_all_maps),
    conclusion=(
        "True: layer 2 is a one-layer MLP on 5x5 patches of all the maps of layer 1 (5x5x32 in the "
        "note), values and gradients alike. It adds up what it finds in every map before the ReLU; "
        "leaving out a map, or cutting off map by map, gives another function."
    ),
    variants=tuple(_variants()),
)

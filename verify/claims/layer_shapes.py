"""The shapes of the note's network, from its real model, without computing a single number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import jax

from cnnjax import conv, max_pool
from cnnjax.models import notes_cnn
from verify.claims.claim import Claim, Variant
from verify.claims.programs import f32, source
from verify.found import Counterexample
from verify.verdict import Status, Verdict

Shapes = dict[str, tuple[int, ...]]
Arrays = Mapping[str, jax.ShapeDtypeStruct]

_METHOD = "abstract evaluation of the model's own code"


def maps_of_the_note() -> Arrays:
    """Every map of `notes_cnn` for one image of 100x100x3, as shapes."""
    model = notes_cnn(classes=10)
    params = jax.eval_shape(model.init, jax.random.key(0))
    return jax.eval_shape(model.features, params, f32(100, 100, 3))


def kernels_of_the_note() -> Arrays:
    """The kernels of `notes_cnn`, as shapes."""
    params = jax.eval_shape(notes_cnn(classes=10).init, jax.random.key(0))
    return {name: layer["kernel"] for name, layer in params.items()}


def third_pooling(padding: str) -> Callable[[], Arrays]:
    """Layer 3 with its last pooling padded one way or the other."""

    def pooled() -> Arrays:
        maps, kernel = f32(25, 25, 64), f32(5, 5, 64, 128)
        shape = jax.eval_shape(lambda x, w: max_pool(conv(x, w), 2, padding=padding), maps, kernel)
        return {"pool3": shape}

    return pooled


def have_shapes(found: Callable[[], Arrays], claimed: Shapes) -> Verdict:
    """Whether the arrays that `found` names have the shapes that are claimed for them.

    >>> have_shapes(maps_of_the_note, {"pool1": (50, 50, 32)}).status
    'proved'
    >>> have_shapes(maps_of_the_note, {"pool1": (49, 50, 32)}).counterexample.explanation
    'pool1: claimed (49, 50, 32), found (50, 50, 32)'
    """
    start = time.monotonic()
    arrays = found()
    for name, shape in claimed.items():
        real = arrays[name].shape
        if real != shape:
            why = f"{name}: claimed {shape}, found {real}"
            example = Counterexample((), str(shape), str(real), None, why)
            seconds = time.monotonic() - start
            return Verdict("refuted", method=_METHOD, counterexample=example, seconds=seconds)
    return Verdict("proved", method=_METHOD, seconds=time.monotonic() - start)


_CLAIMED: dict[str, tuple[str, Callable[[], Arrays], Shapes, Status]] = {
    "layer-1": (
        "Layer 1 turns 100x100x3 into 100x100x32, ReLU keeps that, pooling makes 50x50x32.",
        maps_of_the_note,
        {"conv1": (100, 100, 32), "relu1": (100, 100, 32), "pool1": (50, 50, 32)},
        "proved",
    ),
    "layer-2": (
        "Layer 2 turns 50x50x32 into 50x50x64, and pooling makes 25x25x64.",
        maps_of_the_note,
        {"conv2": (50, 50, 64), "relu2": (50, 50, 64), "pool2": (25, 25, 64)},
        "proved",
    ),
    "layer-3": (
        "Layer 3 gives 25x25x128; pooling drops the odd last row and column: 12x12x128.",
        maps_of_the_note,
        {"conv3": (25, 25, 128), "relu3": (25, 25, 128), "pool3": (12, 12, 128)},
        "proved",
    ),
    "layer-3-pooled-same": (
        "If the last pooling is padded (SAME) instead, layer 3 gives 13x13x128.",
        third_pooling("SAME"),
        {"pool3": (13, 13, 128)},
        "proved",
    ),
    "layer-3-unpadded-is-13": (
        "13x13x128 without padding in the last pooling is not what comes out.",
        third_pooling("VALID"),
        {"pool3": (13, 13, 128)},
        "refuted",
    ),
    "kernels": (
        "The kernels are 32 of 5x5x3, 64 of 5x5x32 and 128 of 5x5x64.",
        kernels_of_the_note,
        {"conv1": (5, 5, 3, 32), "conv2": (5, 5, 32, 64), "conv3": (5, 5, 64, 128)},
        "proved",
    ),
    "fully-connected": (
        "Flattened that is a vector of 12x12x128 = 18432 numbers, connected to one output a class.",
        kernels_of_the_note,
        {"dense": (12 * 12 * 128, 10)},
        "proved",
    ),
    "output-vector": (
        "What comes out is a vector with one number a class.",
        maps_of_the_note,
        {"dense": (10,)},
        "proved",
    ),
}


def _variants() -> Iterator[Variant]:
    for name, (says, found, claimed, expected) in _CLAIMED.items():

        def settle(found: Callable[[], Arrays] = found, claimed: Shapes = claimed) -> Verdict:
            return have_shapes(found, claimed)

        yield Variant(name, says, expected, settle)


CLAIM = Claim(
    id="layer-shapes",
    korean=(
        "layer1에서 100 x 100 x 3(RGB) 원본 이미지를 50 x 50 x 32(layer1 커널수) feature_map으로 "
        "만든 방법과 정확히 같은 방법으로 25 x 25 x 64(layer2 커널수) feature_map을 만듦."
    ),
    english=(
        "In exactly the way that layer 1 turned the original 100 x 100 x 3 (RGB) image into a "
        "50 x 50 x 32 feature map (32: the kernels of layer 1), make a 25 x 25 x 64 feature map "
        "(64: the kernels of layer 2)."
    ),
    statement=source(maps_of_the_note, kernels_of_the_note),
    conclusion=(
        "True: 100x100x3 -> 100x100x32 -> 50x50x32 -> 50x50x64 -> 25x25x64, with 32 kernels of "
        "5x5x3 and 64 of 5x5x32. The note stops there: layer 3 (128 kernels of 5x5x64) gives "
        "25x25x128, and as 25 is odd its pooling gives 12x12x128, or 13x13x128 if it is padded."
    ),
    variants=tuple(_variants()),
)

"""The number of kernels is chosen, what they detect is learned: one proved, one measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp

from cnnjax import conv
from cnnjax.models import notes_cnn
from verify.claims.claim import Claim, Variant
from verify.claims.layer_shapes import Shapes, have_shapes
from verify.claims.measured import results
from verify.claims.programs import equal, equal_gradients, f32, source
from verify.verdict import Verdict


def kernels_of(widths: Sequence[int]) -> dict[str, jax.ShapeDtypeStruct]:
    """The kernels of the note's network with other numbers of them, as shapes."""
    model = notes_cnn(classes=10, widths=widths)
    params = jax.eval_shape(model.init, jax.random.key(0))
    return {name: layer["kernel"] for name, layer in params.items()}


def all_kernels(x: jax.Array, kernels: jax.Array) -> jax.Array:
    """A layer with its kernels side by side."""
    return conv(x, kernels)


def one_by_one(x: jax.Array, kernels: jax.Array) -> jax.Array:
    """Each kernel alone makes one map; the maps are stacked in depth."""
    maps = [conv(x, kernels[..., n : n + 1]) for n in range(kernels.shape[-1])]
    return jnp.concatenate(maps, axis=-1)


WIDTHS = ((32, 64, 128), (8, 8, 8), (1, 2, 3))


def _variants() -> Iterator[Variant]:
    for widths in WIDTHS:
        a, b, c = widths
        claimed: Shapes = {"conv1": (5, 5, 3, a), "conv2": (5, 5, a, b), "conv3": (5, 5, b, c)}

        def settle(widths: Sequence[int] = widths, claimed: Shapes = claimed) -> Verdict:
            return have_shapes(lambda: kernels_of(widths), claimed)

        says = f"Asked for {a}, {b} and {c} kernels, the network has just these numbers of them."
        yield Variant("-".join(map(str, ("widths", *widths))), says, "proved", settle)
    small = f32(6, 6, 3), f32(3, 3, 3, 4)
    yield equal(
        "side-by-side",
        "A layer of several kernels is that many layers of one kernel, their maps stacked.",
        all_kernels,
        one_by_one,
        *small,
    )
    yield equal_gradients(
        "side-by-side-gradients",
        "The gradients in image and kernels are the same: each kernel learns for itself.",
        all_kernels,
        one_by_one,
        *small,
    )
    yield equal(
        "note-side-by-side",
        "The note's layer 1: 32 kernels of 5x5x3 on 100x100x3.",
        all_kernels,
        one_by_one,
        f32(100, 100, 3),
        f32(5, 5, 3, 32),
        size="full",
    )


CLAIM = Claim(
    id="count-is-hyperparameter",
    korean=(
        "커널 개수는 내가 미리 정하는 하이퍼파라미터이고, 각 커널이 “어떤 패턴(직선, 곡선, 모서리, "
        "질감 등)을 감지할지”는 알아서 학습함."
    ),
    english=(
        "The number of kernels is a hyperparameter that I choose beforehand, and “which pattern "
        "(lines, curves, corners, textures, ...) each kernel detects” is learned by itself."
    ),
    statement=source(kernels_of, all_kernels, one_by_one),
    conclusion=(
        "True: any number can be asked for, and n kernels side by side are n layers of one kernel, "
        "each with its own gradient. What they come to detect is measured by training."
    ),
    variants=tuple(_variants()),
    measured=results("count-is-hyperparameter"),
)

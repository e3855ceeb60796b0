"""ReLU makes `2 1 / 1 2` surer: what that can mean, and when it is so.

Selectivity: what a map answers on the wanted diagonal against the other one. `2 1 / 1 2` has 4
against 2, two to one; with a bias of -1 ReLU leaves 2 against 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from cnnjax import conv, relu
from verify.claims.claim import Claim, Variant
from verify.claims.measured import results
from verify.claims.programs import equal, equal_gradients, f32, source

# A kernel that looks for a diagonal, and an image with one and two stray pixels.
DIAGONAL = jnp.array([[1.0, 0.0], [0.0, 1.0]])
STRAY = jnp.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]])


def layer(x: jax.Array, kernel: jax.Array, bias: float) -> jax.Array:
    """A layer with one kernel on a grey image: (H, W) -> (H', W')."""
    return relu(conv(x[..., None], kernel[..., None, None], padding="VALID")[..., 0] + bias)


def note_map() -> jax.Array:
    """The map of the note, `2 1 / 1 2`, as the answers of a real kernel to a real image."""
    return layer(STRAY, DIAGONAL, bias=0.0)


def sharpened() -> jax.Array:
    """The same with a bias of -1."""
    return layer(STRAY, DIAGONAL, bias=-1.0)


def doubled() -> jax.Array:
    """The same with a kernel of twice the weight, and a bias of -2."""
    return layer(STRAY, 2 * DIAGONAL, bias=-2.0)


def selectivity(answers: jax.Array) -> jax.Array:
    """(on, off): the sums of a 2x2 map over the wanted and over the other diagonal."""
    on = answers[0, 0] + answers[1, 1]
    return jnp.stack([on, answers.sum() - on])


def with_bias(contrast: jax.Array) -> jax.Array:
    """`2 1 / 1 2` at any contrast, minus its lower answer, through ReLU."""
    return relu(contrast * jnp.array([[2.0, 1.0], [1.0, 2.0]]) - contrast)


def diagonal(contrast: jax.Array) -> jax.Array:
    """`1 0 / 0 1` at the same contrast, nothing if that is negative."""
    return relu(contrast) * jnp.eye(2)


def _variants() -> Iterator[Variant]:
    yield equal(
        "the-map",
        "A diagonal kernel answers 2 1 / 1 2 to a diagonal with two stray pixels.",
        note_map,
        lambda: jnp.array([[2.0, 1.0], [1.0, 2.0]]),
    )
    yield equal(
        "bias-minus-1",
        "With a bias of -1, ReLU makes it 1 0 / 0 1.",
        sharpened,
        lambda: jnp.array([[1.0, 0.0], [0.0, 1.0]]),
    )
    yield equal(
        "two-zero",
        "The note's 2 0 / 0 2 is what a kernel of twice the weight with a bias of -2 makes.",
        doubled,
        lambda: jnp.array([[2.0, 0.0], [0.0, 2.0]]),
    )
    yield equal(
        "without-bias",
        "ReLU alone does not: 2 1 / 1 2 has nothing below zero to cut off.",
        note_map,
        lambda: jnp.array([[2.0, 0.0], [0.0, 2.0]]),
        expected="refuted",
    )
    yield equal(
        "relu-alone-keeps-it",
        "ReLU is the identity on a map without negative answers: a second one changes nothing.",
        lambda x: relu(relu(x)),
        relu,
        f32(2, 2),
    )
    yield equal(
        "selectivity",
        "The wanted diagonal against the other: 4 to 2 before, 2 to 0 after, an infinite ratio.",
        lambda: jnp.stack([selectivity(note_map()), selectivity(sharpened())]),
        lambda: jnp.array([[4.0, 2.0], [2.0, 0.0]]),
    )
    yield equal(
        "any-contrast",
        "It is so at every contrast, if the bias is minus the lower answer.",
        with_bias,
        diagonal,
        f32(),
    )
    yield equal_gradients(
        "any-contrast-gradients",
        "And the gradients in the contrast are the same.",
        with_bias,
        diagonal,
        f32(),
    )
    yield equal(
        "fixed-bias",
        "With one fixed bias of -1 it is not so at every contrast.",
        lambda contrast: relu(contrast * jnp.array([[2.0, 1.0], [1.0, 2.0]]) - 1),
        diagonal,
        f32(),
        expected="refuted",
    )


CLAIM = Claim(
    id="relu-sharpens",
    korean=("그걸 ReLU로 더 빨리 결과가나오게한게아닐까 2 1 / 1 2보단 2 0 / 0 2가 더 확실하니"),
    english=(
        "Perhaps ReLU is there to get to the result sooner: 2 0 / 0 2 is surer than 2 1 / 1 2."
    ),
    statement=source(layer, note_map, sharpened, selectivity, with_bias),
    conclusion=(
        "True together with a bias: with -1, 2 1 / 1 2 becomes 1 0 / 0 1, and the selectivity "
        "between the diagonals goes from 2:1 to infinite; 2 0 / 0 2 needs twice the weight too. "
        "ReLU alone changes nothing there, and one bias fits one contrast. Whether it learns "
        "sooner is measured by training."
    ),
    variants=tuple(_variants()),
    measured=results("relu-sharpens"),
)

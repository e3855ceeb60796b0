"""Reads at one index in two modes: clamped, and filled with NaN where it is out of bounds."""

import jax
import jax.numpy as jnp
import optax
import pytest

import verify
from tests.verify.pairs.famous import f32

LOGITS, LABELS = f32(3, 5), jax.ShapeDtypeStruct((3,), jnp.int32)
ONE = jax.ShapeDtypeStruct((), jnp.int32)


def by_pairs(x, y):
    return x[jnp.arange(3), y]


def along_axis(x, y):
    return jnp.take_along_axis(x, y[:, None], 1)[:, 0]


EQUAL = {
    "pairs of indices": (by_pairs, along_axis, LOGITS, LABELS),
    "the other way round": (along_axis, by_pairs, LOGITS, LABELS),
    "cross-entropy of labels": (
        optax.softmax_cross_entropy_with_integer_labels,
        lambda x, y: -by_pairs(jax.nn.log_softmax(x), y),
        LOGITS,
        LABELS,
    ),
    "its gradient": (
        lambda x, y: jax.grad(lambda x: by_pairs(jax.nn.log_softmax(x), y).sum())(x),
        lambda x, y: jax.grad(lambda x: along_axis(jax.nn.log_softmax(x), y).sum())(x),
        LOGITS,
        LABELS,
    ),
    "rows": (lambda x, y: jnp.take(x, y, axis=0), lambda x, y: x[y], f32(4, 3), LABELS),
    "what is added everywhere": (
        lambda x, y: x[y] + 1,
        lambda x, y: (x + 1)[y],
        f32(4),
        LABELS,
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_reads_at_one_index_agree_in_bounds(name):
    f, g, *examples = EQUAL[name]
    for seed in range(2):
        verdict = verify.equivalent(f, g, *examples, seed=seed)
        assert verdict.status == "proved", str(verdict)


def test_what_a_filling_read_takes_for_granted_is_said():
    verdict = verify.equivalent(by_pairs, along_axis, LOGITS, LABELS)
    assert any("fills with NaN" in sentence for sentence in verdict.assumptions)
    # With one place to read from, there is no condition left to say it by.
    verdict = verify.equivalent(lambda x, y: jnp.take(x, y), lambda x, y: x[0] + 0 * y, f32(1), ONE)
    assert verdict.status != "proved" or any("fills" in s for s in verdict.assumptions)


def filled(x, y):
    return jnp.take(x, y, mode="fill")


# Different somewhere out of bounds, where both programs have a value.
DIFFERENT = {
    "another index": (by_pairs, lambda x, y: along_axis(x, y + 1), LOGITS, LABELS),
    "clamped and wrapped": (
        lambda x, y: jnp.take(x, y, mode="clip"),
        lambda x, y: jnp.take(x, y, mode="wrap"),
        f32(4),
        LABELS,
    ),
    "clamped and replaced": (
        lambda x, y: jnp.take(x, y, mode="clip"),
        lambda x, y: jnp.where((y >= 0) & (y < 4), filled(x, y), 7.0),
        f32(4),
        ONE,
    ),
    "filled, and discarded": (
        lambda x, y: jnp.take(x, y, mode="clip"),
        lambda x, y: (
            jnp.where(y == 0, x[0], 0)
            + jnp.where(y == 1, x[1], 0)
            + jnp.where((y >= 0) & (y < 2), filled(x, y) - filled(x, y), 0)
        ),
        f32(2),
        ONE,
    ),
    "one hot": (
        lambda x, y: jnp.take(x, y, mode="clip"),
        lambda x, y: x @ jax.nn.one_hot(y, 4),
        f32(4),
        ONE,
    ),
    "the last is not the rest": (
        lambda x, y: jnp.take(x, y, mode="clip"),
        lambda x, y: jnp.where(y == 0, x[0], jnp.where(y == 1, x[1], x[2])),
        f32(3),
        ONE,
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_reads_that_differ_out_of_bounds_are_refuted(name):
    f, g, *examples = DIFFERENT[name]
    for seed in range(3):
        verdict = verify.equivalent(f, g, *examples, seed=seed)
        assert verdict.status == "refuted", str(verdict)

"""A proof that programs of different floating-point formats are the same function says so."""

import jax
import jax.numpy as jnp
import pytest

import verify
from verify.formats import NOTE

F32, BF16 = jnp.float32, jnp.bfloat16
X = jax.ShapeDtypeStruct((4, 3), F32)
W = jax.ShapeDtypeStruct((3, 2), F32)
NARROW = jax.ShapeDtypeStruct((4, 3), BF16)


def product(x, w):
    return x @ w


def product_in_bfloat16(x, w):
    return (x.astype(BF16) @ w.astype(BF16)).astype(F32)


# Equal pairs and what is said: the formats of the left, and of the right.
PAIRS = {
    "a product in fewer bits": (product, product_in_bfloat16, (X, W), "float32", "bfloat16"),
    "an interior in more bits": (
        lambda x: jnp.tanh(x) * 2,
        lambda x: (2 * jnp.tanh(x.astype(F32))).astype(BF16),
        (NARROW,),
        "bfloat16",
        "bfloat16 and float32",
    ),
    "there and back": (
        lambda x: x,
        lambda x: x.astype(BF16).astype(F32),
        (X,),
        "the formats of its inputs, exactly",
        "bfloat16",
    ),
    "in the body of a loop": (
        lambda x: jax.lax.scan(lambda c, a: (c + a, None), jnp.zeros(3), x)[0],
        lambda x: jax.lax.scan(
            lambda c, a: ((c.astype(BF16) + a.astype(BF16)).astype(F32), None), jnp.zeros(3), x
        )[0],
        (X,),
        "float32",
        "bfloat16",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_formats_of_both_sides_are_named(name):
    f, g, examples, left, right = PAIRS[name]
    for pair, sides in (((f, g), (left, right)), ((g, f), (right, left))):
        verdict = verify.equivalent(*pair, *examples)
        assert verdict
        expected = f"{NOTE} the left computes in {sides[0]}, the right in {sides[1]}"
        assert verdict.assumptions[-1] == expected
        assert "the left computes in" in " ".join(str(verdict).split())


SAME = {
    "float32 alone": (product, lambda x, w: (w.T @ x.T).T, (X, W)),
    "bfloat16 alone": (lambda x: x * 2, lambda x: x + x, (NARROW,)),
    "both in both": (
        lambda x: (x.astype(BF16) * 2).astype(F32) + 1,
        lambda x: 1 + (2 * x.astype(BF16)).astype(F32),
        (X,),
    ),
    "moves and choices": (
        lambda x: jnp.maximum(x, 0)[::-1],
        lambda x: jnp.maximum(x.astype(F32)[::-1], 0).astype(BF16),
        (NARROW,),
    ),
    "integers": (lambda x: x + x, lambda x: 2 * x, (jnp.arange(3),)),
}


@pytest.mark.parametrize("name", SAME)
def test_where_both_round_to_the_same_nothing_is_said(name):
    f, g, examples = SAME[name]
    verdict = verify.equivalent(f, g, *examples)
    assert verdict
    assert not any(NOTE in sentence for sentence in verdict.assumptions)

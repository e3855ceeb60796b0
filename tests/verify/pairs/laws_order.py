"""Laws of maxima, comparisons, selection, sorting, exponentials and other functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.verify.pairs.law import Case, f32, i32, law
from tests.verify.pairs.laws_algebra import dyadic, sizes

Rng = np.random.Generator
relu = jax.nn.relu


@law("order")
def maximum_order(rng: Rng) -> Case:
    shape = sizes(rng, 1)
    return Case(
        lambda x, y, z: jnp.maximum(jnp.maximum(x, y), z),
        lambda x, y, z: jnp.maximum(x, jnp.maximum(z, y)),
        lambda x, y, z: jnp.maximum(x, jnp.minimum(z, y)),
        (f32(*shape), f32(*shape), f32(*shape)),
    )


@law("order")
def maximum_by_selection(rng: Rng) -> Case:
    shape, strict = sizes(rng, 1), bool(rng.integers(2))
    return Case(
        jnp.maximum,
        lambda x, y: jnp.where(x > y if strict else x >= y, x, y),
        lambda x, y: jnp.where(x > y, y, x),
        (f32(*shape), f32(*shape)),
    )


@law("order")
def translation(rng: Rng) -> Case:
    a, b = sizes(rng, 2)
    return Case(
        lambda x, t: (x + t[:, None]).max(1),
        lambda x, t: x.max(1) + t,
        lambda x, t: x.max(1) - t,
        (f32(a, b), f32(a)),
    )


@law("order")
def minimum_is_negated_maximum(rng: Rng) -> Case:
    a, b = sizes(rng, 2)
    return Case(lambda x: x.min(0), lambda x: -(-x).max(0), lambda x: -(-x).min(0), (f32(a, b),))


@law("order")
def relu_identities(rng: Rng) -> Case:
    shape, which = sizes(rng, 1), int(rng.integers(6))
    c = float(rng.choice([0.5, 2.0, 3.0, 0.25]))
    pairs = [
        (lambda x: relu(x) - relu(-x), lambda x: x, lambda x: relu(x) + relu(-x)),
        (jnp.abs, lambda x: relu(x) + relu(-x), lambda x: relu(x) - relu(-x)),
        (lambda x: c * relu(x), lambda x: relu(c * x), lambda x: relu(-c * x)),
        (relu, lambda x: x * (x > 0), lambda x: x * (x > 0.5)),
        (lambda x: relu(relu(x)), relu, lambda x: relu(relu(x) - 0.5)),
        (lambda x: (x + jnp.abs(x)) / 2, relu, lambda x: (x - jnp.abs(x)) / 2),
    ]
    return Case(*pairs[which], (f32(*shape),))


@law("order")
def leaky(rng: Rng) -> Case:
    slope = float(rng.choice([0.01, 0.1, 0.25]))
    return Case(
        lambda x: jax.nn.leaky_relu(x, slope),
        lambda x: jnp.maximum(x, slope * x),
        lambda x: jnp.minimum(x, slope * x),
        (f32(*sizes(rng, 2)),),
    )


@law("order")
def clipping(rng: Rng) -> Case:
    low, high = -1.0, float(rng.choice([1.0, 2.0, 6.0]))
    return Case(
        lambda x: jnp.clip(x, low, high),
        lambda x: lax.clamp(low, x, high),
        lambda x: jnp.clip(x, low, high + 1e-3),
        (f32(*sizes(rng, 1)),),
    )


@law("order")
def signs(rng: Rng) -> Case:
    return Case(
        lambda x: x * jnp.sign(x),
        jnp.abs,
        lambda x: x * jnp.where(x > 0, 1.0, -0.5),
        (f32(*sizes(rng, 1)),),
    )


@law("order")
def swapped_comparison(rng: Rng) -> Case:
    shape = sizes(rng, 1)
    return Case(
        lambda x, y, a, b: jnp.where(x > y, a, b),
        lambda x, y, a, b: jnp.where(y >= x, b, a),
        lambda x, y, a, b: jnp.where(y > x, b, a),
        tuple(f32(*shape) for _ in range(4)),
        witness=tuple(jnp.full(shape, v) for v in (1.0, 1.0, 2.0, 3.0)),
    )


@law("rare values")
def needle(rng: Rng) -> Case:
    """A difference beyond a threshold, at one float, or in one corner."""
    shape, which = sizes(rng, 2), int(rng.integers(5))
    threshold = float(np.float32(rng.choice([1e6, 0.123456, -77.25, 3e4, 1234.5])))
    corner = tuple(n - 1 for n in shape)

    def left(x: Any) -> Any:
        return 2 * x + 1

    def mutant(x: Any) -> Any:
        y = left(x)
        if which == 0:
            return jnp.where(x > threshold, y + 1, y)
        if which == 1:
            return jnp.where(x == threshold, y + 1, y)
        if which == 2:
            return y.at[corner].add(jnp.where(x[corner] > threshold, 1.0, 0.0))
        if which == 3:
            return jnp.where(x.sum() > threshold, y + 1, y)
        return jnp.where(jnp.abs(3 * x - threshold) < 1e-2 * abs(threshold), y + 1, y)

    value = {0: threshold + abs(threshold), 1: threshold, 2: threshold + abs(threshold)}.get(
        which, threshold / 3 if which == 4 else abs(threshold)
    )
    witness = (jnp.full(shape, value, jnp.float32),)
    return Case(left, lambda x: x + 1 + x, mutant, (f32(*shape),), witness=witness)


@law("sorting")
def sorting(rng: Rng) -> Case:
    n = int(rng.integers(2, 5))
    return Case(
        lambda x: jnp.sort(x)[::-1],
        lambda x: -jnp.sort(-x),
        lambda x: jnp.sort(x),
        (f32(n),),
    )


@law("sorting")
def argmax_of_shifted(rng: Rng) -> Case:
    a, b = sizes(rng, 2)
    return Case(
        lambda x: jnp.argmax(x, 1),
        lambda x: jnp.argmax(x + 1.5, 1),
        lambda x: jnp.argmin(x, 1),
        (f32(a, b),),
    )


@law("functions")
def softmax_forms(rng: Rng) -> Case:
    shape = sizes(rng, 2)

    def naive(x: Any) -> Any:
        return jnp.exp(x) / jnp.exp(x).sum(-1, keepdims=True)

    return Case(
        lambda x: jax.nn.softmax(x),
        naive,
        lambda x: jnp.exp(x) / jnp.exp(x)[..., 1:].sum(-1, keepdims=True),
        (f32(*shape),),
    )


@law("functions")
def cross_entropy_forms(rng: Rng) -> Case:
    a, b = int(rng.integers(1, 4)), int(rng.integers(2, 4))
    labels = rng.integers(0, b, a)
    hot = np.eye(b, dtype=np.float32)[labels]

    def direct(x: Any) -> Any:
        return jnp.log(jnp.exp(x).sum(-1)) - x[np.arange(a), labels]

    return Case(
        lambda x: -(jax.nn.log_softmax(x) * hot).sum(-1),
        direct,
        lambda x: jnp.log(jnp.exp(x).sum(-1)) - x[np.arange(a), (labels + 1) % b],
        (f32(a, b),),
    )


@law("functions")
def sigmoid_forms(rng: Rng) -> Case:
    which = int(rng.integers(4))
    pairs = [
        (jax.nn.sigmoid, lambda x: 1 / (1 + jnp.exp(-x)), lambda x: 1 / (1 + jnp.exp(x))),
        (jnp.tanh, lambda x: 2 * jax.nn.sigmoid(2 * x) - 1, lambda x: 2 * jax.nn.sigmoid(x) - 1),
        (
            jax.nn.sigmoid,
            lambda x: 0.5 * (jnp.tanh(x / 2) + 1),
            lambda x: 0.5 * (jnp.tanh(x) + 1),
        ),
        (lambda x: 1 - jax.nn.sigmoid(x), lambda x: jax.nn.sigmoid(-x), jax.nn.sigmoid),
    ]
    return Case(*pairs[which], (f32(*sizes(rng, 1)),))


@law("functions")
def exponent_sums(rng: Rng) -> Case:
    shape, c = sizes(rng, 1), dyadic(rng)
    return Case(
        lambda x, y: jnp.exp(c * (x + y)),
        lambda x, y: jnp.exp(c * x) * jnp.exp(c * y),
        lambda x, y: jnp.exp(c * x) + jnp.exp(c * y),
        (f32(*shape), f32(*shape)),
    )


@law("functions")
def square_roots(rng: Rng) -> Case:
    shape = sizes(rng, 1)
    return Case(
        lambda x: x / jnp.sqrt(x * x + 1),
        lambda x: x * lax.rsqrt(1 + x**2),
        lambda x: x * lax.rsqrt(x**2 + 1.5),
        (f32(*shape),),
    )


@law("functions")
def unknown_functions(rng: Rng) -> Case:
    name = str(rng.choice(["sin", "cos", "arctan"]))
    f = getattr(jnp, name)
    a, b = sizes(rng, 2)
    return Case(
        lambda x, w: f(x @ w).sum(0),
        lambda x, w: sum(f((w.T * row).sum(1)) for row in x),
        lambda x, w: f((x @ w).sum(0)),
        (f32(a, b), f32(b, 2)),
    )


@law("functions")
def layer_norm(rng: Rng) -> Case:
    a, b = int(rng.integers(1, 4)), int(rng.choice([2, 4]))

    def direct(x: Any, g: Any) -> Any:
        d = x - x.mean(-1, keepdims=True)
        return d / jnp.sqrt((d * d).mean(-1, keepdims=True) + 1e-5) * g

    def other(x: Any, g: Any, epsilon: float = 1e-5) -> Any:
        mean = x.mean(-1, keepdims=True)
        var = (x * x).mean(-1, keepdims=True) - mean * mean
        return (x - mean) * (lax.rsqrt(var + epsilon) * g)

    return Case(direct, other, lambda x, g: other(x, g, 1e-3), (f32(a, b), f32(b)))


@law("random bits")
def dropout_masks(rng: Rng) -> Case:
    seed, shape = int(rng.integers(100)), (4, 8)

    def drop(x: Any, seed: int) -> Any:
        keep = jax.random.bernoulli(jax.random.key(seed), 0.5, shape)
        return jnp.where(keep, x / 0.5, 0)

    def by_product(x: Any) -> Any:
        keep = jax.random.uniform(jax.random.key(seed), shape) < 0.5
        return 2 * x * keep.astype(x.dtype)

    return Case(lambda x: drop(x, seed), by_product, lambda x: drop(x, seed + 1), (f32(*shape),))


@law("integers")
def table_lookup(rng: Rng) -> Case:
    n, k = 3, int(rng.integers(3, 5))
    return Case(
        lambda t, i: t[jnp.clip(i, 0, k - 1)],
        lambda t, i: jnp.take(t, i, axis=0, mode="clip"),
        lambda t, i: jnp.take(t, i + 1, axis=0, mode="clip"),
        (f32(k), i32(n)),
    )

"""Identities that are proved, by name, and look-alikes that are refuted."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import verify
from tests.verify.pairs.famous import f32

relu = jax.nn.relu
X = f32(3, 4)
I32 = jax.ShapeDtypeStruct((2,), jnp.int32)


def naive_softmax(x):
    return jnp.exp(x) / jnp.exp(x).sum(-1, keepdims=True)


EQUAL = {
    "difference of squares": (lambda x: (x - 1) * (x + 1), lambda x: x * x - 1, X),
    "relu after pooling": (
        lambda x: relu(x.reshape(3, 2, 2).max(1)),
        lambda x: relu(x).reshape(3, 2, 2).max(1),
        X,
    ),
    "relu(x) - relu(-x)": (lambda x: relu(x) - relu(-x), lambda x: x, X),
    "relu by mask": (relu, lambda x: x * (x > 0), X),
    "relu by mask at ties": (lambda x: jnp.where(x > 0, x, 0), lambda x: x * (x >= 0), X),
    "absolute value": (jnp.abs, lambda x: relu(x) + relu(-x), X),
    "scaled relu": (lambda x: 3 * relu(x), lambda x: relu(3 * x), X),
    "leaky relu": (jax.nn.leaky_relu, lambda x: jnp.maximum(x, 0.01 * x), X),
    "softmax": (jax.nn.softmax, naive_softmax, X),
    "log-softmax": (jax.nn.log_softmax, lambda x: jnp.log(naive_softmax(x)), X),
    "exp of log-softmax": (lambda x: jnp.exp(jax.nn.log_softmax(x)), naive_softmax, X),
    "log of a product": (
        lambda x: jnp.log(x * x * x),
        lambda x: 3 * jnp.log(x),
        X,
    ),
    "log1p and exp": (lambda x: jnp.log1p(jnp.exp(x)), lambda x: -jnp.log(jax.nn.sigmoid(-x)), X),
    "gradient of relu": (
        jax.grad(lambda x: relu(2 * x).sum()),
        lambda x: 2.0 * (x > 0),
        X,
    ),
    "rational": (lambda x: x / (x * x + 1), lambda x: 1 / (x + 1 / x), X),
    "a larger number wins": (lambda x: jnp.maximum(x + 1, x), lambda x: x + 1, X),
    "relu of a square": (lambda x: relu(x * x), lambda x: x * x, X),
    "variance": (lambda x: x.var(0), lambda x: (x * x).mean(0) - x.mean(0) ** 2, f32(4, 3)),
    "masked softmax": (
        lambda x: jax.nn.softmax(jnp.where(jnp.arange(4) < 3, x, -jnp.inf)),
        lambda x: jnp.pad(jax.nn.softmax(x[:, :3]), ((0, 0), (0, 1))),
        X,
    ),
    "median of three": (
        lambda x: jnp.sort(x)[1],
        lambda x: jnp.maximum(jnp.minimum(x[0], x[1]), jnp.minimum(jnp.maximum(x[0], x[1]), x[2])),
        f32(3),
    ),
    "clip both ways": (
        lambda x: jnp.clip(x, -1, 1),
        lambda x: jnp.maximum(jnp.minimum(x, 1), -1),
        X,
    ),
    "hard tanh": (
        lambda x: jnp.clip(x, -1, 1),
        lambda x: 0.5 * (jnp.abs(x + 1) - jnp.abs(x - 1)),
        f32(3),
    ),
    "argmax by comparisons": (
        jnp.argmax,
        lambda x: jnp.where(
            x[0] >= x[1],
            jnp.where(x[0] >= x[2], 0, 2),
            jnp.where(x[1] >= x[2], 1, 2),
        ).astype(jnp.int32),
        f32(3),
    ),
    "integer comparison": (
        lambda i: i > 2,
        lambda i: i >= 3,
        jax.ShapeDtypeStruct((3,), jnp.int32),
    ),
    "reciprocal root": (
        lambda x: lax.rsqrt(x) * jnp.sqrt(x),
        lambda x: jnp.sqrt(x) / jnp.sqrt(x),  # not 1, which negative numbers have too
        X,
    ),
}
DIFFERENT = {
    "wrong constant": (lambda x: (x + 1) * 2, lambda x: x * 2 + 1, X),
    "negative scale": (lambda x: -3 * relu(x), lambda x: relu(-3 * x), X),
    "softmax over another axis": (jax.nn.softmax, lambda x: jax.nn.softmax(x, axis=0), X),
    "strict against weak": (
        lambda x: jnp.where(x > 0, 1.0, 0.0),
        lambda x: jnp.where(x >= 0, 1.0, 0.0),
        X,
    ),
    "half at the tie": (
        jax.grad(lambda x: jnp.maximum(x, 0).sum()),
        jax.grad(lambda x: relu(x).sum()),
        X,
    ),
    "first against last maximum": (
        lambda x: jnp.argmax(x, 1),
        lambda x: 3 - jnp.argmax(x[:, ::-1], 1),
        X,
    ),
    "beyond a million": (lambda x: jnp.where(x > 1e6, x + 1, x), lambda x: x, X),
    "at one float": (lambda x: jnp.where(x == 0.123456, 1.0, x), lambda x: x, X),
    "between two floats": (
        lambda x: jnp.where((x > 0.5) & (x < 0.50001), x + 1, x),
        lambda x: x,
        X,
    ),
    "behind a sum": (lambda x: jnp.where(x.sum() > 1234.5, x + 1, x), lambda x: x, X),
    "in one corner": (lambda x: x.at[2, 3].add(relu(x[2, 3] - 5)), lambda x: x, X),
    "only for unequal kernels": (
        lambda x: x[0] * x[1][::-1],
        lambda x: x[0] * x[1],
        f32(2, 3),
    ),
    "a prime factor": (lambda x: 2147483647.0 * x, lambda x: 2147483648.0 * x + x, f32(2)),
    "a constant in four digits": (lambda x: x * 0.1111, lambda x: x / 9, X),
    "overflow": (
        lambda i: (i * 2) // 2,
        lambda i: i,
        jax.ShapeDtypeStruct((2,), jnp.int32),
    ),
    "overflow before widening": (
        lambda x: (x + x).astype(jnp.int32),
        lambda x: 2 * x.astype(jnp.int32),
        jax.ShapeDtypeStruct((), jnp.int8),
    ),
    "overflow before a comparison": (lambda x: x + 1 > x, lambda x: x == x, I32),
    "the smallest integer's absolute value": (lambda x: jnp.abs(x) >= 0, lambda x: x == x, I32),
    "stable sorting": (
        lambda x: lax.sort((x[0], x[1]), num_keys=1)[1],
        lambda x: lax.sort((x[0], x[1]), num_keys=2)[1],
        X,
    ),
    "an infinite constant": (
        lambda x: jnp.where(jnp.isfinite(jnp.array(jnp.inf)), x, 0.0),
        lambda x: x,
        X,
    ),
    "an integer equal to another's float": (
        lambda x: (x.astype(jnp.float32) == 7.0).astype(jnp.int32),
        lambda x: jnp.zeros_like(x),
        I32,
    ),
    "sum of exponentials": (
        lambda x: jnp.exp(x[0] + x[1]),
        lambda x: jnp.exp(x[0]) + jnp.exp(x[1]),
        X,
    ),
    "exp of log with another sign": (
        lambda x: jnp.exp(jnp.log(x)) + x,
        lambda x: jnp.zeros_like(x),
        X,
    ),
    "second difference": (
        lambda x: x[:-2] - 2 * x[1:-1] + x[2:],
        lambda x: jnp.zeros(x.shape[0] - 2),
        f32(6),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_identity_is_proved(name):
    f, g, example = EQUAL[name]
    verdict = verify.equivalent(f, g, example)
    assert verdict.status == "proved", str(verdict)
    assert verdict.error_probability <= 2.0**-100


@pytest.mark.parametrize("name", DIFFERENT)
def test_look_alike_is_refuted(name):
    f, g, example = DIFFERENT[name]
    verdict = verify.equivalent(f, g, example)
    assert verdict.status == "refuted", str(verdict)


def test_a_differing_shape_or_dtype_is_a_refutation():
    shape = verify.equivalent(lambda x: x, lambda x: x[None], X)
    dtype = verify.equivalent(lambda x: x, lambda x: x > 0, X)
    tree = verify.equivalent(lambda x: (x, x), lambda x: {"a": x, "b": x}, X)
    assert [v.status for v in (shape, dtype, tree)] == ["refuted"] * 3
    assert "shapes differ" in shape.counterexample.explanation


def test_a_primitive_without_a_rule_is_unknown_and_named():
    solve = lax.linalg.tridiagonal_solve
    diagonals = [f32(3)] * 3
    twice, once = (lambda *xs: solve(*xs) * 2), (lambda *xs: solve(*xs))
    verdict = verify.equivalent(twice, once, *diagonals, f32(3, 1))
    assert verdict.status == "unknown"
    assert "tridiagonal_solve" in verdict.reason
    assert "test_identities.py" in verdict.reason


root = jnp.sqrt
NEVER_PROVED = {
    "equal everywhere by an unknown law": (
        lambda x: (jnp.cbrt(x * x * x + 0.1) ** 3 > x * x * x + 0.1) * 1.0,
        lambda x: (jnp.cbrt(x * x * x + 0.1) ** 3 >= x * x * x + 0.1) * 1.0,
        f32(),
    ),
    "roots that multiply": (
        lambda x: root(x * x + 2) * root(x * x + 3) > root((x * x + 2) * (x * x + 3)),
        lambda x: root(x * x + 2) * root(x * x + 3) >= root((x * x + 2) * (x * x + 3)),
        f32(),
    ),
}


@pytest.mark.parametrize("name", NEVER_PROVED)
def test_hidden_ties_are_not_ignored(name):
    f, g, example = NEVER_PROVED[name]
    assert verify.equivalent(f, g, example, seconds=10).status != "proved"


@pytest.mark.unrecorded("how far it comes is for the clock to say")
@pytest.mark.parametrize("name", ["strict against weak", "overflow before widening"])
def test_a_short_search_does_not_make_a_proof(name):
    f, g, example = DIFFERENT[name]
    assert verify.equivalent(f, g, example, seconds=0.001).status != "proved"
    assert verify.equivalent(f, g, example).status == "refuted"

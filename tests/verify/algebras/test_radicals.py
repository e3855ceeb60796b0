"""Several square roots in one value: which proofs they allow, and which they must not allow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from tests.verify.pairs.famous import f32
from verify.algebras.base import Unsupported
from verify.interpretation.proof import MODES, PATTERNS, Agreement, prove
from verify.interpretation.trial import TooLarge
from verify.programs import trace

V, S = f32(5), f32()
sqrt, norm = jnp.sqrt, jnp.linalg.norm


def cosine(x, y):
    return x @ y / (norm(x) * norm(y))


def cosine_of_units(x, y):
    return (x / norm(x)) @ (y / norm(y))


def cosine_by_one_root(x, y):
    return x @ y / sqrt((x @ x) * (y @ y))


def units(x):
    return x / norm(x, axis=1, keepdims=True)


def similarities(x, y):
    return units(x) @ units(y).T


def similarities_at_once(x, y):
    return x @ y.T / (norm(x, axis=1)[:, None] * norm(y, axis=1)[None])


def contrastive(logits):
    """The loss of pairs of rows, and its gradients."""
    return lambda x, y: jax.value_and_grad(
        lambda x, y: -jnp.trace(jax.nn.log_softmax(10 * logits(x, y))), (0, 1)
    )(x, y)


def batch_norm(x):
    return (x - x.mean(0)) / sqrt(x.var(0) + 1e-5)


def batch_norm_by_rsqrt(x):
    return (x - x.mean(0)) * lax.rsqrt(x.var(0) + 1e-5)


def pulled_back(f):
    return lambda x, g: jax.vjp(f, x)[1](g)[0]


def gradients(f):
    return jax.grad(f, (0, 1))


def discarded(*xs):
    """Square roots that are not looked at where they are not defined."""
    return sum(jnp.where(x > 0, sqrt(x), 0) for x in xs)


def beside(f, *others):
    """f, with no value where one of the others has none: the domain of the other side."""
    return lambda *xs: f(*xs) + sum(0 * other(*xs) for other in others)


def roots(*xs):
    return sum(map(sqrt, xs))


PROVED = {
    "cosine": (cosine, cosine_of_units, V, V),
    "cosine's gradients": (gradients(cosine), gradients(cosine_of_units), V, V),
    "cosine by one root": (cosine, cosine_by_one_root, V, V),
    "cosine by one root first": (cosine_by_one_root, cosine_of_units, V, V),
    "its gradients": (gradients(cosine), gradients(cosine_by_one_root), V, V),
    "its gradients first": (gradients(cosine_by_one_root), gradients(cosine), V, V),
    "cosines of rows": (
        jax.vmap(cosine),
        lambda x, y: (units(x) * units(y)).sum(1),
        f32(3, 4),
        f32(3, 4),
    ),
    "similarities": (similarities, similarities_at_once, f32(3, 4), f32(5, 4)),
    "contrastive loss": (
        contrastive(similarities),
        contrastive(similarities_at_once),
        f32(2, 3),
        f32(2, 3),
    ),
    "similarities among rows": (
        lambda x: similarities(x, x),
        lambda x: similarities_at_once(x, x),
        f32(4, 3),
    ),
    "of rows to themselves": (
        lambda x: jnp.diag(similarities(x, x)),
        lambda x: 1 + 0 * x[:, 0],
        f32(4, 3),
    ),
    "a root a term of the sum": (
        lambda x: units(x).T @ units(x),
        lambda x: x.T @ (x / (x * x).sum(1, keepdims=True)),
        f32(4, 3),
    ),
    "unit length twice": (lambda x: units(units(x)), units, f32(3, 4)),
    "two batch norms": (
        pulled_back(lambda x: batch_norm(batch_norm(x))),
        pulled_back(lambda x: batch_norm(batch_norm_by_rsqrt(x))),
        f32(4, 2),
        f32(4, 2),
    ),
    "conjugate of two roots": (
        lambda a, b: 1 / (sqrt(a) + sqrt(b)),
        lambda a, b: (sqrt(a) - sqrt(b)) / (a - b),
        V,
        V,
    ),
    "conjugates of three": (
        lambda a, b, c: 1 / (1 / (sqrt(a) + sqrt(b) + sqrt(c))),
        lambda a, b, c: sqrt(a) + sqrt(b) + sqrt(c),
        V,
        V,
        V,
    ),
    "roots side by side": (
        lambda a, b: jnp.concatenate([sqrt(a), 1 / sqrt(b)]) * jnp.concatenate([1 / sqrt(a), b]),
        lambda a, b: jnp.concatenate([1 + 0 * sqrt(a), sqrt(b)]),
        V,
        V,
    ),
    "root over a number": (lambda x: sqrt(x) / 3 * sqrt(x), beside(lambda x: x / 3, sqrt), V),
    "products before their factors": (
        beside(
            lambda a: a / sqrt(a.sum(1)[:, None] * a.sum(0)[None]),
            lambda a: roots(a.sum(1)[:, None], a.sum(0)[None]),
        ),
        lambda a: a / sqrt(a.sum(1))[:, None] / sqrt(a.sum(0)),
        f32(3, 4),
    ),
    "standard scores": (
        lambda x, y: (((x - x.mean()) / x.std()) * ((y - y.mean()) / y.std())).mean(),
        lambda x, y: cosine(x - x.mean(), y - y.mean()),
        V,
        V,
    ),
    "L L^T": (
        lambda x: jnp.linalg.cholesky(x) @ jnp.linalg.cholesky(x).T,
        beside(lambda x: (x + x.T) / 2, lambda x: jnp.diag(jnp.linalg.cholesky(x)).sum()),
        f32(3, 3),
    ),
    "roots of numbers": (
        lambda x: sqrt(2 * x) * sqrt(5 * x),
        beside(lambda x: x * sqrt(0 * x + 10), sqrt),
        V,
    ),
    "length of a multiple": (lambda x: norm(3 * x), lambda x: 3 * norm(x), V),
    "length of a negative multiple": (lambda x: norm(-3 * x), lambda x: 3 * norm(x), V),
    "root of four": (lambda x: sqrt(4 * x), lambda x: 2 * sqrt(x), V),
    "root of a ninth": (lambda x: 3 * sqrt(x / 9), sqrt, V),
    "root of eight": (lambda x: sqrt(8 * x), lambda x: 2 * sqrt(2 * x), V),
    "root mean square": (lambda x: sqrt((x * x).mean()), lambda x: norm(x) / 4, f32(16)),
    "each its own square": (
        lambda x: sqrt(x * jnp.array([1.0, 4.0, 9.0, 0.25, 1.0])),
        lambda x: sqrt(x) * jnp.array([1.0, 2.0, 3.0, 0.5, 1.0]),
        V,
    ),
    "roots of constants": (lambda x: sqrt(0 * x + 2) * sqrt(0 * x + 8), lambda x: 0 * x + 4, V),
    "root of a product": (
        beside(lambda a, b: sqrt(a * b), roots),
        lambda a, b: sqrt(a) * sqrt(b),
        V,
        V,
    ),
    "product of roots": (
        lambda a, b: sqrt(a) * sqrt(b),
        beside(lambda a, b: sqrt(a * b), roots),
        V,
        V,
    ),
    "root of a ratio": (
        beside(lambda a, b: sqrt(a / b), roots),
        lambda a, b: sqrt(a) / sqrt(b),
        V,
        V,
    ),
    "ratio of roots": (
        lambda a, b: sqrt(a) / sqrt(b),
        beside(lambda a, b: sqrt(a / b), roots),
        V,
        V,
    ),
    "root of an inverse": (lambda a: sqrt(1 / a), lambda a: 1 / sqrt(a), V),
    "a number besides": (
        beside(lambda a, b: sqrt(4 * a * b / 9), roots),
        lambda a, b: sqrt(a) * sqrt(b) / 1.5,
        V,
        V,
    ),
    "logarithm of a multiple": (
        lambda x: jnp.log(sqrt(4 * x)) + 0 * sqrt(x),
        lambda x: 0.5 * jnp.log(4 * x) + 0 * sqrt(x),
        V,
    ),
}

# Never proved, by any mode; the second group is not refuted either: too few inputs are defined.
DIFFERENT = {
    "a root is not negative": (lambda x: sqrt(x * x), lambda x: x, V),
    "wrong sign of a product": (lambda a, b: sqrt(a) * sqrt(b), lambda a, b: -sqrt(a * b), V, V),
    "wrong sign of a ratio": (lambda a, b: -sqrt(a / b), lambda a, b: sqrt(a) / sqrt(b), V, V),
    "length is not negative": (lambda x: norm(-3 * x), lambda x: -3 * norm(x), V),
    "two is no square": (lambda x: sqrt(2 * x), lambda x: 2 * sqrt(x), V),
    "nor is a root with four digits": (lambda x: sqrt(2 * x), lambda x: 1.414 * sqrt(x), V),
    "twice a product": (lambda a, b: sqrt(2 * a * b), lambda a, b: sqrt(a) * sqrt(b), V, V),
    "twice a ratio": (lambda a, b: sqrt(a) / sqrt(b), lambda a, b: sqrt(2 * a / b), V, V),
    "four is not sixteen": (lambda x: sqrt(4 * x), lambda x: 4 * sqrt(x), V),
    "not a multiple": (lambda x: sqrt(4 * x + 1), lambda x: 2 * sqrt(x + 1), V),
    "epsilon is no multiple": (
        lambda x: x / sqrt(4 * (x @ x) + 1e-5),
        lambda x: x / (2 * sqrt(x @ x + 1e-5)),
        V,
    ),
    "one length missing": (cosine, lambda x, y: x @ (y / norm(y)), V, V),
    "one length squared": (cosine, lambda x, y: x @ y / (norm(x) * (y @ y)), V, V),
    "one length twice": (cosine, lambda x, y: x @ y / (norm(x) * norm(x)), V, V),
    "lengths added": (cosine, lambda x, y: x @ y / (norm(x) + norm(y)), V, V),
    "lengths swapped": (
        similarities,
        lambda x, y: x @ y.T / (norm(x, axis=1)[None] * norm(y, axis=1)[:, None]),
        f32(3, 4),
        f32(3, 4),
    ),
    "lengths of other rows": (
        similarities,
        lambda x, y: x @ y.T / (norm(x, axis=1)[::-1, None] * norm(y, axis=1)),
        f32(3, 4),
        f32(3, 4),
    ),
    "lengths of columns": (
        similarities,
        lambda x, y: x @ y.T / (norm(x, axis=0)[:, None] * norm(y, axis=1)),
        f32(3, 3),
        f32(3, 3),
    ),
    "right on the diagonal only": (
        lambda x: similarities(x, x),
        lambda x: x @ x.T / (x * x).sum(1)[:, None],
        f32(3, 4),
    ),
    "neighbours": (
        lambda x: (units(x)[1:] * units(x)[:-1]).sum(1),
        lambda x: (x[1:] * x[:-1]).sum(1) / (x * x).sum(1)[1:],
        f32(4, 3),
    ),
    "conjugate of a sum": (
        lambda a, b: 1 / (sqrt(a) + sqrt(b)),
        lambda a, b: (sqrt(a) - sqrt(b)) / (a + b),
        V,
        V,
    ),
    "one cross term": (
        lambda a, b: (sqrt(a) + sqrt(b)) ** 2,
        lambda a, b: a + b + sqrt(a * b),
        V,
        V,
    ),
    "one element is another multiple": (
        lambda x: sqrt(x * jnp.array([4.0, 4, 4, 4, 9])),
        lambda x: 2 * sqrt(x),
        V,
    ),
    "a multiple on one side": (
        lambda x: sqrt(jnp.where(x > 0, 4.0, 1.0) * (x * x + 1)),
        lambda x: 2 * sqrt(x * x + 1),
        V,
    ),
    "one root in a row of two": (
        lambda x: jnp.prod(jnp.stack([sqrt(x), 2 * sqrt(x + 1)]), 0),
        lambda x: 2 * x,
        V,
    ),
    "normalised on one side": (
        beside(
            lambda a: a / sqrt(a.sum(1)[:, None] * a.sum(0)[None]),
            lambda a: roots(a.sum(1)[:, None], a.sum(0)[None]),
        ),
        lambda a: a / sqrt(a.sum(1))[:, None] / sqrt(a.sum(1)),
        f32(3, 3),
    ),
    "scores of another length": (
        lambda x, y: (((x - x.mean()) / x.std()) * ((y - y.mean()) / y.std())).sum() / 4,
        lambda x, y: cosine(x - x.mean(), y - y.mean()),
        V,
        V,
    ),
    "roots of other numbers": (lambda x: sqrt(2 * x) * sqrt(3 * x), lambda x: 2 * x, V),
    "root of a number": (lambda x: sqrt(0 * x + 4), lambda x: 0 * x - 2, V),
    "roots of two numbers": (lambda x: sqrt(0 * x + 2) * sqrt(0 * x + 3), lambda x: 0 * x + 6, V),
    # Where a, b and c are negative, no choice of imaginary roots has three positive products.
    "three products": (
        lambda a, b, c: sqrt(a * b) * sqrt(b * c) * sqrt(c * a) + discarded(a, b, c),
        lambda a, b, c: a * b * c + discarded(a, b, c),
        S,
        S,
        S,
    ),
    "three products, after their factors": (
        lambda a, b, c: discarded(a, b, c) + sqrt(a * b) * sqrt(b * c) * sqrt(c * a),
        lambda a, b, c: discarded(a, b, c) + a * b * c,
        S,
        S,
        S,
    ),
    "a product and a ratio": (
        lambda a, b: discarded(a, b) + sqrt(a * b) * sqrt(a / b),
        lambda a, b: discarded(a, b) + a,
        S,
        S,
    ),
    "a negative multiple": (
        lambda a: discarded(a) + jnp.where(a < 0, sqrt(-4 * a) * sqrt(-4 * a), 0),
        lambda a: discarded(a) + jnp.where(a < 0, 4 * a, 0),
        S,
    ),
    "a square and a root": (
        lambda a: discarded(a) + sqrt(4 * a**2),
        lambda a: discarded(a) + 2 * a,
        S,
    ),
}
UNDEFINED = {
    "roots of negative numbers": (
        lambda x: sqrt(0 * x - 4) * sqrt(0 * x - 1),
        lambda x: 0 * x + 2,
        V,
    ),
    "negative factors": (
        lambda a: sqrt(-a * a - 1) * sqrt(-a * a - 2),
        lambda a: sqrt((a * a + 1) * (a * a + 2)),
        V,
    ),
}


@pytest.mark.parametrize("name", PROVED)
def test_several_roots_are_proved(name):
    f, g, *examples = PROVED[name]
    verdict = verify.equivalent(f, g, *examples)
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize("name", DIFFERENT)
def test_several_roots_are_refuted(name):
    f, g, *examples = DIFFERENT[name]
    assert verify.equivalent(f, g, *examples).status == "refuted"


@pytest.mark.parametrize("name", UNDEFINED)
def test_roots_that_are_nowhere_defined_equal_nothing_that_is(name):
    f, g, *examples = UNDEFINED[name]
    verdict = verify.equivalent(f, g, *examples)
    assert verdict.status == "refuted"
    assert "not a number" in verdict.counterexample.explanation


@pytest.mark.parametrize("mode", [*MODES, PATTERNS])
@pytest.mark.parametrize("name", DIFFERENT)
def test_no_mode_proves_what_is_different(name, mode):
    """The searches refute these pairs before a proof is tried: this is the proof by itself."""
    f, g, *examples = DIFFERENT[name]
    seed = int(np.random.default_rng().integers(2**60))
    try:
        result = prove(trace(f, *examples), trace(g, *examples), mode, seed)
    except (Unsupported, TooLarge):
        return
    assert not isinstance(result, Agreement)


def test_the_float_root_of_two_is_not_the_root():
    """But a float literal stands for the root, unless it is taken at its word."""
    f, g = lambda x: sqrt(2 * x), lambda x: 1.4142135 * sqrt(x)
    assert verify.equivalent(f, g, V, constants="exact").status == "refuted"
    read = [s for s in verify.equivalent(f, g, V).assumptions if "constant" in s]
    assert read[0].endswith("is sqrt(2)")

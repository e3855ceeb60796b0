"""Cosines that are cut to [-1, 1], and near misses."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent

X = jax.ShapeDtypeStruct((4,), jnp.float32)
ROWS = jax.ShapeDtypeStruct((3, 4), jnp.float32)
norm = jnp.linalg.norm


def clip(x):
    return jnp.clip(x, -1, 1)


def same(x):
    return x


def cosine(cut, x, y):
    return cut(x @ y / (norm(x) * norm(y)))


def of_sums(cut, x, y):
    return cut(jnp.sum(x * y, -1) / jnp.sqrt(jnp.sum(x * x, -1) * jnp.sum(y * y, -1)))


def of_units(cut, x, y):
    x, y = (v / norm(v, axis=-1, keepdims=True) for v in (x, y))
    return cut(x @ y.T)


def correlation(cut, x, y):
    x, y = x - x.mean(), y - y.mean()
    return cut((x * y).mean() / (x.std() * y.std()))


def scaled(factor):
    return lambda cut, x, y: cut(factor * x @ y / (norm(x) * norm(y)))


def of_part(cut, x, y):
    return cut(x @ y / (norm(x[1:]) * norm(y)))


def projected(cut, x, y):
    return cut(x @ y / (x @ x))


EQUAL = {
    "norms": (cosine, [X, X]),
    "sums": (of_sums, [ROWS, ROWS]),
    "unit vectors": (of_units, [ROWS, ROWS]),
    "a correlation": (correlation, [X, X]),
    "minus a cosine": (scaled(-1.0), [X, X]),
}
DIFFERENT = {
    "twice a cosine": (scaled(2.0), [X, X]),
    "the norm of a part": (of_part, [X, X]),
    "a coefficient": (projected, [X, X]),
    "no quotient": (lambda cut, x, y: cut(x @ y), [X, X]),
}


@pytest.mark.parametrize("f", EQUAL.values(), ids=list(EQUAL))
def test_there_is_nothing_to_cut_off(f):
    f, examples = f
    verdict = equivalent(lambda x, y: f(clip, x, y), lambda x, y: f(same, x, y), *examples)
    assert verdict.status == "proved"
    assert not any("ties" in sentence for sentence in verdict.assumptions)


def test_jax_corrcoef():
    def plain(x, y):
        x, y = x - x.mean(), y - y.mean()
        return x @ y / jnp.sqrt((x @ x) * (y @ y))

    assert equivalent(lambda x, y: jnp.corrcoef(x, y)[0, 1], plain, X, X).status == "proved"


@pytest.mark.parametrize("f", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(f):
    f, examples = f
    verdict = equivalent(lambda x, y: f(clip, x, y), lambda x, y: f(same, x, y), *examples)
    assert verdict.status == "refuted"


@pytest.mark.parametrize("bounds", [(-0.9, 1), (-1, 0.9)])
def test_narrower_bounds_are_no_proof(bounds):
    verdict = equivalent(
        lambda x, y: cosine(lambda v: jnp.clip(v, *bounds), x, y),
        lambda x, y: cosine(same, x, y),
        jax.ShapeDtypeStruct((2,), jnp.float32),
        jax.ShapeDtypeStruct((2,), jnp.float32),
    )
    assert verdict.status != "proved"

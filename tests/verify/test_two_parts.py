"""Proofs in two parts (`interpretation/prefix.py`): what leads to the first exponential, and the
rest."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

import verify
from verify.algebras.field import Field
from verify.algebras.field.growth import Growth
from verify.interpretation.prefix import by_prefix
from verify.interpretation.proof import MODES, prove
from verify.programs import trace
from verify.programs.value_numbers import normalised
from verify.provers import interpretation

X, W, V = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((2, 8, 8, 3), (3, 3, 3, 4), (36, 5)))


def conv(x, w):
    return jax.lax.conv_general_dilated(
        x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def shifted(x, w):
    parts = [x[:, i : i + 6, j : j + 6] @ w[i, j] for i in range(3) for j in range(3)]
    return sum(parts[1:], parts[0])


def pooled(x):
    init, window = -jnp.inf, (1, 2, 2, 1)
    return jax.lax.reduce_window(x, init, jax.lax.max, window, window, "VALID")


def by_reshape(x):
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))


def network(x, w, v):
    return jax.nn.softmax(pooled(jax.nn.relu(conv(x, w))).reshape(2, 36) @ v)


def rewritten(x, w, v, layer=shifted, pool=by_reshape, axis=-1, change=lambda logits: logits):
    flat = pool(jnp.maximum(layer(x, w), 0)).reshape(2, 36)
    e = jnp.exp(change(jnp.einsum("bi,io->bo", flat, v)))
    return e / e.sum(axis, keepdims=True)


def proved(f, g, *examples):
    left, right, _ = normalised(trace(f, *examples), trace(g, *examples))
    return by_prefix(left, right, 5)


def test_a_network_and_its_rewriting():
    found = proved(network, rewritten, X, W, V)
    assert found is not None
    assert found.error_probability < 2.0**-100


def test_gradients_with_masks_that_are_made_again():
    def loss(f):
        return jax.grad(lambda w, x, v: jnp.log(f(x, w, v)[:, 1]).sum())

    def unpooled(layer):
        return lambda x, w, v: jax.nn.softmax(jax.nn.relu(layer(x, w)).mean((1, 2)) @ v[:4])

    assert proved(loss(unpooled(conv)), loss(unpooled(shifted)), W, X, V) is not None


def test_without_exponentials_there_is_one_part():
    def logits(x, w, v):
        return pooled(jax.nn.relu(conv(x, w))).reshape(2, 36) @ v

    def other(x, w, v):
        return by_reshape(jnp.maximum(shifted(x, w), 0)).reshape(2, 36) @ v

    assert proved(logits, other, X, W, V) is not None
    assert proved(logits, lambda x, w, v: other(x, w, v) + w[0, 0, 0, 0], X, W, V) is None


FAULTS = {
    "flipped": {"layer": lambda x, w: shifted(x, w[::-1])},
    "a tap": {"layer": lambda x, w: shifted(x, w.at[1, 2, 0, 3].set(0.0))},
    "one pixel": {"layer": lambda x, w: shifted(x, w).at[1, 3, 3, 2].add(x[0, 0, 0, 0])},
    "a mean": {"pool": lambda x: x.reshape(2, 3, 2, 3, 2, 4).mean((2, 4))},
    "three of four": {"pool": lambda x: jnp.maximum(by_reshape(x[:, :, ::-1])[:, :, ::-1], 1)},
    "axis": {"axis": 0},
    "a logit": {"change": lambda logits: logits.at[1, 4].multiply(2.0)},
    "other logits": {"change": lambda logits: logits[:, ::-1]},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_not_proved(fault):
    assert proved(network, lambda x, w, v: rewritten(x, w, v, **FAULTS[fault]), X, W, V) is None


def test_what_may_be_zero_on_a_region_divides_nothing_away():
    x, m = jax.ShapeDtypeStruct((6, 6), jnp.float32), jax.ShapeDtypeStruct((6, 6), jnp.float32)

    def f(x, m):
        y = jax.nn.relu(x @ m)
        return jnp.where(y == 0, jnp.exp(y), jnp.exp(y) * 1.0)

    def g(x, m):
        y = jax.nn.relu(x @ m)
        return jnp.where(y == 0, 2.0, jnp.exp(y))

    assert proved(f, g, x, m) is None


def test_a_comparison_after_it_excludes_what_may_be_nan_before_it():
    x = jax.ShapeDtypeStruct((6, 6), jnp.float32)

    def f(x, m):
        y = jax.scipy.special.erfinv(x @ m) @ m
        return jnp.where(y > 0, jnp.exp(y), 1.0)

    def g(x, m):
        y = jax.scipy.special.erfinv(x @ m) @ m
        return jnp.where(~(y <= 0), jnp.exp(y), 1.0)

    found, whole = proved(f, g, x, x), prove(trace(f, x, x), trace(g, x, x), MODES[0], 3)
    assert found is not None
    assert any("NaN" in sentence for sentence in found.assumptions)
    assert set(whole.assumptions) <= set(found.assumptions)
    assert found.partial


def turned(x, m):
    return (m.T @ x.T).T


AFTER = {  # what is made of the products, and which of them comes out where
    "of all": (lambda a, b: (a > 3).all(), lambda a, b: (a > 3).all() & (a < 3).any()),
    "places": (lambda a, b: a.argmax(1), lambda a, b: a.argmin(1)),
    "an order": (lambda a, b: a > 0, lambda a, b: a >= 0),
    "integers": (lambda a, b: a.astype(jnp.int32), lambda a, b: (-a).astype(jnp.int32)),
    "which one": (lambda a, b: (a, b, a), lambda a, b: (a, b, b)),
    "in turn": (lambda a, b: (a, b), lambda a, b: (b, a)),
    "beside a mask": (
        lambda a, b: (a, jnp.where((a > 1).all(), 1, 0)),
        lambda a, b: (a, jnp.where((a > 1).all() & (a < -5).any(), 1, 0)),
    ),
}


@pytest.mark.parametrize("name", AFTER)
def test_what_is_made_of_products_is_compared_too(name):
    x = jax.ShapeDtypeStruct((6, 6), jnp.float32)
    one, two = AFTER[name]

    def f(x, m):
        return one(x @ m, m @ x)

    def g(x, m):
        return two(turned(x, m), turned(m, x))

    assert proved(f, g, x, x) is None


def test_outputs_that_are_inputs_or_repeat_are_compared():
    x = jax.ShapeDtypeStruct((6, 6), jnp.float32)
    assert proved(lambda x, m: (x @ m, x), lambda x, m: (turned(x, m), m), x, x) is None
    assert proved(lambda x, m: (x @ m, x @ m), lambda x, m: (turned(x, m), m @ x), x, x) is None
    assert proved(lambda x, m: (x @ m, x), lambda x, m: (turned(x, m), x), x, x) is not None
    assert proved(lambda x, m: x @ m > 0, lambda x, m: turned(x, m) > 0, x, x) is not None
    assert proved(lambda x, m: x @ m, turned, x, x) is not None


@pytest.mark.parametrize(
    ("f", "g", "equal"),
    [
        (lambda x, y: jnp.maximum(x, jnp.maximum(y, x)), lambda x, y: jnp.maximum(y, x), True),
        (lambda x, y: jnp.maximum(x, x + 0 * y), lambda x, y: jnp.maximum(x, y), False),
        (lambda x, y: jnp.maximum(x, y), lambda x, y: -jnp.maximum(-x, -y), False),
        (lambda x, y: jnp.maximum(x, y), lambda x, y: -jnp.minimum(-x, -y), True),
        (lambda x, y: jnp.maximum(x, 0) + y, lambda x, y: jnp.maximum(x, y), False),
        (lambda x, y: jnp.concatenate([x, y]).max(), lambda x, y: jnp.maximum(x, y).max(), True),
        (
            lambda x, y: jnp.concatenate([x, y]).max(),
            lambda x, y: jnp.maximum(x, y)[1:].max(),
            False,
        ),
        (lambda x, y: jnp.maximum(x, -jnp.inf) * y, lambda x, y: x * y, True),
    ],
)
def test_maxima_as_functions_of_sets(f, g, equal):
    x = jax.ShapeDtypeStruct((12,), jnp.float32)
    assert (proved(f, g, x, x) is not None) == equal


def test_equivalent_proves_heavy_programs_so(monkeypatch):
    monkeypatch.setattr(interpretation, "_HEAVY", 1e3)
    verdict = verify.equivalent(network, rewritten, X, W, V, seed=0)
    assert verdict.status == "proved"
    assert "in two parts" in verdict.method

    def lost(x, w, v):
        return rewritten(x, w, v, layer=FAULTS["a tap"]["layer"])

    assert verify.equivalent(network, lost, X, W, V, seed=0).status == "refuted"


def test_the_bound_counts_whole_divisors():
    """A coefficient below 2**29 has no divisor of 30 bits; one of 2**70 has two at most."""
    for bits, divisors in ((13.0, 0), (34.5, 2), (34.0, 2), (29.5, 2), (29.4, 1), (14.6, 1)):
        field = Field(3)
        field.largest = Growth(bits=bits)  # of both values: twice, and one for their difference
        _, bad = field.coincidences(whole=True)
        assert bad * field.moduli.choices == divisors
        assert bad <= field.coincidences()[1]

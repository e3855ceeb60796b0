"""One side has no value where the other has one: on an open set that is a difference."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify


def f32(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


X, S = f32(3), f32()
MASK = jax.ShapeDtypeStruct((3,), jnp.bool_)


def safe_root(x):
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), 0).sum()


# (left, right, which side, the operation, examples)
ONE_SIDED = {
    "the gradient of a guarded root": (
        jax.grad(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0).sum()),
        jax.grad(safe_root),
        "left",
        "sqrt of -",
        X,
    ),
    "the gradient of a guarded power": (
        jax.grad(lambda x: jnp.where(x > 0, x**0.3, 0).sum()),
        jax.grad(lambda x: jnp.where(x > 0, jnp.where(x > 0, x, 1) ** 0.3, 0).sum()),
        "left",
        "pow of -",
        X,
    ),
    "a root, squared": (lambda x: jnp.sqrt(x) ** 2, lambda x: x, "left", "sqrt of -", X),
    "the exponential of a logarithm": (
        lambda x: x,
        lambda x: jnp.exp(jnp.log(x)),
        "right",
        "log of -",
        X,
    ),
    "the logarithm of a product": (
        lambda x, y: jnp.log(x * y),
        lambda x, y: jnp.log(x) + jnp.log(y),
        "right",
        "log of -",
        X,
        X,
    ),
    "nothing times a logarithm": (
        lambda x: 0 * jnp.log(x),
        lambda x: 0 * x,
        "left",
        "log of -",
        X,
    ),
    "an arcsine": (
        lambda x: jnp.sin(jnp.arcsin(x)),
        lambda x: x,
        "left",
        "asin of ",
        X,
    ),
    "one by nothing": (
        lambda x: 1 / jax.nn.relu(x),
        lambda x: jnp.where(x > 0, 1 / jnp.where(x > 0, x, 1), 0.0),
        "left",
        "1 / 0",
        S,
    ),
    "nothing by nothing": (
        lambda x: jax.nn.relu(x) / jax.nn.relu(x),
        lambda x: jnp.ones_like(x),
        "left",
        "0 / 0",
        X,
    ),
    "log1p": (
        lambda x: jnp.expm1(jnp.log1p(x)),
        lambda x: x,
        "left",
        "log1p of -",
        X,
    ),
    "a selected nan": (
        lambda x: jnp.where(x > 1, jnp.nan, x),
        lambda x: x,
        "left",
        "a constant that is not a number",
        X,
    ),
    "a nan at one point": (
        lambda x: x,
        lambda x: jnp.where(x == 1, jnp.nan, x),
        "right",
        "a constant that is not a number",
        X,
    ),
    "a softmax of nothing": (
        lambda x, m: jax.nn.softmax(jnp.where(m, x, -jnp.inf)),
        lambda x, m: jnp.where(
            m.any(), jax.nn.softmax(jnp.where(m, x, jnp.where(m.any(), -jnp.inf, 0.0))), 0.0
        ),
        "left",
        "",
        X,
        MASK,
    ),
    "in a branch": (
        lambda x: lax.cond(x > 0, jnp.sqrt, lambda x: jnp.sqrt(x) * 0, x),
        lambda x: lax.cond(x > 0, jnp.sqrt, lambda x: 0 * x, x),
        "left",
        "sqrt of -",
        S,
    ),
    "in a loop": (
        lambda x: lax.fori_loop(0, 2, lambda i, y: jnp.sqrt(y) ** 2, x),
        lambda x: lax.fori_loop(0, 2, lambda i, y: 1.0 * y, x),
        "left",
        "sqrt of -",
        X,
    ),
    "of an integer": (
        lambda n: jnp.sqrt(n.astype(jnp.float32)) ** 2,
        lambda n: n.astype(jnp.float32),
        "left",
        "sqrt of -",
        jax.ShapeDtypeStruct((), jnp.int32),
    ),
    "of bfloat16": (
        lambda x: jnp.sqrt(x) * jnp.sqrt(x),
        lambda x: x,
        "left",
        "sqrt of -",
        jax.ShapeDtypeStruct((2,), jnp.bfloat16),
    ),
}


@pytest.mark.parametrize("name", ONE_SIDED)
def test_no_value_on_an_open_set_is_a_difference(name):
    f, g, side, operation, *examples = ONE_SIDED[name]
    for seed in range(3):
        verdict = verify.equivalent(f, g, *examples, seed=seed)
        assert verdict.status == "refuted", str(verdict)
        found = verdict.counterexample
        assert operation in found.explanation, str(verdict)
        if "constant" not in operation:
            assert "test_undefined.py" in found.explanation or not operation
        values = {"left": found.left, "right": found.right}
        assert not np.isfinite(values.pop(side)), str(verdict)
        assert all(np.isfinite(value) for value in values.values())
        assert found.explanation.startswith(side)
        number, index = found.where
        outputs = [jax.tree.leaves(h(*found.inputs))[number][index] for h in (f, g)]
        assert [bool(jnp.isfinite(y)) for y in outputs] == [side == "right", side == "left"]


# At points and ties, or on both sides: assumed away, as ever.
ISOLATED = {
    "x / x": (lambda x: x / x, jnp.ones_like, X),
    "a sign": (lambda x: x / jnp.abs(x), jnp.sign, X),
    "a difference of squares": (lambda x, y: (x * x - y * y) / (x - y), jnp.add, X, X),
    "the same domain": (
        lambda p: jnp.log(p / (1 - p)),
        lambda p: jnp.log(p) - jnp.log1p(-p),
        X,
    ),
    "a power on both sides": (lambda x: x**0.3, lambda x: jnp.exp(0.3 * jnp.log(x)), X),
    "by an integer": (
        lambda x, n: x * n / n,
        lambda x, n: x + 0 * n,
        X,
        jax.ShapeDtypeStruct((), jnp.int32),
    ),
    "a root that is discarded": (
        lambda x: jnp.where(x > 0, jnp.sqrt(x), 0),
        lambda x: jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), 0),
        X,
    ),
    "the gradient of a guarded logarithm": (
        jax.grad(lambda x: jnp.where(x > 0, jnp.log(x), 0).sum()),
        lambda x: jnp.where(x > 0, 1 / jnp.where(x > 0, x, 1), 0),
        X,
    ),
    "the gradient of a norm": (
        jax.grad(lambda x: jnp.sqrt((x * x).sum())),
        lambda x: x / jnp.sqrt((x * x).sum()),
        X,
    ),
    "poles, where all floats are whole": (lambda x: x + 0 * lax.lgamma(x * 2.0**25), jnp.array, X),
    "poles, where there is nothing between": (
        lambda x: lax.digamma(1 - x) - lax.digamma(x),
        lambda x: jnp.pi / jnp.tan(jnp.pi * x),
        X,
    ),
    "poles of eight bits": (
        lambda x: x + (0 * lax.lgamma(x * 256.0)).astype(x.dtype),
        jnp.array,
        jax.ShapeDtypeStruct((3,), jnp.bfloat16),
    ),
    "a nan that both select": (
        lambda x: jnp.where(x > 0, jnp.nan, 2 * x),
        lambda x: jnp.where(x > 0, jnp.nan, x + x),
        X,
    ),
}


@pytest.mark.parametrize("name", ISOLATED)
def test_no_value_at_a_point_is_no_difference(name):
    f, g, *examples = ISOLATED[name]
    for seed in range(2):
        verdict = verify.equivalent(f, g, *examples, seed=seed, seconds=3)
        assert verdict.status != "refuted", str(verdict)


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


def whole(x):
    return x.astype(jnp.float32)


# Numbers of few bits, and many of them: some of them are where they were, or are equal again, at
# random inputs nearby. A point is no open set for all that.
COARSE = {
    "many bytes": (lambda n: whole(n) / whole(n), lambda n: jnp.ones(64), of(jnp.uint8, 64)),
    "many words": (lambda n: whole(n) / whole(n), lambda n: jnp.ones(4096), of(jnp.int32, 4096)),
    "two bits": (lambda n: whole(n) / whole(n), lambda n: jnp.ones(64), of(jnp.int2, 64)),
    "the end of the range": (
        lambda n: (whole(n) - 255) / (whole(n) - 255),
        lambda n: jnp.ones(64),
        of(jnp.uint8, 64),
    ),
    "two that are equal": (
        lambda n, m: (whole(n) - whole(m)) / (whole(n) - whole(m)),
        lambda n, m: jnp.ones(2048),
        of(jnp.int16, 2048),
        of(jnp.int16, 2048),
    ),
    "two of eight bits": (
        lambda x, y: (whole(x) - whole(y)) / (whole(x) - whole(y)),
        lambda x, y: jnp.ones(512),
        of(jnp.float8_e5m2, 512),
        of(jnp.float8_e5m2, 512),
    ),
} | {
    dtype: (
        lambda x: (whole(x) - 1) / (whole(x) - 1) + whole(x) / whole(x),
        lambda x: jnp.full(2048, 2.0),
        of(getattr(jnp, dtype), 2048),
    )
    for dtype in ("float8_e3m4", "float8_e4m3fn", "float8_e5m2", "bfloat16")
}


@pytest.mark.parametrize("name", COARSE)
def test_a_point_of_a_coarse_grid_is_no_open_set(name):
    f, g, *examples = COARSE[name]
    for seed in range(2):
        verdict = verify.equivalent(f, g, *examples, seed=seed)
        assert verdict, str(verdict)
        # Elsewhere they are numbers, and a difference of numbers is seen.
        verdict = verify.equivalent(f, lambda *xs, g=g: 2 * g(*xs), *examples, seed=seed)
        assert verdict.status == "refuted", str(verdict)
        assert np.isfinite([float(verdict.counterexample.left), 0]).all()


# An open set of a coarse grid is one.
COARSE_AND_OPEN = {
    "half of the bytes": (
        lambda n: whole(n) / whole(jnp.maximum(n, 128) - 128),
        lambda n: whole(n) + 0 * whole(n),
        of(jnp.uint8, 8),
    ),
    "a root of eight bits": (
        lambda x: jnp.sqrt(whole(x)) ** 2,
        whole,
        of(jnp.float8_e4m3fn, 8),
    ),
    "poles at whole numbers": (
        lambda n: whole(n) + 0 * lax.lgamma(-jnp.abs(whole(n))),
        whole,
        of(jnp.int8, 8),
    ),
    "a root of small whole numbers": (lambda n: jnp.sqrt(whole(n)) ** 2, whole, of(jnp.int8, 8)),
}


@pytest.mark.parametrize("name", COARSE_AND_OPEN)
def test_an_open_set_of_a_coarse_grid_is_a_difference(name):
    f, g, *examples = COARSE_AND_OPEN[name]
    verdict = verify.equivalent(f, g, *examples, seed=0)
    assert verdict.status == "refuted", str(verdict)
    assert np.isnan(verdict.counterexample.left)


# Nobody selected the infinity on the left, but JAX shows no difference.
SAME_INFINITY = {
    "1 / 0": (lambda x: 1 / (x - x), lambda x: jnp.full_like(x, jnp.inf), X),
    "-1 / 0": (lambda x: -1 / (x - x), lambda x: jnp.full_like(x, -jnp.inf), X),
    "the logarithm of 0": (lambda x: jnp.log(x - x), lambda x: jnp.full_like(x, -jnp.inf), X),
    "the inverse hyperbolic tangent of 1": (
        lambda x: jnp.arctanh(x - x + 1),
        lambda x: jnp.full_like(x, jnp.inf),
        X,
    ),
    "on half of the line": (
        lambda x: 1 / jax.nn.relu(x),
        lambda x: jnp.where(x > 0, 1 / jnp.where(x > 0, x, 1), jnp.inf),
        S,
    ),
}


@pytest.mark.parametrize("name", SAME_INFINITY)
def test_the_same_infinity_is_no_counterexample(name):
    f, g, *examples = SAME_INFINITY[name]
    verdict = verify.equivalent(f, g, *examples, seed=0, seconds=5)
    assert verdict.status == "unknown", str(verdict)
    other = verify.equivalent(f, lambda x: -g(x), *examples, seed=0, seconds=5)
    assert other.status == "refuted", str(other)
    assert other.counterexample.left != other.counterexample.right


# An overflow is a number over the reals.
OVERFLOW = {
    "exp": (lambda x: jnp.exp(x) / jnp.exp(x), jnp.ones_like, X),
    "beside what is discarded": (
        lambda x: (
            jnp.where(x > 0, jnp.sqrt(x), 0) * 0 + jnp.exp(1e5 * x * x) / jnp.exp(1e5 * x * x)
        ),
        jnp.ones_like,
        X,
    ),
    "of a power": (lambda x: (1e30 * x) ** 20 / (1e30 * x) ** 19, lambda x: 1e30 * x, X),
    "softmax": (
        jax.nn.softmax,
        lambda x: jnp.exp(1000 * x / 1000) / jnp.exp(1000 * x / 1000).sum(),
        X,
    ),
}


@pytest.mark.parametrize("name", OVERFLOW)
def test_an_overflow_is_no_violation(name):
    f, g, *examples = OVERFLOW[name]
    verdict = verify.equivalent(f, g, *examples, seed=0, seconds=2)
    found = verdict.counterexample
    assert found is None or np.isfinite([float(found.left), float(found.right)]).all(), str(verdict)

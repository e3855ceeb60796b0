"""Rules of `custom_jvp` that are right in forward mode: proved only if `jax.grad` can use them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_derivatives import linear_call

from verify import derivatives
from verify.checks.linearity import nonlinear
from verify.programs import trace

X = jax.ShapeDtypeStruct((2,), jnp.float32)
C = jax.ShapeDtypeStruct((2,), jnp.complex64)


def jvp(f, rule):
    """f with the rule (primals, tangents) -> tangent."""
    known = jax.custom_jvp(f)
    known.defjvp(lambda x, dx: (f(*x), rule(x, dx)))
    return known


def same(rule):
    """x, differentiated by a rule that is the identity over the reals."""
    return jvp(lambda x: x * 1.0, lambda x, d: rule(d[0]))


odd = same(lambda d: d * d / d)


@jax.custom_vjp
def trebles(d):
    return d


trebles.defvjp(lambda d: (d, None), lambda _, g: (3 * g,))

# Right in forward mode, and JAX cannot transpose it.
UNUSABLE = {
    "a square over itself": jvp(lambda x: x * x, lambda x, d: 2 * x[0] * d[0] * d[0] / d[0]),
    "a cube over a square": same(lambda d: d**3 / d**2),
    "sign times magnitude": same(lambda d: jnp.sign(d) * jnp.abs(d)),
    "sign times a root": same(lambda d: jnp.sign(d) * jnp.sqrt(d * d)),
    "a choice by the tangent": same(lambda d: jnp.where(d > 0, d, d)),
    "two halves": same(lambda d: jnp.maximum(d, 0) + jnp.minimum(d, 0)),
    "a logarithm of an exponential": same(lambda d: jnp.log(jnp.exp(d))),
    "a half that stops": same(lambda d: 2 * d - lax.stop_gradient(d)),
    "sorted and back": same(lambda d: d[jnp.argsort(d)][jnp.argsort(jnp.argsort(d))]),
    "a function with a rule in reverse": same(trebles),
    "in a loop": lambda x: lax.scan(lambda c, _: (odd(c), None), x, None, length=2)[0],
    "in a branch": lambda x: lax.cond(x[0] > 0, odd, lambda x: x, x),
    "under vmap, jit and remat": jax.jit(jax.vmap(jax.checkpoint(odd))),
    "within a function with a rule": lambda x: jax.nn.silu(odd(x)),
    "in one output of two": lambda x: (x * x, odd(x)),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_rule_that_cannot_be_transposed_is_not_proved(name):
    f = UNUSABLE[name]
    verdict = derivatives(f, X)
    assert verdict.status == "unknown", verdict
    assert verdict.reason.startswith("right in forward mode, but jax.grad cannot use it: ")
    with pytest.raises(Exception):  # noqa: B017, PT011  JAX has many
        jax.grad(lambda x: sum(y.sum() for y in jax.tree.leaves(f(x))))(jnp.array([1.5, -2.5]))


def test_the_reason_has_jaxs_message_and_the_line_of_the_rule():
    reason = derivatives(UNUSABLE["a square over itself"], X).reason
    assert "nonlinear div can't be transposed" in reason
    assert "not linear in the tangent: mul at test_derivatives_in_reverse.py:" in reason


def test_the_reason_of_an_integer_beside_and_of_complex_numbers():
    i = jax.ShapeDtypeStruct((2,), jnp.int32)
    beside = jvp(lambda i, x: i * x, lambda p, d: p[0] * d[1] * d[1] / d[1])
    for f, *examples in ((beside, i, X), (same(lambda d: d * d / d), C)):
        verdict = derivatives(f, *examples)
        assert verdict.status == "unknown", verdict
        assert "cannot use it" in verdict.reason


# Right and usable, though they look like the others.
USABLE = {
    "a choice by the point": jvp(
        lambda x: jnp.maximum(x, 2 * x), lambda x, d: jnp.where(x[0] > 0, 2 * d[0], d[0])
    ),
    "through a narrow float": same(lambda d: d.astype(jnp.bfloat16).astype(jnp.float32)),
    "through complex numbers": same(lambda d: jnp.real(d.astype(jnp.complex64))),
    "a loop over the tangent": same(lambda d: lax.fori_loop(0, 3, lambda i, c: 2 * c, d) / 8),
    "a rule within the rule": same(lambda d: jvp(lambda y: 2 * y, lambda y, e: e[0] * 2)(d) / 2),
    "a transpose of its own": same(lambda d: linear_call(lambda r, y: y, lambda r, g: g, (), d)),
    "a rule in reverse, of the point": jvp(lambda x: x * x, lambda x, d: 2 * trebles(x[0]) * d[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", USABLE)
def test_a_rule_that_can_be_transposed_is_proved(name):
    verdict = derivatives(USABLE[name], X)
    assert verdict, verdict


def test_where_the_derivative_has_no_reverse_mode_none_is_asked_for():
    def loop(x):
        return lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, odd(c[1])), (0, x))[1]

    assert derivatives(loop, X)


# Right in forward mode, and another derivative in reverse mode.
@pytest.mark.parametrize("factor", [3, 0, -1])
def test_a_transpose_that_is_wrong_is_refuted(factor):
    def rule(x, d):
        return linear_call(lambda r, y: r * y, lambda r, g: factor * r * g, 2 * x[0], d[0])

    f = jvp(lambda x: x * x, rule)
    verdict = derivatives(f, X)
    assert verdict.status == "refuted", verdict
    assert "the gradient in x" in verdict.counterexample.explanation
    x, cotangents = verdict.counterexample.inputs
    _, pull = jax.vjp(f, x)
    assert not np.allclose(pull(cotangents[0])[0], 2 * x * cotangents[0])


def test_a_transpose_that_is_wrong_at_one_place_is_not_proved():
    def rule(x, d):
        def transpose(r, g):
            return jnp.where(r[0] == 12345, 0, 1) * r * g

        return linear_call(lambda r, y: r * y, transpose, 2 * x[0], d[0])

    assert derivatives(jvp(lambda x: x * x, rule), X, seconds=5).status != "proved"


def test_what_differs_in_forward_mode_is_refuted_whatever_reverse_mode_says():
    for rule in (jnp.abs, lambda d: 2 * d * d / d, lambda d: jnp.clip(d, -1e30, 1e30)):
        assert derivatives(same(rule), X).status == "refuted"


PRIMITIVES = {
    "abs": lambda x, d: abs(d),
    "mul": lambda x, d: x * (d * d),
    "div": lambda x, d: x / d,
    "gt": lambda x, d: jnp.where(d > 0, x, d),
    "integer_pow": lambda x, d: lax.scan(lambda c, _: (c**2, None), d, None, length=2)[0],
    "exp": lambda x, d: lax.cond(x[0] > 0, jnp.exp, lambda d: d, d),
    "cond": lambda x, d: lax.cond(d[0] > 0, lambda x: x, lambda x: 2 * x, x),
    "sin": lambda x, d: lax.while_loop(lambda c: c[0] < 9, lambda c: (9, jnp.sin(c[1])), (0, d))[1],
    "": lambda x, d: jnp.where(x > 0, d * jnp.sin(x), d[::-1] / x).sum() + d @ x,
}  # fmt: skip


@pytest.mark.parametrize("name", PRIMITIVES)
def test_the_operation_that_is_not_linear_is_found(name):
    found = nonlinear(trace(PRIMITIVES[name], X, X), [False, True])
    assert found.split(" ")[0] == name or (name == "cond" and found.startswith("gt"))
    assert nonlinear(trace(PRIMITIVES[name], X, X), [False, False]) == ""

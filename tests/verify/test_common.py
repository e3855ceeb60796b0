"""What both programs compute is taken for anything: proofs of what is left, and none too many."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.algebras.healing import Violation
from verify.programs import trace
from verify.programs.contents.common import without_common

X = jax.ShapeDtypeStruct((48, 48), jnp.float32)
W = jax.ShapeDtypeStruct((48, 48), jnp.float32)
METHOD = "whatever is the value of what both compute"


def deep(x, w):
    for _ in range(6):
        x = jax.nn.relu(jnp.exp(x @ w) - 1)
    return x


def gradient(x, w):
    return jax.grad(lambda w: (deep(x, w) ** 2).sum())(w)


def left_adam(x, w):
    g = gradient(x, w)
    return w - 0.1 * g / (jnp.sqrt(g * g) + 1e-3)


def right_adam(x, w):
    g = gradient(x, w)
    return w + g * -0.1 / (1e-3 + jnp.sqrt(g * g))


def alone(x, w):
    return jax.vmap(lambda one: deep(one[None], w)[0])(x)


EQUAL = {
    "another head": (lambda x, w: (deep(x, w) - 1) * 2, lambda x, w: 2 * deep(x, w) - 2),
    "a step": (left_adam, right_adam),
    "behind maxima with minus infinity": (
        lambda x, w: 2 * jax.nn.logsumexp(x @ w, axis=1) - 2,
        lambda x, w: (jax.nn.logsumexp(x @ w, axis=1) - 1) * 2,
    ),
    "one by one": (
        lambda x, w: deep(x, w) ** 2 - 1,
        lambda x, w: (alone(x, w) - 1) * (alone(x, w) + 1),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_what_is_left_is_proved(name):
    verdict = verify.equivalent(*EQUAL[name], X, W, seed=0)
    assert verdict, str(verdict)
    assert METHOD in verdict.method


# Each is the same for all common values, or for almost all, but for those that there are; or not.
APART = {
    "another number": (lambda x, w: deep(x, w) * 2 - 1, lambda x, w: 2 * deep(x, w) - 2),
    "ties of what is often zero": (
        lambda x, w: (deep(x, w) >= 0) * 1.0,
        lambda x, w: (deep(x, w) > 0) * 1.0,
    ),
    "another value": (
        lambda x, w: deep(x, w) + 1,
        lambda x, w: deep(x, w.at[0, 0].mul(2)) + 1,
    ),
    "no value on one side": (
        lambda x, w: (deep(x, w) - 5) / (deep(x, w) - 5),
        lambda x, w: jnp.sqrt(-1 - deep(x, w)) / jnp.sqrt(-1 - deep(x, w)),
    ),
}


def masked(x, w):
    return jnp.where(x > 0, -jnp.inf, x @ w)


def unknown(x, w):
    return jnp.where(x > 0, jnp.nan, x @ w)


def root(x, w):
    return jnp.sqrt(x @ w)


# A common value that is no number, or has no value somewhere.
for kind, c in {"infinity": masked, "nan": unknown, "root": root}.items():
    APART |= {
        f"{kind}: times a mask": (
            lambda x, w, c=c: jnp.where(x > 0, 0.0, c(x, w)),
            lambda x, w, c=c: c(x, w) * (1 - (x > 0)),
        ),
        f"{kind}: times zero": (
            lambda x, w, c=c: (c(x, w), c(x, w) * 0),
            lambda x, w, c=c: (c(x, w), 0 * x),
        ),
        f"{kind}: less itself": (
            lambda x, w, c=c: (c(x, w), c(x, w) - c(x, w) + x),
            lambda x, w, c=c: (c(x, w), x),
        ),
    }

N = jax.ShapeDtypeStruct((48, 48), jnp.int32)


def bits(a, b):
    return lax.bitcast_convert_type(a @ b, jnp.float32)


def windows(x, w):  # the first is all padding
    return lax.reduce_window(x @ w, -jnp.inf, lax.max, (1, 1), (1, 1), ((1, 0), (0, 0)))


def test_what_may_be_no_number_is_not_given():
    def compared(a, b):
        return bits(a, b), bits(a, b) >= bits(a, b) - 1

    def true(a, b):
        return bits(a, b), jnp.ones((48, 48), bool)

    verdict = verify.equivalent(compared, true, N, N, seconds=20, seed=0)
    assert METHOD not in verdict.method

    for c, given in ((bits, N), (windows, X), (masked, X), (unknown, X)):
        f, g = (trace(lambda a, b, n=n, c=c: (c(a, b), n * c(a, b)), given, given) for n in (0, 1))
        rest = without_common(f, g, lambda e: e.primitive == "dot_general")
        assert rest is None or all(len(one.equations) > 1 for one in (rest.left, rest.right))


def test_an_infinity_that_a_branch_has_as_it_is_is_not_given():
    infinite = np.full((48, 48), np.inf, np.float32)

    def chosen(x, w):
        y = x @ w
        return lax.cond(y[0, 0] > 3, lambda: jnp.asarray(infinite), lambda: y)

    f, g = (trace(lambda x, w, n=n: n * chosen(x, w), X, W) for n in (0, 1))
    rest = without_common(f, g, lambda e: e.primitive == "dot_general")
    assert rest is None or all("cond" in one.primitives() for one in (rest.left, rest.right))


def test_a_key_among_the_constants_is_no_number():
    key = jax.random.key(0)

    def drawn(x, w):
        return x @ w + jax.random.uniform(key, (48, 48))

    verdict = verify.equivalent(
        lambda x, w: 2 * drawn(x, w) - 2, lambda x, w: (drawn(x, w) - 1) * 2, X, W, seed=0
    )
    assert verdict, str(verdict)


def test_that_a_common_value_may_have_none_is_said():
    f, g = (trace(lambda x, w, n=n: n * root(x, w), X, W) for n in (0, 1))
    rest = without_common(f, g, lambda e: e.primitive == "dot_general")
    assert rest is not None
    assert rest.partial


@pytest.mark.parametrize("name", APART)
def test_what_is_left_and_differs_is_not(name):
    assert not verify.equivalent(*APART[name], X, W, seconds=20, seed=0)


def test_what_is_the_same_for_the_values_that_there_are_is_no_proof_of_this_kind():
    def plain(x, w):
        return deep(x, w)

    def positive(x, w):
        return jnp.abs(deep(x, w))  # of a value that is never negative

    verdict = verify.equivalent(plain, positive, X, W, seed=0)
    assert METHOD not in verdict.method
    assert verdict.status != "refuted"


def test_only_what_is_read_is_left():
    def f(x, w):
        return 3 * deep(x, w)

    rest = without_common(
        trace(f, X, W),
        trace(lambda x, w: deep(x, w) * 4 + x, X, W),
        lambda e: e.primitive == "dot_general",
    )
    assert rest is not None
    assert rest.places == (0,)
    assert [v.shape for v in rest.left.inputs] == [(48, 48), (48, 48)]
    assert [e.primitive for e in rest.right.equations] == ["mul", "add"]


def test_what_has_no_value_is_told_of_a_result_of_another_shape():
    """The operation that has none may be of fewer elements than the result that shows it."""
    bad = np.zeros((1, 3), bool)
    bad[0, 2] = True
    cause = Violation("mul", bad, (np.zeros((1, 3)), np.full((1, 3), np.inf)))
    assert cause.at((5, 2)) == cause.at((0, 2)) == "0 * inf"

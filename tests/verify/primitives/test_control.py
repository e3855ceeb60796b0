"""Loops and branches mean what JAX means, and what cannot be unrolled is said to be so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_batching import custom_vmap

import verify
from tests.verify.harness import check_rule
from verify.algebras.base import Unsupported
from verify.algebras.field import Field
from verify.algebras.numeric import Bounded, Numeric
from verify.evaluate import evaluate
from verify.primitives.control import MOST_STEPS
from verify.programs import trace

X = np.array([1.0, -2.0, 3.0])
ROWS = np.arange(12.0).reshape(4, 3)


def running(reverse: bool):
    """Constants, a carry of two, and outputs of several shapes."""

    def f(w, x):
        def step(carry, row):
            total, count = carry
            total = total * 0.5 + row * w
            return (total, count + 1), {"total": total, "sum": row.sum(), "count": count}

        return lax.scan(step, (jnp.zeros(3), 0), x, reverse=reverse)

    return f


SCANS = {
    "forwards": (running(False), X, ROWS),
    "backwards": (running(True), X, ROWS),
    "no steps": (lambda w, x: running(False)(w, x[:0]), X, ROWS),
    "only a length": (lambda x: lax.scan(lambda c, _: (c * 2, c), x, length=3), X),
    "no carry": (lambda x: lax.map(lambda row: row * row.sum(), x), ROWS),
    "integers": (lambda i: lax.scan(lambda c, t: (c * 3 + t, c), 1, i), np.int32([5, 2**30, 7])),
    "nested": (
        lambda x: lax.scan(lambda c, row: lax.scan(lambda d, t: (d * t, d), c, row), 1.0, x),
        ROWS,
    ),
    "gradient": (jax.grad(lambda x: (running(False)(x[0], x)[0][0] ** 2).sum()), ROWS),
    "polynomial": (lambda x: jnp.polyval(jnp.array([2.0, -1, 0.5]), x), X),
    "associative": (lambda x: lax.associative_scan(lambda a, b: a * b, x), ROWS),
    "batched": (jax.vmap(lambda x: lax.scan(lambda c, t: (c + t, c * t), 0.0, x)), ROWS),
    "complex carry": (lambda x: lax.scan(lambda c, t: (c * 1j + t, c), 1j, x), X),
}


@pytest.mark.parametrize("name", SCANS)
def test_scan_means_what_jax_means(name: str) -> None:
    f, *inputs = SCANS[name]
    f = jax.jit(f)
    check_rule(f, *inputs)
    check_rule(f, *inputs, by_rules_only=False)


WHILES = {
    "counter": (
        lambda x: lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * x), (0, x)),
        X,
    ),
    "constants of the condition": (
        lambda x, n: lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 2, c[1] - x), (0, x)),
        X,
        np.int32(7),
    ),
    "never": (lambda x: lax.while_loop(lambda c: c[0] < 0, lambda c: (c[0] + 1, -c[1]), (0, x)), X),
    "fori": (lambda x: lax.fori_loop(2, 6, lambda i, c: c * x + i, x), X),
    "fori with traced bounds": (
        lambda x, n: lax.fori_loop(1, n, lambda i, c: c * x + i, x),
        X,
        np.int32(4),
    ),
    "rows that end at different times": (
        lambda x, n: jax.vmap(
            lambda x, n: lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 2), (0, x))
        )(x, n),
        ROWS,
        np.int32([3, 0, 2, 5]),
    ),
}


@pytest.mark.parametrize("name", WHILES)
def test_while_means_what_jax_means(name: str) -> None:
    f, *inputs = WHILES[name]
    check_rule(jax.jit(f), *inputs)


def branches(count: int):
    return [lambda x, i=i: (x * (i + 1), jnp.float64(i)) for i in range(count)]


@pytest.mark.parametrize("index", [-3, 0, 1, 2, 3, 9])
def test_switch_takes_the_branch_that_jax_takes(index: int) -> None:
    check_rule(lambda i, x: lax.switch(i, branches(3), x), np.int32(index), X)


@pytest.fixture
def blind(monkeypatch):
    """No value counts as a constant: nothing can be decided before it is evaluated."""
    monkeypatch.setattr(Bounded, "concrete", None)


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_unknown_branch_is_a_choice_among_all(count: int, index: int, blind) -> None:
    taken = min(index, count - 1)
    with jax.enable_x64(True):
        program = trace(lambda i, x: lax.switch(i, branches(count), x), np.int32(0), X)
        ours = evaluate(program, Numeric(), [Numeric().lift(np.int32(index)), Numeric().lift(X)])
    np.testing.assert_array_equal(ours[0].value, X * (taken + 1))
    assert ours[1].value == taken


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_unknown_condition_is_a_choice_between_both(value: float, blind) -> None:
    program = trace(lambda x: lax.cond(x > 0, jnp.abs, lambda x: x - 5, x), 0.0)
    (ours,) = evaluate(program, Numeric(), [Numeric().lift(np.array(value))])
    assert ours.value == (1 if value > 0 else -6)


def test_conditions_on_numbers() -> None:
    check_rule(lambda x: lax.cond(x[0] > 0, lambda y: y * 2, lambda y: y + 1, x), X)
    check_rule(lambda x: lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x), X)
    check_rule(jax.grad(lambda x: lax.cond(x[0] > x[1], lambda y: y @ y, lambda y: y[2], x)), X)


def test_linear_solve_is_the_users_solution() -> None:
    def f(a, b, c):
        """c ought to be a: that it is used, and not a, shows whose solution this is."""
        return lax.custom_linear_solve(
            lambda v: a * v, b, lambda _, b: b / c, transpose_solve=lambda _, b: b / (2 * c)
        )

    check_rule(f, X, ROWS[1], ROWS[2], low=1)
    check_rule(jax.grad(lambda *x: (f(*x) ** 2).sum(), (0, 1)), X, ROWS[1], ROWS[2], low=1)


def test_wrapped_programs() -> None:
    doubled = custom_vmap(lambda x: x * 2)
    doubled.def_vmap(lambda size, batched, x: (x * 2, True))
    check_rule(lambda x: doubled(x), X)
    check_rule(lambda x: lax.composite(lambda y: y * 3 + 1, "my.name")(x), X)


UNROLLABLE = {
    "steps depend on the inputs": (
        lambda x: lax.while_loop(lambda c: c.sum() < 5, lambda c: c + 1, x),
        "the number of steps of a loop depends on the inputs",
    ),
    "long scan": (
        lambda x: lax.scan(lambda c, _: (c + 1, None), x, length=MOST_STEPS + 1)[0],
        f"a loop of {MOST_STEPS + 1} steps",
    ),
    "endless loop": (
        lambda x: lax.while_loop(lambda c: c[0] >= 0, lambda c: (c[0] * 1, c[1]), (0, x))[1],
        f"a loop of {MOST_STEPS + 1} steps",
    ),
}


@pytest.mark.parametrize("name", UNROLLABLE)
def test_what_cannot_be_unrolled_is_said_to_be_so(name: str, monkeypatch) -> None:
    f, reason = UNROLLABLE[name]
    if name == "endless loop":  # not the full length: it is slow
        monkeypatch.setattr("verify.primitives.control.MOST_STEPS", 20)
        reason = "a loop of 21 steps"
    field = Field(0)
    with pytest.raises(Unsupported, match=reason) as caught:
        evaluate(trace(f, X), field, [field.random(X.shape, X.dtype)])
    assert "test_control.py" in str(caught.value), "the user's line is missing"


def branching(x, first=jnp.sin):
    return lax.cond(x[0] > 0, lambda x: first(x) ** 2, lambda x: jnp.exp(x) * x, x).sum()


def selecting(x):
    return jnp.where(x[0] > 0, jnp.sin(x) ** 2, jnp.exp(x) * x).sum()


def test_the_gradient_of_a_branch_is_that_of_the_one_taken() -> None:
    """JAX keeps something of both for it, of the other one nothing but room."""
    x = jnp.asarray([0.5, -1.0])
    check_rule(jax.grad(branching), x)
    check_rule(jax.grad(branching), -x)
    verify.assert_equivalent(jax.grad(branching), jax.grad(selecting), x)
    wrong = jax.grad(lambda x: branching(x, jnp.cos))
    assert verify.equivalent(wrong, jax.grad(selecting), x).status == "refuted"

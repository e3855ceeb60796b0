"""Numbers of few values, case by case: what that proves, and near misses of each way to get there.

Every near miss differs in one case of one selector, at an edge of a range, or beyond it.
"""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent
from verify.algebras.field import Mode
from verify.interpretation.proof import Agreement, prove
from verify.programs import trace


def like(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))


def below(k):
    return lambda *xs: (xs[-1] >= 0) & (xs[-1] < k)


def is_flag(*xs):
    return (xs[-1] == 0) | (xs[-1] == 1)


def is_sign(*xs):
    return (xs[-1] == -1) | (xs[-1] == 1)


T, X, V = like("float32", 5), like("float32", 3, 5), like("float32", 3)
N, NS, M = like("int32"), like("int32", 3), like("bool", 3)
one_hot, where = jax.nn.one_hot, jnp.where

EQUAL = {
    "gather": (lambda t, n: t[n], lambda t, n: one_hot(n, 5) @ t, [T, NS], below(5)),
    "take_along_axis": (
        lambda x, n: jnp.take_along_axis(x, n[:, None], 1)[:, 0],
        lambda x, n: (x * one_hot(n, 5)).sum(1),
        [X, NS],
        below(5),
    ),
    "a function of what is picked": (
        lambda x, n: jnp.exp(jnp.take_along_axis(x, n[:, None], 1)[:, 0]),
        lambda x, n: (jnp.exp(x) * one_hot(n, 5)).sum(1),
        [X, NS],
        below(5),
    ),
    "a mean over labels": (
        lambda x, n: jnp.take_along_axis(x, n[:, None], 1).mean(),
        lambda x, n: where(n[:, None] == jnp.arange(5), x, 0).sum() / 3,
        [X, NS],
        below(5),
    ),
    "weights of labels": (
        lambda t, n: t[n] / t[n].sum(),
        lambda t, n: one_hot(n, 5) @ t / (one_hot(n, 5) @ t).sum(),
        [T, NS],
        below(5),
    ),
    "a scatter": (
        lambda t, n: t.at[n].add(2.0),
        lambda t, n: t + 2 * one_hot(n, 5),
        [T, N],
        below(5),
    ),
    "clip": (lambda t, n: t[jnp.clip(n, 0, 4)], lambda t, n: one_hot(n.clip(0, 4), 5) @ t, [T, NS]),
    "remainder": (lambda t, n: t[n % 5], lambda t, n: one_hot(n % 5, 5) @ t, [T, NS]),
    "a remainder times what it picks": (
        lambda t, n: t[n % 5] * (n % 5),
        lambda t, n: one_hot(n % 5, 5) @ (t * jnp.arange(5)),
        [T, NS],
    ),
    "the last bits": (
        lambda t, n: t[n & 3],
        lambda t, n: one_hot(n & 3, 5) @ t,
        [T, like("uint8")],
    ),
    "argmax": (
        lambda t, x: t[jnp.argmax(x, 1)],
        lambda t, x: one_hot(jnp.argmax(x, 1), 5) @ t,
        [T, X],
    ),
    "what is largest": (
        lambda x, y: y * x[jnp.argmax(x)] + 1,
        lambda x, y: y * x.max() + 1,
        [T, like("float32")],
    ),
    "what is smallest, scaled": (
        lambda x: jnp.exp(-2 * x[jnp.argmin(x)]),
        lambda x: jnp.exp((-2 * x).max()),
        [T],
    ),
    "the largest, by either place": (
        lambda x: x[jnp.argmax(x)],
        lambda x: x[4 - jnp.argmax(x[::-1])],
        [T],
    ),
    "a floor": (
        lambda n: jnp.floor(n / 4) + jnp.round(n / 3),
        lambda n: (n // 4 + (2 * n + 3) // 6).astype(jnp.float32),
        [N],
        below(20),
    ),
    "a truncation": (
        lambda t, n: t[(n / 4).astype(jnp.int32)],
        lambda t, n: one_hot(n // 4, 5) @ t,
        [T, N],
        below(20),
    ),
    "a switch": (
        lambda x, n: jax.lax.switch(n, [jnp.sin, jnp.exp, jnp.tanh], x),
        lambda x, n: where(n == 0, jnp.sin(x), where(n == 1, jnp.exp(x), jnp.tanh(x))),
        [V, N],
        below(3),
    ),
    "division": (
        lambda n: 0.5 ** (n // 10),
        lambda n: jnp.array([1.0, 0.5, 0.25])[n // 10],
        [N],
        below(30),
    ),
    "steps": (
        lambda n: where(n < 3, n / 3, jnp.maximum(1 - (n - 3) / 4, 0)),
        lambda n: (
            jnp.minimum(n / 3, jnp.maximum(1, (7 - n) / 4) * (n < 7) * (7 - n) / 4) * (n >= 3)
            + (n < 3) * n / 3
        ),
        [N],
        lambda n: (n >= 3) & (n < 40),
    ),
    "a flag twice": (lambda x, m: x * m * m, lambda x, m: where(m, x, 0), [V, M]),
    "flags and or": (lambda m, k: ~(~m & ~k), lambda m, k: m | k, [M, M]),
    "a float that is a flag": (
        lambda x, y: x * y * y,
        lambda x, y: where(y > 0, x, 0),
        [V, V],
        is_flag,
    ),
    "a power of a flag": (lambda y: jnp.exp(y), lambda y: 1 + y * (jnp.exp(1.0) - 1), [V], is_flag),
    "a sign": (lambda x, y: x * y * y * y, lambda x, y: where(y > 0, x, -x), [V, V], is_sign),
    "a masked quotient": (
        lambda x, n: where(n > 0, x / n, 0),
        lambda x, n: x / jnp.maximum(n, 1) * jnp.minimum(n, 1),
        [V, N],
        below(4),
    ),
    "two tables": (
        lambda x, n, k: x[n, k],
        lambda x, k, n: one_hot(k, 3) @ x @ one_hot(n, 5),
        [X, N, N],
        lambda x, n, k: (n >= 0) & (n < 3) & (k >= 0) & (k < 5),
    ),
}
DIFFERENT = {
    "one class less": (
        lambda t, n: t[n],
        lambda t, n: one_hot(n, 5)[..., :4] @ t[:4],
        [T, NS],
        below(5),
    ),
    "beyond the table": (lambda t, n: t[n], lambda t, n: one_hot(n, 5) @ t, [T, NS], below(6)),
    "below the table": (
        lambda t, n: t[n],
        lambda t, n: one_hot(n, 5) @ t,
        [T, NS],
        lambda t, n: (n >= -1) & (n < 5),
    ),
    "without a domain": (
        lambda t, n: t.at[n].get(mode="clip"),
        lambda t, n: one_hot(n, 5) @ t,
        [T, NS],
    ),
    "labels moved": (lambda t, n: t[n], lambda t, n: one_hot(n[::-1], 5) @ t, [T, NS], below(5)),
    "shifted labels": (lambda t, n: t[n], lambda t, n: t[(n + 1) % 5], [T, NS], below(5)),
    "clipped too low": (lambda t, n: t[n.clip(0, 4)], lambda t, n: t[n.clip(0, 3)], [T, NS]),
    "truncated": (lambda t, n: t[jnp.abs(jax.lax.rem(n, 5))], lambda t, n: t[n % 5], [T, NS]),
    "argmin": (
        lambda t, x: t[jnp.argmax(x, 1)],
        lambda t, x: one_hot(jnp.argmin(x, 1), 5) @ t,
        [T, X],
    ),
    "the last maximum": (
        lambda t, x: t[jnp.argmax(x, 1)],
        lambda t, x: t[4 - jnp.argmax(x[:, ::-1], 1)],
        [T, X],
    ),
    "the largest of others": (
        lambda x: x[jnp.argmax(x[::-1])],
        lambda x: x.max(),
        [T],
    ),
    "what stands there, by either place": (
        lambda t, x: (x[0] * t)[jnp.argmax(x)],
        lambda t, x: (x[0] * t)[4 - jnp.argmax(x[::-1])],
        [T, T],
    ),
    "a common factor that may be zero": (
        lambda y, t: t[jnp.argmax(y * t)],
        lambda y, t: t[4 - jnp.argmax((y * t)[::-1])],
        [like("float32"), T],
    ),
    "a floor below zero": (
        lambda n: jnp.floor(n / 4),
        lambda n: (n / 4).astype(jnp.int32).astype(jnp.float32),
        [N],
        lambda n: (n >= -9) & (n < 9),
    ),
    "halves to even": (
        lambda n: jnp.round(n / 2),
        lambda n: jnp.floor(n / 2 + 0.5),
        [N],
        below(9),
    ),
    "a switch of three": (
        lambda x, n: jax.lax.switch(n, [jnp.sin, jnp.exp, jnp.tanh], x),
        lambda x, n: where(n == 0, jnp.sin(x), jnp.exp(x)),
        [V, N],
        below(3),
    ),
    "one step later": (
        lambda n: 0.5 ** (n // 10),
        lambda n: jnp.array([1.0, 0.5, 0.25])[(n + 1) // 10],
        [N],
        below(29),
    ),
    "a float that is no flag": (
        lambda x, y: x * y * y,
        lambda x, y: x * y,
        [V, V],
        lambda x, y: y >= 0,
    ),
    "a flag of three": (
        lambda x, y: x * y * y,
        lambda x, y: x * y,
        [V, V],
        lambda x, y: (y == 0) | (y == 1) | (y == 2),
    ),
    "a sign for a flag": (lambda y: y * y, lambda y: y, [V], is_sign),
    "an or of two numbers": (
        lambda x: x * x,
        lambda x: x,
        [like("float32", 2)],
        lambda x: (x[0] == 1) | (x[1] == 1),
    ),
    "other flags": (lambda x, m: x * m * m[::-1], lambda x, m: x * m, [V, M]),
    "a sum over other labels": (
        lambda x, n: jnp.take_along_axis(x, n[:, None], 1).sum(),
        lambda x, n: (x * one_hot(n[0], 5)).sum(),
        [X, NS],
        below(5),
    ),
    "two tables the wrong way": (
        lambda x, n, k: x[n, k],
        lambda x, n, k: one_hot(k, 3) @ x @ one_hot(n, 5),
        [X, N, N],
        lambda x, n, k: (n >= 0) & (n < 3) & (k >= 0) & (k < 3),
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    f, g, examples, *assuming = pair
    assert equivalent(f, g, *examples, assuming=(assuming or [None])[0]).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    f, g, examples, *assuming = pair
    assert equivalent(f, g, *examples, assuming=(assuming or [None])[0]).status == "refuted"


def test_a_quotient_by_zero_in_one_case_is_an_assumption():
    def careless(x, n):
        return 0 * (x / n) + where(n > 0, x / jnp.maximum(n, 1), 0)

    def guarded(x, n):
        return where(n > 0, x / n, 0)

    verdict = equivalent(guarded, careless, V, N, assuming=below(4))
    assert "no division by zero" in verdict.assumptions


def test_without_a_domain_nothing_is_out_of_bounds():
    """Where JAX fills with NaN: an assumption; and none where the index cannot be out of bounds."""

    def asked(assuming):
        f, g = EQUAL["gather"][:2]
        return equivalent(f, g, T, NS, assuming=assuming).assumptions

    assert not any("out of bounds" in one for one in asked(below(5)))


CAST = {
    "an index that wraps": (
        lambda t, n: t[(n.astype(jnp.int8) + jnp.int8(120)).astype(jnp.int32) % 5],
        lambda t, n: t[(n + 120) % 5],
        [T, N],
        below(10),
    ),
    "a count that wraps": (
        lambda x, n: x * ((n.astype(jnp.uint8) - jnp.uint8(1)) > 0),
        lambda x, n: x * (n - 1 > 0),
        [V, N],
        below(3),
    ),
}


@pytest.mark.parametrize("pair", CAST.values(), ids=list(CAST))
def test_cases_are_machine_numbers(pair):
    f, g, examples, assuming = pair
    assert equivalent(f, g, *examples, assuming=assuming).status == "refuted"


BYTES = jax.ShapeDtypeStruct((2,), jnp.int8)


def wide_at_the_largest(a, b):
    return (a.astype(jnp.int32) + b.astype(jnp.int32))[jnp.argmax(a + b)]


def widened_largest(a, b):
    return jnp.max(a + b).astype(jnp.int32)


def test_the_place_of_a_maximum_that_may_have_wrapped_says_nothing_of_the_expressions():
    programs = trace(wide_at_the_largest, BYTES, BYTES), trace(widened_largest, BYTES, BYTES)
    mode = Mode(split=True, scaling=True)
    assert not isinstance(prove(*programs, mode, 3), Agreement)
    verdict = equivalent(wide_at_the_largest, widened_largest, BYTES, BYTES)
    assert verdict.status == "refuted"


def test_a_table_that_holds_nan_has_no_order():
    """JAX: the sign of NaN is NaN, and so is what is larger than it."""
    hidden = (2718 * 2718 + 3 * 2718) % 4093  # of two numbers in 4096

    def hit(n):
        return (n * n + 3 * n) % 4093 == hidden

    def inside(n, x):
        return (n >= 0) & (n < 4096)

    n, x = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((), jnp.float32)
    nan = jnp.float32(jnp.nan)
    for of_nan, instead in (
        (jnp.sign, 0.0),
        (lambda y: jnp.maximum(y, 1.0), 1.0),
        (lambda y: jnp.max(jnp.stack([y, jnp.float32(1)])), 1.0),
        (lambda y: jnp.clip(y, -1, 1), -1.0),
        (lambda y: jnp.argmax(jnp.stack([jnp.float32(9), y])).astype(jnp.float32), 0.0),
        (lambda y: jnp.sort(jnp.stack([y, jnp.float32(9)]))[0], nan),
        (lambda y: jnp.abs(y), 0.0),
    ):
        f = lambda n, x, of_nan=of_nan: of_nan(jnp.where(hit(n), nan, 3.0)) * x  # noqa: E731
        at_three = float(of_nan(jnp.float32(3)))
        g = lambda n, x, c=instead, t=at_three: jnp.where(hit(n), c, t) * x  # noqa: E731
        assert equivalent(f, g, n, x, assuming=inside, seconds=5).status != "proved"
    masked = lambda n, x: jnp.where(jnp.isnan(jnp.where(hit(n), nan, 3.0)), 0.0, x)  # noqa: E731
    assert equivalent(
        masked, lambda n, x: jnp.where(hit(n), 0.0, x), n, x, assuming=inside, seconds=20
    )

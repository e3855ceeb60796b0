"""equivalent(assuming=): pairs that are equal under a precondition, and pairs that are not.

Every near miss is a fact that is a little less than what the proof needs, or a precondition whose
program says something else than it seems to: a proof of it would be false.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import equivalent
from verify.provers.searching import Search


def like(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))


X, S = like("float32", 3), like("float32")
N, NS = like("int32"), like("int32", 3)
I8, U8 = like("int8"), like("uint8")
SQUARE = like("float32", 3, 3)


def log_sum(p):
    return -(p * jnp.log(p)).sum()


def guarded_log_sum(p):
    return -jnp.where(p > 0, p * jnp.log(jnp.where(p > 0, p, 1)), 0).sum()


EQUAL = {
    "a square's root": (lambda x: jnp.sqrt(x * x), lambda x: x, [X], lambda x: x >= 0),
    "from above": (lambda x: jnp.sqrt((1 - x) ** 2), lambda x: 1 - x, [X], lambda x: x <= 1),
    "a bound beyond": (jnp.abs, lambda x: x, [X], lambda x: x >= 2),
    "below zero": (jnp.abs, jnp.negative, [X], lambda x: x < 0),
    "a multiple": (lambda x: jnp.abs(3 * x), lambda x: 3 * x, [X], lambda x: x > 0),
    "relu": (jax.nn.relu, lambda x: x, [X], lambda x: (x >= 0).all()),
    "clip": (lambda x: jnp.clip(x, 0, 1), lambda x: x, [X], lambda x: (x >= 0) & (x <= 1)),
    "a maximum": (jnp.maximum, lambda x, y: y, [X, X], lambda x, y: x <= y),
    "a choice": (
        lambda x, y: jnp.where(x <= y, x * y, x + y),
        lambda x, y: x * y,
        [X, X],
        lambda x, y: x <= y,
    ),
    "by abs": (
        lambda x: jnp.where(jnp.abs(x) <= 1, x * x, x),
        lambda x: x * x,
        [X],
        lambda x: jnp.abs(x) <= 1,
    ),
    "sorted": (jnp.sort, lambda x: x, [X], lambda x: x[:-1] <= x[1:]),
    "the last is the largest": (jnp.max, lambda x: x[-1], [X], lambda x: x[:-1] <= x[1:]),
    "logarithms": (
        lambda x, y: jnp.log(x * y),
        lambda x, y: jnp.log(x) + jnp.log(y),
        [X, X],
        lambda x, y: (x > 0) & (y > 0),
    ),
    "powers": (
        lambda x, a, b: x ** (a + b),
        lambda x, a, b: x**a * x**b,
        [S, S, S],
        lambda x, a, b: x > 0,
    ),
    "softplus": (
        lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))),
        lambda x: x + jnp.log1p(jnp.exp(-x)),
        [X],
        lambda x: x >= 0,
    ),
    "a guard": (lambda x: jnp.where(x == 0, 1.0, 1 / x), lambda x: 1 / x, [X], lambda x: x != 0),
    "entropy": (log_sum, guarded_log_sum, [X], lambda p: (p > 0).all() & (p.sum() == 1)),
    "probabilities": (
        lambda p: p / p.sum(),
        lambda p: p,
        [X],
        lambda p: ((p >= 0).all(), p.sum() == 1),
    ),
    "a mean": (
        lambda p, y: (p * (y - 2)).sum(),
        lambda p, y: (p * y).sum() - 2,
        [X, X],
        lambda p, y: p.sum() == 1,
    ),
    "symmetric": (lambda a, v: a @ v, lambda a, v: v @ a, [SQUARE, X], lambda a, v: a == a.T),
    "equal inputs": (lambda x, y: x * y, lambda x, y: x * x, [X, X], lambda x, y: x == y),
    "a product's sign": (
        lambda x, y: jnp.abs(x) * jnp.abs(y),
        lambda x, y: x * y,
        [S, S],
        lambda x, y: x * y >= 0,
    ),
    "a norm's bound": (
        lambda x: jnp.where((x * x).sum() <= 1, x, x / jnp.sqrt((x * x).sum())),
        lambda x: x,
        [X],
        lambda x: (x * x).sum() <= 1,
    ),
    "an index": (
        lambda t, i: t[i],
        lambda t, i: (jax.nn.one_hot(i, 4) * t).sum(),
        [like("float32", 4), N],
        lambda t, i: (i >= 0) & (i < 4),
    ),
    "indices": (
        lambda t, i: t[i],
        lambda t, i: jax.nn.one_hot(i, 4) @ t,
        [like("float32", 4, 2), NS],
        lambda t, i: (i >= 0) & (i < 4),
    ),
    "a remainder": (lambda n: n % 10, lambda n: n, [NS], lambda n: (n >= 0) & (n < 10)),
    "bits": (lambda n: n & 7, lambda n: n, [N], lambda n: (n >= 0) & (n < 8)),
    "no overflow": (
        lambda n: (n * n).astype(jnp.float32),
        lambda n: n.astype(jnp.float32) ** 2,
        [NS],
        lambda n: (n >= -100) & (n < 100),
    ),
    "a narrow cast": (
        lambda k: k.astype(jnp.int8).astype(jnp.int32),
        lambda k: k.astype(jnp.int32),
        [U8],
        lambda k: k < 128,
    ),
    "a sum of integers that wraps": (
        lambda a, b: jnp.where(a == 3, 1, 2),
        lambda a, b: jnp.where(b == 7, 1, 2),
        [N, N],
        lambda a, b: a + b == 10,
    ),
    "a mask": (
        lambda m, x: jnp.where(m, x, 0),
        lambda m, x: x,
        [like("bool", 3), X],
        lambda m, x: m,
    ),
    "a tree": (
        lambda d: jnp.abs(d["a"]) * d["n"],
        lambda d: d["a"] * d["n"],
        [{"a": S, "n": N}],
        lambda d: {"first": d["a"] > 0, "second": d["n"] > 2},
    ),
    "an image": (jax.nn.relu, lambda x: x, [like("float32", 40, 40, 3)], lambda x: x >= 0),
    "nothing": (lambda x: x + 1, lambda x: 1 + x, [S], lambda x: True),
}

DIFFERENT = {
    "a square's root": (lambda x: jnp.sqrt(x * x), lambda x: x, [X], lambda x: x >= -1),
    "relu": (jax.nn.relu, lambda x: x, [X], lambda x: x[1:] >= 0),
    "clip": (lambda x: jnp.clip(x, 0, 0.9), lambda x: x, [X], lambda x: (x >= 0) & (x <= 1)),
    "a maximum": (jnp.maximum, lambda x, y: x, [X, X], lambda x, y: x <= y),
    "a tie": (
        lambda x, y: jnp.where(x < y, x * y, x + y),
        lambda x, y: x * y,
        [X, X],
        lambda x, y: x <= y,
    ),
    "nothing but ties": (
        lambda x, y: jax.grad(lambda x: jnp.maximum(x, y).sum())(x),
        lambda x, y: jnp.where(x >= y, 1.0, 0.0),
        [X, X],
        lambda x, y: x == y,
    ),
    "nothing but ties, not linear": (
        lambda x, y: jax.grad(jnp.maximum)(x, y),
        lambda x, y: jnp.where(x >= y, 1.0, 0.0),
        [S, S],
        lambda x, y: (x - y) ** 2 <= 0,
    ),
    "a single point": (
        lambda x: jnp.where(x == 0, 1.0, x),
        lambda x: x,
        [S],
        lambda x: (x > 1) | (x == 0),
    ),
    "no value anywhere": (lambda x: x / x, lambda x: x * 0 + 1, [S], lambda x: x == 0),
    "no logarithm anywhere": (lambda x: jnp.log(x) * 0, lambda x: x * 0, [S], lambda x: x < 0),
    "logarithms": (
        lambda x, y: jnp.log(x * y),
        lambda x, y: jnp.log(x) + jnp.log(y),
        [X, X],
        lambda x, y: x * y > 0,
    ),
    "a mean": (
        lambda p, y: (p * (y - 2)).sum(),
        lambda p, y: (p * y).sum() - 2,
        [X, X],
        lambda p, y: p.sum() <= 1,
    ),
    "symmetric but for a corner": (
        lambda a, v: a @ v,
        lambda a, v: v @ a,
        [SQUARE, X],
        lambda a, v: a[:1] == a.T[:1],
    ),
    "an index": (
        lambda t, i: t[i],
        lambda t, i: (jax.nn.one_hot(i, 4) * t).sum(),
        [like("float32", 4), N],
        lambda t, i: (i >= -1) & (i < 4),
    ),
    "a remainder": (lambda n: n % 9, lambda n: n, [NS], lambda n: (n >= 0) & (n < 10)),
    "bits": (lambda n: n & 7, lambda n: n, [N], lambda n: (n >= 0) & (n <= 8)),
    "a narrow cast": (
        lambda k: k.astype(jnp.int8).astype(jnp.int32),
        lambda k: k.astype(jnp.int32),
        [U8],
        lambda k: k < 130,
    ),
    "a condition that wraps": (
        lambda n: jnp.where(n < 127, n, 0),
        lambda n: n,
        [I8],
        lambda n: n + 1 <= n,
    ),
    "a wrapped sum": (
        lambda n: n.astype(jnp.int32) + 1,
        lambda n: (n + 1).astype(jnp.int32),
        [I8],
        lambda n: n + 1 < n,
    ),
    "a sum of integers": (
        lambda a, b: jnp.where(a == 3, 1, 2),
        lambda a, b: jnp.where(b == 7, 1, 3),
        [N, N],
        lambda a, b: a + b == 10,
    ),
    "a bound a little beyond an edge": (
        lambda x: jnp.sqrt(x + 6) ** 2,
        lambda x: x + 6,
        [S],
        lambda x: x >= -6.0001,
    ),
    "a quotient beyond an edge": (
        lambda x: jax.nn.relu(x - 6) / jax.nn.relu(x - 6),
        lambda x: 1 + 0 * x,
        [S],
        lambda x: x >= 6 - 2**-10,
    ),
    "what is compared beyond an edge": (
        lambda x: jnp.where(jnp.isnan(jnp.sqrt(x + 6)), 0.0, jnp.sqrt(x + 6)),
        lambda x: jnp.sqrt(x + 6),
        [S],
        lambda x: x >= -6.01,
    ),
    "softplus": (
        lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))),
        lambda x: x + jnp.log1p(jnp.exp(x)),
        [X],
        lambda x: x >= 0,
    ),
}

# What a condition asks of what has no value is true or false as it happens: no fact for a proof.
NOT_PROVED = {
    "of NaN, denied": (jnp.abs, lambda x: x, [S], lambda x: ~(jnp.sqrt(x) > 1)),
    "of NaN only": (
        lambda x: x,
        jnp.negative,
        [S],
        lambda x: ~(jnp.log(x) > 1) & ~(jnp.log(x) <= 1),
    ),
    "no value anywhere, not linear": (
        lambda x: x / x,
        lambda x: x * 0 + 1,
        [S],
        lambda x: x * x <= 0,
    ),
}


def ask(f, g, examples, assuming, **options):
    return equivalent(f, g, *examples, assuming=assuming, seconds=40, **options)


@pytest.mark.parametrize("name", EQUAL)
def test_what_is_equal_there_is_proved(name):
    verdict = ask(*EQUAL[name])
    assert verdict, verdict
    assert verdict.assumptions[0].startswith("the inputs satisfy <lambda> at test_assuming.py:")


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_there_is_refuted_there(name):
    f, g, examples, assuming = DIFFERENT[name]
    verdict = ask(f, g, examples, assuming)
    assert verdict.status == "refuted", verdict
    inputs = verdict.counterexample.inputs
    assert all(np.all(x) for x in jax.tree.leaves(assuming(*inputs)))
    one, two = (np.asarray(h(*jax.tree.map(jnp.asarray, inputs))) for h in (f, g))
    assert not np.array_equal(one, two, equal_nan=True)


@pytest.mark.parametrize("name", NOT_PROVED)
def test_what_has_no_value_is_no_fact(name):
    assert ask(*NOT_PROVED[name]).status == "unknown"


@pytest.mark.parametrize("name", ["a square's root", "logarithms", "an index", "symmetric"])
def test_without_the_precondition_it_is_refuted(name):
    f, g, examples, _ = EQUAL[name]
    assert equivalent(f, g, *examples, seconds=40).status == "refuted"


IMPOSSIBLE = {
    "a constant": lambda x, y: False,
    "bounds": lambda x, y: (x > 1) & (x < 0),
    "an order": lambda x, y: (x > y) & (y > x),
    "sums": lambda x, y: (x + y > 3) & (x < 1) & (y < 1),
    "a wrong bound and another": lambda x, y: (jnp.abs(x) < 0, y > 0),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_precondition_that_nothing_satisfies_is_an_error(name):
    with pytest.raises(ValueError, match="assuming: expected a condition that some input satis"):
        ask(lambda x, y: x, lambda x, y: y, [S, S], IMPOSSIBLE[name])


def test_one_that_no_input_is_found_for_proves_nothing():
    verdict = ask(lambda x: x, lambda x: x, [S], lambda x: jnp.sin(x) * x == 0.7)
    assert verdict.status == "unknown"
    assert "no input was found at which" in verdict.reason


WRONG = {
    "no function": (3, TypeError, "assuming: expected a function of the examples"),
    "no booleans": (lambda x: x, TypeError, "returns booleans, got one that returns"),
    "nothing": (lambda x: (), TypeError, "got one that returns nothing"),
    "other arguments": (lambda: True, TypeError, "takes 0 positional arguments"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_precondition_is_an_error(name):
    assuming, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        ask(lambda x: x, lambda x: x, [S], assuming)


def test_a_chained_comparison_is_told_how_to_be_written():
    with pytest.raises(jax.errors.TracerBoolConversionError) as caught:
        ask(lambda x: x, lambda x: x, [S], lambda x: 0 <= x <= 1)
    assert any("(0 <= x) & (x < 10)" in note for note in caught.value.__notes__)


def test_a_part_that_is_not_linear_is_named():
    verdict = ask(*EQUAL["a norm's bound"])
    assert "a part of which no proof by random interpretation can use" in verdict.assumptions[0]


def test_rounding_is_measured_where_it_holds():
    verdict = ask(
        lambda x: jnp.sqrt(x - 3) ** 2, lambda x: x - 3, [like("float32", 5)], lambda x: x > 4
    )
    assert verdict
    assert verdict.rounding is not None
    assert verdict.rounding.explained


def test_a_condition_of_complex_numbers_is_asked_of_counterexamples():
    z = like("complex64", 3)
    verdict = ask(lambda z: z.real, lambda z: jnp.abs(z), [z], lambda z: z.real > 2)
    assert verdict.status == "refuted"
    assert (verdict.counterexample.inputs[0].real > 2).all()
    assert ask(lambda z: z * 2, lambda z: z + z, [z], lambda z: jnp.abs(z) < 1)


def test_what_is_assumed_of_the_programs_integers_is_not_of_the_condition():
    """Taken not to wrap, n + n < 0 and n > 0 contradict each other, and prove anything."""
    n, one = like("int8"), jnp.int8(1)

    def thin(x):
        return jnp.where((x * x - 0.337) ** 2 < 1e-9, 1, 0)

    verdict = ask(
        lambda n, m, x: jnp.where(m + one > m, 1, 0),
        lambda n, m, x: jnp.where(m + one > m, 1, 0) + thin(x),
        [n, n, S],
        lambda n, m, x: (n + n < 0) & (n > 0),
    )
    assert verdict.status != "proved"


@pytest.mark.parametrize("size", [12, 60])
def test_large_orders_are_met_within_the_seconds(size):
    x = like("float32", size, size)
    verdict = equivalent(
        lambda x: jnp.minimum(x[1:], x[:-1]),
        lambda x: x[1:],
        x,
        assuming=lambda x: x[1:] >= x[:-1],
        seconds=20,
    )
    assert verdict.seconds < 30
    assert verdict.status == "refuted"


def test_all_values_of_two_narrow_integers_are_tried_under_a_condition():
    verdict = ask(
        lambda a, b: (a - b).astype(jnp.int32),
        lambda a, b: a.astype(jnp.int32) - b.astype(jnp.int32) + (a - b == 201),
        [U8, U8],
        lambda a, b: a >= b,
    )
    assert verdict.status == "refuted"


SELECTED = {
    "minus infinity": (
        lambda x: jnp.where(x > 0, jnp.log(x), -jnp.inf),
        jnp.log,
        lambda x: x > 0,
    ),
    "outside of a support": (
        lambda x: jnp.where((x == x) & (x >= 0) & (x != jnp.inf) & ~(x > 2), 1 - x, -jnp.inf),
        lambda x: 1 - x,
        lambda x: (x > 0) & (x < 2),
    ),
    "no number": (lambda x: jnp.where(x < 1, jnp.nan, x * x), jnp.square, lambda x: x > 1),
}


@pytest.mark.parametrize("name", SELECTED)
def test_what_the_precondition_rules_out_is_not_selected(name):
    f, g, assuming = SELECTED[name]
    assert ask(f, g, [X], assuming)
    assert ask(f, g, [X], lambda x: x > -1).status == "refuted"


def test_the_condition_s_literals_are_what_they_hold_and_the_verdict_says_so():
    verdict = ask(jnp.abs, jnp.negative, [X], lambda x: x <= -0.1)
    assert verdict
    assert "its constants being the numbers that they hold" in verdict.assumptions[0]
    # float32's 0.1 is above a tenth, and satisfies it.
    verdict = ask(lambda x: jnp.abs(1 - 10 * x), lambda x: 1 - 10 * x, [S], lambda x: x <= 0.1)
    assert verdict.status == "refuted"
    assert verdict.counterexample.inputs[0] == np.float32(0.1)


@pytest.mark.unrecorded("a verifier whose searches find nothing")
def test_a_law_of_measure_zero_proves_nothing_where_all_is_of_measure_zero(monkeypatch):
    for name in ("glance", "second_glance", "look", "before_proof"):
        monkeypatch.setattr(Search, name, lambda *_, **__: None)
    programs = (lambda x: jnp.where(x == 0, 0.0, x * jnp.log(x)), lambda x: x * jnp.log(x))
    assert equivalent(*programs, S, assuming=lambda x: x >= 0)
    ends = equivalent(*programs, S, assuming=lambda x: (x == 0) | (x == 1), seconds=10)
    assert ends.status != "proved"


def times(x, c, k):
    for _ in range(k):
        x = x * c
    return x


BEYOND_FLOATS = {
    "a factor near zero": (lambda x: times(x, 1e-38, 10) > 1, "unknown"),
    "a bound": (lambda x: x > times(jnp.float32(1), 1e38, 10), "unknown"),
    "an equation": (lambda x: times(x[0], 1e38, 10) == x[1], "refuted"),
    "an order": (lambda x: times(x[0], 1e38, 10) > x[1], "refuted"),
    "a factor of an order": (lambda x: times(x, 1e-38, 10) < x[1], "refuted"),
}


@pytest.mark.parametrize("name", BEYOND_FLOATS)
def test_numbers_that_no_float_holds(name):
    condition, expected = BEYOND_FLOATS[name]
    x = jax.ShapeDtypeStruct((3,), jnp.float32)
    assert equivalent(jnp.abs, lambda x: x, x, assuming=condition).status == expected


def test_a_condition_that_rounds_says_so():
    """1.001 is 1 in bfloat16: JAX takes it for an input that counts."""
    x = jax.ShapeDtypeStruct((), jnp.float32)
    clipped = lambda x: jnp.minimum(x, 1.0)  # noqa: E731
    rounded = equivalent(lambda x: x, clipped, x, assuming=lambda x: x.astype(jnp.bfloat16) <= 1)
    assert any("converts to bfloat16" in sentence for sentence in rounded.assumptions)
    plain = equivalent(lambda x: x, clipped, x, assuming=lambda x: x <= 1)
    assert plain
    assert not any("rounded" in sentence for sentence in plain.assumptions)

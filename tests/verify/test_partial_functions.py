"""Functions that are not defined everywhere: no proof where only one program has a value, none that
rests on a power of a negative number, and none of programs that are defined nowhere together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from tests.verify.pairs.famous import f32
from verify.algebras.field.maxima import NO_NANS
from verify.counterexample import Comparison, inhabited
from verify.interpretation.proof import MODES, PATTERNS, Agreement, prove
from verify.programs import trace

X, A = f32(), f32()
EXPONENTS = jnp.linspace(0, 5, 21)

# Equal for positive bases only: each differs at a negative number with a power.
POWERS = {
    "of the negative": (lambda x, a: x**a, lambda x, a: (-x) ** a),
    "doubled, of the negative": (lambda x, a: x ** (2 * a), lambda x, a: (-x) ** (2 * a)),
    "of a square, halved": (lambda x, a: (x * x) ** (a / 2), lambda x, a: x**a),
    "of a power": (lambda x, a: (x**a) ** (1 / a), lambda x, a: x + 0 * a),
    "turned around": (lambda x, a: (x - a) ** a, lambda x, a: (a - x) ** a),
    "exponents, some of them whole": (
        lambda x, a: (x * x) ** (EXPONENTS / 2),
        lambda x, a: x**EXPONENTS,
    ),
}


@pytest.mark.parametrize("name", POWERS)
def test_powers_of_negative_numbers_are_not_forgotten(name):
    f, g = POWERS[name]
    for seed in range(3):
        verdict = verify.equivalent(f, g, X, A, seconds=5, seed=seed)
        assert verdict.status == "refuted", str(verdict)


def test_exponents_of_an_array_are_each_what_they_are():
    verify.assert_equivalent(
        lambda x: x[:, None] ** jnp.arange(6.0),
        lambda x: jnp.stack([jnp.ones_like(x), x, x * x, x**3, x**4, x**5], 1),
        f32(3),
    )
    verdict = verify.equivalent(
        lambda x: x[:, None] ** jnp.array([2.0, 0.25]),
        lambda x: jnp.stack([x * x, x**0.25], 1),
        f32(3),
    )
    assert verdict.status == "proved"
    assert any("x**y" in sentence for sentence in verdict.assumptions)


# Terms that cancel, whatever the function is: they have a value where it has one. And terms of what
# has none anywhere.
CANCELLING = {
    "asin": lambda x, a: lax.asin(x) - lax.asin(x),
    "acos": lambda x, a: 0 * lax.acos(x),
    "erf_inv": lambda x, a: lax.erf_inv(x) - lax.erf_inv(x),
    "igamma": lambda x, a: lax.igamma(x, a) - lax.igamma(x, a),
    "igammac": lambda x, a: lax.igammac(x, a) + lax.igamma(x, a) - 1,
    "polygamma": lambda x, a: 0 * lax.polygamma(x, a),
    "zeta": lambda x, a: lax.zeta(x, a) - lax.zeta(x, a),
    "incomplete beta": lambda x, a: 0 * jax.scipy.special.betainc(x, a, a),
    "logarithm": lambda x, a: jnp.log(x) - jnp.log(x),
    "square root": lambda x, a: 0 * jnp.sqrt(x),
    "remainder": lambda x, a: lax.rem(x, lax.asin(a)) - lax.rem(x, lax.asin(a)),
    "a choice of it": lambda x, a: jnp.where(a > 0, lax.asin(x), 0) * 0,
}


@pytest.mark.parametrize("name", CANCELLING)
@pytest.mark.parametrize("mode", [MODES[0], PATTERNS], ids=["strict", "branches"])
def test_what_cancels_is_assumed_to_have_a_value(name, mode):
    """The proof itself, as a search finds most of these: one that is hidden it does not."""
    f = CANCELLING[name]
    left, right = trace(f, X, A), trace(lambda x, a: 0 * x * a, X, A)
    found = prove(left, right, mode, seed=1)
    assert isinstance(found, Agreement)
    assert found.partial
    assert found.assumptions


def test_what_cancels_is_refuted_where_it_has_no_value():
    for name in ("asin", "acos", "erf_inv", "logarithm", "square root"):
        verdict = verify.equivalent(CANCELLING[name], lambda x, a: 0 * x * a, X, A)
        assert verdict.status == "refuted", (name, str(verdict))


@pytest.mark.parametrize(
    "f", [lambda x: lax.acos(2 + x * x), lambda x: lax.zeta(-1 - x * x, x), lambda x: x % (0 * x)]
)
def test_what_has_no_value_anywhere_is_equal_to_nothing(f):
    verdict = verify.equivalent(lambda x: f(x) - f(x) + x, lambda x: x, X, seconds=20)
    assert verdict.status != "proved", str(verdict)


READ = {
    "filled, clamped": (lambda x, i: jnp.take(x, i + 100), lambda x, i: x[i + 100]),
    "filled, a constant": (lambda x, i: jnp.take(x, i + 9) * 0, lambda x, i: 0 * x[0]),
    "filled by rows": (
        lambda x, i: jnp.take(jnp.stack([x, x]), i + 2, axis=0).sum(),
        lambda x, i: x[None].sum() * (i >= 0),
    ),
    "at negative places": (
        lambda x, i: x.at[-7 - i].get(mode="fill"),
        lambda x, i: x.at[-7 - i].get(mode="clip"),
    ),
    "one of two": (
        lambda x, i: jnp.take(x, jnp.stack([i % 5, i % 5 + 5])),
        lambda x, i: x[jnp.stack([i % 5, i % 5 + 5])],
    ),
}


@pytest.mark.parametrize("name", READ)
def test_reads_that_are_always_out_of_bounds_prove_nothing(name):
    f, g = READ[name]
    place, rng = jax.ShapeDtypeStruct((), jnp.uint8), np.random.default_rng(0)
    left, right = (
        trace(lambda x, i, h=h: h(x, i.astype(jnp.int32)), f32(5), place) for h in (f, g)
    )
    found = prove(left, right, MODES[0], seed=1)
    assert not isinstance(found, Agreement) or found.partial
    assert not inhabited(Comparison(left, right), rng, work=1e6)


def test_a_read_that_may_be_in_bounds_is_proved():
    place = jax.ShapeDtypeStruct((3,), jnp.int32)
    verdict = verify.equivalent(lambda x, i: jnp.take(x, i), lambda x, i: x[i], f32(5), place)
    assert verdict.status == "proved", str(verdict)
    assert verdict.assumptions


# A sort puts NaN last, a maximum is NaN.
SORTED = {
    "two": (
        lambda x: jnp.sort(lax.asin(x)),
        lambda x: jnp.stack([lax.asin(x).min(), lax.asin(x).max()]),
        2,
    ),
    "largest": (lambda x: lax.top_k(lax.acos(x), 1)[0][0], lambda x: lax.acos(x).max(), 3),
    "downwards": (
        lambda x: jnp.sort(lax.zeta(x, x), descending=True)[0],
        lambda x: -(-lax.zeta(x, x)).min(),
        3,
    ),
    "by rows": (
        lambda x: jnp.sort(lax.erf_inv(x).reshape(2, 2), axis=0)[0],
        lambda x: lax.erf_inv(x).reshape(2, 2).min(0),
        4,
    ),
    "igamma": (lambda x: jnp.sort(lax.igamma(x, x))[-1], lambda x: lax.igamma(x, x).max(), 5),
}


@pytest.mark.parametrize("name", SORTED)
def test_what_is_sorted_is_assumed_to_be_a_number(name):
    f, g, n = SORTED[name]
    found = prove(trace(f, f32(n)), trace(g, f32(n)), MODES[1], seed=1)
    assert isinstance(found, Agreement)
    assert found.partial
    assert NO_NANS in found.assumptions


def only_above(f):
    return lambda x: lax.cond(x > 0, f, lambda x: 1 + 0 * x, x)


def with_gamma(f):
    """igamma has no rule for numbers: JAX itself is asked where the programs are defined."""
    return lambda x, y: f(x) + jax.scipy.special.gammainc(jnp.exp(y), jnp.exp(y))


NOWHERE = {
    "one side undefined": (only_above(lambda x: jnp.log(-x)), only_above(jnp.log), X),
    "beside what numbers cannot do": (
        with_gamma(jnp.log),
        with_gamma(lambda x: jnp.log(-x)),
        X,
        X,
    ),
    "beside an inverse": (
        lambda x, m: jnp.log(x) + jnp.linalg.inv(m).sum(),
        lambda x, m: jnp.log(-x) + jnp.linalg.inv(m).sum(),
        X,
        f32(2, 2),
    ),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_programs_that_are_never_both_defined_are_not_proved(name):
    f, g, *examples = NOWHERE[name]
    verdict = verify.equivalent(f, g, *examples, seconds=10)
    assert verdict.status != "proved", str(verdict)


SOMEWHERE = {
    "a branch": (
        only_above(lambda x: 2 * jnp.log(x)),
        only_above(lambda x: jnp.log(x * x)),
        X,
    ),
    "beside what numbers cannot do": (
        with_gamma(lambda x: 2 * jnp.log(x)),
        with_gamma(lambda x: jnp.log(x) + jnp.log(x)),
        X,
        X,
    ),
    "a comparison of what is always defined": (
        lambda x: jnp.where(x > 0, jnp.arcsin(x), 0) + x,
        lambda x: x + jnp.where(x <= 0, 0, jnp.arcsin(x)),
        X,
    ),
}


@pytest.mark.parametrize("name", SOMEWHERE)
def test_programs_that_are_both_defined_somewhere_are_proved(name):
    f, g, *examples = SOMEWHERE[name]
    verify.assert_equivalent(f, g, *examples)


NANS = {
    "finite": (
        lambda x: jnp.where(jnp.isfinite(jnp.arcsin(x)), 1, 0),
        lambda x: jnp.where(jnp.isfinite(jnp.arcsin(x)), 1, 5),
    ),
    "itself": (lambda x: jnp.where(jnp.arcsin(x) == jnp.arcsin(x), 0.0, 5.0), lambda x: 0 * x),
    "not above is below": (
        lambda x: jnp.where(jnp.arcsin(x) > 0, 0, 1),
        lambda x: jnp.where(jnp.arcsin(x) <= 0, 1, 0),
    ),
}


@pytest.mark.parametrize("name", NANS)
def test_what_is_compared_and_may_be_nan_is_said(name):
    """By the proof; the search, which finds that they differ there, might not."""
    found = prove(*(trace(f, X) for f in NANS[name]), MODES[0], seed=1)
    assert not isinstance(found, Agreement) or NO_NANS in found.assumptions
    assert verify.equivalent(*NANS[name], X).status == "refuted"


def test_a_comparison_that_is_never_of_numbers_is_not_proved():
    def inside(x):
        return jnp.arcsin(2 + x * x) > 0

    verdict = verify.equivalent(
        lambda x: jnp.where(inside(x), 0, 1), lambda x: jnp.where(~inside(x), 1, 0), X, seconds=3
    )
    assert verdict.status == "unknown", str(verdict)


@pytest.mark.filterwarnings("error")
@pytest.mark.unrecorded("half a second is enough on some machines")
def test_infinities_that_meet_warn_nobody():
    def by_hand(i, x):
        return jnp.stack([jnp.max(jnp.where(i == j, x, -jnp.inf)) for j in range(3)])

    verify.equivalent(
        lambda i, x: jax.ops.segment_max(x, i, 3),
        by_hand,
        jax.ShapeDtypeStruct((4,), jnp.int32),
        f32(4),
        seconds=0.5,
    )

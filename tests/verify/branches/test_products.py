"""Logarithms and roots of products, and numbers, in proofs by branches; near misses differ by a
sign, a factor, an exponent or a constant."""

import math
import random
from fractions import Fraction

import jax
import jax.numpy as jnp
import pytest
from jax.scipy import special, stats

from tests.verify.branches.asking import ask
from tests.verify.test_piecewise import settle
from verify.branches import numbers, products
from verify.branches.branch import Branch, Evaluation
from verify.branches.polynomials import ONE, add, constant, polynomial, times
from verify.branches.terms import Terms

pytest.importorskip("z3")

X, Y, Z = (jax.ShapeDtypeStruct((3,), jnp.float32) for _ in range(3))
log, exp, sqrt, where, pi = jnp.log, jnp.exp, jnp.sqrt, jnp.where, jnp.pi
norm, softplus = stats.norm, jax.nn.softplus


def positive(*xs):
    return jnp.stack(xs) > 0


def above_one(x, b):
    return (x > 1) & (b > 0)


def squashed(u, m, s):
    return (norm.logpdf(u, m, exp(s)) - log(1 - jnp.tanh(u) ** 2)).sum()


def squashed_by_softplus(u, m, s, two=2.0):
    density = -0.5 * ((u - m) * exp(-s)) ** 2 - s - 0.5 * log(2 * pi)
    return (density - 2 * (log(two) - u - softplus(-2 * u))).sum()


def gamma(x, a, rate):
    return exp(stats.gamma.logpdf(x, a, scale=1 / rate))


def gamma_by_powers(x, a, rate, more=1):
    return rate**a * x ** (a - more) * exp(-rate * x) / exp(special.gammaln(a))


def weibull(x, k, scale):
    return log(k / scale * (x / scale) ** (k - 1) * exp(-((x / scale) ** k)))


def weibull_by_logs(x, k, scale, sign=1):
    ratio = log(x) - log(scale)
    return log(k) - k * log(scale) + sign * (k - 1) * log(x) - exp(k * ratio)


def erf_of(scaled):
    return lambda x: 0.5 * (1 + special.erf(scaled(x)))


EQUAL = {
    "a normal density": (
        lambda x, m, s: norm.pdf(x, m, s),
        lambda x, m, s: exp(-0.5 * ((x - m) / s) ** 2) / (s * sqrt(2 * pi)),
        [X, Y, Z],
        lambda x, m, s: s > 0,
    ),
    "a gamma density": (gamma, gamma_by_powers, [X, Y, Z], positive),
    "a Weibull density": (weibull, weibull_by_logs, [X, Y, Z], positive),
    "a Pareto density with its support": (
        lambda x, b: where(log(x) > 0, log(b) - (b + 1) * log(x), -jnp.inf),
        lambda x, b: log(b / x ** (b + 1)),
        [X, Y],
        above_one,
    ),
    "a squashed normal": (squashed, squashed_by_softplus, [X, Y, Z]),
    "tanh of its inverse": (
        lambda x: jnp.tanh(jnp.arctanh(x)),
        lambda x: x,
        [X],
        lambda x: x * x < 1,
    ),
    "the inverse of sinh": (lambda x: jnp.arcsinh(jnp.sinh(x)), lambda x: x, [X]),
    "the inverse of softplus": (
        lambda x: softplus(log(jnp.expm1(x))),
        lambda x: x,
        [X],
        positive,
    ),
    "the normal distribution by erf": (norm.cdf, erf_of(lambda x: x / sqrt(2.0)), [X]),
    "by another constant": (norm.cdf, erf_of(lambda x: x * sqrt(0.5)), [X]),
    "by erfc": (special.ndtr, lambda x: 0.5 * special.erfc(-x / sqrt(2.0)), [X]),
    "the slope of gelu": (
        jax.vmap(jax.grad(lambda x: jax.nn.gelu(x, approximate=False))),
        lambda x: norm.cdf(x) + x * norm.pdf(x),
        [X],
    ),
    "a root of a product": (
        lambda x, y: sqrt(x * x * y * 8),
        lambda x, y: 2 * abs(x) * sqrt(2 * y),
        [X, Y],
        lambda x, y: (x != 0) & (y > 0),
    ),
    "a root of a square of a sum": (
        lambda x, y: sqrt(x * x + 2 * x * y + y * y),
        lambda x, y: abs(x + y),
        [X, Y],
    ),
    "roots of numbers": (
        lambda x: abs(x) * sqrt(2.0) * sqrt(3.0) * sqrt(6.0),
        lambda x: abs(6 * x),
        [X],
    ),
    "both negative": (
        lambda x, y: where(x < 0, log(x * y), 0.0),
        lambda x, y: where(x < 0, log(-x) + log(-y), 0.0),
        [X, Y],
        lambda x, y: y < 0,
    ),
}

DIFFERENT = {
    "a normal density without its root": (
        lambda x, m, s: norm.pdf(x, m, s),
        lambda x, m, s: exp(-0.5 * ((x - m) / s) ** 2) / (s * 2 * pi),
        [X, Y, Z],
        lambda x, m, s: s > 0,
    ),
    "a gamma density, another power": (
        gamma,
        lambda x, a, rate: gamma_by_powers(x, a, rate, 2),
        [X, Y, Z],
        positive,
    ),
    "a Weibull density, another sign": (
        weibull,
        lambda x, k, scale: weibull_by_logs(x, k, scale, -1),
        [X, Y, Z],
        positive,
    ),
    "a squashed normal, log 2.1": (
        squashed,
        lambda u, m, s: squashed_by_softplus(u, m, s, 2.1),
        [X, Y, Z],
    ),
    "a root of a product, its sign": (
        lambda x, y: sqrt(x * x * y),
        lambda x, y: x * sqrt(y),
        [X, Y],
        lambda x, y: (x != 0) & (y > 0),
    ),
    "a root of another square": (
        lambda x, y: sqrt(x * x + 2 * x * y + 1.01 * y * y),
        lambda x, y: abs(x + y),
        [X, Y],
    ),
    "a root of a square, without the absolute value": (
        lambda x, y: sqrt(x * x + 2 * x * y + y * y),
        lambda x, y: x + y,
        [X, Y],
    ),
    "roots of other numbers": (
        lambda x: abs(x) * sqrt(2.0) * sqrt(3.0) * sqrt(6.01),
        lambda x: abs(6 * x),
        [X],
    ),
    "of another sign": (
        lambda x, y: where(x < 0, log(x * y), 0.0),
        lambda x, y: where(x < 0, log(x) + log(y), 0.0),
        [X, Y],
        lambda x, y: y < 0,
    ),
    "the normal distribution, by a third": (norm.cdf, erf_of(lambda x: x / sqrt(3.0)), [X]),
    "the inverse of sinh, and more": (
        lambda x: jnp.arcsinh(jnp.sinh(x) + 0.01),
        lambda x: x,
        [X],
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_logarithms_and_roots_of_products_are_proved(name):
    verdict = ask(EQUAL[name])
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_by_a_sign_or_a_factor_is_refuted(name):
    verdict = ask(DIFFERENT[name])
    assert verdict.status == "refuted", str(verdict)


# Where only one has a value, which another part of the verifier looks at.
ONE_SIDED = ("of another sign",)


@pytest.mark.parametrize("name", [name for name in DIFFERENT if name not in ONE_SIDED])
def test_no_branch_settles_another_sign_or_factor(name):
    f, g, examples, *_ = DIFFERENT[name]
    assert settle(f, g, *examples) is None


class At(Evaluation):
    """A branch whose signs are those at a point."""

    def __init__(self, terms, values):
        super().__init__(terms, Branch())
        self.values = values

    def at(self, u):
        return self.side(u.over) / self.side(u.under)

    def side(self, p):
        return sum(
            float(c) * math.prod(self.atom(a) ** float(e) for a, e in m) for m, c in p.items()
        )

    def atom(self, a):
        atom = self.terms.atoms[a]
        if atom.kind == "input":
            return self.values[atom.data]
        return {"exp": math.exp, "log": math.log, "root": math.sqrt}[atom.kind](
            self.at(atom.args[0])
        )

    def assumed(self, p):
        value = self.side(p)
        return (value > 0) - (value < 0)


def drawn(rng, terms):
    """A product of powers of an input, an exponential, a root and a sum that may be a square."""
    x, y = (terms.power(terms.atom("input", (), n)) for n in range(2))
    one = terms.plus(terms.product(constant(rng.choice([-2, 1, 3])), x), y)
    pool = [x, y, one, terms.product(one, one), terms.exp(x), constant(rng.choice([2, 12]))]
    pool.append(terms.power(terms.atom("root", (terms.plus(terms.product(x, x), constant(1)),))))
    product = constant(Fraction(rng.randint(1, 9), rng.randint(1, 9)))
    for _ in range(4):
        factor = rng.choice(pool)
        product = terms.product(product, factor if rng.random() < 0.6 else terms.inverse(factor))
    return product


@pytest.mark.parametrize(("make", "function"), [("log", math.log), ("root", math.sqrt)])
def test_a_logarithm_or_a_root_has_its_value(make, function):
    rng = random.Random(make)
    for _ in range(300):
        terms = Terms()
        at = At(terms, [rng.uniform(-2, 2), rng.uniform(-2, 2)])
        u = drawn(rng, terms)
        value = at.at(u)
        u, value = (u, value) if value > 0 else (terms.product(constant(-1), u), -value)
        found = at.at(getattr(products, make)(at, u))
        assert found == pytest.approx(function(value), rel=1e-6, abs=1e-6)


def test_a_square_of_a_sum_is_found_and_nothing_else_is_one():
    rng = random.Random(3)
    for _ in range(200):
        monomials = rng.sample([((0, 1),), ((1, 1),), ((0, 1), (1, 1)), ((2, 2),), ONE], 3)
        p = {
            tuple((a, Fraction(e)) for a, e in m): Fraction(rng.choice([-3, -1, 1, 2]), 2)
            for m in monomials
        }
        found = products.square_root(times(p, p))
        assert found in (p, {m: -c for m, c in p.items()})
        assert products.square_root(add(times(p, p), {ONE: Fraction(1, 7)})) is None


def test_numbers_have_the_sign_that_they_have():
    terms = Terms()

    def number(kind, n, data=None):
        return terms.power(terms.atom(kind, (constant(n),), data))

    log2, turn = number("log", 2), number("fn", 1, ("atan", "()"))
    cases = [
        (terms.minus(log2, constant(Fraction(693147, 10**6))), 1),
        (terms.minus(log2, constant(Fraction(693148, 10**6))), -1),
        (terms.minus(terms.product(constant(4), turn), constant(Fraction(355, 113))), -1),
        (terms.minus(number("root", 2), constant(Fraction(141421356, 10**8))), 1),
        (terms.minus(number("exp", 1), constant(3)), -1),
        (terms.minus(number("log", 4), terms.product(constant(2), log2)), None),
        (terms.minus(number("fn", 1, ("lgamma", "()")), constant(3)), None),
        (terms.minus(number("root", -1), constant(3)), None),
    ]
    for u, sign in cases:
        assert numbers.sign(terms, u.over) == sign


def test_an_exponent_is_taken_apart():
    terms = Terms()
    x, y = (terms.power(terms.atom("input", (), n)) for n in range(2))
    both = terms.product(terms.plus(terms.product(x, x), y), terms.inverse(x))  # (x x + y) / x
    apart = terms.product(terms.exp(x), terms.exp(terms.product(y, terms.inverse(x))))
    assert terms.exp(both) == apart
    assert terms.exp(both) != terms.exp(polynomial(x.over))

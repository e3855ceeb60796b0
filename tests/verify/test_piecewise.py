"""Programs whose choices depend on each other and meet products: proved where they are equal, and
never where they are not, whatever a search would find."""

import math
import random
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from tests.verify import piecewise
from tests.verify.pairs.law import f32
from verify import branches
from verify.algebras.base import Unsupported
from verify.algebras.field.maxima import NO_NANS, NO_TIES
from verify.branches import walk
from verify.branches.certify import possible, signed
from verify.branches.polynomials import ONE, add, join, polynomial
from verify.branches.terms import Terms
from verify.programs import trace

z3 = pytest.importorskip("z3")

relu, exp, log = jax.nn.relu, jnp.exp, jnp.log
where, minimum, maximum, clip, sign = jnp.where, jnp.minimum, jnp.maximum, jnp.clip, jnp.sign
X, S, MASK = f32(3), f32(), jax.ShapeDtypeStruct((3,), jnp.bool_)


def huber(x, d=1.0, c=0.5):
    return where(abs(x) < d, 0.5 * x**2, d * (abs(x) - c * d))


def huber_by_extremes(x, d=1.0):
    return 0.5 * minimum(abs(x), d) ** 2 + d * (maximum(abs(x), d) - d)


def ppo(r, a):
    return minimum(r * a, clip(r, 0.8, 1.2) * a)


def ppo_by_sign(r, a, low=0.8, high=1.2):
    return where(a > 0, minimum(r, high), maximum(r, low)) * a


def shrink(x, t):
    return sign(x) * maximum(abs(x) - t, 0)


def mish(x):
    return x * jnp.tanh(jax.nn.softplus(x))


def mish_by_squares(x):
    square = (1 + exp(x)) ** 2
    return x * (square - 1) / (square + 1)


def smooth_l1(x, y):
    return where(abs(x - y) < 0.5, (x - y) ** 2, abs(x - y) - 0.25)


EQUAL = {
    "huber": (huber, huber_by_extremes, X),
    "huber of many": (huber, huber_by_extremes, f32(64)),
    "huber at another tie": (huber, lambda x: where(abs(x) <= 1, x * x / 2, abs(x) - 0.5), X),
    "huber of an input's width": (
        lambda x, t: huber(x, exp(t)),
        lambda x, t: huber_by_extremes(x, exp(t)),
        *(X, X),
    ),
    "mean huber loss": (
        lambda x: huber(x).mean(),
        lambda x: huber_by_extremes(x).mean(),
        f32(4, 8),
    ),
    "gradient of huber": (jax.grad(lambda x: huber(x).sum()), lambda x: clip(x, -1, 1), X),
    "huber regression": (
        lambda x, w, y: jax.grad(lambda w: huber(x @ w - y).sum())(w),
        lambda x, w, y: clip(x @ w - y, -1, 1) @ x,
        *(f32(5, 3), f32(3), f32(5)),
    ),
    "smooth l1": (
        lambda x, y: smooth_l1(x, y).sum(),
        lambda x, y: (minimum(abs(x - y), 0.5) ** 2 + maximum(abs(x - y), 0.5) - 0.5).sum(),
        *(X, X),
    ),
    "ppo": (ppo, ppo_by_sign, X, X),
    "ppo of log probabilities": (
        lambda x, y, a: ppo(exp(x - y), a).mean(),
        lambda x, y, a: ppo_by_sign(exp(x) / exp(y), a).mean(),
        *(X, X, X),
    ),
    "|a| |b|": (lambda a, b: abs(a) * abs(b), lambda a, b: abs(a * b), X, X),
    "max min": (lambda x, y: maximum(x, y) * minimum(x, y), jnp.multiply, X, X),
    "no two of a kind": (lambda x: relu(x) * relu(-x), jnp.zeros_like, X),
    "x |x|": (lambda x: x * abs(x), lambda x: where(x > 0, x * x, -x * x), X),
    "relu squared": (lambda x: relu(x) ** 2, lambda x: x * relu(x), X),
    "sign(x) x": (lambda x: sign(x) * x, jnp.abs, X),
    "sign of a product": (lambda x, y: sign(x * y), lambda x, y: sign(x) * sign(y), X, X),
    "sign of three": (
        lambda x, y, z: sign(x * y * z),
        lambda x, y, z: sign(x) * sign(y) * sign(z),
        *(X, X, X),
    ),
    "a factor of a maximum": (
        lambda a, b, c: maximum(a * c, b * c),
        lambda a, b, c: where(c > 0, maximum(a, b), minimum(a, b)) * c,
        *(X, X, X),
    ),
    "a clip times its complement": (
        lambda x: clip(x, 0, 1) * (1 - clip(x, 0, 1)),
        lambda x: where((x > 0) & (x < 1), x - x * x, 0),
        X,
    ),
    "leaky relu": (lambda x: jax.nn.leaky_relu(x, 0.1), lambda x: maximum(x, 0.1 * x), X),
    "elu": (jax.nn.elu, lambda x: relu(x) + minimum(exp(x) - 1, 0), X),
    "celu": (lambda x: jax.nn.celu(x, 2.0), lambda x: relu(x) + minimum(2 * exp(x / 2) - 2, 0), X),
    "pinball": (
        lambda e: maximum(0.25 * e, (0.25 - 1) * e),
        lambda e: where(e > 0, 0.25 * e, (0.25 - 1) * e),
        X,
    ),
    "squared hinge": (
        lambda x, y: relu(1 - x * y) ** 2,
        lambda x, y: where(x * y < 1, (1 - x * y) ** 2, 0),
        *(X, X),
    ),
    "soft threshold": (lambda x: shrink(x, 0.5), lambda x: x - clip(x, -0.5, 0.5), X),
    "soft threshold, an input": (
        lambda x, t: shrink(x, abs(t)),
        lambda x, t: x - clip(x, -abs(t), abs(t)),
        *(X, X),
    ),
    "mish": (mish, mish_by_squares, X),
    "monotone": (
        lambda x, y: jnp.tanh(maximum(x, y)),
        lambda x, y: maximum(jnp.tanh(x), jnp.tanh(y)),
        *(X, X),
    ),
    "monotone logarithm": (
        lambda x, y: log(maximum(abs(x), abs(y))),
        lambda x, y: maximum(log(abs(x)), log(abs(y))),
        *(X, X),
    ),
    "odd and increasing": (lambda x: abs(jnp.tanh(x)), lambda x: jnp.tanh(abs(x)), X),
    "means": (lambda x, y: maximum(x * x + y * y, 2 * x * y), lambda x, y: x * x + y * y, X, X),
    "the tangent of exp": (lambda x: maximum(exp(x), 1 + x), exp, X),
    "a mask": (lambda x, m: abs(x * m), lambda x, m: where(m, abs(x), 0), X, MASK),
    "undefined at a point": (
        lambda x: x * minimum(1, 1 / abs(x)),
        lambda x: clip(x, -1, 1),
        X,
    ),
    "discarded where undefined": (
        lambda x: where(x == 0, 1, x / where(x == 0, 1, x)),
        jnp.ones_like,
        X,
    ),
    "product of a sorted array": (lambda x: jnp.prod(jnp.sort(x)), jnp.prod, X),
}

# The last entry of a pair that no float shows to be different is False: unknown, not refuted.
DIFFERENT = {
    "huber, another constant": (lambda x: huber(x, c=0.5001), huber_by_extremes, X),
    "huber, <= and another constant": (
        huber,
        lambda x: where(abs(x) <= 1, 0.5 * x**2, abs(x) - 0.5001),
        X,
    ),
    "one element of a mean": (
        lambda x: huber(x).sum(),
        lambda x: huber_by_extremes(x[:-1]).sum() + huber_by_extremes(x[0]),
        X,
    ),
    "constants that do not cancel": (
        lambda x: huber(x).sum(),
        lambda x: (huber_by_extremes(x) + 0.25).sum() - 0.5,
        X,
    ),
    "gradient of huber": (jax.grad(lambda x: huber(x).sum()), lambda x: clip(x, -1, 1.5), X),
    "gradient at the tie": (
        lambda x: where(abs(x) < 1, x, 2 * sign(x)),
        lambda x: where(abs(x) <= 1, x, 2 * sign(x)),
        X,
    ),
    "a jump": (lambda x: where(x < 1, x, x + 1), lambda x: where(x <= 1, x, x + 1), X),
    "a jump on a hyperbola": (
        lambda x, y: where(x * y < 1, x, x + 1),
        lambda x, y: where(x * y <= 1, x, x + 1),
        *(X, X),
    ),
    "ppo, bounds exchanged": (ppo, lambda r, a: ppo_by_sign(r, a, 1.2, 0.8), X, X),
    "ppo, a >= 0 and another value at 0": (
        ppo,
        lambda r, a: where(a >= 0, where(a == 0, 1, minimum(r, 1.2) * a), maximum(r, 0.8) * a),
        *(X, X),
    ),
    "|a| |b|": (lambda a, b: abs(a) * abs(b), lambda a, b: a * b, X, X),
    "sign at zero": (sign, lambda x: where(x >= 0, 1.0, -1.0), X),
    "sign squared": (lambda x: sign(x) ** 2, jnp.ones_like, X),
    "elu's sign": (jax.nn.elu, lambda x: relu(x) + minimum(1 - exp(x), 0), X),
    "celu's scale": (
        lambda x: jax.nn.celu(x, 2.0),
        lambda x: relu(x) + minimum(exp(x / 2) - 1, 0),
        X,
    ),
    "a factor of a maximum": (
        lambda a, b, c: maximum(a * c, b * c),
        lambda a, b, c: maximum(a, b) * c,
        *(X, X, X),
    ),
    "soft threshold, an input": (shrink, lambda x, t: x - clip(x, -t, t), X, X),
    "above the means": (
        lambda x, y: maximum(x * x + y * y, 2.01 * x * y),
        lambda x, y: x * x + y * y,
        *(X, X),
    ),
    "above the tangent": (lambda x: maximum(exp(x), 1.01 + x), exp, X),
    "mish, a square too few": (mish, lambda x: x * exp(x) / (exp(x) + 2), X),
    "decreasing": (
        lambda x, y: exp(-maximum(x, y)),
        lambda x, y: maximum(exp(-x), exp(-y)),
        *(X, X),
    ),
    "a mask at zero": (lambda x, m: where(m, sign(x), 1), lambda x, m: sign(x) ** 2, X, MASK),
    "a power of a negative number": (
        lambda x, a, b: (abs(x * 1) ** a) ** b * sign(x),
        lambda x, a, b: relu(x) ** (a * b),
        *(X, X, X),
    ),
    "undefined in a half": (
        lambda x: minimum(1 / relu(x), 5),
        lambda x: where(x <= 0, 7, minimum(1 / relu(x), 5)),
        X,
    ),
    "defined nowhere": (lambda x: log(-x * x - 1), lambda x: log(-x * x - 1) + 1, X, False),
    "an unknown function at its own ties": (
        lambda x: 1 / where(jnp.floor(x) == jnp.round(x), 0, 1) + 0 * x,
        lambda x: 2 / where(jnp.floor(x) == jnp.round(x), 0, 2) + where(x > 9, 1, 0),
        X,
    ),
}


# Equal wherever both are defined, but nowhere or for positive x alone: a settled pair says that it
# is `partial`, or assumes it, and has to be looked at before it counts.
LOOKED_AT = ("defined nowhere", "a power of a negative number")


@pytest.mark.parametrize("name", EQUAL)
def test_equal_in_every_possible_branch_is_proved(name):
    f, g, *examples = EQUAL[name]
    verdict = verify.equivalent(f, g, *examples, seed=0)
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_planted_bug_is_refuted(name):
    f, g, *examples = DIFFERENT[name]
    shown = examples[-1] is not False
    examples = [e for e in examples if e is not False]
    verdict = verify.equivalent(f, g, *examples, seed=0)
    assert verdict.status == ("refuted" if shown else "unknown"), str(verdict)


def settle(f, g, *examples, ties=True):
    """Whether the method alone, without any search, would prove all of the outputs."""
    left, right = trace(f, *examples), trace(g, *examples)
    elements = {n: np.arange(int(np.prod(v.shape))) for n, v in enumerate(left.outputs)}
    try:
        return branches.settle(left, right, elements, 5e9, ties=ties)
    except Unsupported:
        return None


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_planted_bug_is_never_settled(name):
    f, g, *examples = DIFFERENT[name]
    settled = settle(f, g, *(e for e in examples if e is not False))
    assert settled is None or name in LOOKED_AT


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_random_programs_are_settled_only_if_they_are_equal(start):
    for seed in range(start, start + 10):
        rng = random.Random(seed)
        left = piecewise.make(rng, rng.choice([2, 3]))
        right = piecewise.at_random(left, rng, piecewise.rewritten)
        same = right
        if seed % 3:
            right = piecewise.at_random(right, rng, piecewise.broken)
        f, g = (lambda x, y, t=t: piecewise.program(t, x, y) + 0 * x for t in (left, right))
        far = [(Fraction(rng.randint(-99, 99)), Fraction(rng.randint(-99, 99))) for _ in range(50)]
        points = [*piecewise.GRID, *far]
        pairs = [(piecewise.value(left, *p), piecewise.value(right, *p)) for p in points]
        defined = [(a, b) for a, b in pairs if a is not None and b is not None]
        settled = settle(f, g, S, S)
        assert settled is None or all(a == b for a, b in defined), (seed, left, right)
        if right == same and all(None not in pair for pair in pairs):
            assert settled is not None, (seed, left, right)


def test_ties_are_branches_like_others_and_nothing_is_assumed():
    verdict = verify.equivalent(huber, huber_by_extremes, X)
    assert (verdict.assumptions, verdict.error_probability) == ((), 0.0), str(verdict)


@pytest.mark.parametrize("turned", [False, True])
def test_a_constant_on_either_side_of_what_may_be_nan(turned):
    """At x = 2 the arcsine is NaN, no comparison holds, and the two differ."""

    def less(a, b):
        return lax.gt(b, a) if turned else lax.lt(a, b)

    def f(x, y):
        return abs(x) * abs(y) + where(less(0.0, lax.asin(x)), 1.0, 2.0)

    def g(x, y):
        other = lax.le(lax.asin(x), 0.0) if turned else lax.ge(0.0, lax.asin(x))
        return abs(x * y) + where(other, 2.0, 1.0)

    assert f(2.0, 1.0) != g(2.0, 1.0)
    assert NO_NANS in settle(f, g, S, S).assumptions
    assert verify.equivalent(f, g, S, S).status == "refuted"  # by JAX, where there is no value


def test_the_winner_among_what_may_be_nan():
    """For argmax a NaN is the largest number; here it is none."""

    def first(x, scale):
        return jnp.argmax(jnp.stack([scale * lax.asin(x), scale * 0.5 + 0 * x]))

    pair = (lambda x: first(x, 1.0)), (lambda x: first(x, 2.0))
    assert NO_NANS in verify.equivalent(*pair, S).assumptions


def test_zero_times_an_infinity_is_not_zero():
    def f(x):
        return where(0 * where(x > 3, jnp.inf, x) > -1, 1.0, 2.0)

    assert f(4.0) == 2
    assert settle(f, lambda x: 1.0 + 0 * x, S) is None
    assert not verify.equivalent(f, lambda x: 1.0 + 0 * x, S, seconds=1)


@pytest.mark.parametrize("number", [-1, 7])
def test_a_case_out_of_range_is_the_nearest(number):
    """Where it comes about at large inputs only, which no search hits."""

    def which(x):
        return where(x > 54321.123, number, 1)

    def select(x, y):
        return lax.select_n(which(x), abs(y) * y, 2 * y, 3 * y)

    def by_hand(last, x, y):
        k = which(x)
        return where(k == 0, sign(y) * y * y, where(k == 1, 2 * y, last))

    nearest = {-1: lambda y: sign(y) * y * y, 7: lambda y: 3 * y}[number]
    wrong = {-1: lambda y: 3 * y, 7: lambda y: sign(y) * y * y}[number]
    assert select(1e5, 2.0) == nearest(2.0)
    assert verify.equivalent(select, lambda x, y: by_hand(nearest(y), x, y), S, S)
    assert not verify.equivalent(select, lambda x, y: by_hand(wrong(y), x, y), S, S, seconds=10)


def test_the_other_elements_are_proved_by_the_other_methods():
    def left(x, y):
        return abs(x) * abs(y), exp(x + y)

    verdict = verify.equivalent(left, lambda x, y: (abs(x * y), exp(x) * exp(y)), X, X)
    assert verdict, str(verdict)
    assert 0 < verdict.error_probability < 2.0**-100
    verdict = verify.equivalent(left, lambda x, y: (abs(x * y), exp(x) + exp(y)), X, X)
    assert verdict.status == "refuted"


AT_TIES = {
    "greater or equal": (
        lambda x, y: where(x > y, 1.0, 0.0),
        lambda x, y: where(x >= y, 1.0, 0.0),
        *(X, X),
    ),
    "relu6's tangent": (
        lambda x: where((x > 0) & (x < 6), 1.0, 0.0),
        lambda x: jax.jvp(lambda x: clip(x, 0, 6), (x,), (1 + 0 * x,))[1],
        X,
    ),
}


@pytest.mark.parametrize("name", AT_TIES)
def test_a_difference_at_ties_is_settled_only_without_them(name):
    f, g, *examples = AT_TIES[name]
    assert settle(f, g, *examples) is None
    assert NO_TIES in settle(f, g, *examples, ties=False).assumptions
    assert verify.equivalent(f, g, *examples).status == "refuted"  # the search looks at ties


ABOUT_TIES = {
    "one point": (lambda x: where(x == 3.7, x, 0), X),
    "all but a point": (lambda x: where(x != 3.7, 0, x), X),
    "a curve": (lambda x, y: where(x * x == 1.3 * y, 1.0, 0.0), X, X),
    "after a comparison": (lambda x, y: where(x > y, 0.0, where(x == y, 1.0, 0.0)), X, X),
    "before a comparison": (lambda x, y: where(x == y, where(x > y, 0.0, 1.0), 0.0), X, X),
    "a factor": (lambda x, y: where(x > 0, 0.0, where(x * y == 0, y, 0.0)), X, X),
}


@pytest.mark.parametrize("name", ABOUT_TIES)
def test_an_equality_is_about_its_tie(name):
    f, *examples = ABOUT_TIES[name]
    assert settle(f, lambda *x: 0 * x[0], *examples, ties=False) is None


# Equal everywhere, or on a region: no ties, though two values are compared and found equal.
ALWAYS_TIED = {
    "a root of a square": (lambda x: where(jnp.sqrt(x * x) == abs(x), 1.0, 0.0), X),
    "a logarithm": (lambda x: where(log(exp(x) * exp(x)) == 2 * x, 1.0, 0.0), X),
    "expanded": (lambda x: where((x + 1) ** 2 == x * x + 2 * x + 1, 1.0, 0.0), X),
    "two rectified": (lambda x, y: where(relu(x) == relu(y), 1.0, 0.0), X, X),
    "beyond a threshold": (lambda x: where(maximum(x, 2) == 2, 1.0, 0.0), X),
}


@pytest.mark.parametrize("name", ALWAYS_TIED)
def test_what_is_equal_on_a_region_is_no_tie_to_leave_out(name):
    f, *examples = ALWAYS_TIED[name]

    def zero(*x):
        return 0 * x[0]

    assert settle(f, zero, *examples, ties=False) is None
    verdict = verify.equivalent(f, zero, *examples)
    assert verdict.status == "refuted", verdict


DIFFERENT_AT_TIES = (
    "gradient at the tie",
    "a jump",
    "a jump on a hyperbola",
    "sign at zero",
    "sign squared",
)


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_planted_bug_is_not_settled_without_ties_either(name):
    f, g, *examples = DIFFERENT[name]
    settled = settle(f, g, *(e for e in examples if e is not False), ties=False)
    assert settled is None or name in (*LOOKED_AT, *DIFFERENT_AT_TIES)


def test_formulas_that_are_alike_are_settled_once(monkeypatch):
    walks = []
    monkeypatch.setattr(branches, "Walk", lambda *a, **k: walks.append(0) or walk.Walk(*a, **k))
    assert settle(huber, huber_by_extremes, f32(64))
    assert len(walks) == 1
    mean = (lambda x: huber(x).mean(), lambda x: huber_by_extremes(x).mean())
    assert settle(*mean, f32(64))
    assert len(walks) == 2


def some_facts(rng):
    """Signs of random polynomials in x, y, some exponentials and a logarithm, at a random point."""
    terms = Terms()
    at = {terms.atom("input", (), n): Fraction(rng.randint(-6, 6), 2) for n in range(2)}

    def of(p):
        """The value of a polynomial, and a bound on its rounding error (0 where it is exact)."""
        exact = all(isinstance(at[a], Fraction) for m in p for a, _ in m)
        parts = []
        for m, c in p.items():
            factors = [at[a] ** int(e) if exact else float(at[a]) ** float(e) for a, e in m]
            parts.append(math.prod(factors) * (c if exact else float(c)))
        return sum(parts), 0 if exact else 1e-9 * sum(map(abs, parts))

    def monomial():
        m = ONE
        for _ in range(rng.randint(0, 2)):
            a = rng.choice(list(at))
            e = (
                Fraction(rng.choice([-2, -1, 1, 2]), 2)
                if terms.is_positive(a)
                else rng.choice([1, 2])
            )
            m = join(m, ((a, Fraction(e)),))
        return m

    def polynomials(most):
        p = {}
        for _ in range(rng.randint(1, most)):
            p = add(p, {monomial(): Fraction(rng.choice([-2, -1, 1, 1, 3]))})
        return p

    for _ in range(rng.randint(0, 2)):
        p = polynomials(2)
        if not all(set(terms.support({m: 1})) <= {0, 1} and len(at) < 5 for m in p):
            continue
        for m in terms.exp(polynomial(p)).over:
            for a, _ in m:
                if a not in at:
                    at[a] = math.exp(min(50, max(-50, float(of(terms.atoms[a].args[0].over)[0]))))
    u = add({ONE: Fraction(rng.randint(1, 3))}, {((0, Fraction(2)),): Fraction(1)})
    if rng.random() < 0.5:
        ((a, _),) = next(iter(terms.log(polynomial(u)).over))
        at[a] = math.log(of(u)[0])
    facts = []
    for p in [polynomials(4) for _ in range(rng.randint(1, 5))]:
        number, error = of(p)
        if p and (abs(number) > error or error == 0):
            facts.append(signed(p, int(number > 0) - int(number < 0)))
    for a, number in at.items():
        if rng.random() < 0.5:
            facts.append(signed({((a, Fraction(1)),): Fraction(1)}, (number > 0) - (number < 0)))
    return terms, facts


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_signs_that_occur_are_never_excluded(start):
    for seed in range(start, start + 50):
        assert possible(z3, *some_facts(random.Random(seed)), 3), seed


def known(*signs):
    """Facts about x, y and so on, made of (coefficients by exponents of the inputs, sign)."""
    terms = Terms()
    atoms = [terms.atom("input", (), n) for n in range(3)]
    facts = []
    for p, s in signs:
        q = {}
        for exponents, c in p.items():
            m = tuple((a, Fraction(e)) for a, e in zip(atoms, exponents, strict=False) if e)
            q[m] = Fraction(c)
        facts.append(signed(q, s))
    return terms, facts


@pytest.mark.parametrize(
    ("facts", "depth"),
    [
        ([({(1,): 1}, 1), ({(1,): 1}, -1)], 1),
        ([({(1,): 1}, 1), ({(0, 1): 1}, 1), ({(1, 1): 1}, -1)], 1),
        ([({(1,): 1, (): -1}, 1), ({(0, 1): 1, (): -2}, 1), ({(1, 1): 1, (): -2}, -1)], 2),
        ([({(1,): 1, (0, 1): -1}, 1), ({(0, 1): 1}, 1), ({(2,): 1, (0, 2): -1}, -1)], 2),
        ([({(2,): 1, (1,): -2, (): 1}, -1)], 1),
        ([({(1,): 1, (0, 1): -1}, 0), ({(2,): 1, (1, 1): -1}, 1)], 2),
    ],
)
def test_signs_that_exclude_each_other(facts, depth):
    assert not possible(z3, *known(*facts), depth)


def test_an_equation_is_not_divided():
    """x y = 0 and y > 0 leave x = 0, but x y = 0 says nothing of y where x = 0."""
    assert possible(z3, *known(({(1, 1): 1}, 0), ({(1,): 1}, 0), ({(0, 1): 1}, 1)), 3)

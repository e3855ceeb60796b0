"""Proof by sign patterns: laws that hold branch by branch are proved, and nothing else.

`prove` is asked directly, without the searches that would refute a difference before.
"""

import gc
import inspect
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.pairs.famous import f32
from verify.algebras.base import Algebra
from verify.algebras.field.patterns import PatternField
from verify.algebras.field.tracking import KINDS
from verify.interpretation.proof import PATTERNS, Agreement, Difference, prove
from verify.interpretation.trial import TooLarge
from verify.programs import trace

relu, softplus, sigmoid = jax.nn.relu, jax.nn.softplus, jax.nn.sigmoid
X = f32(3)


def ask(f, g, *examples, seed=0):
    try:
        return prove(trace(f, *examples), trace(g, *examples), PATTERNS, seed)
    except TooLarge as error:
        return error


def huber(e, strict=False):
    inside = jnp.abs(e) < 1 if strict else jnp.abs(e) <= 1
    return jnp.where(inside, e * e / 2, jnp.abs(e) - 0.5)


def first_of(x, y):
    """1 where x is the first maximum of the two: where max-pooling sends its gradient."""

    def pooled(pair):
        return lax.reduce_window(pair, -jnp.inf, lax.max, (2, 1), (2, 1), "VALID").sum()

    return jax.grad(pooled)(jnp.stack([x, y]))[0]


EQUAL = {
    "product of the extremes": (
        lambda x, y: jnp.maximum(x, y) * jnp.minimum(x, y),
        lambda x, y: x * y,
    ),
    "square of an absolute value": (lambda x, y: jnp.abs(x) * jnp.abs(x), lambda x, y: x * x),
    "no two of a kind": (lambda x, y: relu(x) * relu(-x), lambda x, y: jnp.zeros_like(x)),
    "an odd function of an absolute value": (
        lambda x, y: jnp.where(x > 0, lax.erf(abs(x)), -lax.erf(abs(x))),
        lambda x, y: lax.erf(x),
    ),
    "an odd function of a product of absolute values": (
        lambda x, y: jnp.sign(x) * jnp.sign(y) * lax.erf(abs(x) * abs(y)),
        lambda x, y: lax.erf(x * y),
    ),
    "an even function of an absolute value": (
        lambda x, y: jnp.cos(abs(x)) + jnp.cosh(jnp.maximum(y, -y)),
        lambda x, y: jnp.cos(x) + jnp.cosh(y),
    ),
    "a normal distribution's, in three pieces": (
        lambda x, y: jnp.where(
            abs(x) < 1, 1 + lax.erf(x), jnp.where(x > 0, 2 - lax.erfc(abs(x)), lax.erfc(abs(x)))
        ),
        lambda x, y: 1 + lax.erf(x),
    ),
    "softplus": (lambda x, y: softplus(x), lambda x, y: jnp.log1p(jnp.exp(x))),
    "logaddexp": (jnp.logaddexp, lambda x, y: jnp.log(jnp.exp(x) + jnp.exp(y))),
    "gradient of softplus": (
        lambda x, y: jax.vmap(jax.grad(softplus))(x),
        lambda x, y: sigmoid(x),
    ),
    "continuous at the threshold": (lambda e, y: huber(e), lambda e, y: huber(e, strict=True)),
    "elu": (
        lambda x, y: jax.nn.elu(x),
        lambda x, y: relu(x) + jnp.exp(jnp.minimum(x, 0)) - 1,
    ),
    "sign of what is not negative": (lambda x, y: relu(x), lambda x, y: x * jnp.sign(relu(x))),
    "ties on an open set": (
        lambda x, y: jnp.where(relu(x) > relu(y), 1.0, 0.0),
        lambda x, y: jnp.where(relu(y) >= relu(x), 0.0, 1.0),
    ),
    "first of equals": (
        lambda x, y: first_of(relu(x), relu(y)),
        lambda x, y: jnp.where(relu(x) >= relu(y), 1.0, 0.0),
    ),
}

DIFFERENT = {
    "an odd function without its sign": (lambda x, y: lax.erf(abs(x)), lambda x, y: lax.erf(x)),
    "another number's sign": (
        lambda x, y: jnp.sign(y) * lax.erf(abs(x)),
        lambda x, y: lax.erf(x),
    ),
    "a function that is neither odd nor even": (
        lambda x, y: lax.lgamma(abs(x)),
        lambda x, y: lax.lgamma(x),
    ),
    "an odd function of a maximum": (
        lambda x, y: lax.erf(jnp.maximum(x, y)),
        lambda x, y: jnp.sign(x) * lax.erf(abs(x)),
    ),
    "another tie": (
        lambda x, y: jnp.where(relu(x) > relu(y), 1.0, 0.0),
        lambda x, y: jnp.where(relu(x) >= relu(y), 1.0, 0.0),
    ),
    "second of equals": (
        lambda x, y: first_of(relu(x), relu(y)),
        lambda x, y: jnp.where(relu(x) > relu(y), 1.0, 0.0),
    ),
    "last of equals": (
        lambda x, y: jnp.argmax(jnp.stack([relu(x), relu(y)]), axis=0),
        lambda x, y: 1 - jnp.argmax(jnp.stack([relu(y), relu(x)]), axis=0),
    ),
    "gradient at a tie on an open set": (
        jax.grad(lambda x, y: jnp.maximum(relu(x), relu(x) * 2).sum()),
        jax.grad(lambda x, y: 2 * relu(x).sum() + relu(y).sum(), argnums=1),
    ),
    "below and equal": (
        lambda x, y: jnp.where(x < y, 1.0, 2.0),
        lambda x, y: jnp.where(x == y, 1.0, 2.0),
    ),
    "above and equal": (
        lambda x, y: jnp.where(x > y, 1.0, 2.0),
        lambda x, y: jnp.where(x == y, 1.0, 2.0),
    ),
    "one branch of four": (
        lambda x, y: jnp.where((x > 0) & (y > 0), 1.0, 0.0),
        lambda x, y: jnp.zeros_like(x),
    ),
    "softplus of the negative": (
        lambda x, y: softplus(x),
        lambda x, y: jnp.log1p(jnp.exp(-x)),
    ),
    "an absolute value too few": (lambda x, y: jnp.abs(x) * x, lambda x, y: x * x),
    "jump at the threshold": (
        lambda e, y: huber(e),
        lambda e, y: jnp.where(jnp.abs(e) <= 1, e * e / 2, jnp.abs(e) - 0.25),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_a_law_of_every_branch_is_proved(name):
    f, g = EQUAL[name]
    found = ask(f, g, X, X)
    assert isinstance(found, Agreement), found
    assert found.error_probability <= 2.0**-100


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_in_some_branch_is_never_agreed_to(name, seed):
    f, g = DIFFERENT[name]
    assert isinstance(ask(f, g, X, X, seed=seed), Difference)


@pytest.mark.parametrize("signs", [1, 3, 6, 12, 20])
def test_a_difference_behind_many_choices_is_seen_or_the_proof_is_too_large(signs):
    """Where all of x are positive, a branch that a row takes with the probability 2**-signs."""

    def corner(x):
        return jnp.prod(jnp.where(x > 0, x, 0.0))

    found = ask(corner, lambda x: 0 * x.sum(), f32(signs))
    assert isinstance(found, Difference | TooLarge)


# A value that comes back from what was made of it and moved: its choices are behind it still.
MOVED_AND_BACK = {
    "log of exp, reshaped": lambda y: jnp.log(jnp.exp(y).reshape(1)),
    "log of exp, picked": lambda y: jnp.log(jnp.stack([jnp.exp(y)] * 3))[1:2],
    "log of exp, in another precision": lambda y: jnp.log(
        jnp.exp(y).astype(jnp.bfloat16).reshape(1)
    ),
    "exp of log, reshaped": lambda y: jnp.exp(jnp.log(1 + y).reshape(1)) - 1,
    "root of a square, reshaped": lambda y: jnp.sqrt((y * y).reshape(1)),
    "log2 of exp2": lambda y: jnp.log2(jnp.exp2(y).reshape(1)),
}


@pytest.mark.parametrize("name", MOVED_AND_BACK)
def test_what_comes_back_has_all_choices_behind_it(name):
    way = MOVED_AND_BACK[name]

    def corner(x):
        return way(jnp.prod(jnp.where(x > 0, x, 0.0)))

    assert isinstance(ask(corner, lambda x: 0 * x[:1], f32(20)), Difference | TooLarge)
    assert flips_of(corner, f32(5), exponents=True) >= 5


def corner(x):
    return jnp.prod(jnp.where(x > 0, x, 0.0))


def corner_of_integers(x):
    return jnp.prod(jnp.where(x[2:] > 0, 1, 0))


# Ways in which an operation may keep a value for another, or look at it outside of any.
KEPT = {
    "a logarithm of a reversed power": (
        lambda x, k: jnp.log(jnp.exp(x[:2] + k * corner(x))[::-1]),
        f32(24),
    ),
    "a root of a reversed square": (
        lambda x, k: jnp.sqrt(jnp.square(jnp.abs(x[:2]) + k * corner(x))[::-1]),
        f32(24),
    ),
    "a remainder of what has wrapped": (
        lambda x, k: lax.rem(x[0] * x[1] + k * corner_of_integers(x), x[2]),
        jax.ShapeDtypeStruct((24,), jnp.int32),
    ),
    "a remainder by what has wrapped": (
        lambda x, k: lax.rem(x[2], x[0] * x[1] + k * corner_of_integers(x)),
        jax.ShapeDtypeStruct((24,), jnp.int32),
    ),
    "a wider integer": (
        lambda x, k: (x[0] * x[1] + k * corner_of_integers(x).astype(x.dtype)).astype(jnp.int32),
        jax.ShapeDtypeStruct((24,), jnp.int8),
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_choices_behind_a_value_that_was_kept_are_counted(name):
    """The programs differ in one branch of 2**22 or more, which no row takes."""
    f, x = KEPT[name]
    found = ask(lambda x: f(x, 1), lambda x: f(x, 0), x)
    assert isinstance(found, Difference | TooLarge)
    few = jax.ShapeDtypeStruct((3,), x.dtype)
    assert isinstance(ask(lambda x: f(x, 1), lambda x: f(x, 1), few), Agreement)


def test_a_value_whose_choices_are_remembered_stays_alive():
    """They are found by its identity, which another value would get once it is freed."""
    field = PatternField(0, PATTERNS)
    x = field.random((3,), np.dtype(np.float32))
    mask = field.compare("gt", x, field.lift(np.zeros(3, np.float32)))
    field.marks_of(mask)
    still = weakref.ref(mask)
    del mask
    gc.collect()
    assert still() is not None


def test_what_nobody_knows_the_origin_of_has_every_choice_behind_it():
    field = PatternField(3, PATTERNS, False, 1)
    x, y = (field.random((2,), np.dtype(np.float32)) for _ in range(2))
    larger = field.maximum(x, y)
    _ = larger.rows
    stranger = field.plain(x.rows, x, x.growth)
    expected = field.marks.totals(field.marks_of(larger))[0]
    assert (field.marks.totals(field.marks_of(stranger))[0] == 2 * expected).all()
    assert (field.marks.totals(field.marks_of(x))[0] == 0).all()


def flips_of(f, *examples, exponents=False):
    """The coin flips behind each output element of f, as the bound counts them."""
    from verify.evaluate import evaluate

    program = trace(f, *examples)
    field = PatternField(3, PATTERNS, exponents, 1)
    inputs = [field.random(v.shape, v.dtype) for v in program.inputs]
    (y,) = evaluate(program, field, inputs)
    _ = y.rows
    return field.marks.totals(field.marks_of(y))[0]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x + 1, 0),
        (relu, 1),
        (lambda x: jnp.abs(x) + relu(3 * x), 1),  # one sign
        (lambda x: relu(x) + relu(x - 1), 2),
        (lambda x: jnp.max(x.reshape(1, -1), axis=1), np.log2(6)),
        (lambda x: relu(x)[::-1] * 2, 1),
        (lambda x: relu(x).reshape(2, 3).T, 1),
        (lambda x: relu(x).reshape(2, 3).sum(1), 3),
        (lambda x: relu(x).reshape(2, 3) @ jnp.ones((3, 2)), 3),
        (lambda x: jnp.cumsum(relu(x)), np.arange(1, 7)),
        (lambda x: jnp.where(x[0] > 0, x, -x), 1),
        (lambda x: jnp.concatenate([relu(x), x]), [1] * 6 + [0] * 6),
        (lambda x: jnp.exp(relu(x)) / (1 + relu(x)), 1),
        (lambda x: lax.fori_loop(0, 3, lambda i, y: relu(y - 1.0), x), 2),  # x, -2, -1, 0
    ],
)
def test_every_choice_behind_an_element_is_counted(f, expected):
    # A choice that is counted twice makes a proof longer, one that is missed makes it false.
    counted = flips_of(f, f32(6)).reshape(-1)
    expected = np.broadcast_to(expected, counted.shape)
    assert (counted >= expected - 1e-9).all(), counted
    assert (counted <= expected + 1e-9).all(), counted


@pytest.mark.parametrize(
    "f",
    [
        lambda x: jnp.log(jnp.exp(relu(x))[::-1]),
        lambda x: jnp.log(jnp.exp(relu(x)).reshape(2, 3)),
        lambda x: jnp.sqrt(jnp.square(relu(x))[::-1]),
        lambda x: jnp.exp(jnp.log(1 + relu(x))[::-1]),
    ],
)
def test_what_was_moved_with_a_value_has_its_choices_behind_it(f):
    assert flips_of(f, f32(6), exponents=True).reshape(-1) == pytest.approx(1)


def test_every_operation_of_the_algebra_keeps_its_origin():
    operations = {
        name
        for name, member in vars(Algebra).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
    tracked = {name for names in KINDS.values() for name in names}
    own = {"none_of", "anyone", "observed", "within", "remainder"}  # which not every algebra has
    assert (operations - {"lift"}) | own == tracked


N = jax.ShapeDtypeStruct((), jnp.int32)
M = jax.ShapeDtypeStruct((4,), jnp.bool_)
S = f32()


def square_of_sign(u):
    return lambda x: jnp.sign(u(x)) ** 2 + 0 * x


def one(x):
    return jnp.ones_like(x)


# Ties that are no set of measure zero, and zeros of what cannot be negative: 0 on one side there.
TIES = {
    "integers": (square_of_sign(lambda n: n - 12345), one, N),
    "rounded": (square_of_sign(lambda x: jnp.round(x) - 12345.0), one, S),
    "an unknown function": (square_of_sign(lambda x: jnp.cbrt(x) - 9.7), one, S),
    "both comparisons": (
        lambda n: (jnp.where(n > 77777, 1, 0) - jnp.where(n < 77777, 1, 0)) ** 2,
        one,
        N,
    ),
    "a mask that vanishes": (
        lambda y, x: jnp.sign(y - 255) ** 2 * x,
        lambda y, x: x,
        jax.ShapeDtypeStruct((3,), jnp.int32),
        X,
    ),
    "a root of nothing": (square_of_sign(lambda x: jnp.sqrt(relu(x + 1e10))), one, S),
    "a square of nothing": (square_of_sign(lambda x: (jnp.round(x) - 12345.0) ** 2), one, S),
    "a mask of an unknown function": (
        square_of_sign(lambda x: jnp.where(jnp.sin(x) > 0.999999, 0.0, 1.0)),
        one,
        S,
    ),
    "the first of equals": (
        lambda x, y: jnp.argmax(jnp.stack([jnp.round(x), jnp.round(y)])),
        lambda x, y: jnp.where(jnp.round(x) > jnp.round(y), 0, 1),
        S,
        S,
    ),
}


@pytest.mark.parametrize("name", TIES)
@pytest.mark.parametrize("seed", [0, 1])
def test_ties_on_an_open_set_are_branches_too(name, seed):
    assert not isinstance(ask(*TIES[name], seed=seed), Agreement)


EXTREMES = (lambda x, y: jnp.maximum(x, y) * jnp.minimum(x, y)), (lambda x, y: x * y)
RETURNING = {
    "exp of log": lambda x, y, f: f(x, y) + jnp.exp(jnp.log(x * x)),
    "log of exp": lambda x, y, f: jnp.log(jnp.exp(f(x, y))),
    "square of root": lambda x, y, f: jnp.sqrt(f(x, y)) ** 2,
}


@pytest.mark.parametrize("name", RETURNING)
def test_a_value_that_comes_back_has_a_beginning(name):
    """Its history was a circle, and walking it had no end."""
    f, g = (lambda x, y, h=h: RETURNING[name](x, y, h) for h in EXTREMES)
    assert isinstance(ask(f, g, S, S), Agreement)


MASKS = {
    "square of a selection": (
        lambda m, x: jnp.where(m, x, 0) ** 2,
        lambda m, x: jnp.where(m, x * x, 0),
    ),
    "a mask twice is a mask": (lambda m, x: (x * m) @ (x * m), lambda m, x: (m * x * x).sum()),
    "a function of a selection": (
        lambda m, x: jnp.exp(jnp.where(m, x, 0)),
        lambda m, x: jnp.where(m, jnp.exp(x), 1),
    ),
}


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_among_the_inputs_is_true_or_false(name):
    f, g = MASKS[name]
    assert isinstance(ask(f, g, M, f32(4)), Agreement)
    assert isinstance(ask(f, lambda m, x: g(~m, x), M, f32(4)), Difference)

"""A literal is one number wherever it occurs: read everywhere in both programs, or nowhere.

Every first program here is 0 (or has 0 in its comparison) whatever number its literals stand for;
every second one is not. Reading one occurrence of a number and not another would "prove" them the
same.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.constants import numbers, rewriting
from verify.counterexample.confirm import values
from verify.programs import trace

x = jax.ShapeDtypeStruct((3,), jnp.float32)
EULER = np.float32(0.57721566)
TENTHS = np.full(3, 0.1, np.float32)
UNREADABLE = np.float32([0.1, EULER, 0.1])
IRRATIONAL = np.float32([0.1, np.sqrt(2), 0.1])
INFINITE = np.float32([0.1, -np.inf, 0.1])
LARGE = np.full(4097, 0.1, np.float32)
DATA = np.random.default_rng(0).normal(size=5000).astype(np.float32)
DATA[:3] = 0.1


def positive(x):
    return jnp.where(x > 0, 1.0, 0.0)


def by_two(a, b):
    """Whether the products with x differ upwards, in a program."""
    return lambda x: jnp.where(x * a > x * b, 1.0, 0.0)


def twice(x):
    return lax.fori_loop(0, 2, lambda i, c: c * jnp.float32(0.1), x)


def branch(x):
    return lax.cond(x[0] > 3, lambda x: x * 0.1, lambda x: x * TENTHS, x)


ODD = slice(None, None, 2)
OTHERWISE = {
    "an array beside a scalar": (
        by_two(0.1, TENTHS),
        lambda x: positive(x) + (x * 0.1 - x * 0.1),
    ),
    "a difference that is enlarged": (
        lambda x: (x * 0.1 - x * TENTHS) * 671088640.0,
        lambda x: x + (x * 0.1 - x * 0.1),
    ),
    "a neighbour without a reading": (
        lambda x: by_two(UNREADABLE, 0.1)(x)[ODD],
        lambda x: positive(x)[ODD],
    ),
    "a neighbour without a reading, enlarged": (
        lambda x: (x * UNREADABLE - x * 0.1)[:1] * 671088640.0,
        lambda x: x[:1],
    ),
    "an irrational neighbour": (
        lambda x: by_two(IRRATIONAL, 0.1)(x)[ODD],
        lambda x: positive(x)[ODD],
    ),
    "an infinite neighbour": (
        lambda x: by_two(jnp.maximum(-1, INFINITE), 0.1)(x)[ODD],
        lambda x: positive(x)[ODD],
    ),
    "a large array": (
        lambda x: by_two(LARGE, 0.1)(x[0])[:2],
        lambda x: positive(x[0]) * jnp.ones(2),
    ),
    "data": (
        lambda x: by_two(DATA, 0.1)(x[0])[:2],
        lambda x: positive(x[0]) * jnp.ones(2),
    ),
    "its negative": (
        lambda x: jnp.where(x * 0.1 + x * np.float32(-0.1) > 0, 1.0, 0.0),
        lambda x: positive(x) + (x * 0.1 - x * 0.1),
    ),
    "its double": (
        lambda x: jnp.where(x * 0.2 > x * 0.1 * 2, 1.0, 0.0),
        lambda x: positive(x) + (x * 0.2 - x * 0.2),
    ),
    "too small a part to be read alone": (
        lambda x: jnp.where(x * 0.1 < x * np.float32(0.1 * 2.0**-24) * 2**24, 1.0, 0.0),
        lambda x: positive(x) + (x * 0.1 - x * 0.1),
    ),
    "in the body of a loop": (
        lambda x: jnp.where(twice(x) > x * TENTHS * 0.1, 1.0, 0.0),
        lambda x: positive(x) + 0 * (x * 0.1),
    ),
    "in a branch": (
        lambda x: jnp.where(branch(x) > x * 0.1, 1.0, 0.0),
        lambda x: positive(x) + (x * 0.1 - x * 0.1),
    ),
    "of another width": (
        by_two(
            np.float32(0.1), jnp.float32(0.1).astype(jnp.bfloat16).astype(jnp.float32) * 0 + 0.1
        ),
        lambda x: positive(x) + (x * 0.1 - x * 0.1),
    ),
}


@pytest.mark.parametrize("pair", OTHERWISE.values(), ids=list(OTHERWISE))
def test_one_number_is_not_two(pair):
    verdict = verify.equivalent(*pair, x, seconds=1.5)
    assert verdict.status != "proved"


TOGETHER = {
    "an array beside a scalar": (lambda x: x * TENTHS + x * 0.1, lambda x: x / 5),
    "beside a number without a reading": (lambda x: (x * UNREADABLE)[ODD], lambda x: x[ODD] / 10),
    "beside an irrational one": (
        lambda x: x * IRRATIONAL,
        lambda x: x / np.float32([10, 1, 10]) * jnp.stack([1.0, jnp.sqrt(2.0), 1.0]),
    ),
    "beside minus infinity": (
        lambda x: jnp.maximum(x, np.float32([0.1, -np.inf, 0.3])),
        lambda x: jnp.stack([jnp.maximum(10 * x[0], 1) / 10, x[1], jnp.maximum(10 * x[2], 3) / 10]),
    ),
    "a mask and a scale": (
        lambda x: jax.nn.softmax(0.1 * x + np.float32([0, -np.inf, 0])),
        lambda x: jax.nn.softmax(x / 10 + np.float32([0, -np.inf, 0])),
    ),
    "a large array of one number": (lambda x: x[0] * LARGE, lambda x: x[0] / 10 * jnp.ones(4097)),
    "many numbers": (
        lambda x: x[0] * np.float32(np.arange(1, 100) / 10),
        lambda x: x[0] * jnp.arange(1, 100) / 10,
    ),
    "complex": (
        lambda x: lax.complex(x, x) * (0.1 + 0.1j),
        lambda x: lax.complex(x, x) * (1 + 1j) / 10,
    ),
    "a complex array": (
        lambda x: lax.complex(x, -x) * np.complex64([0.1, 0.2j, 0.3 - 0.7j]),
        lambda x: lax.complex(x, -x) * np.complex64([1, 2j, 3 - 7j]) / 10,
    ),
    "a complex root of one": (
        lambda x: lax.complex(x, x) * np.complex64(np.exp(0.25j * np.pi)),
        lambda x: lax.complex(0 * x, 2 * x) / jnp.sqrt(2.0),
    ),
}


@pytest.mark.parametrize("pair", TOGETHER.values(), ids=list(TOGETHER))
def test_every_occurrence_is_read(pair):
    verdict = verify.equivalent(*pair, x)
    assert verdict.status == "proved"


PADDED = np.float32([0.1, np.nan, 0.3])


@pytest.mark.parametrize(
    "pair",
    [
        (lambda x: (x * PADDED)[ODD], lambda x: x[ODD] * np.float32([1, 3]) / 10),
        (lambda x: jnp.where(x > 0, x, PADDED), lambda x: jnp.where(x > 0, x, PADDED * 1)),
        (lambda x: jnp.fmax(x, PADDED), lambda x: jnp.fmax(x / 10, PADDED) * 10),
    ],
    ids=["a product", "a choice", "a maximum"],
)
def test_beside_nan_there_is_an_answer(pair):
    verdict = verify.equivalent(*pair, x, seconds=5)
    assert "itself failed" not in verdict.reason


DIFFERENT = {
    "beside minus infinity": (
        lambda x: jnp.maximum(x, np.float32([0.1, -np.inf, 0.3])),
        lambda x: jnp.stack([jnp.maximum(10 * x[0], 1) / 10, x[1], jnp.maximum(10 * x[2], 4) / 10]),
    ),
    "complex": (
        lambda x: lax.complex(x, x) * (0.1 + 0.1j),
        lambda x: lax.complex(x, x) * (1 - 1j) / 10,
    ),
    "a complex array, one unit in the last place more": (
        lambda x: lax.complex(x, -x) * np.complex64([0.1, 0.2j, 0.3]),
        lambda x: lax.complex(x, -x) * np.complex64([0.1, 0.2j, 0.3 + 6e-8]),
    ),
    "one of many numbers": (
        lambda x: x[0] * np.float32(np.arange(1, 100) / 10),
        lambda x: x[0] * jnp.arange(1, 100).at[50].add(1) / 10,
    ),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_other_numbers_are_refuted(pair):
    verdict = verify.equivalent(*pair, x)
    assert verdict.status == "refuted"


def test_many_numbers_have_one_sentence():
    said = [s for s in verify.equivalent(*TOGETHER["many numbers"], x).assumptions if "const" in s]
    assert len(said) == 1
    assert said[0].endswith("are 1/10, ..., 99/10")


WIDE = {
    "a tenth": (lambda x: x * 0.1, lambda x: x / 10, "0.1"),
    "three tenths": (lambda x: x * 0.1 * 3, lambda x: x * 0.3, "0.1"),
    "beside a root": (
        lambda x: x * 0.1 * 3 * np.sqrt(2.0),
        lambda x: x * 0.3 * jnp.sqrt(2.0),
        "0.3",
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_in_float64_too_it_is_said(name):
    with jax.enable_x64(True):
        f, g, number = WIDE[name]
        verdict = verify.equivalent(f, g, jax.ShapeDtypeStruct((3,), jnp.float64))
        assert verdict.status == "proved"
        assert any(s.startswith(f"the constant {number} ") for s in verdict.assumptions)


def test_in_float64_a_comparison_by_a_reading_is_no_proof_without_it():
    with jax.enable_x64(True):
        f = lambda x: jnp.where(x * 0.1 * 3 > x * 0.3, 1.0, 0.0) + x * np.sqrt(2.0)  # noqa: E731
        g = lambda x: x * jnp.sqrt(2.0)  # noqa: E731
        verdict = verify.equivalent(f, g, jax.ShapeDtypeStruct((3,), jnp.float64))
        said = " ".join(verdict.assumptions)
        assert verdict.status != "proved" or ("1/10" in said and "3/10" in said)


def drop(x):
    return jnp.where(jnp.signbit(x), 0, x)


def test_bits_of_others_concern_no_literal():
    verdict = verify.equivalent(lambda x: drop(x) * 0.1, lambda x: drop(x) / 10, x)
    assert verdict.status == "proved"


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_dropout_beside_a_scale(rate):
    key = jax.eval_shape(lambda: jax.random.key(0))
    keep = lambda k, x: jax.random.bernoulli(k, 0.5, x.shape)  # noqa: E731
    f = lambda k, x: jnp.where(keep(k, x), x, 0) * rate  # noqa: E731
    g = lambda k, x: jnp.where(keep(k, x), x * (10 * rate), 0) / 10  # noqa: E731
    assert verify.equivalent(f, g, key, x).status == "proved"


def test_a_number_whose_bits_are_looked_at_is_read_nowhere():
    look = lambda c: lax.reduce_precision(c, 5, 2)  # noqa: E731
    f, g = (trace(h, x) for h in (lambda x: look(x * 0.1) + 0.2 * x + 0.3, lambda x: x))
    found = numbers.of(f, g)
    shown = {round(one, 4) for one in found.members}
    assert shown == {0.6}  # 0.3, and neither 0.1 nor 0.2


@pytest.mark.parametrize(
    "constant",
    [TENTHS, UNREADABLE, IRRATIONAL, LARGE, DATA, INFINITE],
    ids=["tenths", "unreadable", "irrational", "large", "data", "infinite"],
)
def test_what_an_array_is_read_as(constant):
    """Each tenth as 1/10, far nearer than a float32 could be, and all else as what it is."""
    one = jax.ShapeDtypeStruct((), jnp.float32)
    left, right = (trace(f, one) for f in (lambda x: x * constant, lambda x: x * 0.1))
    read = rewriting.read(left, right, numbers.of(left, right), all_of_them=True)
    (found,) = values(read.left, [np.float32(1)])
    expected = constant.astype(np.float64)
    expected[constant == np.float32(0.1)] = 0.1
    expected[constant == np.float32(np.sqrt(2))] = np.sqrt(2)
    finite = np.isfinite(expected)
    assert np.abs(found.value[finite] - expected[finite]).max() < 1e-15
    assert np.array_equal(found.value[~finite], expected[~finite])


def test_a_complex_scalar_is_one():
    """A literal without axes, of complex numbers: it gets none."""
    z = jax.ShapeDtypeStruct((3,), jnp.complex64)
    assert verify.equivalent(lambda z: 0.1 * z + jnp.zeros_like(z), lambda z: z / 10, z)
    assert not verify.equivalent(lambda z: 0.1 * z + jnp.zeros_like(z), lambda z: z / 11, z)

"""`equivalent(..., constants=...)`: what the rounding of literals explains and what it does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify

x = jax.ShapeDtypeStruct((3,), jnp.float32)
LOG = np.log(2 * np.pi)

EQUAL = {
    "a tenth": (lambda x: x * 0.1, lambda x: x / 10),
    "a root": (lambda x: x / jnp.sqrt(2.0), lambda x: x * np.float32(0.5**0.5)),
    "weights that sum to one": (lambda x: x * 0.9 + 0.1 * x, lambda x: x),
    "one minus": (lambda x: 0.9 * x + (1 - 0.9) * x[::-1], lambda x: 0.9 * x + x[::-1] / 10),
    "a normal's log-density": (
        lambda x: -0.5 * x**2 - 0.5 * LOG,
        lambda x: -0.5 * (x**2 + jnp.log(2 * jnp.pi)),
    ),
    "a normal's density": (
        lambda x: jnp.exp(-0.5 * x**2) / np.sqrt(2 * np.pi),
        lambda x: jnp.exp(-(x**2) / 2) / jnp.sqrt(2 * jnp.pi),
    ),
    "another base": (lambda x: jnp.log(x) / np.log(2.0), jnp.log2),
    "behind a maximum": (lambda x: jax.nn.relu(0.1 * x), lambda x: jax.nn.relu(x) / 10),
    "a leaky maximum": (lambda x: jnp.where(x > 0, x, 0.01 * x), lambda x: jnp.maximum(x, x / 100)),
    "scaled scores": (
        lambda x: jax.nn.softmax(x / np.sqrt(48.0)),
        lambda x: jax.nn.softmax(x * 48**-0.5),
    ),
    "degrees": (lambda x: x * jnp.pi / 180, jnp.deg2rad),
    "in a loop": (
        lambda x: lax.scan(lambda c, a: (0.9 * c + 0.1 * a, None), 0.0, x)[0],
        lambda x: sum(0.1 * 0.9 ** (2 - i) * x[i] for i in range(3)),
    ),
    "an array": (lambda x: x * np.float32([0.1, 0.2, 0.5]), lambda x: x / np.float32([10, 5, 2])),
    "a threshold": (
        lambda x: jnp.where(x > 0.1, x, 0.0),
        lambda x: jnp.where(10 * x > 1, x, 0.0),
    ),
    "bfloat16": (
        lambda x: x.astype(jnp.bfloat16) * jnp.bfloat16(0.1),
        lambda x: x.astype(jnp.bfloat16) / 10,
    ),
}
DIFFERENT = {
    "another tenth": (lambda x: x * 0.1, lambda x: x / 10.001),
    "pi in five digits": (lambda x: x * 3.1415, lambda x: x * jnp.pi),
    "a root in four digits": (lambda x: x / np.sqrt(2.0), lambda x: x * 0.7071),
    "weights that sum to more": (lambda x: x * 0.9 + 0.2 * x, lambda x: x),
    "half of it forgotten": (lambda x: -0.5 * x**2 - 0.5 * LOG, lambda x: -0.5 * x**2 - LOG),
    "a scale that is squared": (
        lambda x: jnp.exp(-0.5 * (x / 0.3) ** 2) / 0.3,
        lambda x: jnp.exp(-0.5 * (x / 0.3) ** 2) / 0.3**2,
    ),
    "another epsilon": (lambda x: x / (x * x + 1e-5), lambda x: x / (x * x + 1e-6)),
    "behind a threshold": (
        lambda x: jnp.where(x > 1e6, 0.1 * x + 4909, 0.1 * x),
        lambda x: x / 10,
    ),
    "an array with one more": (
        lambda x: x * np.float32([0.1, 0.2, 0.5]),
        lambda x: x / np.float32([10, 5, 3]),
    ),
    "two units in the last place": (
        lambda x: x * np.float32(0.1),
        lambda x: x * np.float32(0.1 + 2**-26),
    ),
    "in a loop": (
        lambda x: lax.scan(lambda c, a: (0.9 * c + 0.1 * a, None), 0.0, x)[0],
        lambda x: sum(0.1 * 0.9 ** (3 - i) * x[i] for i in range(3)),
    ),
    "at one float": (lambda x: jnp.where(x == 0.123456, 1.0, x), lambda x: x),
    "a step to another height": (
        lambda x: jnp.where(x > 0.1, 1.0, 0.0),
        lambda x: jnp.where(x > 0.1, 1.5, 0.0),
    ),
    "a whole number": (lambda x: x * 3, lambda x: x * np.nextafter(np.float32(3), np.float32(4))),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal_but_for_rounding(pair):
    verdict = verify.equivalent(*pair, x)
    assert verdict.status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_a_difference_that_rounding_does_not_explain(pair):
    verdict = verify.equivalent(*pair, x)
    assert verdict.status == "refuted"


def test_what_was_needed_is_assumed_and_nothing_else():
    eps = (lambda x: 0.1 * x / (x * x + 1e-5), lambda x: x / 10 / (1e-5 + x * x))
    found = verify.equivalent(*eps, x).assumptions
    read = [sentence for sentence in found if "constant" in sentence]
    assert len(read) == 1
    assert read[0].startswith("the constant 0.1 at test_rounded_constants.py:")
    assert read[0].endswith("is 1/10")


def test_at_their_word():
    """Exactly, a tenth is not the number that float32 has for it."""
    verdict = verify.equivalent(*EQUAL["a tenth"], x, constants="exact")
    assert verdict.status == "refuted"
    shown = verdict.counterexample
    ratio = float(shown.left) / float(shown.right)
    assert abs(ratio - 1) < 1e-7
    assert ratio != 1


def test_neighbours_are_never_merged():
    """They round to no number in common."""
    tenth = np.float32(0.1)
    more = np.nextafter(tenth, np.float32(1))
    assert verify.equivalent(lambda x: x * tenth, lambda x: x * more, x).status != "proved"


def test_a_difference_within_rounding_that_no_reading_explains_is_unknown_and_says_so():
    number = 0.5772156649
    pair = (lambda x: x * np.float32(number), lambda x: x / np.float32(1 / number))
    verdict = verify.equivalent(*pair, x, seconds=20)
    assert verdict.status == "unknown"
    assert "rounding of the constants" in verdict.reason
    assert 'constants="exact"' in verdict.reason


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (lambda x: jnp.cos(x + jnp.pi), lambda x: -jnp.cos(x)),
        (lambda x: jnp.sin(x + jnp.pi / 2), jnp.cos),
    ],
    ids=["cosine", "sine"],
)
def test_where_a_value_hardly_changes_with_a_literal_nothing_is_refuted(left, right):
    """At the top of a cosine the difference is of second order in the literal's rounding, and below
    what is known of it, however narrow the literal's interval is: but that shrinks."""
    two = jax.ShapeDtypeStruct((2,), jnp.float32)
    assert verify.equivalent(left, right, two, seed=0).status == "proved"


@pytest.mark.parametrize(
    "rounding",
    [
        lambda c: lax.reduce_precision(c, 5, 2),
        lambda c: lax.reduce_precision(c * 1, 5, 2),
        lambda c: lax.bitcast_convert_type(lax.bitcast_convert_type(c, jnp.int32) + 1, c.dtype),
        lambda c: lax.nextafter(c, jnp.float32(1)),
    ],
)
def test_where_bits_are_looked_at_they_are_those_of_the_literal(rounding):
    tenth = np.float32(0.1)
    pair = (lambda x: x + rounding(jnp.asarray(tenth)), lambda x: x + tenth)
    assert verify.equivalent(*pair, x).status != "proved"


def test_a_certificate_says_how_constants_were_taken(tmp_path):
    from verify.certificate.checking import check

    path = tmp_path / "certificate.json"
    pair = (jnp.deg2rad, jnp.radians)
    path.write_text(verify.equivalent(*pair, x, constants="exact").to_json())
    assert '"constants": "exact"' in path.read_text()
    assert check(path, allow=["jax"]).agrees


@pytest.mark.parametrize("given", ["round", None, 1, ("exact",)])
def test_another_word_is_an_error_that_names_the_argument(given):
    with pytest.raises(ValueError, match="equivalent: constants: expected 'rounded' or 'exact'"):
        verify.equivalent(jnp.sin, jnp.sin, x, constants=given)

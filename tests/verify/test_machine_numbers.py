"""Integers of a width, conversions, and domains: what must never be proved, and what must be.

Programs that are equal over unbounded integers, or where nothing is defined, and differ all the
same.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify

I8, I32, U8, U32 = jnp.int8, jnp.int32, jnp.uint8, jnp.uint32
F32 = jnp.float32


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


def widened(f, dtype):
    """f, then a cast; and a cast, then f."""
    return lambda *xs: f(*xs).astype(dtype), lambda *xs: f(*(x.astype(dtype) for x in xs))


REFUTED = {
    "division of the least integer": (*widened(lax.div, I32), of(I8), of(I8)),
    "a shift out of eight bits": (*widened(lax.shift_left, I32), of(I8), of(I8)),
    "the high half of a product": (*widened(lax.mulhi, U32), of(U8), of(U8)),
    "leading zeros": (*widened(lax.clz, I32), of(I8)),
    "a logical shift of a negative": (
        *widened(lambda x: lax.shift_right_logical(x, jnp.ones_like(x)), I32),
        of(I8),
    ),
    "argmax of a sum that wraps": (
        lambda x: jnp.argmax(jnp.stack([x + 1, x])),
        lambda x: jnp.argmax(jnp.stack([jnp.ones_like(x), jnp.zeros_like(x)])),
        of(I32),
    ),
    "argmax of a shifted row": (
        lambda x, c: jnp.argmax(x + c),
        lambda x, c: jnp.argmax(x),
        of(I32, 4),
        of(I32),
    ),
    "doubling in four bits": (
        lambda x: (x + x).astype(F32),
        lambda x: 2 * x.astype(F32),
        of(jnp.int4),
    ),
    "a successor in four bits": (lambda x: x + 1 > x, lambda x: x == x, of(jnp.int4)),
    "a count in eight bits": (
        lambda x: (x > 0).astype(U8).sum(dtype=U8).astype(I32),
        lambda x: (x > 0).astype(I32).sum(),
        of(F32, 300),
    ),
    "the negative of an unsigned number": (lambda x: (-x) > 0, lambda x: x < 0, of(U32)),
}


@pytest.mark.parametrize("name", REFUTED)
def test_a_width_that_matters_is_refuted(name):
    f, g, *examples = REFUTED[name]
    verdict = verify.equivalent(f, g, *examples)
    assert verdict.status == "refuted", str(verdict)
    inputs = verdict.counterexample.inputs
    left, right = (np.asarray(h(*map(jnp.asarray, inputs))) for h in (f, g))
    assert (left != right).any()  # JAX itself agrees


def tower(x):
    return jnp.exp(jnp.exp(x) * jnp.exp(x))


def same_tower(x):
    return jnp.exp(jnp.exp(2 * x))


def cube_root(x):
    return x**0.3


NEVER_PROVED = {
    "a float beyond eight bits": (
        lambda x: x.astype(I8).astype(I32),
        lambda x: x.astype(I32),
        of(F32),
    ),
    "a negative float, unsigned": (
        lambda x: x.astype(U8).astype(I32),
        lambda x: x.astype(I32),
        of(F32),
    ),
    "the next number of another format": (
        lambda x: jnp.nextafter(x, jnp.zeros_like(x)).astype(F32),
        lambda x: jnp.nextafter(x.astype(F32), 0),
        of(jnp.float16),
    ),
    "a tie of towers": (
        lambda x: jnp.where(tower(x) > same_tower(x), 1.0, 0.0),
        lambda x: jnp.where(tower(x) >= same_tower(x), 1.0, 0.0),
        of(F32),
    ),
    "a sign lost in a logarithm": (jnp.log, lambda x: jnp.log(-x), of(F32)),
    "a sign lost in a loss": (
        lambda y, p: -(y * jnp.log(p)).sum(),
        lambda y, p: -(y * jnp.log(-p)).sum(),
        of(F32, 3),
        of(F32, 3),
    ),
    "a sign lost in half of a logarithm": (
        jnp.log,
        lambda x: 0.5 * jnp.log(x) + 0.5 * jnp.log(-x),
        of(F32),
    ),
    "a sign lost in log1p": (lambda x: jnp.log1p(-x), lambda x: jnp.log(x - 1), of(F32)),
    "a sign lost in a branch": (
        lambda x: jnp.where(x > 0, jnp.log(x), 1.0),
        lambda x: jnp.where(x > 0, jnp.log(-x), 1.0),
        of(F32),
    ),
    "branches exchanged": (
        lambda x: jnp.where(x > 0, jnp.log(x), jnp.log(-x)),
        lambda x: jnp.where(x > 0, jnp.log(-x), jnp.log(x)),
        of(F32),
    ),
    "a power of a negative base": (
        lambda a, b: (a ** (2 * b)) ** 0.5,
        lambda a, b: a**b,
        of(F32),
        of(F32),
    ),
    "the sign of a power": (
        lambda a, b: jnp.exp(3 * jnp.log(a) + b),
        lambda a, b: -(a**3) * jnp.exp(b),
        of(F32),
        of(F32),
    ),
    "division by what is always zero": (
        lambda x: 1 / (jax.nn.relu(x) * jax.nn.relu(-x)) * (jax.nn.relu(x) * jax.nn.relu(-x)),
        lambda x: jnp.ones_like(x),
        of(F32),
    ),
}


@pytest.mark.parametrize("name", NEVER_PROVED)
def test_where_nothing_is_defined_nothing_is_proved(name):
    f, g, *examples = NEVER_PROVED[name]
    assert verify.equivalent(f, g, *examples, seconds=60).status != "proved"


def test_the_reason_says_that_no_common_domain_was_found():
    verdict = verify.equivalent(
        lambda x: jnp.exp(jnp.log(-x * x)),
        lambda x: -x * x + 0 * jnp.log(-x * x),
        of(F32),
        seconds=1,
    )
    assert "no input was found at which what is assumed" in verdict.reason


def test_a_question_about_nan_is_no_silent_proof():
    def guarded(other):
        return lambda x: jnp.where(jnp.isnan(cube_root(x)), other, cube_root(x))

    verdict = verify.equivalent(guarded(0.0), guarded(5.0), of(F32), seconds=60)
    assert verdict.status != "proved" or any("NaN" in text for text in verdict.assumptions)


def test_branches_that_have_no_common_domain_are_open():
    """A proof assumes the domain of every function, also of those in branches that are not taken:
    of these two logarithms no x has both. It is not made on such an assumption."""
    verdict = verify.equivalent(
        lambda x: jnp.where(x > 0, jnp.log(x), jnp.log(-x)),
        lambda x: jnp.where(x > 0, jnp.log(x), jnp.log(0 - x)),
        of(F32),
    )
    assert verdict.status == "unknown"
    assert "no input was found at which what is assumed" in verdict.reason


PROVED = {
    "a logarithm of a product": (
        lambda x, y: jnp.log(x * y) + 0 * jnp.log(x),  # of negative x there is none
        lambda x, y: jnp.log(x) + jnp.log(y),
        of(F32, 3),
        of(F32, 3),
    ),
    "a root with a narrow domain": (
        lambda x: jnp.sqrt(1 - x * x) ** 2,
        lambda x: (1 - x) * (1 + x) + 0 * jnp.arcsin(x),
        of(F32, 3),
    ),
    "log-odds": (
        lambda p: jnp.log(p / (1 - p)),
        lambda p: jnp.log(p) - jnp.log1p(-p),
        of(F32, 5),
    ),
    "argmax over many narrow integers": (
        lambda x: jnp.argmax(x),
        lambda x: jnp.argmax(x.astype(I32)),
        of(I8, 300),
    ),
    "masks of bits, widened": (*widened(lambda x: x & 15, I32), of(I8)),
    "a power with two exponents": (
        lambda a, b, c: a**b * a**c,
        lambda a, b, c: a ** (b + c),
        *[of(F32, 2)] * 3,
    ),
    "a power as an exponential": (
        lambda a, b: a**b,
        lambda a, b: jnp.exp(b * jnp.log(a)),
        *[of(F32, 2)] * 2,
    ),
    "a cube as an exponential": (
        lambda a: jnp.exp(3 * jnp.log(a)),
        lambda a: a * a * a + 0 * jnp.log(a),
        of(F32, 2),
    ),
    "a scalar draw from a seed": (
        lambda seed, x: x * jax.random.uniform(jax.random.key(seed)),
        lambda seed, x: jax.random.uniform(jax.random.key(seed)) * x,
        of(I32),
        of(F32),
    ),
}


@pytest.mark.parametrize("name", PROVED)
def test_a_law_of_machine_numbers_is_proved(name):
    f, g, *examples = PROVED[name]
    verdict = verify.equivalent(f, g, *examples)
    assert verdict.status == "proved", str(verdict)


def test_a_scalar_counterexample_is_shrunk_at_once():
    verdict = verify.equivalent(lambda x: (-x) > 0, lambda x: x < 0, of(U32))
    assert verdict.counterexample.inputs[0] == 1

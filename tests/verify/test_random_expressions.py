"""No mode of the field calls two expressions equal that differ: random small ones, full of ties.

All of them are evaluated over the residues of one trial. Those with the same residues, which is
what a proof rests on, must have the same values, at real and whole numbers where they often tie.
"""

import collections
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify.algebras.base import Unsupported
from verify.algebras.extended import fresh
from verify.algebras.field import Field
from verify.algebras.field.patterns import PatternField
from verify.algebras.field.value import Unlucky
from verify.evaluate import evaluate
from verify.interpretation.proof import MODES, PATTERNS
from verify.programs import trace

relu = jax.nn.relu


def one_where(condition):
    return jnp.where(condition, 1.0, 0.0)


# x, y: reals; n, m: whole numbers, as floats.
ATOMS = (
    "x", "y", "n", "m", "0 * x", "0 * x + 1", "jnp.round(x)", "jnp.floor(y)", "relu(x)",
    "relu(y)", "jnp.abs(x)", "jnp.exp(x)", "jnp.exp(relu(x))", "jnp.cbrt(x)", "jnp.sign(x)",
    "one_where(x > y)", "jnp.sqrt(relu(x))", "jnp.sqrt(jnp.abs(y))", "jnp.sqrt(x * x)",
    "jnp.maximum(n, 0)", "jnp.square(n - m)", "jnp.sin(y)",
)  # fmt: skip
OF_ONE = (
    "jnp.sign({})", "jnp.abs({})", "-{}", "{} ** 2", "relu({})", "one_where({} > 0)",
    "one_where({} == 0)", "one_where({} != 0)", "jnp.clip({}, -1, 1)", "jnp.sqrt(jnp.abs({}))",
    "jnp.round({})", "jnp.minimum({}, 0)", "2 * {}",
)  # fmt: skip
OF_TWO = (
    "({} + {})", "({} - {})", "({} * {})", "jnp.maximum({}, {})", "jnp.minimum({}, {})",
    "one_where({} > {})", "one_where({} >= {})", "one_where({} == {})", "jnp.sign({} - {})",
    "jnp.where({} > 0, {}, 0)", "jnp.abs({} - {})", "({} / (1 + {} ** 2))",
    "1.0 * jnp.argmax(jnp.stack([{}, {}]))", "1.0 * jnp.argmin(jnp.stack([{}, {}]))",
)  # fmt: skip
COUNT, POINTS = 240, 400


def expression(draw, depth):
    if depth == 0:
        return draw.choice(ATOMS)
    if draw.random() < 0.45:
        return draw.choice(OF_ONE).format(f"({expression(draw, depth - 1)})")
    first, second = expression(draw, depth - 1), expression(draw, draw.randrange(depth))
    return draw.choice(OF_TWO).format(f"({first})", f"({second})")


def function(text):
    return eval(
        f"lambda x, y, n, m: (lambda n, m: {text})(n.astype(x.dtype), m.astype(x.dtype))",
        {"jnp": jnp, "relu": relu, "one_where": one_where},
    )


@pytest.fixture(scope="module")
def expressions():
    """(text, program, values) of each."""
    draw, rng = random.Random(0), np.random.default_rng(0)
    texts = dict.fromkeys(expression(draw, draw.choice((1, 1, 2, 2, 3))) for _ in range(COUNT))
    reals = [np.concatenate([rng.uniform(-3, 3, POINTS), rng.integers(-2, 3, 100)]) for _ in "xy"]
    whole = [rng.integers(-2, 3, POINTS + 100) for _ in "nm"]
    with jax.enable_x64(True):
        real, integer = (jax.ShapeDtypeStruct((), dtype) for dtype in (jnp.float64, jnp.int64))
        functions = [function(text) for text in texts]
        programs = [trace(f, real, real, integer, integer) for f in functions]
        together = jax.jit(jax.vmap(lambda *point: [f(*point) * 1.0 for f in functions]))
        values = [np.asarray(v) for v in together(*reals, *whole)]
    return list(zip(texts, programs, values, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", [*MODES, PATTERNS], ids=["strict", "scaling", "off ties", "patterns"]
)
def test_equal_residues_are_equal_values(expressions, mode):
    kind = PatternField if mode.patterns else Field
    field = kind(0, mode, True, 1, 60 if mode.patterns else None)
    inputs = [fresh(field.random, v.shape, v.dtype) for v in expressions[0][1].inputs]
    groups = collections.defaultdict(list)
    for text, program, values in expressions:
        try:
            (output,) = evaluate(program, field, inputs)
            rows = output.rows
        except (Unsupported, Unlucky):
            continue
        groups[rows[: field.points].tobytes()].append((text, values))
    pairs = 0
    for (text, values), *others in groups.values():
        for other, theirs in others:
            pairs += 1
            # Off ties alone are the reals in general position; whole numbers tie.
            kept = slice(POINTS if not mode.ties else None)
            np.testing.assert_allclose(
                values[kept], theirs[kept], rtol=1e-6, atol=1e-6, err_msg=f"{text}   {other}"
            )
    assert pairs > 10  # so that something has been compared

"""Integer division, shifts and bits mean what JAX means, at the ends of the ranges too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import by_rules, check_rule
from verify.algebras.field import Mode
from verify.algebras.field.functions import outside
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_integers import FUNCTIONS
from verify.evaluate import evaluate
from verify.interpretation.proof import Agreement, prove
from verify.primitives.indexing import OF_BITS
from verify.programs import trace

DTYPES = ["int8", "int32", "int64", "uint8", "uint32"]


def table(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of interesting numbers."""
    ends = np.iinfo(dtype)
    some = [ends.min, ends.min + 1, 0, 1, 2, 3, 7, 12, 100, ends.max - 1, ends.max]
    if ends.min < 0:
        some += [-1, -2, -3, -7, -100]
    a, b = np.meshgrid(np.array(some, dtype), np.array(some, dtype))
    return a.reshape(-1), b.reshape(-1)


OPERATIONS = {
    "div": lax.div,
    "rem": lax.rem,
    "floor_divide": jnp.floor_divide,
    "mod": jnp.mod,
    "and": lax.bitwise_and,
    "or": lax.bitwise_or,
    "xor": lax.bitwise_xor,
    "shift_left": lax.shift_left,
    "shift_right_logical": lax.shift_right_logical,
    "shift_right_arithmetic": lax.shift_right_arithmetic,
    "mulhi": lax.mulhi,
    "population_count": lambda a, b: lax.population_count(a),
    "clz": lambda a, b: lax.clz(a),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_integer_operation_means_what_jax_means(name: str, dtype: str) -> None:
    if name == "mulhi":  # JAX defines it for 32 and 64 bits
        dtype = dtype.replace("int8", "int32")
    check_rule(OPERATIONS[name], *table(dtype))


@pytest.mark.parametrize("places", [0, 1, 5, 7, 8, 31, 32, 33, -1])
def test_shift_by_a_constant(places: int) -> None:
    """A multiplication: 0 from the width on, and for negative places."""
    for dtype in ("int8", "uint8", "int32", "uint32"):
        if places < 0 and dtype.startswith("u"):
            continue
        a, _ = table(dtype)
        check_rule(lambda a: lax.shift_left(a, jnp.full_like(a, places)), a)


def test_booleans() -> None:
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    check_rule(lambda a, b: [a & b, a | b, a ^ b], a, b)


CASTS = [
    ("int32", "uint32"),
    ("uint32", "int32"),
    ("float32", "int32"),
    ("int32", "float32"),
    ("float64", "int64"),
    ("uint32", "int8"),
    ("float32", "uint16"),
    ("int8", "int32"),
    ("uint16", "uint64"),
    ("int64", "uint8"),
]


@pytest.mark.parametrize(("old", "new"), CASTS, ids=lambda x: str(x))
def test_bitcast_means_what_jax_means(old: str, new: str) -> None:
    rng = np.random.default_rng(0)
    wide = np.dtype(new).itemsize // np.dtype(old).itemsize
    shape = (3, wide) if wide > 1 else (3,)
    if old.startswith("float"):
        x = rng.normal(size=shape).astype(old)
    elif new.startswith("float"):
        x = rng.normal(size=shape).astype(new).view(old)
    else:
        ends = np.iinfo(old)
        x = rng.integers(ends.min, ends.max, shape, dtype=old)
    with jax.enable_x64(True):
        program = trace(lambda x: lax.bitcast_convert_type(x, np.dtype(new)), x)
        theirs = np.asarray(lax.bitcast_convert_type(jnp.asarray(x), np.dtype(new)))
        (ours,) = by_rules(program, Numeric(), [Numeric().lift(x, x.dtype)])
    np.testing.assert_array_equal(ours.value, theirs)
    assert ours.concrete is not None


def test_bits_of_a_number_that_is_not_exactly_known_are_unknown() -> None:
    program = trace(lambda x: lax.bitcast_convert_type(x / 3, jnp.int32), np.ones(2, np.float32))
    (value,) = evaluate(program, Numeric(), [Numeric().lift(np.ones(2), np.dtype(np.float32))])
    assert value.unknown.all()


def test_every_named_function_has_a_test() -> None:
    tested = {"int_div", "int_and", "int_or", "int_xor", *OPERATIONS}
    missing = [name for name in FUNCTIONS if name not in tested and "bitcast" not in name]
    assert not missing


@pytest.mark.parametrize("shape", [(), (3,)])
def test_bits_of_scalars_too(shape):
    x = np.full(shape, 70_000, np.int32)
    check_rule(lambda x: lax.bitcast_convert_type(x, jnp.uint32), x)
    check_rule(lambda x: lax.bitcast_convert_type(x, jnp.uint8), x)
    check_rule(
        lambda x: lax.bitcast_convert_type(x, jnp.int16), np.zeros((*shape, 2), np.uint8) + 3
    )


def bits(x, dtype):
    return lax.bitcast_convert_type(x, dtype)


# Equal over the reals, but not after rounding: the verdict says what it takes for granted.
LOOKED_AT = {
    "two ways to bfloat16": (
        lambda x: bits(x.astype(jnp.bfloat16), jnp.uint16),
        lambda x: bits(x.astype(jnp.float16).astype(jnp.bfloat16), jnp.uint16),
    ),
    "two sums": (
        lambda x: bits(x + 1e9 - 1e9, jnp.int32),
        lambda x: bits(x, jnp.int32),
    ),
    "a sign": (lambda x: jnp.signbit(2 * x), lambda x: jnp.signbit(x + x)),
    "the next float": (
        lambda x: jnp.nextafter((x - 1) * (x + 1), jnp.float32(9)),
        lambda x: jnp.nextafter(x * x - 1, jnp.float32(9)),
    ),
}


@pytest.mark.parametrize("name", LOOKED_AT)
def test_who_looks_at_bits_is_told_that_nothing_is_rounded(name):
    f, g = (trace(h, jnp.float32(1)) for h in LOOKED_AT[name])
    found = prove(f, g, Mode(), 0)
    assert isinstance(found, Agreement)
    assert OF_BITS in found.assumptions


def test_bits_of_integers_are_assumed_to_be_those_of_a_number_and_no_more():
    f = trace(lambda n: bits(n + n, jnp.float32), jnp.uint32(1))
    g = trace(lambda n: bits(2 * n, jnp.float32), jnp.uint32(1))
    found = prove(f, g, Mode(), 0)
    assert isinstance(found, Agreement)
    assert found.assumptions == (outside("bitcast:float32"),)

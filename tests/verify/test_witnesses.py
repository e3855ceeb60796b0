"""What is reported is what is confirmed: in the inputs' own dtypes, and by JAX itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.counterexample import Comparison, agreed
from verify.counterexample.held import fit
from verify.counterexample.plainly import values_by_jax, values_in_float64
from verify.primitives import RULES
from verify.programs import Var, trace

F32 = jnp.float32


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


def above(limit, dtype=F32):
    """A threshold, strict and not."""
    return (
        lambda x: x.astype(dtype) > jnp.asarray(limit, dtype),
        lambda x: x.astype(dtype) >= jnp.asarray(limit, dtype),
    )


# Different only at numbers between those of the input's dtype (or not at all).
BETWEEN = {
    "bfloat16, a tenth in float32": (*above(0.1), of(jnp.bfloat16)),
    "float16, a third in float32": (*above(1 / 3), of(jnp.float16)),
    "float8, an odd number": (*above(19.0), of(jnp.float8_e5m2)),
    "float8, a tenth": (*above(0.1), of(jnp.float8_e4m3fn)),
    "float32, a sum that float32 lacks": (
        lambda x: jnp.where(x - 0.1 > 0.7, 1.0, 0.0),
        lambda x: jnp.where(x - 0.1 >= 0.7, 1.0, 0.0),
        of(F32),
    ),
    "bfloat16, needle": (
        lambda x: jnp.where(x.astype(F32) == F32(0.3), 1.0, 0.0),
        lambda x: jnp.where(x.astype(F32) == F32(0.3), 2.0, 0.0),
        of(jnp.bfloat16),
    ),
    "complex64, the real part": (
        lambda z: jnp.where(z.real * 3 > 1, 1.0, 0.0),
        lambda z: jnp.where(z.real * 3 >= 1, 1.0, 0.0),
        of(jnp.complex64),
    ),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_what_no_input_of_the_dtype_shows_is_not_refuted(name):
    f, g, x = BETWEEN[name]
    assert verify.equivalent(f, g, x, seed=0).status != "refuted"


# Different at numbers that the dtype has.
HELD = {
    "bfloat16": (*above(0.10009765625), of(jnp.bfloat16)),
    "float16": (*above(0.333251953125), of(jnp.float16)),
    "float8": (*above(20.0), of(jnp.float8_e5m2)),
    "float32": (*above(0.1), of(F32)),
    "hidden by float32, not by the reals": (
        lambda x: x + 1e-9 > 1,
        lambda x: x > 1,
        of(F32),
    ),
    "complex64": (
        lambda z: jnp.where(z.real > 2, 1.0, 0.0),
        lambda z: jnp.where(z.real >= 2, 1.0, 0.0),
        of(jnp.complex64),
    ),
    "a tenth and nearly a tenth": (lambda x: 0.1 * x, lambda x: x / 10.00001, of(F32)),
    "in a loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, y: y + 1e-9, x),
        lambda x: lax.fori_loop(0, 3, lambda i, y: y + 0, x),
        of(F32, 2),
    ),
    "in a scan with a branch": (
        lambda x: lax.scan(lambda c, y: (lax.cond(y > 0, jnp.add, jnp.subtract, c, y), c), 0.0, x),
        lambda x: lax.scan(lambda c, y: (c + y, c), 0.0, x),
        of(F32, 3),
    ),
    "a window": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "VALID"),
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "SAME")[1:],
        of(F32, 4),
    ),
    "a scatter": (
        lambda x: jnp.zeros(3).at[jnp.array([0, 0])].add(x),
        lambda x: jnp.zeros(3).at[jnp.array([0, 1])].add(x),
        of(F32, 2),
    ),
    "words of a key": (
        lambda k: jax.random.bits(k, (2,)),
        lambda k: jax.random.bits(k, (2,))[::-1],
        jax.random.key(0),
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_what_is_shown_is_what_jax_computes(name):
    f, g, x = HELD[name]
    verdict = verify.equivalent(f, g, x, seed=0)
    assert verdict.status == "refuted", str(verdict)
    shown = verdict.counterexample
    (array,) = jax.tree.leaves(shown.inputs)
    one, two = (trace(h, x) for h in (f, g))
    assert array.dtype == one.inputs[0].dtype
    number, index = shown.where
    seen = []
    for run in (values_by_jax, values_in_float64):
        left, right = (np.asarray(run(p, [array])[number])[index] for p in (one, two))
        seen.append((left, right))
    assert any(
        np.isclose(float(a), float(shown.left), rtol=1e-12)
        and np.isclose(float(b), float(shown.right), rtol=1e-12)
        and a != b
        for a, b in seen
    ), (seen, shown)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"])
def test_inputs_are_rounded_to_what_the_dtype_holds(dtype):
    v = Var((200,), jnp.dtype(dtype))
    rng = np.random.default_rng(0)
    fitted = fit(v, rng.normal(size=200) * 10.0 ** rng.integers(-9, 9, 200))
    assert (fitted.astype(dtype).astype(np.float64) == fitted).all()
    assert (fit(v, fitted) == fitted).all()


def test_wide_integers_are_not_rounded_on_their_way():
    v = Var((), np.dtype(np.int64))
    assert fit(v, np.int64(2**62 + 1)) == 2**62 + 1
    assert fit(Var((), np.dtype(np.int8)), np.uint64(2**64 - 1)) == 127


# A rule put in the place of the right one, and two programs that are equal.


def _without_order(ctx, x, *, shape, broadcast_dimensions, **_):
    """As if the dimensions were sorted."""
    index = np.arange(int(np.prod(x.shape))).reshape(x.shape)
    order = sorted(broadcast_dimensions)
    inner = [1] * len(shape)
    for axis, n in zip(order, x.shape, strict=True):
        inner[axis] = n
    return ctx.algebra.pick([x], np.broadcast_to(index.reshape(inner), shape))


WRONG = {
    "broadcast_in_dim": (
        _without_order,
        lambda y: lax.broadcast_in_dim(y, (3, 4, 4), (2, 1)),
        lambda y: jnp.stack([y.T] * 3),
        of(F32, 4, 4),
    ),
    "rev": (
        lambda ctx, x, **_: x,
        lambda x: lax.rev(x, (0,)),
        lambda x: x[jnp.array([2, 1, 0])],
        of(F32, 3),
    ),
    "cumsum": (
        lambda ctx, x, **_: x,
        lambda x: jnp.cumsum(x),
        lambda x: jnp.array([[1.0, 0, 0], [1, 1, 0], [1, 1, 1]]) @ x,
        of(F32, 3),
    ),
    "population_count": (
        lambda ctx, x, **_: x,
        lambda x: lax.population_count(x),
        lambda x: x - (x >> 1),  # of two bits
        of(jnp.uint8),
    ),
    "tanh": (
        lambda ctx, x, **_: x,
        lambda x: jnp.tanh(x),
        lambda x: (1 - jnp.exp(-2 * x)) / (1 + jnp.exp(-2 * x)),
        of(F32),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_refutes_nothing_that_jax_does_not(name, monkeypatch):
    rule, f, g, x = WRONG[name]
    monkeypatch.setitem(RULES, name, rule)
    verdict = verify.equivalent(f, g, x, seed=0)
    if verdict.status == "refuted":  # of eight bits, the two programs do differ
        left, right = (np.asarray(h(*verdict.counterexample.inputs)) for h in (f, g))
        assert (left != right).any()
    else:
        assert verdict.status == "unknown"
        assert "otherwise than JAX" in verdict.reason


def test_a_difference_is_that_of_the_side_that_has_it():
    """The two values may not be exchanged."""
    comparison = Comparison(trace(lambda x: x, 0.0), trace(lambda x: x + 1, 0.0))
    witness = comparison.at([np.array(2.0)])
    assert agreed(comparison, witness) is witness
    swapped = Comparison(comparison.right, comparison.left)
    assert isinstance(agreed(swapped, witness), str)


E8 = of(jnp.float8_e8m0fnu, 3)  # powers of two: neither zero nor signs
WIDE = F32


@pytest.mark.parametrize(
    ("f", "g", "same"),
    [
        (lambda x: x.astype(WIDE) > 0, lambda x: jnp.ones(3, bool), True),
        (lambda x: jnp.abs(x.astype(WIDE)), lambda x: x.astype(WIDE), True),
        (lambda x: x.astype(WIDE) * 2, lambda x: x.astype(WIDE) * 3, False),
        (lambda x: x.astype(WIDE) > 1, lambda x: x.astype(WIDE) > 2, False),
    ],
)
def test_a_format_without_zero_has_witnesses_of_its_own_numbers(f, g, same):
    verdict = verify.equivalent(f, g, E8, seconds=30)
    if same:
        assert verdict.status != "refuted", verdict
    else:
        assert verdict.status == "refuted", verdict
        assert np.isfinite(verdict.counterexample.inputs[0].astype(np.float32)).all()


@pytest.mark.parametrize("f", [jnp.fmax, jnp.fmin, lambda x, y: jnp.where(jnp.isnan(y), x, y)])
def test_a_constant_nan_that_is_tested_fails_nothing(f):
    for constant in (jnp.nan, np.array([jnp.nan, 1, 2], np.float32)):
        verdict = verify.equivalent(lambda x, c=constant: f(x, c), lambda x: x, of(F32, 3))
        assert "verify itself failed" not in verdict.reason


# Refuted where the value splits into no sum of terms: without some of the inputs it has none.
NO_TERMS = {
    "a root": (lambda x, y: jnp.sqrt(x * y - 1), lambda x, y: jnp.sqrt(x * y) - 1),
    "a mask": (
        lambda x, y: jax.nn.softmax(jnp.where(x > 0, y, -jnp.inf)),
        lambda x, y: jax.nn.softmax(jnp.where(x >= 0, y, -jnp.inf)),
    ),
    "a logarithm": (jax.scipy.special.xlogy, lambda x, y: x * jnp.log1p(y)),
}


@pytest.mark.parametrize("name", NO_TERMS)
def test_no_term_of_an_explanation_is_no_number(name):
    both = (jax.ShapeDtypeStruct((3,), jnp.float32),) * 2
    for seed in range(3):
        verdict = verify.equivalent(*NO_TERMS[name], *both, seed=seed)
        assert verdict.status == "refuted"
        text = verdict.counterexample.explanation
        assert text
        assert "nan" not in text
        assert "inf" not in text

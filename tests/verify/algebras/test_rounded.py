"""The algebra of rounding errors: formats, sums, what the compiler reorders, and its functions."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from jax import lax

from verify.algebras.base import Unsupported
from verify.algebras.rounded import Rounded
from verify.algebras.rounded_function import _EXACT, _TABLE
from verify.algebras.rounded_value import format_of
from verify.checks.roundoff import compiled, deviation
from verify.programs import trace

UNITS = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}


def error(f, *arrays):
    """The bounds on one output of f."""
    return deviation(trace(f, *arrays), arrays)[0]


@pytest.mark.parametrize("dtype", UNITS)
def test_unit_and_range_are_the_formats(dtype):
    form, info = format_of(jnp.dtype(dtype)), jnp.finfo(dtype)
    assert UNITS[dtype] <= form.unit <= UNITS[dtype] * (1 + 2.0**-10)
    assert form.tiny == float(info.smallest_normal)
    assert float(info.max) <= form.limit <= float(info.max) * (1 + UNITS[dtype])


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_formats_that_nothing_is_known_of_are_refused(dtype):
    with pytest.raises(Unsupported, match="float8"):
        Rounded().input(np.ones(3, jnp.dtype(dtype)))


@pytest.mark.parametrize("terms", [1, 10, 1000])
def test_dot_is_the_classical_bound_and_hardly_more(terms):
    rng = np.random.default_rng(terms)
    x, y = (rng.standard_normal(terms).astype(np.float32) for _ in range(2))
    n, u = terms, 2.0**-24
    classical = n * u / (1 - n * u) * (np.abs(x.astype(float)) @ np.abs(y.astype(float)))
    assert classical <= error(jnp.dot, x, y) <= classical * (1 + 2.01 / n)


def test_errors_of_operands_are_carried_through_a_dot():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 40)), rng.standard_normal((40, 2))
    rounded, u = Rounded(), 2.0**-24
    a = rounded.input(x.astype(np.float32)[None])
    off = a.errors + 1e-3
    loose = type(a)(a.value, off, a.dtype)
    b = rounded.input(w.astype(np.float32)[None])
    found = rounded.dot(loose, b).errors
    carried = off @ np.abs(b.value)
    own = 42 * u * ((np.abs(a.value) + off) @ np.abs(b.value))
    assert (carried < found).all()
    assert (found < 1.001 * (carried + own)).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_integers_that_stay_small_are_exact(dtype):
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-2, 3, s).astype(jnp.dtype(dtype)) for s in ((5, 9), (9, 4)))
    assert not error(lambda x, w: jnp.maximum(x @ w, 0).sum(1) - w.sum(), x, w).any()


def test_integers_beyond_the_format_are_not():
    x = np.full(64, 2.0**19 + 1, np.float32)
    assert error(jnp.sum, x) > 0
    assert error(lambda x: x[:8].sum(), x) == 0


def test_a_sum_of_sums_is_one_long_sum():
    """XLA merges them."""
    x = np.full((100, 200), 0.1, np.float32)
    once, twice = error(jnp.sum, x), error(lambda x: x.sum(0).sum(0), x)
    assert twice >= once
    assert error(lambda x: (-x.T.sum(1)).sum(), x) >= once


def test_running_sums_are_as_long_as_they_look():
    x = np.full(1000, 0.1, np.float32)
    assert error(jnp.cumsum, x)[-1] >= error(jnp.sum, x)
    assert error(jnp.cumsum, x)[0] < 1e-6
    product = np.full(1000, 1.001, np.float32)
    assert error(jnp.cumprod, product)[-1] >= 1000 * 2.0**-24 * 1.001**999


REORDERED = {
    "constants are added first": (lambda x: (x + 1.0) + 1e-9, -1.0),
    "constants are multiplied first": (lambda x: (x * 1e-30) * 1e-30, 1e30),
    "the reciprocal of a constant": (lambda x: x / 1e38, 1e38),
    "divisors are multiplied first": (lambda x: x / (x * 1e25) / (x * 1e25) * 1e20, 1.0),
    "exponents are added first": (
        lambda x: jnp.exp(x) * jnp.exp(x[::-1]),
        np.random.default_rng(0).uniform(30, 43, 100),
    ),
    "subnormal numbers are flushed": (lambda x: (x * 1e-20) * 1e30, 1e-20),
    "subnormal inputs are flushed": (lambda x: x * 1e30, 1e-40),
}


@pytest.mark.parametrize("name", REORDERED)
def test_what_the_compiler_reorders_is_covered(name):
    f, number = REORDERED[name]
    x = np.broadcast_to(number, 100).astype(np.float32)
    program = trace(f, x)
    (seen,), (allowed,) = compiled(program, [x]), deviation(program, [x])
    with jax.enable_x64(True):
        truth = np.asarray(f(x.astype(np.float64)))
    assert (np.abs(seen - truth) <= allowed).all()


def test_an_overflow_has_no_bound():
    x = np.array([1e30, 2.0], np.float32)
    assert np.isinf(error(lambda x: x * x / 1e30, x)).tolist() == [True, False]
    assert np.isinf(error(lambda x: jnp.exp(50 * x), np.float32([2])))


def test_masks_with_infinity_and_with_the_least_number_are_known():
    x = np.linspace(-3, 3, 7, dtype=np.float32)
    for least in (-jnp.inf, np.finfo(np.float32).min):
        bounds = error(lambda x, least=least: jax.nn.softmax(jnp.where(x > 0, x, least)), x)
        assert (bounds < 1e-5).all()


def test_a_choice_that_rounding_may_turn_round_has_the_distance_of_its_branches():
    x = np.array([0.7, 1 / 3], np.float32)
    y = (x.astype(np.float64) * 1.1).astype(np.float32)  # x * 1.1 up to rounding
    jumps = error(lambda x, y: jnp.where(x * jnp.float32(1.1) > y, 1.0, 0.0), x, y)
    assert (jumps >= 1).all()
    continuous = error(lambda x, y: jnp.maximum(x * jnp.float32(1.1), y), x, y)
    assert (continuous < 1e-6).all()


def test_a_number_is_itself_however_rounded():
    x = np.float32([1 / 3, 0.7])
    bounds = error(lambda x: jnp.where(jnp.isnan(x * 1.1), -9.0, x * 1.1), x)
    assert (bounds < 1e-6).all()


def test_a_largest_element_that_rounding_may_change_is_an_unknown_index():
    x = np.float32([1 / 3, 2 / 3, 1])
    assert np.isinf(error(lambda x: jnp.argmax(x * np.float32([3, 1.5, 0.1])), x))
    assert error(lambda x: jnp.argmax(x * 3), x) == 0


REFERENCES = {
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "logistic": lambda x: 1 / (1 + mpmath.exp(-x)),
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
    "log1p": lambda x: mpmath.log1p(x),
    "erf_inv": mpmath.erfinv,
    "lgamma": mpmath.loggamma,
}
DOMAINS = {
    **dict.fromkeys(("log", "sqrt", "rsqrt", "lgamma", "digamma"), (0.0, np.inf)),
    **dict.fromkeys(("asin", "acos", "atanh", "erf_inv"), (-1.0, 1.0)),
    "log1p": (-1.0, np.inf),
    "acosh": (1.0, np.inf),
}
FUNCTIONS = sorted(set(_TABLE) - {"pow", "rem", "atan2"})


def arguments(name, rng):
    """Of all magnitudes, near the ends of the domain and near 1."""
    low, high = DOMAINS.get(name, (-np.inf, np.inf))
    size = 10.0 ** np.concatenate([rng.uniform(-3, 2, 150), rng.uniform(-30, 30, 50)])
    near = 10.0 ** rng.uniform(-7, -0.5, 100)
    x = np.concatenate([size, -size, 1 + near, 1 - near, near - 1, -1 - near])
    return x[(x > low) & (x < high)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_functions_are_within_the_table(name, dtype):
    if (name, dtype) == ("erf_inv", "float64"):
        pytest.skip("has no bound")
    reference = REFERENCES.get(name) or getattr(mpmath, name)
    rng = np.random.default_rng(0)
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(40):
        x = arguments(name, rng).astype(jnp.dtype(dtype))
        x = x[[DOMAINS.get(name, (-np.inf,))[0] < v for v in x.astype(float)]]
        x = x[[v < DOMAINS.get(name, (0, np.inf))[1] for v in x.astype(float)]]
        program = trace(getattr(lax, name), x)
        (seen,), (allowed,) = compiled(program, [x]), deviation(program, [x])
        known = np.isfinite(allowed)
        assert known.mean() > 0.5
        for number, result, limit in zip(x[known], seen[known], allowed[known], strict=True):
            truth = mpmath.re(reference(mpmath.mpf(float(number))))
            assert abs(mpmath.mpf(float(result)) - truth) <= limit, (name, number, result, limit)


def test_functions_without_a_table_have_no_bound():
    x = np.ones(3, np.float32)
    for f in (lax.bessel_i0e, lambda x: lax.igamma(x, x), lambda x: jnp.fft.rfft(x).real):
        with pytest.raises(Unsupported):
            error(f, x)
    with jax.enable_x64(True), pytest.raises(Unsupported):
        error(lax.erf_inv, np.full(3, 0.5))
    assert not _EXACT & set(_TABLE)


def test_powers_however_they_are_worked_out():
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-20, 20, 300)).astype(np.float32)
    for exponent in (2.0, 0.5, -3.0, 2.5, 0.3):
        y = np.full_like(x, exponent)
        for f, arrays, factor in (
            (jnp.power, (x, y), 1),
            (lambda x, e=exponent: x**e, (x,), 1),
            (lambda x, e=exponent: jnp.power(jnp.power(x, e), 0.75), (x,), 0.75),
        ):
            program = trace(f, *arrays)
            (seen,), (allowed,) = compiled(program, arrays), deviation(program, arrays)
            power = np.float32(exponent).astype(np.longdouble) * np.longdouble(factor)
            truth = np.power(x.astype(np.longdouble), power)
            fine = np.isfinite(allowed)
            assert fine.mean() > 0.5
            assert (np.abs(seen - truth) <= allowed)[fine].all()


@pytest.mark.parametrize("algorithm", ["BF16_BF16_F32", "TF32_TF32_F32"])
def test_products_by_an_algorithm_of_fewer_bits_are_refused(algorithm):
    precision = lax.DotAlgorithmPreset[algorithm]
    x = np.ones((3, 3), np.float32)
    with pytest.raises(Unsupported, match="algorithm"):
        error(lambda x: lax.dot(x, x, precision=precision), x)
    assert np.isfinite(error(lambda x: lax.dot(x, x, precision=lax.Precision.HIGHEST), x)).all()

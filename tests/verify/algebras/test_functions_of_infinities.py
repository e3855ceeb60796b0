"""What each function makes of infinities and NaN that a program selects is what JAX makes of them.

Every elementwise function of floats that JAX has, at every special value, alone and beside others:
Each prover is asked directly, random interpretation in the modes that know selected infinities,
whether the function's value there is another one. None must say so; searches that would stop it are
not asked.
"""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify import branches
from verify.algebras.base import Unsupported
from verify.interpretation.proof import MASKS, PATTERNS, Agreement, prove
from verify.programs import trace
from verify.smt import cases

X, B = jax.ShapeDtypeStruct((2,), jnp.float32), jax.ShapeDtypeStruct((2,), jnp.bool_)
THREE, FLAG = jax.ShapeDtypeStruct((3,), jnp.float32), jax.ShapeDtypeStruct((), jnp.bool_)
INF, NAN = np.inf, np.nan
SPECIAL = (INF, -INF, NAN)
BESIDE = (0.0, 1.0, -2.0)  # what the other operand may be
VALUES = (INF, -INF, NAN, 0.0, 1.0, -1.0, np.pi / 2, -np.pi / 2)

_UNARY = """
    abs acos acosh asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil cos cosh digamma
    erf erf_inv erfc exp exp2 expm1 floor lgamma log log1p logistic neg round rsqrt sign
    sin sinh sqrt square tan tanh
"""
UNARY = {name: getattr(lax, name) for name in _UNARY.split()} | {
    "reciprocal": lambda x: 1 / x,
    "cube": lambda x: lax.integer_pow(x, 3),
    "inverse cube": lambda x: lax.integer_pow(x, -3),
    "to the power of 0": lambda x: x**0.0,
    "root by a power": lambda x: x**0.5,
    "root of the cube": lambda x: x**1.5,
    "inverse root by a power": lambda x: x**-0.5,
    "a power of 2": lambda x: lax.pow(jnp.float32(2), x),
    "a power of 1/2": lambda x: lax.pow(jnp.float32(0.5), x),
    "a power of 1": lambda x: lax.pow(jnp.float32(1), x),
    "to nearest even": lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN),
    "softplus": jax.nn.softplus,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
    "log_sigmoid": jax.nn.log_sigmoid,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "in bounds": lambda x: lax.clamp(-1.0, x, 1.0),
    "in half a bound": lambda x: lax.clamp(-1.0, x, jnp.inf),
    "less than 0": lambda x: (x < 0).astype(jnp.float32),
    "not less than 0": lambda x: (x >= 0).astype(jnp.float32),
    "itself": lambda x: (x == x).astype(jnp.float32),
    "another": lambda x: (x != 0).astype(jnp.float32),
    "finite": lambda x: jnp.isfinite(x).astype(jnp.float32),
    "entropy": jax.scipy.special.entr,
    "as float16": lambda x: x.astype(jnp.float16).astype(jnp.float32),
    "as float8, which has no infinity": lambda x: x.astype(jnp.float8_e4m3fn).astype(jnp.float32),
    "as float8 without a negative zero": lambda x: x.astype(jnp.float8_e4m3fnuz).astype(
        jnp.float32
    ),
}

BINARY = {
    name: getattr(lax, name)
    for name in "add sub mul div max min pow rem atan2 nextafter".split()  # noqa: SIM905
} | {
    "logaddexp": jnp.logaddexp,
    "logaddexp2": jnp.logaddexp2,
    "xlogy": jax.scipy.special.xlogy,
    "xlog1py": jax.scipy.special.xlog1py,
    "relative entropy": jax.scipy.special.rel_entr,
    "hypot": jnp.hypot,
    "remainder": jnp.remainder,
    "less": lambda x, y: (x < y).astype(jnp.float32),
    "not more": lambda x, y: (x <= y).astype(jnp.float32),
    "equal": lambda x, y: (x == y).astype(jnp.float32),
    "inner product": lambda x, y: jnp.full(2, jnp.dot(x, y)),
    "heaviside": jnp.heaviside,
    "copysign": jnp.copysign,
}

# Functions of three numbers, of which the first is special.
ARRAYS = {
    "sum": jnp.sum,
    "product": jnp.prod,
    "variance": jnp.var,
    "maximum": jnp.max,
    "minimum": jnp.min,
    "argmax": lambda x: jnp.argmax(x).astype(jnp.float32),
    "argmin": lambda x: jnp.argmin(x).astype(jnp.float32),
    "sorted": jnp.sort,
    "order": lambda x: jnp.argsort(x).astype(jnp.float32),
    "top_k": lambda x: lax.top_k(x, 2)[0],
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "logsumexp": jax.nn.logsumexp,
    "cumulative sum": jnp.cumsum,
    "cumulative product": jnp.cumprod,
    "cumulative maximum": lax.cummax,
    "cumulative logsumexp": lax.cumlogsumexp,
    "norm": jnp.linalg.norm,
    "median": jnp.median,
    "differences": jnp.diff,
    "maxima": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "VALID"),
    "means of windows": lambda x: lax.reduce_window(x, 0.0, lax.add, (2,), (1,), "VALID") / 2,
    "convolution": lambda x: jnp.convolve(x, jnp.array([1.0, 0.0, 2.0])),
    "weights of a padded convolution": lambda x: lax.conv_general_dilated(
        jnp.ones((1, 1, 2)), x[None, None], (1,), [(2, 2)]
    ),
    "weights of a transposed convolution": lambda x: lax.conv_general_dilated(
        jnp.ones((1, 1, 2)), x[None, None], (1,), [(2, 2)], lhs_dilation=(2,)
    ),
    "a weight alone": lambda x: lax.conv_general_dilated(
        jnp.ones((1, 1, 2)), x[None, None, :1], (1,), [(1, 1)]
    ),
    "image of a dilated convolution": lambda x: lax.conv_general_dilated(
        x[None, None], jnp.ones((1, 1, 2)), (1,), [(2, 2)], rhs_dilation=(2,)
    ),
    "product with a matrix": lambda x: jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]) @ x,
    "outer product": lambda x: jnp.outer(x, x),
    "in groups": lambda x: lax.ragged_dot(
        x[:, None], jnp.ones((2, 1, 1)), jnp.array([1, 2], jnp.int32)
    ),
    "in groups of some": lambda x: lax.ragged_dot(
        x[:, None], jnp.ones((2, 1, 1)), jnp.array([0, 1], jnp.int32)
    ),
    "scattered": lambda x: jnp.zeros(3).at[jnp.array([1, 1, 2])].add(x),
    "scattered factors": lambda x: jnp.ones(3).at[jnp.array([1, 1, 2])].multiply(x),
    "scattered maxima": lambda x: jnp.zeros(3).at[jnp.array([1, 1, 2])].max(x),
    "in segments": lambda x: jax.ops.segment_sum(x, jnp.array([0, 1, 0]), 2),
    "gathered": lambda x: x[jnp.array([2, 0, 1])],
    "triangular system": lambda x: lax.linalg.triangular_solve(
        jnp.array([[1.0, 0], [2.0, 1.0]]), x[:2, None], left_side=True, lower=True
    ),
    "system": lambda x: jnp.linalg.solve(jnp.array([[2.0, 1.0], [1.0, 2.0]]), x[:2]),
    "of a system": lambda x: jnp.linalg.solve(
        jnp.diag(x[:2]) + jnp.ones((2, 2)), jnp.array([1.0, 0.0])
    ),
    "determinant": lambda x: jnp.linalg.det(jnp.diag(x[:2])),
    "Cholesky factor": lambda x: jnp.linalg.cholesky(jnp.diag(jnp.abs(x[:2]) + 1)),
    "polynomial": lambda x: jnp.polyval(x, jnp.float32(2)),
    "interpolated": lambda x: jnp.interp(1.5, jnp.arange(3.0), x),
    "gradient": lambda x: jax.grad(lambda x: jnp.sum(jax.nn.softplus(x)))(x),
    "gradient of a maximum": jax.grad(lambda x: jnp.max(x)),
    "loop": lambda x: lax.fori_loop(0, 3, lambda i, y: y * x, jnp.ones(3)),
    "scan": lambda x: lax.scan(lambda c, y: (c + y, c * y), 0.0, x)[1],
    "quotients by the maximum": lambda x: x / jnp.max(x),
    "normalised": lambda x: x / jnp.sum(x),
}

COMPLEX = {
    "square root": jnp.sqrt,
    "logarithm": jnp.log,
    "exponential": jnp.exp,
    "sine": jnp.sin,
    "cosine": jnp.cos,
    "reciprocal": lambda z: 1 / z,
    "square": lambda z: z * z,
    "product": lambda z: z * (1 + 2j),
    "product with i": lambda z: 1j * z,
    "quotient": lambda z: z / (1 + 2j),
    "conjugate": jnp.conj,
    "transform": jnp.fft.fft,
    "inverse transform": jnp.fft.ifft,
    "real inverse": lambda z: jnp.fft.irfft(z, 3),
    "absolute": lambda z: jnp.abs(z) + 0j,
    "angle": lambda z: jnp.angle(z) + 0j,
}


def parts(z):
    return jnp.concatenate([jnp.real(z).ravel(), jnp.imag(z).ravel()])


for _name, _f in COMPLEX.items():
    ARRAYS[f"complex {_name}"] = lambda x, f=_f: parts(f(lax.complex(x[:2], x[1:])))
    ARRAYS[f"imaginary {_name}"] = lambda x, f=_f: parts(f(lax.complex(x[1:], x[:2])))
ARRAYS["real transform"] = lambda x: parts(jnp.fft.rfft(x))


MODES = {"masks": MASKS, "patterns": PATTERNS}


def said_equal(f, g, *examples) -> str:
    """The prover that says that the programs are equal; "" if none does. (What a proof by branches
    assumes of logarithms, roots and divisors excuses it.)"""
    left, right = trace(f, *examples), trace(g, *examples)
    for name, mode in MODES.items():
        with contextlib.suppress(Unsupported):
            if isinstance(prove(left, right, mode, seed=0), Agreement):
                return name
    every = {i: np.arange(int(np.prod(v.shape))) for i, v in enumerate(left.outputs)}
    for ties in (True, False):
        with contextlib.suppress(Unsupported):
            found = branches.settle(left, right, every, 1e8, ties=ties)
            if found is not None and not found.partial:
                return "branches"
    for output, elements in every.items():
        with contextlib.suppress(Unsupported):
            if isinstance(cases.settle(left, right, output, elements), cases.Settled):
                return "cases"
    return ""


def same(a: float, b: float) -> bool:
    return bool(np.isclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))


def ask(f, special: tuple[float, ...], wide: bool = True) -> list[tuple[float, float, str]]:
    """The false values that are proved, (what JAX has, what is said of it, by which mode)."""
    there = float(jnp.ravel(f(*(jnp.full(2, s, jnp.float32) for s in special)))[0])
    found = []

    def one(b, *xs):
        return f(*(jnp.where(b, jnp.float32(s), x) for s, x in zip(special, xs, strict=True)))

    for value in VALUES:
        if same(value, there):
            continue

        def other(b, *xs, value=value):
            return jnp.where(b if wide else b[0], jnp.float32(value), one(b, *xs))

        if mode := said_equal(one, other, B, *[X] * len(special)):
            found.append((there, value, mode))
    return found


@pytest.mark.parametrize("special", SPECIAL, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_of_one_number(name, special):
    assert ask(UNARY[name], (special,)) == []


@pytest.mark.parametrize("special", SPECIAL, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_of_two_numbers(name, special):
    """Beside each other special number, and beside some that are none, on either side."""
    beside = [(special, other) for other in (*SPECIAL, *BESIDE)]
    beside += [(other, special) for other in BESIDE]
    found = {pair: ask(BINARY[name], pair) for pair in beside}
    assert {pair: wrong for pair, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("special", SPECIAL, ids=str)
@pytest.mark.parametrize("name", ARRAYS)
def test_of_arrays(name, special):
    """Of the elements of the result those that are one number whatever the other operands are."""
    f, rng = ARRAYS[name], np.random.default_rng(0)
    seen = [np.ravel(f(jnp.array([special, *rng.normal(size=2)], jnp.float32))) for _ in range(4)]
    constant = (all(map(same, values, values[1:])) for values in zip(*seen, strict=True))
    places = [i for i, one in enumerate(constant) if one][:3]
    assert ask_at(f, special, [(i, float(seen[0][i])) for i in places]) == []


def ask_at(
    f, special: float, places: list[tuple[int, float]]
) -> list[tuple[int, float, float, str]]:
    def one(b, x):
        return jnp.ravel(f(x.at[0].set(jnp.where(b, jnp.float32(special), x[0]))))

    found = []
    for i, there in places:
        for value in (NAN, INF, -INF, 0.0):
            if same(value, there):
                continue

            def this(b, x, i=i):
                return one(b, x)[i]

            def other(b, x, i=i, value=value):
                return jnp.where(b, jnp.float32(value), one(b, x)[i])

            if mode := said_equal(this, other, FLAG, THREE):
                found.append((i, there, value, mode))
    return found


ONE = jax.ShapeDtypeStruct((), jnp.float32)
NOTHING = {
    "product": lambda x: jnp.dot(jnp.array([0.0, 1.0]), jnp.stack([jnp.float32(INF), x])),
    "product with a difference": lambda x: jnp.dot(
        jnp.stack([x - x, x]), jnp.array([INF, 1.0], jnp.float32)
    ),
    "convolution": lambda x: jnp.convolve(
        jnp.stack([x, jnp.float32(INF)]), jnp.array([0.0, 1.0]), mode="valid"
    )[0],
    "sum": lambda x: jnp.sum(jnp.stack([x, jnp.float32(INF), -jnp.float32(INF)])),
    "product of three": lambda x: jnp.prod(jnp.stack([x, jnp.float32(INF), x - x])),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_has_no_value_anywhere_is_no_number(name):
    """0 times infinity, and infinity less itself, within sums and products of many."""
    f = NOTHING[name]
    for other in (lambda x: x, lambda x: 0 * x, lambda x: jnp.full_like(x, INF)):
        assert verify.equivalent(f, other, ONE).status != "proved"
        gated = (lambda c, x, h=h: jnp.where(c > 0, h(x), x) for h in (f, other))
        assert verify.equivalent(*gated, ONE, ONE).status == "refuted"

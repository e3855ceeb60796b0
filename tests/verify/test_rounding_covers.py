"""The bound on rounding errors holds: compiled programs against their exact values, many inputs.

Each program is compiled in float32 and in bfloat16 and compared with its real values, which the
numeric algebra knows to some 15 digits; no element may be further off than its bound. Inputs are
those that rounding likes least: cancellation, magnitudes far apart, long sums, ties, subnormals.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import cnnjax
from tests.selection import few_of
from verify.algebras.base import Unsupported
from verify.algebras.rounded import Rounded
from verify.checks.roundoff import deviation
from verify.counterexample.confirm import values
from verify.evaluate import evaluate
from verify.programs import call, trace


def conv(x, w, stride=(1, 1), padding="SAME", **options):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, stride, padding, dimension_numbers=numbers, **options)


def pool(x, init, op, size=2, stride=2):
    window, strides = (1, size, size, 1), (1, stride, stride, 1)
    return lax.reduce_window(x, init, op, window, strides, "SAME")


def batch_norm(x, scale, bias):
    state = {"mean": jnp.zeros(x.shape[-1], x.dtype), "var": jnp.ones(x.shape[-1], x.dtype)}
    return cnnjax.batch_norm(x, {"scale": scale, "bias": bias}, state, training=True)[0]


def network(x, w, v, u):
    h = jnp.maximum(conv(x, w), 0)
    h = jnp.maximum(conv(pool(h, -jnp.inf, lax.max), v, (2, 2)), 0)
    return jax.nn.log_softmax(h.reshape(x.shape[0], -1) @ u)


def loss(x, w, v, u):
    return -jnp.mean(network(x, w, v, u)[:, 0])


def recurrence(h, w):
    return lax.scan(lambda h, _: (jnp.tanh(h @ w), h.sum()), h, None, length=5)


def halving(x):
    return lax.while_loop(lambda c: c[0] < 4, lambda c: (c[0] + 1, c[1] * 0.7 + 0.1), (0, x))[1]


NETWORK = ((2, 6, 6, 3), (3, 3, 3, 4), (3, 3, 4, 5), (20, 3))
SUMS_IN_GROUPS = lax.RaggedDotDimensionNumbers((((0,), (0,)), ((), ())), (0,), ())
IMAGE, KERNEL = (2, 9, 7, 4), (3, 3, 4, 6)

# name -> function, shapes of its arguments
PROGRAMS = {
    "sum and difference": (lambda x, y: (x + y, x - y, (x + y) - x), (50,), (50,)),
    "product and quotient": (lambda x, y: (x * y, x / y, 1 / x, x / 3), (50,), (50,)),
    "polynomial": (lambda x: ((x - 1) * (x + 1) * (x - 2), x**5, x**-3, jnp.square(x)), (50,)),
    "constants added": (lambda x: ((x + 1.0) + 1e-9, (x - 1.0) + 1e-9 - 3.0 + 2.9), (50,)),
    "constants multiplied": (lambda x: ((x * 1e-3) * 3e3 * 0.1, (x / 7) / 0.3), (50,)),
    "quotients of quotients": (lambda x, y: (x / y / y, x / (y / x), (x / y) * x), (50,), (50,)),
    "product of exponentials": (lambda x, y: jnp.exp(9 * x) * jnp.exp(9 * y), (50,), (50,)),
    "quotient of exponentials": (lambda x, y: jnp.exp(9 * x) / jnp.exp(9 * y), (50,), (50,)),
    "quotient by a root": (lambda x, y: x / jnp.sqrt(y * y + 1e-3), (50,), (50,)),
    "maxima": (lambda x, y: (jnp.maximum(x, 0.3 * y), jnp.minimum(x - y, x), abs(x)), (50,), (50,)),
    "relu by mask": (lambda x, y: jnp.where(x - y > 0, x - y, 0), (50,), (50,)),
    "selection that jumps": (lambda x, y: jnp.where(x * 3 > y * 3, 1.0, 0.0), (50,), (50,)),
    "rounding to whole numbers": (lambda x: (jnp.floor(3 * x), jnp.round(x / 3), x % 0.7), (50,)),
    "whole numbers from floats": (lambda x: (3 * x).astype(jnp.int32) * 2 - 1, (50,)),
    "narrow and wide": (lambda x: x.astype(jnp.bfloat16).astype(jnp.float32) * 3, (50,)),
    "reduced precision": (lambda x: lax.reduce_precision(x * 1.1, 6, 5), (50,)),
    "dot": (lambda x, y: x @ y, (7, 300), (300, 5)),
    "dot of vectors": (lambda x, y: (x @ y, 3 * (x @ y)), (1000,), (1000,)),
    "batched dot": (lambda x, y: jnp.einsum("bik,bkj->bij", x, y), (3, 4, 9), (3, 9, 2)),
    "rows of dots, summed": (lambda x, y: jnp.einsum("bk,bk->b", x, y).sum(), (50, 40), (50, 40)),
    "dot of dot": (lambda x, y: (x @ y) @ x, (20, 20), (20, 20)),
    "ragged dot": (
        lambda x, y: lax.ragged_dot(x, y, jnp.array([3, 0, 5, 1])) * 3,
        (10, 60),
        (4, 60, 5),
    ),
    "sums in ragged groups": (
        lambda x, y: lax.ragged_dot_general(x, y, jnp.array([30, 0, 25]), SUMS_IN_GROUPS),
        (60, 4),
        (60, 5),
    ),
    "long sum": (lambda x: x.sum(), (100_000,)),
    "sum of sums": (lambda x: x.sum(1).sum(0), (300, 400)),
    "negated sum of sums": (lambda x: (-x.sum(1)).sum(0), (300, 400)),
    "mean of means": (lambda x: x.mean(1).mean(0), (60, 70)),
    "variance": (lambda x: (x.var(0), x.std(1)), (60, 40)),
    "product of many": (lambda x: (jnp.prod(x), jnp.prod(1 + x / 40, 0)), (30, 3)),
    "running sum": (lambda x: (jnp.cumsum(x, 0), jnp.cumsum(x[::-1], 1)), (500, 3)),
    "running product and maximum": (lambda x: (jnp.cumprod(1 + x / 9), lax.cummax(x * 3)), (200,)),
    "convolution": (conv, IMAGE, KERNEL),
    "strided": (functools.partial(conv, stride=(2, 3), padding="VALID"), IMAGE, KERNEL),
    "dilated": (
        functools.partial(conv, padding=((1, 2), (0, 1)), rhs_dilation=(2, 1), lhs_dilation=(1, 2)),
        IMAGE,
        KERNEL,
    ),
    "grouped": (functools.partial(conv, feature_group_count=2), IMAGE, (3, 3, 2, 6)),
    "depthwise": (functools.partial(conv, feature_group_count=4), IMAGE, (3, 3, 1, 4)),
    "pointwise": (conv, IMAGE, (1, 1, 4, 6)),
    "convolution of one axis": (
        lambda x, w: lax.conv_general_dilated(
            x, w, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
        ),
        (2, 9, 4),
        (3, 4, 5),
    ),
    "kernel gradient": (
        lambda x, w: jax.grad(lambda w: jnp.sum(conv(x, w) ** 2))(w),
        IMAGE,
        KERNEL,
    ),
    "image gradient": (
        lambda x, w: jax.grad(lambda x: jnp.sum(conv(x, w, (2, 2)) ** 2))(x),
        IMAGE,
        KERNEL,
    ),
    "pooling": (lambda x: (pool(x, -jnp.inf, lax.max, 3), pool(x, 0.0, lax.add, 3, 1) / 9), IMAGE),
    "pooling's gradient": (
        lambda x: jax.grad(lambda x: jnp.sum(pool(x, -jnp.inf, lax.max, 3, 2) ** 2))(x),
        IMAGE,
    ),
    "gathered": (lambda x: x[jnp.array([3, 1, 1, 0])] * 1.1, (5, 3)),
    "scattered": (lambda x, y: x.at[jnp.array([0, 1, 0, 0])].add(y * 1.1), (3, 2), (4, 2)),
    "sorted": (lambda x: (jnp.sort(x * 1.1), jnp.argsort(x)), (4, 6)),
    "softmax": (lambda x: (jax.nn.softmax(3 * x), jax.nn.log_softmax(x)), (5, 20)),
    "softmax's gradient": (jax.grad(lambda x: (jax.nn.softmax(x) ** 2).sum()), (5, 20)),
    "logsumexp": (lambda x: jax.nn.logsumexp(30 * x, axis=-1), (5, 20)),
    "activations": (
        lambda x: (jax.nn.gelu(x), jax.nn.silu(x), jax.nn.softplus(x), jax.nn.elu(x)),
        (60,),
    ),
    "scan": (recurrence, (4, 6), (6, 6)),
    "while": (halving, (9,)),
    "branch": (
        lambda x: lax.cond(x.sum() > 0, lambda x: x * 1.1, lambda x: x / 7, x),
        (9,),
    ),
    "batch norm": (batch_norm, (4, 5, 5, 3), (3,), (3,)),
    "batch norm's gradient": (
        lambda *a: jax.grad(lambda *a: jnp.sum(batch_norm(*a) ** 3), (0, 1, 2))(*a),
        (4, 5, 5, 3),
        (3,),
        (3,),
    ),
    "network": (network, *NETWORK),
    "network's gradient": (jax.grad(loss, (0, 1, 2, 3)), *NETWORK),
    "layer norm": (
        lambda x: (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5),
        (4, 30),
    ),
}


# Eight bits are too few for a bound: what is exponentiated is known to within one or worse.
UNBOUNDED = {("bfloat16", name) for name in ("logsumexp", "network", "network's gradient")}


def normal(rng, shape):
    return rng.standard_normal(shape)


def cancelling(rng, shape):
    """Pairs that nearly cancel, all about one."""
    signs = np.resize([1.0, -1.0], shape)
    return signs * (1 + 1e-3 * rng.standard_normal(shape))


def spread_out(rng, shape):
    return rng.standard_normal(shape) * 10.0 ** rng.uniform(-6, 4, shape)


def tiny(rng, shape):
    return rng.standard_normal(shape) * 10.0 ** rng.uniform(-39, -15, shape)


def huge(rng, shape):
    return rng.standard_normal(shape) * 10.0 ** rng.uniform(5, 19, shape)


def tied(rng, shape):
    return rng.integers(-2, 3, shape) * 0.1


def enormous(rng, shape):
    """At the end of float32's range, with zeros and infinities among them."""
    ends = rng.uniform(-3e38, 3e38, shape)
    return rng.choice([1, 1, 1, 0, np.inf], shape) * ends if rng.random() < 0.5 else ends


def shifted(rng, shape):
    """One sign, far from zero: rounding errors pile up."""
    return 0.1 + 1e-2 * rng.random(shape)


INPUTS = (normal, cancelling, spread_out, tiny, huge, tied, shifted, enormous)


@functools.lru_cache(maxsize=1)
def program_of(f, specs):
    """The program, and two ways to run it: compiled as one, and operation by operation."""
    program = trace(f, *(jax.ShapeDtypeStruct(*spec) for spec in specs))
    step = functools.partial(call, program)
    return program, (jax.jit(step), step)


def assert_covered(f, arrays):
    """No element of the compiled f is further from its real value than its bound.
    Returns whether there was a finite bound."""
    program, runs = program_of(f, tuple((x.shape, x.dtype) for x in arrays))
    bounds, reals = deviation(program, arrays), values(program, arrays)
    rounded = Rounded()
    with np.errstate(all="ignore"):
        balls = evaluate(program, rounded, [rounded.input(x) for x in arrays])
    for ball, real in zip(balls, reals, strict=True):  # both hold the real number
        known = np.isfinite(ball.errors) & np.isfinite(real.errors) & (ball.value != real.value)
        apart = np.abs(ball.value[known].astype(np.float64) - real.value[known])
        assert (apart <= (ball.errors + real.errors)[known] * (1 + 1e-9)).all()
    for run in runs:
        outputs = [np.asarray(y) for y in run(*arrays)]
        for number, (seen, real, allowed) in enumerate(zip(outputs, reals, bounds, strict=True)):
            with np.errstate(all="ignore"):
                off = np.abs(seen.astype(np.float64) - real.value.astype(np.float64))
            off = np.where(seen == real.value, 0.0, off)
            wrong = np.isfinite(allowed) & ~(off <= allowed)
            assert not wrong.any(), (
                f"output {number}: {seen[wrong][0]} for {real.value[wrong][0]}, off by "
                f"{off[wrong][0]:.3g}, the bound is {allowed[wrong][0]:.3g}"
            )
    return any(np.isfinite(allowed).any() for allowed in bounds)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_compiled_program_is_further_off_than_its_bound(name, dtype):
    f, *shapes = PROGRAMS[name]
    rng = np.random.default_rng(0)
    bounded = []
    for draw in INPUTS:
        arrays = [draw(rng, shape).astype(jnp.dtype(dtype)) for shape in shapes]
        if assert_covered(f, arrays):
            bounded.append(draw.__name__)
    assert ({"normal", "shifted"} <= set(bounded)) != ((dtype, name) in UNBOUNDED)


# One of each kind of bound: a sum, a product, a choice, functions, a loop, statistics.
OTHER_FORMATS = (
    *("polynomial", "dot", "long sum", "maxima", "convolution", "pooling", "softmax"),
    *("activations", "scan", "batch norm", "scattered"),
)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("name", few_of(PROGRAMS, OTHER_FORMATS))
def test_half_and_double_precision_too(name, dtype):
    f, *shapes = PROGRAMS[name]
    rng = np.random.default_rng(1)
    with jax.enable_x64(dtype == "float64"):
        for draw in (normal, shifted):
            assert_covered(f, [draw(rng, shape).astype(dtype) for shape in shapes])


# Inputs at the ends of the formats, where what the compiler rearranges shows.
F32, F16 = np.float32, np.float16
WAVES = [1, 0.1, -1, -0.1] * 8
ENDS = {
    "zero by cancellation, times constants": (
        lambda x: ((x.sum() * F32(1e-30)) * F32(1e30)) * F32(1e30),
        [WAVES],
    ),
    "zero by cancellation, over": (
        lambda x, y: ((x.sum() * F32(1e-20)) / y) / (F32(1e-30) / y),
        [WAVES, [1e-10]],
    ),
    "zero times an infinite constant": (lambda x: (x * F32(1e30)) * F32(1e30), [[0, 1e-25]]),
    "zero over a constant that vanishes": (lambda x: (x / F32(1e-30)) / F32(1e-30), [[0, 1e-25]]),
    "quotients of quotients": (
        lambda a, b, c: (a / b) / (b / c),
        [[0, 1], [1e-30] * 2, [1e-30] * 2],
    ),
    "infinity times a constant that vanishes": (
        lambda x: ((x * F32(1e-30)) * F32(1e-30), x / F32(1e30) / F32(1e30)),
        [[np.inf, 1]],
    ),
    "constants folded by the compiler": (
        lambda x: (
            (x * jnp.abs(F32(-1e-30))) * jnp.abs(F32(-1e-30)),
            x * (F32(1e-30) + F32(1e-31)) * (F32(1e-30) + F32(1e-31)),
            x * jnp.exp(F32(-60) * jnp.ones(())) * jnp.exp(F32(-60) * jnp.ones(())),
            x * jnp.full(3, F32(1e-30)).sum() * jnp.maximum(F32(1e-30), F32(1e-30)),
        ),
        [[1e38]],
    ),
    "constants that overflow when added": (
        lambda x: ((x + F32(1.3e38)) + F32(2.5e38), -(-x - F32(1.3e38)) + F32(2.5e38)),
        [[-2e38]],
    ),
    "constants added to a sum": (lambda x: (x.sum() + F32(1.3e38)) + F32(2.5e38), [[-1e38] * 2]),
    "constants added to a sum, half": (
        lambda x: (x + F16(30000)) + F16(40000),
        [np.array([-25000], F16)],
    ),
    "a loop of one turn": (
        lambda x: lax.fori_loop(0, 1, lambda i, h: h - F32(1.3e38), x) - F32(2.5e38),
        [[2e38]],
    ),
    "constants added to an infinity": (lambda x: (x + F32(3e38)) + F32(3e38), [[-np.inf]]),
    "halves added": (
        lambda a, b: (a * 0.5 + b * 0.5, a / 2 + b / 2, a * 0.25 + (a * 0.25 + b * 0.25)),
        [[3e38], [3e38]],
    ),
    "halves added, half": (lambda a: 0.5 * a + 0.5 * a, [np.array([6e4], F16)]),
    "a difference that is flushed, times a constant": (
        lambda a, b: a * F32(2.0**100) + b * F32(2.0**100),
        [[1.2e-38], [-1.19e-38]],
    ),
    "more terms than the format has numbers": (
        lambda x: lax.reduce_sum(jnp.broadcast_to(x, (70_000, 2)), axes=(0,)),
        [np.array([1e-3, 0], F16)],
    ),
    "infinity late in a sum": (lambda x: x.sum(0), [[[0]] * 5 + [[np.inf]] + [[-3e38]] * 50]),
    "zeros with a sign": (
        lambda y, x: (jnp.arctan2(y, x), jnp.arctan2(x * 0, x)),
        [[-0.0, -0.0, 0.0], [-1, 0, -1]],
    ),
    "the smallest angles": (jnp.arcsin, [[1.3e-38, 2e-38, -1.2e-38]]),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_bound_holds_at_the_ends_of_the_format(name):
    f, arrays = ENDS[name]
    arrays = [x if isinstance(x, np.ndarray) else np.array(x, F32) for x in arrays]
    assert_covered(f, arrays)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_bound_holds_where_a_format_is_rounded_to_in_two_steps(dtype):
    with jax.enable_x64(True):
        limit = {"float16": 65519.999999, "bfloat16": 3.3961775e38}[dtype]
        assert_covered(lambda x: x.astype(dtype), [np.array([limit])])


def test_no_bound_where_the_order_depends_on_the_sign_of_zero():
    with pytest.raises(Unsupported, match="top_k"):
        deviation(trace(lambda x: lax.top_k(x, 2), np.zeros(3, F32)), [F32([-0.0, 0.0, -1])])

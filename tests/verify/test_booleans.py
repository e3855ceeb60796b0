"""Truth values are no numbers: sums of them are `or`, products `and`, in every domain.

The law itself must be proved, and the sum of zeros and ones in its place refuted.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.algebras.base import Unsupported
from verify.algebras.booleans import boolean_cases
from verify.algebras.field import Field
from verify.algebras.linear import Linear
from verify.branches.writer import Writer

I8, I32, U8, F32, BOOL = jnp.int8, jnp.int32, jnp.uint8, jnp.float32, jnp.bool_


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


def whole(x):
    return x.astype(I32)


def batched(a, b):
    return lax.dot_general(a, b, (((2,), (1,)), ((0,), (0,))))


def rows_and_columns(a, b):
    return jnp.any(a[:, :, :, None] & b[:, None], axis=2)


def convolved(a, k):
    return lax.conv_general_dilated(a, k, (1,), "VALID")


def slid(a, k):
    size = k.shape[-1]
    windows = jnp.stack([a[..., i : i + size] for i in range(a.shape[-1] - size + 1)], axis=2)
    return jnp.any(windows[:, None] & k[None, :, :, None], axis=(2, 4))


def windows(x, init, body):
    return lax.reduce_window(x, init, body, (2,), (1,), "VALID")


def sums(x):
    return lax.reduce_window(whole(x), 0, lax.add, (2,), (1,), "VALID")


def scattered(x, how):
    return getattr(jnp.zeros(2, BOOL).at[jnp.array([0, 1, 0, 1])], how)(x)


def running(x, op):
    return jnp.stack([op(x[: n + 1]) for n in range(4)])


PAIRS = {
    # name: (booleans, the law, the same of zeros and ones as numbers)
    "a product of matrices": (
        lambda x: (x > 9) @ (x > 9),
        lambda x: jnp.any((x > 9)[:, :, None] & (x > 9)[None], axis=1),
        lambda x: whole(x > 9) @ whole(x > 9),
        of(F32, 3, 3),
    ),
    "a product of inputs": (
        lambda a, b: a @ b,
        lambda a, b: jnp.any(a & b),
        lambda a, b: whole(a) @ whole(b),
        *[of(BOOL, 4)] * 2,
    ),
    "a product of batches": (
        batched,
        rows_and_columns,
        lambda a, b: batched(whole(a), whole(b)),
        of(BOOL, 2, 2, 3),
        of(BOOL, 2, 3, 2),
    ),
    "a convolution": (
        convolved,
        slid,
        lambda a, k: convolved(whole(a), whole(k)),
        of(BOOL, 1, 2, 4),
        of(BOOL, 1, 2, 2),
    ),
    "a sum of windows": (
        lambda a: windows(a, np.False_, lax.bitwise_or),
        lambda a: a[1:] | a[:-1],
        sums,
        of(BOOL, 4),
    ),
    "a maximum of windows": (
        lambda a: windows(a, np.False_, lax.max),
        lambda a: a[1:] | a[:-1],
        sums,
        of(BOOL, 4),
    ),
    "a running sum": (
        lambda a: jnp.cumsum(a, dtype=BOOL),
        lambda a: running(a, jnp.any),
        lambda a: lax.cumsum(whole(a)),
        of(BOOL, 4),
    ),
    "a running or": (
        lambda a: lax.associative_scan(jnp.logical_or, a),
        lambda a: running(a, jnp.any),
        lambda a: lax.cumsum(whole(a)),
        of(BOOL, 4),
    ),
    "a greatest one of rows": (
        lambda a: a.max(axis=1),
        lambda a: jnp.any(a, axis=1),
        lambda a: whole(a).sum(axis=1),
        of(BOOL, 2, 3),
    ),
    "a maximum that is scattered": (
        lambda a: scattered(a, "max"),
        lambda a: jnp.stack([a[0] | a[2], a[1] | a[3]]),
        lambda a: jnp.stack([whole(a[0]) + whole(a[2]), whole(a[1]) + whole(a[3])]),
        of(BOOL, 4),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_arithmetic_of_truth_values_is_logic(name):
    f, law, _, *examples = PAIRS[name]
    verdict = verify.equivalent(f, law, *examples)
    assert verdict.status == "proved", str(verdict)
    assert not any("overflow" in a for a in verdict.assumptions)


@pytest.mark.parametrize("name", PAIRS)
def test_arithmetic_of_truth_values_is_no_arithmetic_of_numbers(name):
    f, _, numbers, *examples = PAIRS[name]
    verdict = verify.equivalent(lambda *xs: whole(f(*xs)), numbers, *examples, seed=2)
    assert verdict.status == "refuted", str(verdict)


@pytest.mark.parametrize("name", PAIRS)
def test_a_guard_hides_nothing(name):
    f, _, numbers, *examples = PAIRS[name]

    def guarded(h):
        return lambda n, *xs: jnp.where(n > 100, whole(h(*xs)), 0)

    verdict = verify.equivalent(guarded(f), guarded(numbers), of(I8), *examples, seed=2)
    assert verdict.status == "refuted", str(verdict)


LAWS = {
    "a maximum": (lambda a, b: lax.max(a, b), lambda a, b: a | b),
    "a minimum": (lambda a, b: lax.min(a, b), lambda a, b: a & b),
    "a reduction by and": (
        lambda a, b: lax.reduce(jnp.stack([a, b]), np.True_, lax.bitwise_and, (0,)),
        lambda a, b: a & b,
    ),
    "a clamp": (lambda a, b: lax.clamp(np.False_, a, b), lambda a, b: a & b),
    "a clamp from below": (lambda a, b: lax.clamp(a, b, np.True_), lambda a, b: a | b),
    "an order": (lambda a, b: a < b, lambda a, b: ~a & b),
    "a maximum of comparisons": (
        lambda a, b: lax.max(lax.lt(a, b), lax.eq(a, b)),
        lambda a, b: a <= b,
    ),
    "an exclusive or": (lambda a, b: a ^ b, lambda a, b: a != b),
    "a greatest one": (
        lambda a, b: jnp.max(jnp.stack([a, b])),
        lambda a, b: a | b,
    ),
    "a least one": (lambda a, b: jnp.min(jnp.stack([a, b])), lambda a, b: a & b),
    "a product of two": (
        lambda a, b: jnp.prod(jnp.stack([a, b])) > 0,
        lambda a, b: a & b,
    ),
    "a count": (
        lambda a, b: jnp.sum(jnp.stack([a, b])) == 2,
        lambda a, b: a & b,
    ),
    "a sort": (
        lambda a, b: jnp.sort(jnp.stack([a, b])),
        lambda a, b: jnp.stack([a & b, a | b]),
    ),
    "a choice": (lambda a, b: lax.select(a, b, a), lambda a, b: a & b),
    "a scan": (
        lambda a, b: lax.scan(lambda c, x: (lax.max(c, x), c), a, jnp.stack([b, a]))[0],
        lambda a, b: a | b,
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_of_truth_values_is_proved(name):
    f, g = LAWS[name]
    verdict = verify.equivalent(f, g, *[of(BOOL)] * 2)
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize("name", LAWS)
def test_another_connective_is_refuted(name):
    f, _ = LAWS[name]
    shape = jax.eval_shape(f, *[of(BOOL)] * 2).shape

    def other(a, b):
        return jnp.broadcast_to(a == b, shape)

    assert verify.equivalent(f, other, *[of(BOOL)] * 2).status == "refuted"


# -- no domain can forget -------------------------------------------------------------------------


def domains():
    yield Field(1)
    z3 = pytest.importorskip("z3")
    yield Linear(z3)
    yield Writer()


def test_numeric_operations_of_truth_values_are_refused_or_meant():
    for domain in domains():
        make = domain.random if isinstance(domain, Field) else domain.input
        a = make((1, 2, 2), np.dtype(bool))
        for name in ("add", "mul", "maximum", "dot"):
            assert getattr(domain, name)(a, a).dtype == np.bool_
        for name in ("sum", "prod", "max"):
            y = getattr(domain, name)(a)
            assert (y.dtype, y.shape) == (np.bool_, (1, 2))
        for name in ("neg", "winner"):
            with pytest.raises(Unsupported, match="truth values"):
                getattr(domain, name)(a)
        for name in ("sub", "div"):
            with pytest.raises(Unsupported, match="truth values"):
                getattr(domain, name)(a, a)
        number = make((1, 2, 2), np.dtype(np.float32))
        with pytest.raises(Unsupported, match="a truth value and a number"):
            domain.mul(a, number)


def test_a_new_domain_is_guarded_by_its_decorator():
    @boolean_cases
    class Careless:
        def add(self, a, b):
            return "a number"

        neg = sub = mul = div = dot = sum = prod = maximum = max = winner = add

        def logical_or(self, a, b):
            return "or"

    truth = np.zeros(2, bool)
    assert Careless().add(truth, truth) == "or"
    assert Careless().add(np.zeros(2), np.zeros(2)) == "a number"
    with pytest.raises(Unsupported):
        Careless().sub(truth, truth)

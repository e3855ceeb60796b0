"""Programs on which XLA aborts, in a process of their own: the calling one lives and says so."""

import os
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.checks.roundoff import rounding
from verify.programs import trace
from verify.trust import child, dangers


def cut(x):
    """XLA ends the process that compiles this: a window of one with negative padding."""
    return lax.reduce_window(x, 0.0, lax.add, (1, 1), (1, 1), ((-1, 0), (0, 0)))


X = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_a_program_that_ends_the_process_is_an_error_here():
    with pytest.raises(child.Aborted, match="XLA ended the process \\(signal 6, SIGABRT\\)"):
        child.run(trace(cut, X), [X])
    (double,) = child.run(trace(lambda x: x * 2, X), [X])  # by a new worker
    assert np.array_equal(double, 2 * X)


HARMLESS = {
    "a network": lambda x: jax.nn.softmax(jnp.tanh(x @ x.T)),
    "pooling": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "SAME"),
    "a negative pad": lambda x: lax.pad(x, 0.0, ((-1, 0, 0), (0, 0, 0))),
    "a loop": lambda x: lax.fori_loop(0, 3, lambda i, c: c * 2, x),
    "factors": lambda x: jnp.linalg.cholesky(x @ x.T),
}
NOT_KNOWN = {
    "negative padding": cut,
    "in a loop": lambda x: lax.fori_loop(0, 2, lambda i, c: c + cut(x).sum(), x),
    "a negative pad before a window": lambda x: lax.reduce_window(
        lax.pad(x, 0.0, ((-1, 0, 0), (0, 0, 0))), 0.0, lax.add, (1, 1), (1, 1), "VALID"
    ),
    "a convolution that is cut": lambda x: lax.conv_general_dilated(
        x[None, None], x[None, None, :1, :1], (1, 1), ((-1, 0), (0, 0))
    ),
    "holes in the image": lambda x: lax.reduce_window(
        x, 0.0, lax.add, (1, 1), (1, 1), "VALID", base_dilation=(2, 1)
    ),
    "a callback": lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct((3, 4), np.float32), x),
    "integers of four bits": lambda x: x.astype(jnp.int4),
}


N = np.arange(4, dtype=np.int32)
TABLE = jnp.array([2, 0, 3, 1])
ZEROS = np.zeros(4, np.int32)


def without_end(n):
    return n + lax.div(jnp.full(4, 7), jnp.zeros(4, jnp.int32))


DIVISIONS = {
    "by a number": (lambda n: n // 2 + n % 3, True),
    "by an array": (lambda n: n // np.int32([1, -1, 2, 3]), True),
    "by an input": (lambda n: lax.div(np.int32([1, 2, 3, 4]), n[::-1]), True),
    "by one at least": (lambda n: n // jnp.maximum(n * n, 1), True),
    "in a loop": (lambda n: lax.fori_loop(0, 3, lambda i, c: c // 2 + i, n), True),
    "floats": (lambda n: n / (n * 0.0), True),
    "guarded by where": (lambda n: n + jnp.where(TABLE > 0, 6 // TABLE, 0), False),
    "by zeros": (without_end, False),
    "a remainder": (lambda n: n + lax.rem(np.int32([1, 2, 3, 4]), ZEROS), False),
    "by what becomes zero": (lambda n: lax.div(n, n * 0), False),
    "by a number that is narrowed": (
        lambda n: lax.div(n.astype(jnp.int8), jnp.full(4, 256).astype(jnp.int8)),
        False,
    ),
    "in a branch": (lambda n: lax.cond(n[0] > 0, without_end, lambda n: n, n), False),
    "by what a branch is given": (
        lambda n: lax.cond(n[0] > 0, lambda n, d: lax.div(n, d), lambda n, d: n, n, ZEROS),
        False,
    ),
    "in a loop, by its state": (lambda n: lax.fori_loop(0, 3, lambda i, c: 7 // c, n), False),
}


@pytest.mark.parametrize("name", DIVISIONS)
def test_divisions_of_integers(name):
    f, harmless = DIVISIONS[name]
    assert dangers.harmless(trace(f, N)) == harmless


@pytest.mark.parametrize("name", ["float6_e2m3fn", "float6_e3m2fn", "int4", "uint2"])
def test_numbers_of_less_than_a_byte_are_not_known_to_be(name):
    x = jax.ShapeDtypeStruct((2, 3), jnp.dtype(name))
    assert not dangers.harmless(trace(lambda x: x.max(), x))


def test_a_sum_of_floats_of_six_bits_ends_no_process():
    x = jax.ShapeDtypeStruct((2, 3), jnp.dtype("float6_e2m3fn"))
    assert verify.equivalent(lambda x: x.sum(), lambda x: x[0].sum(), x).status == "unknown"


@pytest.mark.parametrize("name", HARMLESS)
def test_usual_programs_are_harmless(name):
    assert dangers.harmless(trace(HARMLESS[name], X))


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_others_are_not_known_to_be(name):
    assert not dangers.harmless(trace(NOT_KNOWN[name], X))


def everything(x, n, m, z, h):
    return x + 1, n * 3, ~m, z * z, h * 2, x.astype(jnp.int4), {"a": x[:0]}


def test_every_dtype_comes_back():
    inputs = (
        X,
        np.int8([100, -128]),
        np.array(True),
        np.complex64([1 + 2j]),
        np.asarray([1.5], jnp.bfloat16),
    )
    program = trace(everything, *inputs)
    expected = [np.asarray(y) for y in jax.tree.leaves(everything(*map(jnp.asarray, inputs)))]
    for ours, theirs in zip(child.run(program, inputs), expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)


def test_sixty_four_bits_are_those_of_the_caller():
    with jax.enable_x64(True):
        program = trace(lambda x, n: (x / 3, n + 2**40), np.float64(1), np.int64(1))
        third, large = child.run(program, [np.float64(1), np.int64(1)])
    assert third == 1 / 3
    assert large == 2**40 + 1


def test_inputs_that_are_not_read_are_sent_all_the_same():
    (found,) = child.run(trace(lambda x, y, z: y[::-1], X, X, X), [X, 2 * X, X])
    assert np.array_equal(found, 2 * X[::-1])


def test_large_arrays():
    x = np.ones((3000, 2000), np.float32)
    (found,) = child.run(trace(lambda x: x + 1, x), [x])
    assert (found == 2).all()


def test_an_error_is_the_workers_and_it_lives_on():
    with pytest.raises(child.Aborted, match="Error"):
        child.ask("interpret", "this is no program", [])
    first = child._worker().process.pid
    with pytest.raises(child.Aborted):
        child.ask("interpret", "nor is this", [])
    assert child._worker().process.pid == first


def test_a_killed_worker_is_replaced():
    child.run(trace(lambda x: x, X), [X])
    worker = child._worker()
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    (found,) = child.run(trace(lambda x: x + 1, X), [X])
    assert np.array_equal(found, X + 1)


def test_a_worker_that_does_not_answer_is_ended():
    endless = trace(lambda x: lax.while_loop(lambda c: c.sum() > -1, lambda c: c * 0, x), X)
    module = jax.jit(lambda x: lax.while_loop(lambda c: c.sum() > -1, lambda c: c * 0, x))
    assert endless.primitives() >= {"while"}
    start = time.monotonic()
    with pytest.raises(child.Aborted, match="no answer within 1 seconds"):
        child.ask("interpret", module.lower(X).as_text(), [X], patience=1.0)
    assert time.monotonic() - start < 20
    (found,) = child.run(trace(lambda x: x + 1, X), [X])
    assert np.array_equal(found, X + 1)


# -- the public functions --------------------------------------------------------------------------


def test_proofs_need_no_compiler():
    verdict = verify.equivalent(cut, lambda x: x[1:], X)
    assert verdict


def test_refutations_need_no_compiler():
    verdict = verify.equivalent(cut, lambda x: x[:-1], X)
    assert verdict.status in ("refuted", "unknown")


def test_rounding_has_no_bound_where_xla_aborts():
    assert rounding(trace(cut, X), trace(lambda x: x[1:], X), [X]) is None
    assert verify.equivalent(cut, lambda x: x[1:], X).rounding is None


def test_what_ends_the_compiler_is_not_faithful_but_unknown():
    verdict = verify.faithful(cut, X)
    assert verdict.status == "unknown"
    assert "XLA ended the process" in verdict.reason


# What XLA works out itself: the machine's own division by zero would end this process.
GUARDED = {
    "guarded by where": (
        lambda n: n * 2 + jnp.where(TABLE > 0, 6 // TABLE, 0),
        lambda n: n + n + jnp.array([3, 0, 2, 6]),
    ),
    "by zeros": (without_end, lambda n: n - 1),
    "a remainder": (
        lambda n: n + lax.rem(np.int32([1, 2, 3, 4]), ZEROS),
        lambda n: n + jnp.arange(1, 5),
    ),
    "by what becomes zero": (lambda n: lax.div(n * 0, jnp.int32(0)), lambda n: 0 * n - 1),
    "in a branch": (
        lambda n: lax.cond(n[0] > 0, without_end, lambda n: n, n),
        lambda n: jnp.where(n[0] > 0, n - 1, n),
    ),
}


@pytest.mark.parametrize("name", GUARDED)
def test_divisions_by_zero_end_no_process(name):
    f, g = GUARDED[name]
    verdict = verify.equivalent(f, g, N)
    assert verdict.status == "proved"
    assert verdict.rounding is None or verdict.rounding.observed == 0


def test_other_questions_about_divisions_by_zero():
    f, g = GUARDED["guarded by where"]
    assert "SIGFPE" in verify.faithful(f, N).reason
    assert verify.equivalent(f, lambda n: g(n) + 1, N).status == "refuted"

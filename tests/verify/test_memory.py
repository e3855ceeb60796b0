"""What does not fit into memory is refused before it is tried, by name and number."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify import smt
from verify.algebras.base import Refused, Unsupported
from verify.algebras.bits import Bits
from verify.algebras.linear import Linear
from verify.limits import memory
from verify.programs import trace
from verify.provers.searching import Search


def f32(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def test_programs_that_need_more_than_there_is_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 20e9)
    x = f32(200_000_000)
    verdict = verify.equivalent(lambda x: x + 1, lambda x: 2 + x - 1, x)
    assert verdict.status == "unknown"
    for text in ("GB for add at test_memory.py", "1.0e+09 array elements", "of the 20 GB"):
        assert text in verdict.reason


def test_products_that_take_too_long_are_refused_at_once(monkeypatch):
    """After one look at the programs, however few or many seconds there are."""
    monkeypatch.setattr(memory, "free", lambda: 1e12)
    for name in ("glance", "look"):
        monkeypatch.setattr(Search, name, lambda *_, **__: None)
    n, batch = 4000, lambda x, w: lax.conv(x, w, (1, 1), "SAME")
    scanned = lambda x: lax.scan(lambda c, _: (c @ c, None), x, None, length=900)[0]  # noqa: E731
    for f, g, count, *examples in (
        (lambda x, y: x @ y, lambda x, y: (y.T @ x.T).T, "1.3e+11", f32(n, n), f32(n, n)),
        (batch, lambda x, w: batch(x, w) + 0, "1.5e+11", f32(64, 64, 64, 64), f32(512, 64, 3, 3)),
        (scanned, lambda x: scanned(x) + 0, "1.2e+11", f32(400, 400)),
    ):
        start = time.monotonic()
        verdict = verify.equivalent(f, g, *examples, seconds=6)  # ten times as many in tests
        assert verdict.status == "unknown"
        assert f"the 60 seconds are not enough while trying a proof of {count}" in verdict.reason
        assert "at test_memory.py" in verdict.reason
        assert time.monotonic() - start < 20


TOO_LARGE = {
    "a sum that grows": (lambda x: (x[:, None] + x[None, :]).sum(), f32(30_000)),
    "a stack": (lambda x: jnp.stack([x] * 50).sum(0), f32(20_000_000)),
    "a loop's body": (
        lambda x: lax.fori_loop(0, 3, lambda i, y: y + jnp.outer(y, y).sum(0), x),
        f32(30_000),
    ),
    "inputs alone": (lambda x, y: x[0] + y[0], f32(10**9), f32(10**9)),
    "a shape beyond 64 bits": (lambda x: x + 1, f32(2**33, 2**33)),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_whatever_makes_it_large(name, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 20e9)
    f, *examples = TOO_LARGE[name]
    verdict = verify.equivalent(f, lambda *xs: f(*xs) + 0, *examples)
    assert verdict.status == "unknown"
    assert "needs about" in verdict.reason, verdict.reason


def test_a_machine_with_less_memory_refuses_what_another_proves(monkeypatch):
    x = f32(3_000_000)
    monkeypatch.setattr(memory, "free", lambda: 100e6)
    assert "needs about" in verify.equivalent(lambda x: x + 1, lambda x: 2 + x - 1, x).reason
    monkeypatch.setattr(memory, "free", lambda: 20e9)
    assert verify.equivalent(lambda x: x + 1, lambda x: 2 + x - 1, x)


def test_a_proof_that_needs_more_than_an_evaluation_is_refused_by_itself(monkeypatch):
    x = f32(3_000_000)
    monkeypatch.setattr(memory, "free", lambda: 1.2e9)
    reason = verify.equivalent(lambda x: x + 1, lambda x: 2 + x - 1, x).reason
    assert "a proof by random interpretation needs about" in reason


def test_what_nothing_reads_any_more_is_not_counted():
    def chain(x):
        for _ in range(100):
            x = x * 2 + 1
        return x

    most, _ = memory.peak(trace(chain, f32(1000)))
    assert most < 12_000


def test_small_programs_are_never_refused(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 0.0)
    assert verify.equivalent(lambda x: x + 1, lambda x: 2 + x - 1, f32(1000))
    with pytest.raises(Refused):
        memory.refuse([trace(lambda x: x + 1, f32(10**7))], 8.0, "this")


def test_the_free_memory_of_this_machine_is_a_number():
    assert memory.free() > 0


def test_a_solver_is_not_given_millions_of_inputs():
    """Each would be a term of z3's, which takes minutes and looks at no clock."""
    for algebra in (Linear(smt.Fresh()), Bits(smt.Fresh())):
        with pytest.raises(Unsupported, match="too large"):
            algebra.input((2000, 2000), np.dtype(np.float32))

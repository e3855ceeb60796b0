"""The domain of proofs against JAX: faults of its own, with which the rules have nothing to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.algebras import machine
from verify.algebras.field import arithmetic, integers, residues
from verify.programs import trace
from verify.provers.searching import Search
from verify.trust import reading, reading_field, selfcheck

pytestmark = pytest.mark.unrecorded("what a wrong domain proves is of no interest")


@pytest.fixture(autouse=True)
def fresh_memory():
    selfcheck.MEMORY.forget()
    yield
    selfcheck.MEMORY.forget()


X = np.float32([[1, 2, -3], [0, 5, 4], [-1, 2, 2]])
N = np.int8([[1, 2, -3], [0, 5, 4], [-1, 2, 2]])
U = np.abs(N).astype(np.uint8)
M = N > 0


HONEST = {
    "ring": (lambda x: (x + x.T, x * x.T, x - x.T, -x, x @ x, x * 0.5, x / 4), X),
    "movement": (lambda x: (lax.pad(x, 0.0, ((-1, 2, 1), (0, 0, 0))), x[::-1, 1:], x.T), X),
    "sums": (lambda x: (x.sum(0), jnp.cumsum(x, 1), x.mean()), X),
    "integers": (lambda n: (n + n.T, n * n, -n, n @ n, n << 2, n.astype(jnp.int32)), N),
    "unsigned": (lambda n: (n - 3, -n, n * 200, n.astype(jnp.int8), n.astype(jnp.float32)), U),
    "functions of integers": (
        lambda n, d: (n // d, n % d, lax.rem(n, d), n & d, n | d, n ^ d, n >> d % 8, ~n),
        np.int8([-128, 127, 100, -7, 5, 0]),
        np.int8([7, -128, -1, 3, 100, 9]),
    ),
    "divisions by zero": (
        lambda n, d: (lax.div(n, d), lax.rem(n, d), lax.population_count(n), lax.clz(d)),
        np.uint8([250, 255, 128, 3, 0, 7]),
        np.uint8([0, 200, 129, 0, 0, 1]),
    ),
    "booleans": (lambda m: (m & m.T, ~m, m | m.T, m @ m.T, m.astype(jnp.int32), m.any(0)), M),
    "choices": (lambda x: (jnp.where(x > 0, x, -x), jnp.sort(x), jnp.argmax(x), x.max(0)), X),
    "indices": (
        lambda n: (n[n[0, 0]], n.at[n[0]].add(n[1]), lax.dynamic_slice(n, n[0, :2], (1, 2))),
        N,
    ),
    "complex": (lambda x: (x + 1j * x.T) * (x - 2j), X),
}


def readings(f, *inputs):
    program = trace(f, *inputs)
    values = dict(zip(program.inputs, inputs, strict=True))
    for equation in program.equations:
        operands = [a.value if hasattr(a, "value") else values[a] for a in equation.inputs]
        (theirs,) = reading.by_jax([(equation, operands)])
        values.update(zip(equation.outputs, theirs, strict=True))
        yield equation.primitive, reading_field.read(equation, operands, theirs)


@pytest.mark.parametrize("name", HONEST)
def test_the_domain_agrees_with_jax(name):
    found = list(readings(*HONEST[name]))
    assert not [str(r.disagreement) for _, r in found if r.disagreement]
    assert any(r.compared for _, r in found) or name == "complex"


def of(*sizes, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(sizes, dtype)


def not_negated(right):
    return lambda field, a: a


def added_twice(right):
    return lambda field, a, b: right(field, a, right(field, b, b))


def looks_through(right):
    """A cast to a wider integer sees the expression, not the machine's value."""
    return lambda field, x, where: x


def remainder_beyond(right):
    """The interval of a remainder for an expression that only has the same machine value."""

    def remainder(field, a, b, quotient):
        result = integers.ring(field, "sub", a, integers.ring(field, "mul", b, quotient))
        inside = machine.remainder(a.bounds, b.bounds, a.dtype)
        return result if inside is None else integers.within(field, result, *inside)

    return remainder


def last_row_lost(right):
    def total(x, moduli):
        return right(x[..., :-1], moduli) if x.shape[-1] > 2 else right(x, moduli)

    return total


SEVERAL = jnp.uint8([0, 200, 255, 128, 130, 0])
LOW = SEVERAL.astype(jnp.int8).astype(jnp.int32)
FAULTS = {
    "negation": (arithmetic, "neg", not_negated, lambda x: -x * 2, lambda x: x * 2, of(4)),
    "addition": (
        arithmetic,
        "add",
        added_twice,
        lambda x, y: x + y,
        lambda x, y: x + 2 * y,
        of(4),
        of(4),
    ),
    "a cast that looks through": (
        integers,
        "observed",
        looks_through,
        lambda a, b: (a + b).astype(jnp.uint32),
        lambda a, b: (a.astype(jnp.int32) + b.astype(jnp.int32)).astype(jnp.uint32),
        of(3, dtype=jnp.int8),
        of(3, dtype=jnp.int8),
    ),
    "a remainder beyond its interval": (
        integers,
        "remainder",
        remainder_beyond,
        lambda x: lax.rem(x, SEVERAL).astype(jnp.int32),
        lambda x: x.astype(jnp.int32) - LOW * lax.div(x, SEVERAL).astype(jnp.int32),
        of(6, dtype=jnp.uint8),
    ),
    "sums": (residues, "total", last_row_lost, lambda x: x.sum(), lambda x: x[:3].sum(), of(4)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_domain_proves_nothing_false(monkeypatch, name):
    module, function, spoil, f, g, *examples = FAULTS[name]
    monkeypatch.setattr(module, function, spoil(getattr(module, function)))
    # Not even where the search were to find nothing.
    monkeypatch.setattr(Search, "look", lambda *_, **__: None)
    monkeypatch.setattr(Search, "before_proof", lambda self: None)
    verdict = verify.equivalent(f, g, *examples, seed=1, seconds=20)
    assert verdict.status != "proved"
    program = trace(f, *examples)
    other = trace(g, *examples)
    wrong = selfcheck.disagreement(program, other, np.random.default_rng(0))
    assert "in residues" in wrong

"""One equation against JAX: honest rules agree, broken ones do not, and what is open is said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify.primitives import RULES
from verify.programs import Const, trace
from verify.trust.reading import by_jax, disagreement, read, read_all

X = np.float32([[1, 2, 3], [4, 5, -6]])
N = np.int8([[100, -128, 3], [127, 0, -1]])
M = N > 0
Z = (X + 1j * X[::-1]).astype(np.complex64)


def cases(f, *inputs):
    """Every equation of f, with the operands that it has at these inputs."""
    program = trace(f, *inputs)
    values = dict(zip(program.inputs, inputs, strict=True))
    found = []
    for equation in program.equations:
        operands = [a.value if isinstance(a, Const) else values[a] for a in equation.inputs]
        found.append((equation, operands))
        values.update(zip(equation.outputs, by_jax(found[-1:])[0], strict=True))
    return found


HONEST = {
    "movement": (lambda x: lax.pad(x.T[::-1], 0.0, ((1, -1, 2), (0, 1, 0))), X),
    "sums": (lambda x: (x.sum(0), jnp.cumsum(x, 1), x @ x.T), X),
    "functions": (lambda x: (jnp.exp(x), jnp.tanh(x), jnp.sqrt(x), jnp.log(x)), X),
    "narrow floats": (lambda x: (x.astype(jnp.bfloat16) / 3).astype(jnp.float8_e4m3fn), X),
    "an overflow": (lambda x: jnp.exp(x * 100) - jnp.exp(x * 99), X),
    "wrapping": (lambda n: (n + n, n * n, n // 3, -n, abs(n), n << 1), N),
    "booleans": (lambda m: (m @ m.T, ~m, m & m[::-1], m.any(0), m.astype(jnp.float32)), M),
    "complex": (lambda z: (z * z, jnp.exp(z), jnp.fft.fft(z), jnp.abs(z), z.T @ z), Z),
    "keys": (lambda x: (jax.random.split(jax.random.key(3)), x), X),
    "loops": (lambda x: lax.fori_loop(0, 3, lambda i, c: c * 2 + i, x), X),
    "choices": (lambda x: (jnp.argmax(x, 1), lax.top_k(x, 2), jnp.sort(x), jnp.clip(x, 2, 4)), X),
    "factors": (lambda x: jnp.linalg.cholesky(x @ x.T), X),
    "no factors": (lambda x: jnp.linalg.cholesky(x[:, :2] * x[0, 0]), np.float32([[1, 1], [0, 0]])),
    "infinities": (lambda x: jnp.where(x > 2, x, -jnp.inf).max(1), X),
    "undefined": (lambda x: (x / 0, jnp.log(-x), jnp.where(x > 2, x, jnp.nan)), X),
    "no elements": (lambda x: (x[:0].sum(0), x[:0].T), X),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_rules_agree_with_jax(name):
    readings = read_all(cases(*HONEST[name]))
    assert not [str(r.disagreement) for r in readings if r.disagreement]
    assert any(reading.compared for reading in readings) or name == "no elements"


def test_sixty_four_bits():
    with jax.enable_x64(True):
        found = cases(lambda n, x: (n * n, x / 3), np.int64([2**40, -5]), np.float64([1.0, 2.0]))
        assert all(r.compared and not r.disagreement for r in read_all(found))


# A primitive, a wrong rule for it made of the right one, and a program that has it.
def _without(name):
    return lambda right: lambda ctx, *xs, **params: right(ctx, *xs, **{**params, name: False})


BROKEN = {
    "transpose": (
        lambda right: (
            lambda ctx, x, permutation: right(ctx, x, permutation=tuple(np.argsort(permutation)))
        ),
        lambda x: x.reshape(1, 2, 3).transpose(1, 2, 0).transpose(2, 0, 1).transpose(1, 2, 0),
        X,
    ),
    "cumsum": (_without("reverse"), lambda x: lax.cumsum(x, 0, reverse=True), X),
    "sub": (lambda right: lambda ctx, a, b: right(ctx, b, a), lambda x: x - x[::-1], X),
    "exp": (
        lambda right: lambda ctx, x, **p: right(ctx, ctx.algebra.neg(x), **p),
        lambda x: jnp.exp(x),
        X,
    ),
    "rev": (lambda right: lambda ctx, x, dimensions: x, lambda x: x[::-1], X),
    "neg": (lambda right: lambda ctx, x: x, lambda n: -n, N),
    "not": (lambda right: lambda ctx, x: x, lambda m: ~m, M),
    "mul": (lambda right: lambda ctx, a, b: ctx.algebra.add(a, b), lambda x: x * x[::-1], X),
    "real": (lambda right: lambda ctx, z: z.im, lambda z: jnp.real(z), Z),
    "reshape": (
        lambda right: lambda ctx, *xs, **p: 1 / 0,
        lambda x: x.reshape(6),
        X,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rules_disagree_and_the_equation_is_named(monkeypatch, name):
    spoil, f, x = BROKEN[name]
    found = [case for case in cases(f, x) if case[0].primitive == name]
    assert found
    assert not any(disagreement(*case) for case in found)
    monkeypatch.setitem(RULES, name, spoil(RULES[name]))
    texts = [disagreement(*case) for case in found]
    assert any(texts)
    text = next(t for t in texts if t)
    assert f"verify reads {name} at test_reading.py" in text
    assert "by JAX" in text


def test_what_is_unknown_is_said_to_be_open():
    ((equation, operands),) = cases(jnp.log, np.float32([-1, -2]))
    reading = read(equation, operands)
    assert (reading.disagreement, reading.compared) == (None, 0)
    assert reading.open == "every element is unknown"
    iota, *_ = cases(lambda x: x + jnp.arange(3), X)
    assert "no rule" in read(*iota).open


def test_a_certain_number_against_nan_is_a_disagreement(monkeypatch):
    ((equation, operands),) = cases(jnp.log, np.float32([-1, 2]))
    monkeypatch.setitem(RULES, "log", lambda ctx, x, **_: ctx.fill(x.shape, 0.5, x.dtype))
    assert "nan by JAX" in disagreement(equation, operands)

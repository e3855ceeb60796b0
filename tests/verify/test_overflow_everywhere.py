"""A proof that assumes that no integer overflows is a proof only if that holds somewhere."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify.algebras.unwrapped import Unwrapped
from verify.counterexample import Comparison, inhabited
from verify.counterexample.confirm import values
from verify.interpretation.proof import MODES, prove
from verify.programs import trace

ASSUMING = replace(MODES[1], assuming=True)
U8 = jax.ShapeDtypeStruct((), jnp.uint8)
I32 = jnp.int32


def high(x):
    """At least 128: twice that is beyond eight bits."""
    return x | 128


# Both sides are equal if nothing overflows, which is never: a, b of eight bits, unsigned.
NOWHERE = {
    "compared": (lambda a, b: high(a) * 4 > high(b) * 4, lambda a, b: high(a) > high(b)),
    "shifted": (lambda a, b: high(a) << 2 > high(b) << 2, lambda a, b: high(a) > high(b)),
    "widened": (
        lambda a, b: (high(a) + high(b)).astype(I32),
        lambda a, b: high(a).astype(I32) + high(b).astype(I32),
    ),
    "made a float": (
        lambda a, b: (high(a) * 2).astype(jnp.float32) + b,
        lambda a, b: high(a).astype(jnp.float32) * 2 + b,
    ),
    "a sum": (
        lambda a, b: jnp.sum(jnp.stack([high(a), high(b)]), dtype=jnp.uint8).astype(I32),
        lambda a, b: high(a).astype(I32) + high(b).astype(I32),
    ),
    "a product of matrices": (
        lambda a, b: lax.dot(jnp.stack([high(a), b]), jnp.uint8([2, 0])).astype(I32),
        lambda a, b: high(a).astype(I32) * 2,
    ),
    "a loop": (
        lambda a, b: lax.fori_loop(0, 2, lambda _, c: c + high(a), high(b)).astype(I32),
        lambda a, b: high(b).astype(I32) + 2 * high(a).astype(I32),
    ),
    "a negative number": (
        lambda a, b: (jnp.uint8(0) - high(a)).astype(I32),
        lambda a, b: -(high(a).astype(I32)),
    ),
    "behind what moves it": (
        lambda a, b: jnp.stack([b, high(a) * 2])[::-1][0].astype(I32),
        lambda a, b: high(a).astype(I32) * 2,
    ),
}


@pytest.mark.parametrize("case", NOWHERE)
def test_what_always_overflows_is_proved_of_nothing(case):
    f, g = NOWHERE[case]
    left, right = trace(f, U8, U8), trace(g, U8, U8)
    found = prove(left, right, ASSUMING, 1)
    assert any("overflows" in sentence for sentence in found.assumptions)
    assert found.partial
    assert any(f(jnp.uint8(a), jnp.uint8(1)) != g(jnp.uint8(a), jnp.uint8(1)) for a in (0, 65))
    assert not inhabited(Comparison(left, right), np.random.default_rng(1), 1e7, unwrapped=True)


# And what does not overflow at some inputs.
SOMEWHERE = {
    "compared": (lambda a, b: a * 2 > b * 2, lambda a, b: a > b),
    "a difference": (
        lambda a, b: (a - b).astype(I32),
        lambda a, b: a.astype(I32) - b.astype(I32),
    ),
    "there and back": (lambda a, b: a + 250 - 250 > b, lambda a, b: a > b),
    "what is cut off": (
        lambda a, b: (a.astype(I32) * 256 + b).astype(jnp.uint8) + jnp.uint8(1) > a,
        lambda a, b: b + jnp.uint8(1) > a,
    ),
    "nothing looks": (lambda a, b: high(a) * 2 - high(a), lambda a, b: high(a)),
}


@pytest.mark.parametrize("case", SOMEWHERE)
def test_what_does_not_always_overflow_has_an_input(case):
    left, right = (trace(f, U8, U8) for f in SOMEWHERE[case])
    assert inhabited(Comparison(left, right), np.random.default_rng(1), 1e7, unwrapped=True)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32"])
def test_expressions_are_what_python_computes(dtype):
    """Twice what a machine makes of a polynomial, by itself and beside Python's integers."""
    a, b = np.random.default_rng(0).integers(*np.array([0, 120]), (2, 5)).astype(dtype)
    x = jax.ShapeDtypeStruct((5,), dtype)

    def f(a, b):
        return (a * b + a - b * b) * a

    exact = f(a.astype(object), b.astype(object))
    info = np.iinfo(dtype)
    algebra = Unwrapped()
    values(trace(lambda a, b: f(a, b) > a, x, x), [a, b], None, algebra)
    assert algebra.overflows == any(not info.min <= int(n) <= info.max for n in exact)

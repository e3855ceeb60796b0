"""Many inputs at once: each row is what the numeric domain makes of it alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.pairs import laws_algebra, laws_convolution, laws_network, laws_order  # noqa: F401
from tests.verify.pairs.law import LAWS
from verify.algebras.base import Unsupported
from verify.counterexample import values
from verify.counterexample.batch import evaluated
from verify.counterexample.held import fit
from verify.counterexample.rows import rows
from verify.programs import trace

_COUNT = 6


def check(f, examples, rng):
    """Rows against one input at a time."""
    program = trace(f, *examples)
    special = np.array([0.0, 1.0, -1.0, 0.5, 3.0, 100.0])
    drawn = rows(program.inputs, special, rng, _COUNT, plain=bool(rng.integers(2)))
    try:
        together = evaluated(program, drawn)
    except Unsupported:
        return 0
    compared = 0
    for row in range(_COUNT):
        inputs = [fit(v, x[row]) for v, x in zip(program.inputs, drawn, strict=True)]
        for one, all_ in zip(values(program, inputs), together, strict=True):
            a, b = np.asarray(one.value), all_.value[row]
            known = ~one.unknown & ~all_.unknown[row]
            assert a.shape == b.shape
            if a.dtype.kind in "biu":
                assert (a == b)[known].all()
            else:
                with np.errstate(all="ignore"):
                    near = np.abs(a - b) <= one.errors + all_.errors[row]
                assert (near | (a == b))[known].all()
            compared += int(known.sum())
    return compared


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_rows_of_a_law_are_its_values(law):
    rng = np.random.default_rng(5)
    case = law.make(rng)
    assert check(case.left, case.examples, rng) + check(case.right, case.examples, rng) > 0


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


PROGRAMS = {
    "complex": (lambda z: jnp.exp(z) * z.conj() / (1 + z * z), of(jnp.complex64, 3)),
    "narrow integers": (
        lambda a, b: (a @ b, a * b, a // 3),
        of(jnp.int8, 3, 3),
        of(jnp.int8, 3, 3),
    ),
    "int4": (lambda a: a + a, of(jnp.int4, 3)),
    "booleans": (lambda a, b: (a @ b, a ^ b.T), of(bool, 2, 3), of(bool, 3, 2)),
    "a branch": (lambda x: lax.cond(x > 0, jnp.sin, jnp.exp, x), of(jnp.float32)),
    "a position": (
        lambda x, i: lax.dynamic_slice(x, (i,), (2,)),
        of(jnp.float32, 5),
        of(jnp.int32),
    ),
    "three cases": (
        lambda i, x: lax.select_n(jnp.clip(i, 0, 2), x, 2 * x, x * x),
        of(jnp.int32, 4),
        of(jnp.float32, 4),
    ),
    "infinities": (
        lambda x, m: jax.nn.softmax(jnp.where(m, x, -jnp.inf)),
        of(jnp.float32, 4),
        of(bool, 4),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_rows_of_every_kind_of_number(name):
    f, *examples = PROGRAMS[name]
    rng = np.random.default_rng(1)
    assert sum(check(f, examples, rng) for _ in range(4)) > 0

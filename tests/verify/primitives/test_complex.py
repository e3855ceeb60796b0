"""Complex numbers mean what JAX means, through the rules for real ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.algebras.base import Unsupported
from verify.algebras.extended import lift
from verify.algebras.numeric import Numeric
from verify.evaluate import evaluate
from verify.programs import trace

Z = np.array([1 + 2j, -0.5 + 0.25j, 3j, -2, 0.5 - 4j])
W = np.array([2 - 1j, 0.5 + 0.5j, 1 + 1j, 3, -1j])
X = np.array([0.5, -2.0, 3.0, 0.25, -1.5])

ARITHMETIC = {
    "add": lambda z, w: [z + w, z - w, -z, z + 1.5, 2j - z],
    "mul": lambda z, w: [z * w, z * 2.0, 1j * z, z**3, lax.square(z)],
    "div": lambda z, w: [z / (w + 20), 1 / (w + 20), z / 2.0, (z + 20) ** -2],
    "parts": lambda z, w: [z.real, z.imag, jnp.conj(z), lax.complex(z.imag, w.real)],
    "dot": lambda z, w: [z @ w, jnp.outer(z, w), jnp.vdot(z, w), jnp.einsum("i,i->", z, w)],
    "sums": lambda z, w: [z.sum(), jnp.cumsum(w), jnp.prod(z), z.mean()],
    "movement": lambda z, w: [z[::-1], jnp.concatenate([z, w]), jnp.pad(z, 1), z.reshape(5, 1)],
    "broadcast": lambda z, w: [z[:, None] * w[None], jnp.where(z.real > 0, z, w)],
    "compare": lambda z, w: [z == w, z != w, z == z, z + 0 != z],
    "casts": lambda z, w: [z.real.astype(jnp.complex128) * w, (w.imag > 0).astype(jnp.complex128)],
    "indexing": lambda z, w: [z[jnp.array([3, 0])], z.at[2].set(1j), z.at[1].add(w[0])],
    "conv": lambda z, w: jnp.convolve(z, w[:3]),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_means_what_jax_means(name: str) -> None:
    check_rule(ARITHMETIC[name], Z, W)


def test_real_and_complex_operands_mix() -> None:
    check_rule(lambda z, x: [z * x, x / (z + 20), x @ z, jnp.where(x > 0, x, z)], Z, X)


FUNCTIONS = {
    "exp": lax.exp,
    "log": lax.log,
    "sqrt": lax.sqrt,
    "sin": lax.sin,
    "cos": lax.cos,
    "tanh": lax.tanh,
    "sinh": lax.sinh,
    "cosh": lax.cosh,
    "abs": jnp.abs,
    "angle": jnp.angle,
    "logistic": lax.logistic,
    "expm1": lax.expm1,
    "rsqrt": lax.rsqrt,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_means_what_jax_means(name: str) -> None:
    check_rule(FUNCTIONS[name], Z + 0.125j, integers=False, rtol=1e-11)


def test_branch_cuts() -> None:
    """Principal values, also on the negative real axis."""
    z = np.array([-1 + 0j, -1 + 1e-3j, -1 - 1e-3j, 1j, -1j, 4])
    check_rule(lambda z: [lax.sqrt(z), lax.log(z)], z, integers=False, reals=False, rtol=1e-11)


def test_gradients() -> None:
    def loss(z, w):
        return jnp.abs(z * w + jnp.conj(z)).sum() + (z @ w).real

    check_rule(lambda z, w: jax.grad(loss, (0, 1))(z, w), Z, W, integers=False)
    check_rule(lambda x: jax.grad(lambda x: (jnp.exp(1j * x) ** 2).real.sum())(x), X)


REFUSED = {
    "an order of complex numbers": lambda z: lax.max(z, -z),
    "atanh of a complex number": lax.atanh,
    "the sign of a complex number": lax.sign,
    "lgamma": lambda z: lax.pow(z, z),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_has_no_rule_is_refused(reason: str) -> None:
    program = trace(REFUSED[reason], Z)
    with pytest.raises(Unsupported, match="complex number"):
        evaluate(program, Numeric(), [lift(Numeric(), Z)])

"""Flags that a caller debugs his own programs with change no verdict."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import verify

X = jax.ShapeDtypeStruct((3,), jnp.float32)

FLAGS = {
    "NaN raises": lambda: jax.debug_nans(True),
    "infinity raises": lambda: jax.debug_infs(True),
    "no transfer from the host": lambda: jax.transfer_guard("disallow"),
    "no ranks are promoted": lambda: jax.numpy_rank_promotion("raise"),
    "no types are promoted": lambda: jax.numpy_dtype_promotion("strict"),
    "traced as it stands": lambda: jax.disable_jit(True),
}


def not_a_number(x):
    return x + jnp.where(False, lax.bitcast_convert_type(jnp.int32(-1), jnp.float32), 0.0)


QUESTIONS = {
    "a constant that is NaN": (not_a_number, lambda x: x, "proved"),
    "a root": (lambda x: jnp.sqrt(x) ** 2, lambda x: x, "refuted"),
    "a quotient": (lambda x: x / x, lambda x: jnp.ones_like(x), "proved"),
    "a shift": (lambda x: x[1:] - x[:-1], lambda x: x[:-1] - x[1:], "refuted"),
    "selected": (
        lambda x: jnp.where(x > 0, jnp.log(x), -jnp.inf),
        lambda x: jnp.log(jnp.maximum(x, 0.0)),
        "proved",
    ),
}


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_verdict_is_the_same(name, flag):
    f, g, expected = QUESTIONS[name]
    with FLAGS[flag]():
        assert verify.equivalent(f, g, X).status == expected


@pytest.mark.parametrize("flag", FLAGS)
def test_so_are_other_questions(flag):
    def masked(x):
        return jnp.where(x > 0, x / jnp.abs(x), jnp.zeros_like(x))

    with FLAGS[flag]():
        assert verify.derivatives(jax.nn.softplus, X)
        assert verify.faithful(masked, X)
        proved = verify.equivalent(lambda x: x / 3.0, lambda x: x * (1 / 3.0), X)
        assert proved.rounding is not None
        assert verify.dependence(masked, X).inputs_of((1,))[0].tolist() == [False, True, False]
        assuming = verify.equivalent(
            lambda x: jnp.sqrt(x * x), lambda x: x, X, assuming=lambda x: x >= 0.0
        )
    assert assuming

"""where(x == 0, 0, x y) is x y wherever y has a value: x log y as libraries guard it."""

import jax
import jax.numpy as jnp
import pytest
from jax.scipy.special import entr, kl_div, rel_entr, xlog1py, xlogy

import verify
from tests.verify.pairs.famous import f32
from verify.interpretation.proof import MASKS, MODES, PATTERNS, Agreement, prove
from verify.programs import trace

V = f32(2)
relu = jax.nn.relu


def positive(u, v):
    return u > 0, v > 0


EQUAL = {
    "xlogy": (xlogy, lambda u, v: u * jnp.log(v)),
    "xlogy beside one": (lambda u, v: xlogy(u - 1, v), lambda u, v: (u - 1) * jnp.log(v)),
    "xlog1py": (xlog1py, lambda u, v: u * jnp.log(1 + v)),
    "entr": (lambda u, v: entr(u), lambda u, v: -u * jnp.log(u)),
    "rel_entr": (rel_entr, lambda u, v: u * (jnp.log(u) - jnp.log(v))),
    "kl_div": (kl_div, lambda u, v: u * jnp.log(u / v) - u + v),
}
NEAR = {
    "another value": (lambda u, v: jnp.where(u == 0, 1, u * v), lambda u, v: u * v),
    "another point": (lambda u, v: jnp.where(u == 1, 0, u * v), lambda u, v: u * v),
    "another difference": (lambda u, v: jnp.where(u == v, 0, u * v), lambda u, v: u * v),
    "the other branch": (lambda u, v: jnp.where(u != 0, 0, u * v), lambda u, v: u * v),
    "an inverse": (lambda u, v: jnp.where(u == 0, 0, u * (1 / u)), lambda u, v: 1 + 0 * v),
    "zero on a region": (
        lambda u, v: jnp.where(relu(u) == 0, 0, relu(u) * (1 / relu(u))),
        lambda u, v: 1 + 0 * v,
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_guarded_logarithms_are_what_they_guard(name):
    verdict = verify.equivalent(*EQUAL[name], V, V, assuming=positive)
    assert verdict, str(verdict)


@pytest.mark.parametrize("name", NEAR)
def test_other_selections_are_not(name):
    f, g = NEAR[name]
    for mode in (*MODES, MASKS, PATTERNS):
        assert not isinstance(prove(trace(f, V, V), trace(g, V, V), mode, 5), Agreement), mode
    assert verify.equivalent(f, g, V, V).status == "refuted"

"""Numbers and functions in a line of text."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify.shown import function, pair


def layer_norm(x, eps=1e-6):
    return x / (x.std() + eps)


@pytest.mark.parametrize("apart", [1e-3, 1e-8, 1e-10, 1e-15, 1e-300])
@pytest.mark.parametrize("kind", [float, complex, np.float64])
def test_two_numbers_that_differ_are_shown_apart(apart, kind):
    left, right = kind(1.08296409), kind(1.08296409 + apart)
    one, two = pair(left, right)
    assert (one == two) == (left == right)
    if apart < 1e-8:
        assert pair(left, left)[0] == "1.08296409" or kind is complex


FUNCTIONS = {
    "layer_norm": (layer_norm, jax.jit(layer_norm), jax.custom_jvp(layer_norm)),
    "layer_norm(eps=1e-06)": (functools.partial(layer_norm, eps=1e-6),),
    "grad of layer_norm": (jax.grad(layer_norm), jax.jit(jax.grad(jax.jit(layer_norm)))),
    "grad of grad of layer_norm": (jax.grad(jax.grad(layer_norm)),),
    "vmap of layer_norm(eps=2)": (jax.vmap(functools.partial(layer_norm, eps=2)),),
    "sum(object)": (functools.partial(jnp.sum, object()),),
    "ndarray": (np.zeros(2),),
}


@pytest.mark.parametrize("text", FUNCTIONS)
def test_functions_have_names_without_addresses(text):
    assert {function(f) for f in FUNCTIONS[text]} == {text}


def test_a_function_of_the_users_own_that_wraps_another_is_no_transformation():
    @functools.wraps(layer_norm)
    def counted(x):
        return layer_norm(x)

    assert function(counted) == "layer_norm"

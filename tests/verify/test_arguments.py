"""Arguments are checked first; an error names function, argument, what was given, what is expected.
What f raises while it is traced is f's own error."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify

X = jax.ShapeDtypeStruct((3,), jnp.float32)
KEY = jax.random.key(0)


def add(x, y):
    return x + y


# What is no example, and what the error says of it.
NO_ARRAYS = {
    "text": ("tanh", "example 0.*'tanh' \\(str\\).*functools.partial"),
    "an object": (object(), "example 0.*object"),
    "a function": (abs, "example 0.*abs.*functools.partial"),
    "an array of text": (np.array(["a", "b"]), "example 0.*dtype.*<U1"),
    "an array of objects": ({"a": np.array([1, None], object)}, "example 0.*dtype.*object"),
    "dates": (np.array(["2026-01-01"], "datetime64[D]"), "example 0.*dtype.*datetime64"),
    "records": (np.zeros(2, [("a", "f4")]), "example 0.*dtype"),
}


@pytest.mark.parametrize("name", NO_ARRAYS)
@pytest.mark.parametrize(
    "ask",
    [
        lambda *xs: verify.equivalent(lambda x: x, lambda x: x, *xs),
        lambda *xs: verify.derivatives(lambda x: x, *xs),
        lambda *xs: verify.faithful(lambda x: x, *xs),
        lambda *xs: verify.dependence(lambda x: x, *xs),
        lambda *xs: verify.assert_equivalent(lambda x: x, lambda x: x, *xs),
    ],
    ids=["equivalent", "derivatives", "faithful", "dependence", "assert_equivalent"],
)
def test_what_is_no_array_is_named(ask, name):
    example, message = NO_ARRAYS[name]
    with pytest.raises(TypeError, match=message):
        ask(example)


def test_none_is_an_empty_pytree_as_in_jax():
    def f(x, bias):
        return x if bias is None else x + bias

    assert verify.equivalent(f, lambda x, bias: x, X, None)


def test_a_number_that_no_dtype_holds_and_a_negative_size_are_named():
    with pytest.raises(ValueError, match=r"example 1.*number"):
        verify.equivalent(add, add, 1, 2**90)
    with pytest.raises(ValueError, match=r"example 0.*-1"):
        verify.equivalent(abs, abs, jax.ShapeDtypeStruct((-1,), jnp.float32))


SECONDS = {
    "zero": (0, ValueError),
    "below zero": (-1.0, ValueError),
    "not a number": (float("nan"), ValueError),
    "too large": (10**400, ValueError),
    "text": ("60", TypeError),
    "none": (None, TypeError),
    "a truth value": (True, TypeError),
    "an array": (np.ones(2), TypeError),
}


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("ask", [partial(verify.equivalent, jnp.sin), verify.derivatives])
def test_seconds_are_a_number_above_zero(ask, name):
    seconds, error = SECONDS[name]
    with pytest.raises(error, match="seconds: expected a number"):
        ask(jnp.sin, X, seconds=seconds)


@pytest.mark.parametrize(
    ("seed", "error"),
    [(1.5, TypeError), ("0", TypeError), (True, TypeError), (KEY, TypeError), (-1, ValueError)],
)
@pytest.mark.parametrize(
    "ask", [partial(verify.equivalent, jnp.sin), verify.derivatives, verify.faithful]
)
def test_a_seed_is_a_whole_number(ask, seed, error):
    with pytest.raises(error, match="seed: expected a whole number"):
        ask(jnp.sin, X, seed=seed)


def test_any_whole_number_is_a_seed():
    for seed in (np.int64(3), 2**200, 0):
        assert verify.equivalent(lambda x: x + 1, lambda x: 1 + x, X, seed=seed)


@pytest.mark.parametrize("given", [None, "f", 3, X])
def test_a_function_is_something_to_call(given):
    with pytest.raises(TypeError, match="equivalent: g: expected a function"):
        verify.equivalent(jnp.sin, given, X)
    with pytest.raises(TypeError, match="derivatives: f: expected a function"):
        verify.derivatives(given, X)


def test_too_few_and_too_many_examples_are_named():
    with pytest.raises(TypeError, match=r"equivalent: f cannot be called with 1 example, .*'y'"):
        verify.equivalent(add, add, X)
    with pytest.raises(TypeError, match="equivalent: g cannot be called with 2 examples"):
        verify.equivalent(add, lambda x: x, X, X)
    with pytest.raises(TypeError, match="faithful: f cannot be called with 0 examples"):
        verify.faithful(add)
    with pytest.raises(TypeError, match=r"'train'.*keyword.*functools.partial"):
        verify.equivalent(lambda x, *, train: x, lambda x: x, X)


def flagged(x, train):
    return x * 2 if train else x


# Errors of f itself, while JAX traces it: its own type, and a note.
THEIRS = {
    "a flag": (flagged, (X, True), jax.errors.TracerBoolConversionError, "functools.partial"),
    "a size": (lambda x, n: jnp.zeros(n) + x, (X, 3), TypeError, "functools.partial"),
    "a key": (lambda x, n: {3: x}[n], (X, 3), TypeError, "functools.partial"),
    "its own": (lambda x: {}[x.shape], (X,), KeyError, "f raised this"),
    "an assertion": (lambda x: x.nothing, (X,), AttributeError, "f raised this"),
    "shapes": (lambda x: x @ jnp.ones((4, 4)), (X,), TypeError, "f raised this"),
    "no array": (lambda x: "text", (X,), TypeError, "f raised this"),
}


@pytest.mark.parametrize("name", THEIRS)
def test_errors_of_a_function_keep_their_type(name):
    f, examples, error, note = THEIRS[name]
    with pytest.raises(error) as caught:
        verify.equivalent(f, f, *examples)
    assert any(note in text for text in caught.value.__notes__)


def test_a_function_that_leaves_the_process_is_let_go():
    def leave(x):
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        verify.equivalent(leave, jnp.sin, X)


CAPTURING = {
    "jit": lambda ask: jax.jit(ask)(1.0),
    "grad": lambda ask: jax.grad(ask)(1.0),
    "vmap": lambda ask: jax.vmap(ask)(jnp.ones(2)),
    "a loop": lambda ask: jax.lax.fori_loop(0, 2, lambda _, x: ask(x), 1.0),
}


@pytest.mark.parametrize("around", CAPTURING)
@pytest.mark.parametrize(
    "ask", [verify.equivalent, verify.derivatives, verify.dependence, verify.faithful]
)
def test_what_is_being_traced_is_no_constant(ask, around):
    """Directly, and within a function that has a program of its own."""

    def asked(x):
        for f in (lambda y: y + x, lambda y: jax.nn.relu(jax.jit(lambda z: z * x)(y))):
            functions = (f, f) if ask is verify.equivalent else (f,)
            with pytest.raises(ValueError, match=r"f: .* closes over .*\[\].* an argument of f"):
                ask(*functions, 2.0)
        return x

    CAPTURING[around](asked)


def test_a_question_within_a_transformation_is_answered():
    """Where nothing is captured, or what is has numbers."""
    y = np.arange(3.0)

    def asked(x):
        assert verify.equivalent(lambda z: z + y, lambda z: y + z, np.float32(2))
        assert verify.equivalent(lambda z: z + z, lambda z: 2 * z, x)
        return x

    jax.grad(asked)(1.0)

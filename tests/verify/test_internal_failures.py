"""No input makes the public functions raise anything but an argument error: where verify itself
fails, the verdict is unknown, names the place, and asks for a report."""

import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.limits import budget, internal
from verify.primitives import RULES

X = jax.ShapeDtypeStruct((3,), jnp.float32)


@pytest.fixture
def outside(monkeypatch):
    """As users run it: failures are verdicts."""
    monkeypatch.setenv(internal.RAISE, "0")
    return monkeypatch


def broken(error):
    def rule(ctx, *operands, **params):
        raise error

    return rule


def ask(f=lambda x: jnp.tanh(x) + 1, g=lambda x: 2 + jnp.tanh(x) - 1):
    return verify.equivalent(f, g, X, seed=0)


ERRORS = [
    KeyError("axis"),
    ZeroDivisionError("division by zero"),
    OverflowError("cannot convert float infinity to integer"),
    AttributeError("no attribute 'rows'"),
    AssertionError(),
    IndexError("list index out of range"),
    RuntimeWarning("overflow encountered"),
    TypeError("unhashable"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_failure_of_ours_is_unknown_and_says_where(outside, error):
    outside.setitem(RULES, "tanh", broken(error))
    verdict = ask()
    assert verdict.status == "unknown"
    assert type(error).__name__ in verdict.reason
    assert internal.REPORT in verdict.reason
    assert "tanh at test_internal_failures.py" in verdict.reason


def test_the_place_in_verify_is_named(outside):
    import verify.provers.interpretation as module

    def fails(*_, **__):
        raise KeyError("here")

    outside.setattr(module, "prove", fails)
    assert "verify/provers/interpretation.py:" in ask().reason


@pytest.mark.parametrize("kind", [MemoryError, RecursionError])
def test_the_end_of_memory_and_of_the_stack_are_no_mistakes_of_ours(outside, kind):
    outside.setitem(RULES, "tanh", broken(kind()))
    verdict = ask()
    assert verdict.status == "unknown"
    assert internal.REPORT not in verdict.reason
    assert "memory" in verdict.reason or "deeply" in verdict.reason


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_comes_from_outside_passes_at_once_and_leaves_nothing_behind(outside, kind):
    rule, depth = RULES["tanh"], sys.getrecursionlimit()
    outside.setitem(RULES, "tanh", broken(kind()))
    with pytest.raises(kind):
        ask()
    RULES["tanh"] = rule
    assert sys.getrecursionlimit() == depth
    assert budget.seconds_left() == np.inf
    assert ask()


def test_in_our_own_tests_failures_are_errors(monkeypatch):
    monkeypatch.setitem(RULES, "tanh", broken(KeyError("axis")))
    with pytest.raises(KeyError):
        ask()


def test_derivatives_and_faithful_are_guarded_too(outside):
    outside.setitem(RULES, "tanh", broken(KeyError("axis")))
    for verdict in (
        verify.derivatives(lambda x: jnp.tanh(jax.nn.relu(x)), X),
        verify.faithful(jnp.tanh, jnp.ones(3)),
    ):
        assert verdict.status == "unknown"
        assert internal.REPORT in verdict.reason


def test_what_dependence_does_not_know_depends_on_everything(outside):
    outside.setitem(RULES, "tanh", broken(KeyError("axis")))
    seen = verify.dependence(jnp.tanh, X)
    assert seen.inputs_of((1,))[0].tolist() == [True] * 3


def test_a_program_that_cannot_be_read_is_unknown(outside):
    def unreadable(*_):
        raise KeyError("variable")

    outside.setattr(sys.modules["verify.programs.reader"], "_walk", unreadable)
    verdict = ask()
    assert verdict.status == "unknown"
    assert "verify/programs/reader.py" in verdict.reason


def test_warnings_of_our_arithmetic_are_nobodys_errors(outside):
    sound = RULES["tanh"]

    def warns(ctx, x, **params):
        warnings.warn("invalid value", RuntimeWarning, stacklevel=1)
        return sound(ctx, x, **params)

    outside.setitem(RULES, "tanh", warns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask()


# Programs on which something failed, or never ended.
def reference():
    cell = jax.new_ref(jnp.zeros(()))
    return lambda x: x + cell[...]


def solver(x):
    return lax.custom_linear_solve(
        lambda y: 2 * y, x, lambda matvec, b: b / 2, transpose_solve=lambda vecmat, b: b / 2
    )


def root(x):
    def newton(f, start):
        return start - f(start) / jax.grad(f)(start)

    return lax.custom_root(lambda y: y - x, 0.0, newton, lambda g, y: y / g(1.0))


PROGRAMS = {
    "a reference": (reference(), jnp.sin, jax.ShapeDtypeStruct((), jnp.float32)),
    "a linear solver": (solver, lambda x: x / 2, X),
    "a root": (root, lambda x: x, jax.ShapeDtypeStruct((), jnp.float32)),
    "booleans": (lambda x: (x > 0).max(), lambda x: (x > 0).any(), X),
    "nothing": (lambda x: jnp.zeros((0, 3)) @ x, lambda x: jnp.zeros(0), X),
    "complex": (
        lambda z: jnp.log(jnp.conj(z)),
        lambda z: jnp.conj(jnp.log(z)),
        jax.ShapeDtypeStruct((2,), jnp.complex64),
    ),
    "no outputs": (lambda x: (), lambda x: (), X),
    "a print": (lambda x: (jax.debug.print("{}", x), x)[1], lambda x: x, X),
    "a callback": (
        lambda x: jax.pure_callback(np.sin, X, x),
        lambda x: jax.pure_callback(np.sin, X, x),
        X,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_are_rare_get_a_verdict(outside, name):
    f, g, x = PROGRAMS[name]
    verdict = verify.equivalent(f, g, x, seconds=10, seed=0)
    assert verdict.status in ("proved", "refuted", "unknown")
    assert internal.REPORT not in verdict.reason, verdict.reason


def test_outputs_of_different_structure_have_inputs_of_their_own_types():
    key = jax.random.key(0)
    verdict = verify.equivalent(jax.random.key_data, lambda k: (jax.random.key_data(k),), key)
    assert verdict.status == "refuted"
    assert "structures" in str(verdict)
    (number,) = verify.equivalent(lambda n: n, lambda n: (n,), 3).counterexample.inputs
    assert np.issubdtype(number.dtype, np.integer)


def test_what_the_caller_wants_of_numpy_does_not_matter():
    with np.errstate(all="raise"):
        verdict = verify.equivalent(
            lambda x: jnp.exp(x * 1e-30) / x, lambda x: jnp.exp(x * 1e-30) / (2 * x), jnp.ones(3)
        )
    assert verdict.status == "refuted"

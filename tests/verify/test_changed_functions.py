"""A verdict is about the function as it is now: nothing is left of what it was before."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.programs import custom_rules, trace

FACTOR = 1.0
X = jax.ShapeDtypeStruct((3,), jnp.float32)


class Model:
    factor = 1.0

    def __call__(self, x):
        return x * self.factor

    def method(self, x):
        return x * self.factor


def closure():
    held = [1.0]
    return lambda x: x * held[0], lambda: held.__setitem__(0, 2.0)


def attribute():
    model = Model()
    return model, lambda: setattr(model, "factor", 2.0)


def method():
    model = Model()
    return model.method, lambda: setattr(model, "factor", 2.0)


def module():
    return lambda x: x * FACTOR, lambda: globals().__setitem__("FACTOR", 2.0)


def array():
    held = np.ones(3, np.float32)
    return lambda x: x * held, lambda: held.__setitem__(1, 2.0)


def argument():
    held = {"factor": 1.0}
    return functools.partial(lambda by, x: x * by["factor"], held), lambda: held.update(factor=2.0)


@pytest.mark.parametrize("made", [closure, attribute, method, module, array, argument])
def test_a_function_that_has_changed_is_asked_about_anew(made, monkeypatch):
    monkeypatch.setitem(globals(), "FACTOR", 1.0)
    f, change = made()
    same = lambda x: x  # noqa: E731
    assert verify.equivalent(f, same, X).status == "proved"
    change()
    assert verify.equivalent(f, same, X).status == "refuted"
    assert verify.equivalent(same, f, X).status == "refuted"


def test_so_is_a_rule_for_its_derivative():
    slope = [2.0]

    @jax.custom_jvp
    def twice(x):
        return 2 * x

    twice.defjvp(lambda primals, tangents: (2 * primals[0], slope[0] * tangents[0]))
    assert verify.derivatives(twice, X).status == "proved"
    slope[0] = 3.0
    assert verify.derivatives(twice, X).status == "refuted"


def seen(f):
    return verify.dependence(f, X).inputs_of(())[0].tolist()


def test_so_are_the_inputs_that_it_reads_and_its_rules():
    whole, ruled = [True], [False]

    def f(x):
        x = jax.nn.relu(x) if ruled[0] else x
        return x.sum() if whole[0] else x[0]

    assert seen(f) == [True] * 3
    assert custom_rules(f, jnp.ones(3)) == frozenset()
    whole[0], ruled[0] = False, True
    assert seen(f) == [True, False, False]
    assert custom_rules(f, jnp.ones(3)) == {"jvp"}


def test_what_is_traced_keeps_its_name():
    def f(x):
        return x / 0

    assert "<locals>.f)" in trace(f, 1.0).equations[-1].source

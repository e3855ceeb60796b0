"""Modules as examples: arrays in them are inputs, whatever else they hold is static, and the same
in both functions. Keyword and static arguments by `functools.partial` or a lambda."""

import dataclasses
import json
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify

X = jax.ShapeDtypeStruct((5, 3), jnp.float32)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Dense:
    """As Equinox has them: every field is a leaf."""

    weight: Any
    act: Any = jax.nn.relu
    train: bool = False
    name: str = "dense"
    bias: Any = None
    rate: float = 0.5

    def __call__(self, x):
        y = self.act(x @ self.weight + (0 if self.bias is None else self.bias))
        return y * self.rate if self.train else y


DENSE = Dense(jnp.ones((3, 2)))


def called(model, x):
    return model(x)


def by_hand(model, x):
    return jnp.maximum(jnp.einsum("bi,io->bo", x, model.weight), 0)


def test_what_is_no_array_is_static_and_named_in_the_scope():
    verdict = verify.equivalent(called, by_hand, DENSE, X)
    assert verdict
    assert (
        verdict.scope
        == "these shapes, with model.act = relu, model.train = False, model.name = 'dense'"
    )
    assert "model.act = relu" in str(verdict)


OTHERS = {
    "another activation": dataclasses.replace(DENSE, act=jnp.tanh),
    "another flag": dataclasses.replace(DENSE, train=True),
    "a bias instead of none": dataclasses.replace(DENSE, bias=jnp.zeros(2)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_static_leaves_are_another_function(name):
    verdict = verify.equivalent(called, by_hand, OTHERS[name], X, seed=0)
    assert verdict.status == "refuted"
    inputs = verdict.counterexample.inputs
    assert isinstance(inputs[0], Dense)
    assert inputs[0].act is OTHERS[name].act
    assert isinstance(inputs[0].weight, np.ndarray)
    number, index = verdict.counterexample.where
    left, right = (np.asarray(f(*inputs))[index] for f in (called, by_hand))
    assert number == 0
    assert not np.allclose(left, right)
    assert "model.weight = " in str(verdict)
    record = json.loads(verdict.to_json())
    paths = [array["path"] for array in record["counterexample"]["inputs"]]
    assert paths[0] == "[0].weight"
    assert not any(".act" in path or ".train" in path for path in paths)


def test_numbers_of_a_module_are_inputs():
    train = dataclasses.replace(DENSE, train=True)
    assert verify.equivalent(called, lambda m, x: m.rate * by_hand(m, x), train, X)
    assert not verify.equivalent(called, lambda m, x: 0.5 * by_hand(m, x), train, X)


def loss(model, x):
    return jnp.square(model(x)).sum()


def step(model, x):
    gradient = jax.grad(lambda w: loss(dataclasses.replace(model, weight=w), x))(model.weight)
    return dataclasses.replace(model, weight=model.weight - 0.1 * gradient)


def step_by_hand(model, x):
    active = x.T @ (2 * model(x))
    return dataclasses.replace(model, weight=model.weight - active * 0.1)


def test_a_module_that_is_returned_has_to_have_the_same_static_leaves():
    model = dataclasses.replace(DENSE, rate=1.0)
    assert verify.equivalent(step, step_by_hand, model, X)

    def changes(model, x):
        return dataclasses.replace(step_by_hand(model, x), act=jnp.tanh)

    verdict = verify.equivalent(step, changes, model, X)
    assert verdict.status == "refuted"
    assert "different structures" in verdict.counterexample.explanation


def test_leaves_without_hash_and_equality_are_static_too():
    class Odd:
        __hash__ = None

        def __eq__(self, other):
            raise RuntimeError

    examples = {"w": X, "odd": Odd(), "sizes": np.float32, "on": True, "none": None}
    assert verify.equivalent(lambda d: d["w"] + d["w"], lambda d: 2 * d["w"], examples)
    assert verify.equivalent(lambda d: d, lambda d: dict(d), examples)
    named = verify.equivalent(lambda d: d["w"], lambda d: 1 * d["w"], {"w": X, "mode": "same"})
    assert named.subject.examples is None  # a certificate says nothing of them


def test_a_truth_value_is_a_flag_in_modules_only():
    """Elsewhere it is an input, as in `jax.jit`."""

    def chosen(d):
        return jnp.where(d["on"], d["w"], -d["w"])

    examples = {"w": X, "on": True}
    assert verify.equivalent(chosen, lambda d: d["w"], examples, seed=0).status == "refuted"
    on = dataclasses.replace(DENSE, train=True)
    assert verify.equivalent(lambda m: m.weight * m.train, lambda m: m.weight, on)
    assert not verify.equivalent(lambda m: m.weight * m.train, lambda m: m.weight, DENSE, seed=0)


def test_the_other_questions_take_modules():
    swish = dataclasses.replace(DENSE, act=jax.nn.silu)
    assert verify.derivatives(called, swish, X)
    assert verify.faithful(called, swish, X, seed=0)
    seen = verify.dependence(called, DENSE, X)
    model, x = seen.inputs_of((1, 0))
    assert model.act is DENSE.act
    assert model.weight.tolist() == [[True, False]] * 3
    assert x[1].all()
    assert not x[0].any()
    assert seen.box((1, 0))[0].weight == (slice(0, 3), slice(0, 1))
    assert verify.rounding(verify.equivalent(called, by_hand, DENSE, X)).explained


def scaled(x, *, by, train):
    return x * by if train else x


def test_keyword_and_static_arguments():
    twice = partial(scaled, by=2, train=True)
    assert verify.equivalent(twice, lambda x: x + x, X)
    assert verify.equivalent(lambda x: scaled(x, by=2, train=False), lambda x: x, X)
    with pytest.raises(jax.errors.TracerBoolConversionError) as caught:
        verify.equivalent(
            lambda x, train: scaled(x, by=2, train=train), lambda x, train: x, X, True
        )
    (note,) = (note for note in caught.value.__notes__ if "functools.partial" in note)
    assert "train=True" in note
    assert "lambda" in note


def test_equinox_modules():
    eqx = pytest.importorskip("equinox")
    model = eqx.nn.MLP(3, 2, 4, 2, key=jax.random.key(0))

    def by_layers(model, x):
        for layer in model.layers[:-1]:
            x = jnp.maximum(layer.weight @ x + layer.bias, 0)
        return model.layers[-1](x)

    x = jnp.ones(3)
    assert verify.equivalent(called, by_layers, model, x)
    verdict = verify.equivalent(called, lambda m, x: by_layers(m, -x), model, x, seed=0)
    assert verdict.status == "refuted"
    assert isinstance(verdict.counterexample.inputs[0], eqx.nn.MLP)
    gelu = eqx.nn.MLP(3, 2, 4, 2, activation=jax.nn.gelu, key=jax.random.key(0))
    assert verify.equivalent(called, by_layers, gelu, x, seed=0).status == "refuted"
    dropout = eqx.nn.Dropout(0.5, inference=True)
    assert verify.equivalent(called, lambda m, x: x, dropout, x)

    def gradients(model, x):
        return eqx.filter_grad(lambda m: (m(x) ** 2).sum())(model)

    found = verify.equivalent(
        gradients, lambda m, x: jax.tree.map(lambda g: 1 * g, gradients(m, x)), model, x
    )
    assert found


def test_flax_modules_and_states():
    nnx = pytest.importorskip("flax.nnx")
    linear, norm = (
        nnx.Linear(3, 2, rngs=nnx.Rngs(0)),
        nnx.BatchNorm(3, use_fast_variance=False, rngs=nnx.Rngs(0)),
    )
    graph, state = nnx.split(linear)

    def product(model, x):
        return x @ model.kernel + model.bias

    assert verify.equivalent(called, product, linear, X)
    assert verify.equivalent(
        lambda s, x: nnx.merge(graph, s)(x), lambda s, x: product(nnx.merge(graph, s), x), state, X
    )

    def normal(model, x):
        centred = x - x.mean(0)
        return centred / jnp.sqrt((centred**2).mean(0) + 1e-5) * model.scale + model.bias

    assert verify.equivalent(called, normal, norm, X)
    verdict = verify.equivalent(called, lambda m, x: product(m, x) + m.bias, linear, X, seed=0)
    assert verdict.status == "refuted"
    assert isinstance(verdict.counterexample.inputs[0], nnx.Linear)

"""Deep networks are proved with cuts, and a fault in any layer is never proved away."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent
from verify.interpretation.blocks import by_blocks
from verify.interpretation.proof import TARGET
from verify.programs import trace
from verify.provers import portfolio, prover

LAYERS, WIDTH = 12, 6
X = jax.ShapeDtypeStruct((2, WIDTH), jnp.float32)
WEIGHTS = [
    (jax.ShapeDtypeStruct((WIDTH, WIDTH), jnp.float32), jax.ShapeDtypeStruct((WIDTH,), jnp.float32))
] * LAYERS


def network(activation, fault=None, layer=7):
    """A chain of layers; `fault` is done to the products of one of them."""

    def run(weights, x):
        for number, (w, b) in enumerate(weights):
            y = x @ w + b
            x = activation(fault(y) if fault is not None and number == layer else y)
        return x

    return run


def spelt(activation):
    """The same with other operations."""

    def run(weights, x):
        for w, b in weights:
            x = activation(jnp.einsum("ij,bi->bj", w, x) + b[None])
        return x

    return run


def residual(normalise):
    def run(weights, x):
        for w, b in weights:
            x = x + jnp.sin(normalise(x) @ w + b)
        return x

    return run


def norm(x):
    m = x.mean(-1, keepdims=True)
    return (x - m) / jnp.sqrt(((x - m) ** 2).mean(-1, keepdims=True) + 0.25)


def norm_by_squares(x):
    m, s = x.mean(-1, keepdims=True), (x * x).mean(-1, keepdims=True)
    return (x - m) * jax.lax.rsqrt(jnp.maximum(0, s - m * m) + 0.25)


def norm_of_more(x):
    m, s = x.mean(-1, keepdims=True), (x * x).mean(-1, keepdims=True)
    return (x - m) * jax.lax.rsqrt(jnp.maximum(0, 1.25 * s - m * m) + 0.25)


DEEP = {
    "tanh as an exponential": (
        network(jnp.tanh),
        spelt(lambda y: 2 * jax.nn.sigmoid(2 * y) - 1),
    ),
    "relu": (network(jax.nn.relu), spelt(lambda y: jnp.where(y > 0, y, 0))),
    "silu": (network(jax.nn.silu), spelt(lambda y: y / (1 + jnp.exp(-y)))),
    "a normalisation": (residual(norm), residual(norm_by_squares)),
}


def programs(f, g):
    return trace(f, WEIGHTS, X), trace(g, WEIGHTS, X)


@pytest.mark.parametrize("name", DEEP)
def test_a_deep_network_is_proved_with_cuts(name):
    found = by_blocks(*programs(*DEEP[name]), 1)
    assert found is not None
    assert found.error_probability <= TARGET


@pytest.mark.parametrize("layer", [0, 5, LAYERS - 1])
@pytest.mark.parametrize(
    "fault",
    [lambda y: y * 1.001, lambda y: y[::-1], lambda y: jnp.abs(y), lambda y: y.at[0, 0].set(0)],
    ids=["a scale", "an order", "a sign", "an element"],
)
def test_a_fault_in_a_layer_is_not(fault, layer):
    f, g = network(jnp.tanh, fault, layer), DEEP["tanh as an exponential"][1]
    assert by_blocks(*programs(f, g), 1) is None


def test_nor_is_another_normalisation():
    assert by_blocks(*programs(residual(norm), residual(norm_by_squares)), 1) is not None
    assert by_blocks(*programs(residual(norm), residual(norm_of_more)), 1) is None


def test_the_portfolio_has_it(monkeypatch):
    """Where all else fails; these networks are proved without, but deeper ones are not."""
    rows = [row for row in portfolio.PORTFOLIO if row.theory == "evaluation"]
    blocks = [row for row in portfolio.PORTFOLIO if "block by block" in row.name]
    patched = (*rows[:1], replace(blocks[0], applies=prover.always))
    monkeypatch.setattr(portfolio, "PORTFOLIO", patched)
    f, g = DEEP["tanh as an exponential"]
    verdict = equivalent(f, g, WEIGHTS, X)
    assert verdict, verdict
    assert "block by block" in verdict.method


def chain(x, count=8):
    """A deep value that both programs compute, and that is zero on a region."""
    for _ in range(count):
        x = jnp.sin(x) * jnp.exp(x) + 0.5
    return jax.nn.relu(x - 1)


# What is true of almost all values of a cut may be false of the cut: it is zero on a region.
TRAPS = {
    "a tie": (lambda y: jnp.where(y > 0, 1.0, 0.0), lambda y: jnp.where(y >= 0, 1.0, 0.0)),
    "a derivative at a tie": (
        lambda y: jax.vmap(jax.grad(lambda v: jnp.maximum(v, 0.0)))(y),
        lambda y: jnp.where(y >= 0, 1.0, 0.0),
    ),
    "a sign": (jnp.sign, lambda y: jnp.where(y >= 0, 1.0, -1.0)),
    "an equality": (lambda y: jnp.where(y == 0, 1.0, y), lambda y: y),
    "an order of two": (
        lambda y: jnp.where(y[0] > y[1], 1.0, 0.0) * y,
        lambda y: jnp.where(y[0] >= y[1], 1.0, 0.0) * y + jnp.where(y[0] == y[1], 1.0, 0.0),
    ),
}


@pytest.mark.parametrize("name", TRAPS)
def test_nothing_that_holds_almost_everywhere_is_used_of_a_cut(name):
    f, g = TRAPS[name]
    x = jax.ShapeDtypeStruct((3,), jnp.float32)
    one, two = trace(lambda x: f(chain(x) * 2), x), trace(lambda x: g(chain(x) + chain(x)), x)
    assert by_blocks(one, two, 1) is None
    assert equivalent(lambda x: f(chain(x) * 2), lambda x: g(chain(x) + chain(x)), x).status != (
        "proved"
    )


def squared(run):
    return lambda weights, x: (run(weights, x) ** 2).sum()


def backward(weights, x, doubled=None):
    """The gradient of the squared outputs of a tanh network, by hand."""
    values, gradients = [x], []
    for w, b in weights:
        values.append(jnp.tanh(values[-1] @ w + b))
    g = 2 * values[-1]
    for number in reversed(range(LAYERS)):
        w, _ = weights[number]
        g = g * (1 - values[number + 1] ** 2)
        g = 2 * g if number == doubled else g
        gradients.append((values[number].T @ g, g.sum(0)))
        g = g @ w.T
    return gradients[::-1]


GRADIENTS = {
    "the same activation": (jax.grad(squared(network(jnp.tanh))), backward),
    "another form of it": (
        jax.grad(squared(network(jnp.tanh))),
        jax.grad(squared(DEEP["tanh as an exponential"][1])),
    ),
    "relu": (jax.grad(squared(network(jax.nn.relu))), jax.grad(squared(spelt(jax.nn.relu)))),
    "silu": (jax.grad(squared(DEEP["silu"][0])), jax.grad(squared(DEEP["silu"][1]))),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_deep_networks_are_proved_with_cuts(name):
    found = by_blocks(*programs(*GRADIENTS[name]), 1)
    assert found is not None
    assert found.error_probability <= TARGET


@pytest.mark.parametrize("layer", [0, 6, LAYERS - 1])
def test_a_fault_in_the_backward_pass_is_not(layer):
    f = GRADIENTS["the same activation"][0]
    assert by_blocks(*programs(f, lambda weights, x: backward(weights, x, layer)), 1) is None


def tanh_by_sigmoid(y):
    return 2 * jax.nn.sigmoid(2 * y) - 1


def one_by_one(activation, mix=False):
    """A network of examples in turn; `mix`: the first example's value once in the place of the
    second's."""

    def run(weights, x):
        rows = list(x)
        for number, (w, b) in enumerate(weights):
            rows = [activation(w.T @ row + b) for row in rows]
            rows = [rows[0], rows[0]] if mix and number == 5 else rows
        return jnp.stack(rows)

    return run


def test_elements_are_cut_in_whatever_array_they_are():
    f = DEEP["tanh as an exponential"][0]
    assert by_blocks(*programs(f, one_by_one(tanh_by_sigmoid)), 1) is not None
    assert by_blocks(*programs(f, one_by_one(tanh_by_sigmoid, mix=True)), 1) is None


def guarded(weights, x):
    """What is true of it only where the weights are not negative."""
    for w, b in weights:
        x = jnp.exp(-jnp.abs(w) @ jnp.abs(b)) + jnp.sin(x @ w + b)
    return x


def unguarded(weights, x):
    for w, b in weights:
        x = jnp.exp(-(w @ b)) + jnp.sin(jnp.einsum("ij,bi->bj", w, x) + b)
    return x


def test_a_precondition_is_known_between_cuts():
    def positive(weights, x):
        return jax.tree.reduce(jnp.logical_and, [jnp.all(v >= 0) for v in jax.tree.leaves(weights)])

    verdict = equivalent(guarded, unguarded, WEIGHTS, X, assuming=positive)
    assert verdict, verdict
    assert equivalent(guarded, unguarded, WEIGHTS, X).status == "refuted"


def test_a_precondition_is_asked_of_the_inputs_and_not_of_cuts():
    from verify.algebras.field import Field
    from verify.interpretation.trial import _condition

    field = Field(0)
    field.condition = trace(lambda x: x > 0, X)
    x, cut = (field.random(X.shape, X.dtype) for _ in range(2))
    (found,) = _condition(field, field, [x, cut])
    assert found.shape == X.shape

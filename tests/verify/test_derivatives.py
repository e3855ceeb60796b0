"""Custom derivatives: right ones are proved, wrong ones refuted, and ties are nobody's fault."""

import json
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_derivatives import SymbolicZero, linear_call
from jax.extend.core import Primitive
from jax.interpreters import ad, mlir

import verify
from cnnjax import conv, max_pool
from verify import derivatives
from verify.certificate.checking import check
from verify.cli import main


def spec(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def jvp(f, rule):
    """f with the rule (primals, tangents) -> tangent."""
    known = jax.custom_jvp(f)
    known.defjvp(lambda x, dx: (f(*x), rule(x, dx)))
    return known


def vjp(f, rule):
    """f with the rule (primals, cotangent) -> gradients."""
    known = jax.custom_vjp(f)
    known.defvjp(lambda *x: (f(*x), x), rule)
    return known


def power(factor):
    """x**3, differentiated as factor * x**2."""
    return jvp(lambda x: x**3, lambda x, dx: factor * x[0] ** 2 * dx[0])


RIGHT = {
    "power": (power(3), spec(3)),
    "product": (jvp(lambda x, y: x * y, lambda x, d: d[0] * x[1] + x[0] * d[1]), spec(2), spec(2)),
    "dot": (vjp(lambda x, y: (x * y).sum(), lambda x, g: (g * x[1], g * x[0])), spec(3), spec(3)),
    "softplus": (
        jvp(lambda x: jnp.log(1 + jnp.exp(x)), lambda x, d: d[0] / (1 + jnp.exp(-x[0]))),
        spec(2),
    ),
    "in a loop": (lambda x: lax.scan(lambda c, _: (power(3)(c), c), x, None, length=2), spec(1)),
    "in a branch": (lambda x: lax.cond(x[0] > 0, power(3), lambda x: x, x), spec(2)),
    "under vmap, jit and remat": (jax.jit(jax.vmap(jax.checkpoint(power(3)))), spec(2, 2)),
    "a tree": (
        lambda p: {"y": power(3)(p["a"]), "best": jnp.argmax(p["b"])},
        {"a": spec(2), "b": spec(3)},
    ),
    "integers beside": (lambda i, x: power(3)(x)[i], spec(dtype=jnp.int32), spec(3)),
    "random keys beside": (
        lambda k, x: power(3)(x + jax.random.normal(k, (2,))),
        jax.random.key(0),
        spec(2),
    ),
    "jax.nn.silu": (jax.nn.silu, spec(4)),
    "abs": (jvp(lambda x: jnp.abs(x), lambda x, d: jnp.where(x[0] < 0, -d[0], d[0])), spec(3)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_rules_are_proved(name):
    verdict = derivatives(*RIGHT[name])
    assert verdict, verdict


WRONG = {
    "factor": (power(2), spec(3)),
    "sign": (jvp(jnp.sin, lambda x, d: -jnp.cos(x[0]) * d[0]), spec(2)),
    "one term lost": (jvp(lambda x, y: x * y, lambda x, d: d[0] * x[1]), spec(2), spec(2)),
    "gradients exchanged": (
        vjp(lambda x, y: (x * y).sum(), lambda x, g: (g * x[0], g * x[1])),
        spec(3),
        spec(3),
    ),
    "identically zero": (jvp(lambda x: (x * x).sum(), lambda x, d: 0 * d[0].sum()), spec(600)),
    "shifted by one": (jvp(lambda x: x * x, lambda x, d: 2 * x[0] * jnp.roll(d[0], 1)), spec(4)),
    "straight through": (jvp(lambda x: jnp.round(x), lambda x, d: d[0]), spec(2)),
    "clipped": (vjp(lambda x: x, lambda x, g: (jnp.clip(g, -1, 1),)), spec(2)),
    "beyond a threshold": (
        jvp(lambda x: x * x, lambda x, d: jnp.where(x[0] > 1e6, 0, 2 * x[0]) * d[0]),
        spec(2),
    ),
    "at one smooth point": (
        jvp(lambda x: x * x, lambda x, d: jnp.where(x[0] == 3, 0, 2 * x[0]) * d[0]),
        spec(2),
    ),
    "leaky where it is not": (
        jvp(lambda x: jnp.maximum(x, 0), lambda x, d: jnp.where(x[0] > 0, d[0], d[0] / 100)),
        spec(2),
    ),
    "in a loop": (lambda x: lax.scan(lambda c, _: (power(2)(c), c), x, None, length=2), spec(1)),
    "in a branch": (lambda x: lax.cond(x[0] > 0, power(2), lambda x: x, x), spec(2)),
    "under vmap, jit and remat": (jax.jit(jax.vmap(jax.checkpoint(power(2)))), spec(2, 2)),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rules_are_refuted(name):
    f, *examples = WRONG[name]
    verdict = derivatives(f, *examples)
    assert verdict.status == "refuted", verdict
    *inputs, directions = verdict.counterexample.inputs
    assert isinstance(directions, tuple)
    assert [x.shape for x in jax.tree.leaves(inputs)] == [x.shape for x in examples]


def test_a_rule_that_changes_the_value_is_refuted():
    f = jax.custom_jvp(lambda x: x * x)
    f.defjvp(lambda x, dx: (x[0] ** 2 + 1, 2 * x[0] * dx[0]))
    verdict = derivatives(f, spec(2))
    assert verdict.status == "refuted", verdict
    assert "output 0 itself" in verdict.counterexample.explanation


@pytest.mark.parametrize(
    ("f", "rule"),
    [
        (lambda x: jnp.maximum(x, 0), lambda x, d: jnp.where(x[0] > 0, d[0], 0)),
        (lambda x: jnp.maximum(x, 0), lambda x, d: jnp.where(x[0] >= 0, d[0], 0)),
        (lambda x: jnp.clip(x, 0, 6), lambda x, d: jnp.where((x[0] > 0) & (x[0] < 6), d[0], 0)),
    ],
    ids=["relu", "relu, one at zero", "relu6"],
)
def test_any_custom_at_a_tie_is_a_derivative_off_ties(f, rule):
    verdict = derivatives(jvp(f, rule), spec(3))
    assert verdict, verdict
    assert any("no ties" in sentence for sentence in verdict.assumptions)


def test_a_rule_that_asks_what_is_differentiated_is_asked_for_each_input_alone():
    def product(alone):
        f = jax.custom_jvp(lambda x, y: x * y)

        def rule(primals, tangents):
            (x, y), (dx, dy) = primals, tangents
            if isinstance(dy, SymbolicZero):
                return x * y, alone * dx * y
            if isinstance(dx, SymbolicZero):
                return x * y, x * dy
            return x * y, dx * y + x * dy

        f.defjvp(rule, symbolic_zeros=True)
        return f

    right, wrong = (derivatives(product(n), spec(2), spec(2)) for n in (1, 2))
    assert right, right
    assert any("each one alone" in sentence for sentence in right.assumptions)
    assert wrong.status == "refuted", wrong


@pytest.mark.parametrize(
    ("f", "rule", "count"),
    [
        (lambda x: jnp.maximum(x, 0),
         lambda x, d: jnp.where(x[0] == 0, 7.0, jnp.where(x[0] > 0, 1.0, 0.0)) * d[0], 1),
        (lambda x, y: jnp.maximum(x, y),
         lambda x, d: d[0] * (x[0] >= x[1]) + d[1] * (x[0] <= x[1]), 2),
        (lambda x: jnp.sort(x), lambda x, d: d[0][::-1][jnp.argsort(x[0][::-1])], 1),
        (lambda x: jnp.where(x > 1, 2 * x - 1, x),
         lambda x, d: jnp.where(x[0] == 1, 9.0, jnp.where(x[0] > 1, 2.0, 1.0)) * d[0], 1),
        (lambda x: jnp.floor(x), lambda x, d: jnp.where(jnp.floor(x[0]) == x[0], 4.0, 0) * d[0], 1),
        (lambda x: jnp.sign(x), lambda x, d: jnp.where(x[0] == 0, 4.0, 0.0) * d[0], 1),
        (lambda x: jnp.abs(x), lambda x, d: jnp.where(x[0] == 0, 0.0, jnp.sign(x[0])) * d[0], 1),
    ],
    ids=["relu", "maximum", "sort", "kink", "floor", "sign", "abs"],
)  # fmt: skip
def test_no_custom_at_a_tie_or_a_jump_is_refuted(f, rule, count):
    verdict = derivatives(jvp(f, rule), *[spec(3)] * count, seconds=4)
    assert verdict.status != "refuted", verdict


@pytest.mark.parametrize(
    ("f", "rule"),
    [
        (lambda x: x / 3, lambda x, d: d[0] * (1 / 3)),
        (lambda x: jnp.cbrt(x), lambda x, d: d[0] / (3 * jnp.cbrt(x[0]) ** 2)),
        (lambda x: jnp.log10(x), lambda x, d: d[0] / (x[0] * np.log(10))),
        (lambda x: x * x, lambda x, d: d[0] * x[0] * 2.0000002),
    ],
    ids=["third", "cube root", "logarithm", "a factor near 2"],
)
def test_a_rounded_constant_is_no_difference_and_no_proof(f, rule):
    verdict = derivatives(jvp(f, rule), spec(2))
    assert verdict.status == "unknown", verdict
    assert "rounding of a constant" in verdict.reason


def test_the_constant_that_python_has_folded_is_named():
    rule = jvp(lambda x: 0.044715 * x**3, lambda x, d: d[0] * (3 * 0.044715) * x[0] ** 2)
    verdict = derivatives(rule, spec(2))
    assert verdict.status == "unknown", verdict
    assert "without it; only the rule has 0.134145" in verdict.reason


def test_a_counterexample_says_which_is_the_rule_and_in_what_the_gradient_is():
    product = vjp(lambda x, y: x * y, lambda x, g: (x[1] * g, -x[0] * g))
    text = str(derivatives(product, spec(2), spec(2)))
    found = re.search(
        r"at \[\d\] of the gradient in y: the rule (\S+), the true derivative (\S+)\n", text
    )
    assert found is not None, text
    assert float(found[1]) == -float(found[2])
    assert "the gradient in y: the rule: " in text
    forward = jvp(lambda x: x**2, lambda x, d: 3 * d[0] * x[0])
    assert "of the tangent of output 0: the rule" in str(derivatives(forward, spec(2)))
    other = jax.custom_jvp(lambda x: x**2)
    other.defjvp(lambda x, d: (x[0] ** 3, 2 * d[0] * x[0]))
    assert re.search(
        "output 0 itself: with the rule .* without it", str(derivatives(other, spec(2)))
    )


def test_a_constant_that_is_wrong_in_the_fifth_digit_is_refuted():
    verdict = derivatives(jvp(lambda x: x * x, lambda x, d: d[0] * x[0] * 2.00002), spec(2))
    assert verdict.status == "refuted", verdict


@pytest.mark.parametrize(
    "rule",
    [
        lambda x, d: d[0] * jnp.where(jnp.sqrt(x[0]) >= 0, 1.0, 1.1),
        lambda x, d: d[0] * (jnp.sqrt(x[0]) ** 2 / x[0]),
        lambda x, d: d[0] * jnp.exp(jnp.log(x[0])) / x[0],
        lambda x, d: d[0] * (jnp.maximum(x[0], 0) / jnp.maximum(x[0], 0)),
    ],
)
def test_a_rule_without_a_value_on_a_half_line_is_not_proved(rule):
    verdict = derivatives(jvp(lambda x: x, rule), spec(6), seconds=10)
    assert verdict.status != "proved", verdict


def test_a_rule_that_asks_for_cotangents_is_asked_for_each_output_alone():
    def pair(alone):
        f = jax.custom_vjp(lambda x: (2 * x, 3 * x))

        def backward(_, cotangents):
            a, b = cotangents
            gradient = jnp.zeros(())
            if not isinstance(a, SymbolicZero):
                gradient += 2 * a * (alone if isinstance(b, SymbolicZero) else 1)
            return (gradient if isinstance(b, SymbolicZero) else gradient + 3 * b,)

        f.defvjp(lambda x: ((2 * x.value, 3 * x.value), None), backward, symbolic_zeros=True)
        return f

    right, wrong = (derivatives(pair(factor), spec()) for factor in (1, 1.1))
    assert right, right
    assert wrong.status == "refuted", wrong


LOWERINGS = {
    "canonical": ((1, 6, 5, 2), (3, 3, 2, 2)),
    "wide": ((1, 6, 5, 2), (3, 3, 2, 2)),
    "winograd": ((1, 6, 5, 2), (3, 3, 2, 2)),
    "blocked": ((1, 6, 5, 2), (3, 3, 2, 2)),
    "shifted": ((1, 4, 5, 2), (3, 3, 1, 2)),
}


@pytest.mark.parametrize("name", LOWERINGS)
def test_the_rules_of_convolutions_are_derivatives(name):
    f = partial(conv, lowering=name, groups=2 if name == "shifted" else 1)
    x, kernel = (spec(*shape) for shape in LOWERINGS[name])
    for bias in ((), (spec(kernel.shape[-1]),)):
        verdict = derivatives(f, x, kernel, *bias)
        assert verdict, verdict


def test_the_rule_of_max_pooling_is_a_derivative():
    verdict = derivatives(partial(max_pool, window=2, lowering="argmax"), spec(1, 4, 4, 1))
    assert verdict, verdict


def test_without_rules_there_is_nothing_to_prove():
    verdict = derivatives(jnp.sin, spec(2))
    assert verdict
    assert "no custom rule" in verdict.method


def test_what_cannot_be_looked_into_is_unknown():
    def transposed_wrongly(x):
        return linear_call(lambda r, x: r * x, lambda r, g: 3 * r * g, jnp.float32(2), x)

    def thrice(x):
        return lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] / 2), (0, x))[1]

    def solved_wrongly(x):
        return lax.custom_linear_solve(
            lambda y: 2 * y, x, lambda _, b: b / 2, lambda _, b: b, symmetric=False
        )

    def closes_over(x):
        f = jax.custom_jvp(lambda y: y * x[0])
        f.defjvp(lambda p, t: (p[0] * x[0], t[0] * x[0]))
        return f(x)

    for f in (transposed_wrongly, solved_wrongly, closes_over, vjp(thrice, lambda x, g: (g / 8,))):
        verdict = derivatives(f, spec(2))
        assert verdict.status == "unknown", verdict
        assert verdict.reason


def test_nothing_to_differentiate_is_an_error():
    with pytest.raises(ValueError, match="none of the examples"):
        derivatives(lambda i: i + 1, spec(2, dtype=jnp.int32))
    with pytest.raises(ValueError, match="none of the outputs"):
        derivatives(jnp.argmax, spec(2))


def test_a_rule_that_does_not_fit_is_jaxs_error():
    with pytest.raises((TypeError, ValueError), match="rule"):
        derivatives(vjp(lambda x: 2 * x, lambda x, g: (g[:1],)), spec(3))


def test_the_same_seed_gives_the_same_answer():
    one, two = (derivatives(power(2), spec(3), seed=5).counterexample for _ in range(2))
    for left, right in zip(jax.tree.leaves(one.inputs), jax.tree.leaves(two.inputs), strict=True):
        np.testing.assert_array_equal(left, right)


def test_rounding_of_a_proved_rule_is_within_its_bound():
    verdict = derivatives(power(3), spec(3))
    assert verdict.measured is None  # until it is asked for
    assert verdict.rounding is not None
    assert verdict.rounding.explained


@jax.custom_jvp
def cubed(x):
    return x**3


@jax.custom_jvp
def cubed_wrongly(x):
    return x**3


cubed.defjvp(lambda x, dx: (cubed(*x), 3 * x[0] ** 2 * dx[0]))
cubed_wrongly.defjvp(lambda x, dx: (cubed_wrongly(*x), 2 * x[0] ** 2 * dx[0]))


BY_LOG_2 = np.float32(1 / np.log(2))


def of_two_logarithms(factor):
    """Terms with log 2 spelt in two ways, which cancel at suitable inputs and tangents."""
    return jvp(
        lambda x: jnp.log(x[0]) * BY_LOG_2 - jnp.log(x[1]) / np.float32(np.log(2)),
        lambda x, d: (
            d[0][0] / x[0][0] / np.float32(np.log(2)) - factor * d[0][1] / x[0][1] * BY_LOG_2
        ),
    )


def test_where_terms_cancel_the_rounding_of_constants_is_no_difference():
    for f, examples in ((jnp.logaddexp2, (spec(1), spec(1))), (of_two_logarithms(1), (spec(2),))):
        verdict = verify.derivatives(f, *examples)
        assert verdict.status == "unknown", verdict
        assert "rounding of a constant" in verdict.reason


def test_a_primitive_of_ones_own_is_not_looked_into():
    own = Primitive("sine_of_my_own")
    own.def_impl(jnp.sin)
    own.def_abstract_eval(lambda x: x)
    mlir.register_lowering(own, mlir.lower_fun(jnp.sin, multiple_results=False))
    ad.primitive_jvps[own] = lambda primals, tangents: (own.bind(*primals), 99.0 * tangents[0])
    for f in (
        own.bind,
        lambda x: jax.nn.relu(own.bind(x)),
        lambda x: lax.cond(x[0] > 0, own.bind, jnp.cos, x),
    ):
        verdict = verify.derivatives(f, spec(3))
        assert verdict.status == "unknown"
        assert "not one of JAX's" in verdict.reason


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_tie_in_the_second_layer_beside_large_derivatives_is_no_difference(seed):
    def two_layers(x, w):
        return jax.nn.relu(jax.nn.relu(x @ w) @ w).sum()

    verdict = verify.derivatives(two_layers, spec(2), spec(2, 2), seconds=6, seed=seed)
    assert verdict.status != "refuted", verdict


@pytest.mark.parametrize("factor", [1.00001, 1.1, -1])
def test_what_is_more_than_their_rounding_is_one(factor):
    assert verify.derivatives(of_two_logarithms(factor), spec(2)).status == "refuted"


def test_the_command_line_and_its_certificate(tmp_path, capsys):
    path = tmp_path / "proof.json"
    name = "tests.verify.test_derivatives"
    arguments = ["--args", "f32[3]", "--certificate", str(path)]
    assert main(["derivatives", f"{name}:cubed", *arguments]) == 0
    assert json.loads(path.read_text())["subject"]["question"] == "derivatives"
    again = check(path, ["tests"])
    assert again.agrees, again
    assert main(["derivatives", f"{name}:cubed_wrongly", *arguments]) == 1
    assert "REFUTED" in capsys.readouterr().out
    assert main(["check", str(path), "--allow", name]) == 1
    assert "CONFIRMED" in capsys.readouterr().out


def test_equal_functions_off_ties_by_branches_are_refuted_where_a_tie_is_found():
    """The walk without ties never hides a difference at a tie that the search can find."""
    x = spec(1)
    rule = jvp(
        lambda x: jnp.clip(x, 0, 6), lambda x, d: jnp.where((x[0] > 0) & (x[0] < 6), d[0], 0)
    )

    def tangent(f):
        return lambda x, d: jax.jvp(f, (x,), (d,))[1]

    plain = tangent(lambda x: jnp.clip(x, 0, 6))
    verdict = verify.equivalent(tangent(rule), plain, x, x)
    assert verdict.status == "refuted", verdict

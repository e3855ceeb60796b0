"""`Verdict.rounding`: what it says of pairs, what it makes visible, and when it is worked out."""

import copy
import dataclasses
import json
import pickle
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
import verify
from cnnjax.lowerings import Geometry
from cnnjax.lowerings.conv import plain
from cnnjax.lowerings.winograd import winograd
from cnnjax.lowerings.winograd_matrices import amplification
from tests.verify.pairs import famous, laws_algebra, laws_convolution, laws_network, laws_order
from tests.verify.pairs.law import LAWS
from verify.checks.roundoff import bound, deviation, later, rounding
from verify.programs import trace
from verify.verdict import Rounding, Verdict

assert all((laws_algebra, laws_convolution, laws_network, laws_order))  # registered

X = jax.ShapeDtypeStruct((40,), jnp.float32)


def factored(x):
    return (x + 1) * (x - 1)


def expanded(x):
    return x * x - 1


def measured(f, g, *arrays):
    return rounding(trace(f, *arrays), trace(g, *arrays), arrays)


def gaussian(*shapes, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


# -- pairs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", LAWS, ids=lambda known: known.name)
def test_equal_programs_differ_by_rounding_alone(known):
    case = known.make(np.random.default_rng(5))
    left, right = trace(case.left, *case.examples), trace(case.right, *case.examples)
    found = later(left, right, case.examples, 5)()
    assert found is None or found.explained


@pytest.mark.parametrize("rewrite", famous.REWRITES, ids=lambda rewrite: rewrite.name)
def test_famous_rewrites_differ_by_rounding_alone(rewrite):
    left, right = trace(rewrite.left, *rewrite.examples), trace(rewrite.right, *rewrite.examples)
    found = later(left, right, rewrite.examples, 1)()
    assert found is None or found.explained


FAULTS = {
    "a constant": (factored, lambda x: x * x - 1.00001, (np.linspace(-1, 1, 9),)),
    "fewer bits": (
        lambda x, w: x @ w,
        lambda x, w: (x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16)).astype(jnp.float32),
        gaussian((8, 30), (30, 8)),
    ),
    "a lost term": (jnp.sum, lambda x: x[:-1].sum(), gaussian(1000)),
    "an epsilon": (
        lambda x: x / (jnp.abs(x) + 1e-5),
        lambda x: x / (jnp.abs(x) + 2e-5),
        (np.linspace(0.1, 1, 9),),
    ),
    "one element of many": (
        lambda x: jnp.cumsum(x) * 1e3,
        lambda x: (jnp.cumsum(x) * 1e3).at[0].add(1e-2),
        (np.linspace(1, 2, 2000),),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_more_than_rounding_is_made_visible(name):
    f, g, arrays = FAULTS[name]
    arrays = [np.asarray(x, np.float32) for x in arrays]
    good = trace(f, *arrays)
    # The bound of two equal programs, and the outputs of two that are not.
    assert rounding(good, good, arrays).explained
    found = rounding(good, trace(g, *arrays), arrays)
    if name != "fewer bits":  # which the wrong program's own bound allows
        assert not found.explained
        assert "more than rounding can explain" in str(found)
    wrong = rounding(good, good, arrays)
    assert not dataclasses.replace(wrong, observed=found.observed, beyond=found.beyond).explained


def test_a_single_element_beyond_its_bound_shows_though_others_have_larger_bounds():
    f, g, (x,) = FAULTS["one element of many"]
    found = measured(f, g, np.asarray(x, np.float32))
    assert found.beyond == 1
    assert found.observed < found.bound


def test_a_step_has_no_small_bound_where_rounding_decides():
    (x,) = gaussian(1000)
    y = (x * np.float64(1.1)).astype(np.float32)
    found = measured(
        lambda x, y: jnp.where(x * 1.1 > y, 1.0, 0.0),
        lambda x, y: jnp.where(y < 1.1 * x, 1.0, 0.0),
        x,
        y,
    )
    assert found.bound >= 1


def test_whole_numbers_are_compared_bit_by_bit():
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-3, 4, shape).astype(np.float32) for shape in ((2, 6, 6, 2), (3, 3, 2, 4)))
    f = partial(cnnjax.conv, padding="SAME")
    assert measured(f, lambda x, w: -f(-x, w), x, w) == Rounding(0.0, 0.0)


@pytest.mark.parametrize(("taps", "channels"), [(3, 8), (5, 8), (5, 32)])
def test_winograd_is_as_much_worse_as_its_amplification_says(taps, channels):
    geometry = Geometry((1, 1), ((taps // 2, taps // 2),) * 2, (1, 1))
    arrays = gaussian((1, 8, 8, channels), (taps, taps, channels, 4))
    direct, fast = (trace(partial(f, geometry=geometry), *arrays) for f in (plain, winograd))
    found = rounding(direct, fast, arrays)
    assert 0 < found.observed < found.bound < np.inf
    ratio = deviation(fast, arrays)[0].max() / deviation(direct, arrays)[0].max()
    assert 1 < ratio < 2 * amplification(taps) ** 2


def test_the_bound_of_a_network_is_of_use():
    model = cnnjax.models.notes_cnn(classes=3, widths=(4, 6, 8), image=(24, 24, 3))
    params = model.init(jax.random.key(0))
    (x,) = gaussian((2, 24, 24, 3))
    program = trace(model.apply, params, x)
    leaves = [*map(np.asarray, jax.tree.leaves(params)), x]
    (allowed,) = bound(program, program, leaves)
    assert 0 < allowed.max() < 0.1


def test_no_bound_is_none():
    (x,) = gaussian((5, 5))
    for f in (
        lambda x: jnp.fft.fft(x).real,
        lambda x: jnp.linalg.cholesky(x @ x.T + jnp.eye(5)),
        lambda x: jax.scipy.special.i0e(x),
    ):
        assert measured(f, f, x) is None


def test_two_results_that_are_no_numbers_are_the_same():
    x = np.float32([-1, 4])
    found = measured(jnp.sqrt, lambda x: x**0.5, x)
    assert found == Rounding(np.inf, 0.0)
    assert found.explained
    assert "no finite bound" in str(found)


# -- the verdict ----------------------------------------------------------------------------------


def test_a_verdict_measures_when_it_is_asked():
    verdict = verify.equivalent(factored, expanded, X)
    assert verdict.measured is None
    assert "rounding" not in str(verdict)
    assert json.loads(verdict.to_json())["rounding"] is None
    found = verdict.rounding
    assert 0 < found.observed < found.bound < 1e-4
    assert verdict.rounding is found is verdict.measured
    assert str(found) in str(verdict)
    assert json.loads(verdict.to_json())["rounding"]["bound"] == found.bound


def test_only_proofs_have_one():
    assert verify.equivalent(factored, lambda x: x * x, X).rounding is None
    assert Verdict("unknown").rounding is None
    assert Verdict("proved", rounding=Rounding(1.0, 0.5)).rounding == Rounding(1.0, 0.5)


def test_examples_that_are_arrays_are_the_inputs():
    x = np.float32([1, 2, 3])
    assert verify.equivalent(factored, expanded, x).rounding == Rounding(0.0, 0.0)
    thousands = verify.equivalent(factored, expanded, np.full(3, 1234.567, np.float32)).rounding
    assert thousands.bound > 0.1


def test_examples_are_measured_as_they_were():
    x = np.full(3, 1234.567, np.float32)
    verdict = verify.equivalent(factored, expanded, x)
    x[:] = 0
    assert verdict.rounding.bound > 0.1


def test_positive_inputs_where_normal_ones_are_outside_the_domain():
    found = verify.equivalent(lambda x: jnp.log(x**3), lambda x: 3 * jnp.log(x), X).rounding
    assert 0 < found.bound < 1e-4


def test_keys_and_integers_among_the_inputs():
    key = jax.random.key(3)

    def f(key, x, n):
        return x[n] * jax.random.uniform(key, (4,)), n + 1

    def g(key, x, n):
        return jax.random.uniform(key, (4,)) * x[n], 1 + n

    found = verify.equivalent(f, g, key, X, jax.ShapeDtypeStruct((4,), jnp.int32)).rounding
    assert found.observed == 0
    assert found.bound < 1e-5


def test_sixty_four_bits_are_measured_as_they_were_proved():
    with jax.enable_x64(True):
        verdict = verify.equivalent(factored, expanded, jnp.linspace(0, 1, 10))
    assert 0 < verdict.rounding.bound < 1e-14


def test_a_verdict_is_still_plain_data():
    verdict, again = (verify.equivalent(factored, expanded, X, seed=0) for _ in range(2))
    again = dataclasses.replace(again, seconds=verdict.seconds)
    assert again.measured is not None  # replace reads every field
    assert verdict.measured is None
    assert verdict == again
    assert hash(Verdict("proved")) == hash(Verdict("proved", rounding=Rounding(1.0, 0.5)))
    assert "rounding=" not in repr(verdict)
    assert pickle.loads(pickle.dumps(verdict)) == verdict
    assert pickle.loads(pickle.dumps(verdict)).rounding is None
    assert pickle.loads(pickle.dumps(again)).rounding == again.rounding
    assert copy.copy(again).rounding == again.rounding
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.rounding = None


def test_refutations_are_the_same_if_their_inputs_are():
    pair = (factored, lambda x: x * x)
    verdict, again, other = (verify.equivalent(*pair, X, seed=seed) for seed in (0, 0, 1))
    again = again.changed(seconds=verdict.seconds, subject=verdict.subject)
    assert verdict == again == pickle.loads(pickle.dumps(verdict))
    assert hash(verdict.counterexample) == hash(again.counterexample)
    found = verdict.counterexample
    assert found != dataclasses.replace(found, inputs=jax.tree.map(lambda x: x + 1, found.inputs))
    assert found != dataclasses.replace(found, left=found.left + 1)
    assert verdict != other.changed(status="unknown")


def test_a_verdict_lets_go_of_the_programs_once_it_has_measured():
    verdict = verify.equivalent(factored, expanded, X)
    assert not isinstance(vars(verdict)["rounding"], Rounding)
    assert verdict.rounding is vars(verdict)["rounding"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_constant_that_was_read_counts_into_the_bound(dtype):
    """Proved with 0.1 as 1/10, the programs as they are differ by more than float32 rounds."""
    tenth = jnp.full(3, 0.1, dtype)
    x = jax.ShapeDtypeStruct((3,), jnp.float32)
    verdict = verify.equivalent(
        lambda x: x * jax.lax.convert_element_type(tenth, jnp.float32), lambda x: x / 10, x
    )
    assert verdict, verdict
    assert verdict.rounding.explained, verdict.rounding
    assert verdict.rounding.bound > 1e-6

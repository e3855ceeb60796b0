"""Pairs of public libraries: what they are said to be, some of them asked, and the table.

How many pairs get an answer, and how fast, is the benchmark's to say (benchmarks/realcode).
"""

import jax.numpy as jnp
import pytest

from benchmarks.realcode import asking, check, report
from benchmarks.realcode.asking import Answer, ask
from benchmarks.realcode.inputs import between, condition, positive, real
from benchmarks.realcode.pair import Group, Missing, Pair, library

# The libraries' own lines are among the assumptions, and every version of theirs has others.
pytestmark = pytest.mark.unrecorded("libraries are other programs with every version")

PAIRS = {pair.name: pair for file in asking.files() for pair in asking.group(file).pairs}
QUICK = """
optax.l2_loss: formula
optax.l2_loss: near miss
optax.huber_loss: clip
optax.hinge_loss
optax.smooth_labels
optax.sigmoid_binary_cross_entropy: softplus
optax.cosine_similarity: rsqrt
optax.triplet_margin_loss
optax.sgd with momentum, two steps
optax.sgd with momentum, two steps: near miss, nesterov
optax.adamw, two steps: chain
optax.adamw, two steps: near miss, decay in the gradient
optax.rmsprop
optax.lion
optax.centralize
optax.cosine_decay_schedule: formula
optax.projections.projection_box: clip
jax.nn.relu: mask
jax.nn.gelu: flax
jax.nn.gelu: near miss, quick
flax.linen.RMSNorm: formula
flax.linen.RMSNorm: equinox
flax.linen.RMSNorm: near miss, gemma's scale
flax.linen.BatchNorm at test time: scale and shift
equinox.nn.LayerNorm: E[x^2] - E[x]^2
jax.nn.dot_product_attention: flax
rotary positions: near miss
flax.linen.GRUCell
flax.linen.GRUCell: near miss, reset before
flax.linen.LSTMCell: flax, optimised
flax.linen.max_pool: equinox
a 1x1 convolution: dense
""".strip().splitlines()


def pair(f, g, equal, on=(), more=None, libraries=()):
    return Pair("a pair", "a group", tuple(libraries), f, g, equal, list(on), more)


def test_there_are_as_many_as_are_promised():
    assert sum(one.equal for one in PAIRS.values()) >= 200
    assert sum(not one.equal for one in PAIRS.values()) >= 100


def test_no_two_have_one_name():
    assert len(PAIRS) == sum(len(asking.group(file).pairs) for file in asking.files())


@pytest.mark.filterwarnings("ignore")  # the libraries' own
@pytest.mark.parametrize("name", QUICK)
def test_a_pair_is_answered(name):
    one = PAIRS[name]
    try:
        assert check.wrong(one) == ""
    except Missing as missing:
        pytest.skip(str(missing))
    answer = ask(one, seconds=60)
    assert answer.right, f"{answer.status}: {answer.detail}"


def test_a_pair_that_is_not_what_it_is_said_to_be_is_noticed():
    def square(x):
        return x * x

    assert "they differ by" in check.wrong(pair(square, lambda x: x * jnp.abs(x), True, [real(3)]))
    assert check.wrong(pair(square, lambda x: x * jnp.abs(x), True, [positive(3)])) == ""
    assert "no more than" in check.wrong(pair(square, lambda x: x**2, False, [real(3)]))
    never = pair(square, square, True, [real(3)], more=lambda x: x > jnp.inf)
    assert "no input" in check.wrong(never)


def test_a_domain_is_said_once():
    holds = condition([between(0, 1, 2), positive()], lambda x, y: x < y)
    assert [bool(jnp.all(one)) for one in holds(jnp.array([0.2, 0.5]), 2.0)] == [True] * 3
    assert [bool(jnp.all(one)) for one in holds(jnp.array([0.2, 1.5]), -1.0)] == [False] * 3
    assert condition([real(2)], None) is None


def test_a_library_that_is_absent_is_a_reason_to_skip():
    absent = library("no_such_library")
    with pytest.raises(Missing, match="no_such_library"):
        _ = absent.something
    answer = ask(pair(lambda x: absent.f(x), lambda x: x, True, [real(2)]), 5.0)
    assert answer.status == "skipped"
    assert "no_such_library" in report.skipped([answer])


def test_what_raises_is_an_outcome():
    answer = ask(pair(lambda x: jnp.reshape(x, 7), lambda x: x, True, [real(2)]), 5.0)
    assert answer.status == "failed"
    assert report.cause(answer) == "raises"


def test_a_process_that_ends_is_an_outcome():
    worker = asking.Worker()
    try:
        file = asking.files()[0]
        assert worker.ask(file, 0, 30.0).status == "proved"
        worker.process.kill()
        worker.process.join()
        assert worker.ask(file, 0, 30.0).status == "crashed"
        assert worker.ask(file, 0, 30.0).status == "proved"
    finally:
        worker.end()


def answer(equal, status, detail="", seconds=1.0):
    return Answer(f"{equal} {status}", "losses", ("optax",), equal, status, seconds, detail)


def test_the_table_counts_and_names():
    answers = [
        answer(True, "proved"),
        answer(True, "refuted"),
        answer(True, "unknown", "the 5 seconds were over while trying a directed search; before"),
        answer(False, "refuted"),
        answer(False, "crashed"),
        answer(True, "skipped", "optax cannot be imported"),
    ]
    text = report.document(answers, 5.0, "jax")
    assert "1 of 3 equal pairs proved, 1 of 2 near misses refuted, 1 false verdicts" in text
    assert "| losses | 3 | 1 | 1 | 1 | 1.00 | 1.00 | 2 | 1 | 0 | 1 |" in text
    assert list(report.causes(answers)) == [
        "FALSE: refuted, but equal",
        "crash",
        "a law is missing",
    ]
    assert "1 pairs: optax cannot be imported" in text


@pytest.mark.parametrize(
    ("detail", "cause"),
    [
        ("the 5 seconds were over while trying a proof by branches; before that: ...", "speed"),
        ("the 5 seconds were over while trying a directed search for a ...", "a law is missing"),
        (
            "the 5 seconds were over while trying a directed search; before that: select_n: "
            "arithmetic with an infinite value",
            "undefined values",
        ),
        ("lu: no numeric rule for matrix", "a primitive without a rule"),
        ("verify itself failed in program.py:1: KeyError", "crash"),
        ("the programs differ as terms in 3 elements of output 0", "a law is missing"),
    ],
)
def test_a_reason_has_a_cause(detail, cause):
    assert report.cause(answer(True, "unknown", detail)) == cause


def test_a_group_names_its_pairs():
    group = Group("a group", ("optax",))
    f = {"f": lambda x: x}
    group.add("a", f["f"], equal={"one": f["f"], "two": f["f"]}, near=f["f"], on=[real()])
    assert [one.name for one in group.pairs] == ["a: one", "a: two", "a: near miss"]
    assert [one.equal for one in group.pairs] == [True, True, False]

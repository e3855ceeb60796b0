"""The portfolio: its table, what open answers add up to, and the trace of a verdict."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.interpretation.proof import MODES, Difference
from verify.provers import portfolio
from verify.provers.outcome import Keeps, Known, Open, Proof
from verify.provers.prover import Prover
from verify.provers.trace import Trace
from verify.verdict import Tried

X = jax.ShapeDtypeStruct((3,), jnp.float32)


def difference(*elements, wrapping=False):
    return Difference({0: np.array(elements)}, MODES[0], wrapping)


def test_every_row_has_a_name_of_its_own_and_a_theory():
    names = [row.name for row in portfolio.PORTFOLIO]
    assert len(set(names)) == len(names)
    assert all(row.theory for row in portfolio.PORTFOLIO)
    assert all(row.work > 0 for row in portfolio.PORTFOLIO)


@pytest.mark.parametrize(
    ("keeps", "reason", "elements"),
    [
        (Keeps.ALL, "second", [2]),
        (Keeps.DIFFERENCE, "first", [2]),
        (Keeps.FIRST, "first", [1]),
        (Keeps.NOTHING, "first", [1]),
    ],
)
def test_what_later_provers_start_from(keeps, reason, elements):
    known = Known().after(Open("first", difference(1)), Keeps.ALL)
    known = known.after(Open("second", difference(2, wrapping=True), too_large=True), keeps)
    assert known.reason == reason
    assert known.difference.elements[0].tolist() == elements
    assert known.wrapping
    assert known.too_large
    assert not known.refused


def test_where_nothing_is_known_yet_a_failure_is_kept():
    for keeps in (Keeps.ALL, Keeps.DIFFERENCE, Keeps.FIRST):
        known = Known().after(Open("why", difference(1)), keeps)
        assert known.reason == "why"
        assert known.difference is not None


@pytest.mark.unrecorded("a prover that is wrong on purpose")
@pytest.mark.parametrize(
    ("f", "g", "status"),
    [
        (lambda x: x * x, lambda x: x * x + (x > 77.5), "refuted"),
        (lambda x: jnp.log(-jnp.exp(x)), lambda x: x / (x - x), "unknown"),  # values nowhere
    ],
)
def test_no_row_says_proved_alone(monkeypatch, f, g, status):
    """Whatever a prover answers, a search and the rest come before the verdict."""
    wrong = Prover("a wrong one", "none", lambda question, work: Proof("magic", partial=True))
    monkeypatch.setattr(portfolio, "PORTFOLIO", (wrong,))
    assert verify.equivalent(f, g, X).status == status


def test_the_trace_says_who_tried_what():
    verdict = verify.equivalent(lambda x: 0.1 * x + x, lambda x: x + x / 10, X, seconds=60)
    assert verdict
    ended = {step.prover: step.ended for step in verdict.trace}
    assert ended["a few inputs"] == "nothing found"
    assert ended["a proof by random interpretation"] == "proved"  # of the question within
    assert ended["a proof, constants read, at first"] == "proved"
    assert ended["whether the proof counts"] == "proved"
    assert max(step.depth for step in verdict.trace) == 1
    assert all(step.seconds >= 0 and step.work >= 0 for step in verdict.trace)
    assert pickle.loads(pickle.dumps(verdict)).trace == verdict.trace
    assert "Tried" not in repr(verdict)


def test_the_trace_says_in_a_few_words_what_is_open():
    verdict = verify.equivalent(
        lambda x: jnp.cbrt(x) * jnp.cbrt(x + 1), lambda x: jnp.cbrt(x * (x + 1)), X, seconds=5
    )
    ended = {step.prover: step.ended for step in verdict.trace}
    text = "open, 3 elements of output 0 not identical"
    assert ended["a proof by random interpretation"] == text


@pytest.mark.unrecorded("a prover that is endless on purpose")
def test_the_end_of_the_seconds_is_in_the_trace(monkeypatch):
    def endless(question, work):
        while True:
            verify.equivalence.budget.check(1e12)

    monkeypatch.setattr(portfolio, "PORTFOLIO", (Prover("an endless one", "none", endless),))
    verdict = verify.equivalent(lambda x: x + 1, lambda x: 2 + x - 1, X, seconds=1)
    assert verdict.status == "unknown"
    assert "while trying an endless one" in verdict.reason
    assert [step.prover for step in verdict.trace] == ["an endless one"]
    assert verdict.trace[0].ended.startswith("ended: the ")


def test_verbose_prints_each_step_as_it_ends(capsys):
    verdict = verify.equivalent(lambda x: x + x, lambda x: 2 * x, X, verbose=True)
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.splitlines() == [str(step) for step in verdict.trace]
    verify.equivalent(lambda x: x + x, lambda x: 2 * x, X)
    assert not capsys.readouterr().err


def test_a_question_within_is_shown_as_one():
    shown = []
    trace = Trace(shown.append)
    with trace.step("outer", "none"), trace.within().step("inner", "none") as inner:
        inner.ended = "proved"
    assert [(step.prover, step.depth) for step in shown] == [("inner", 1), ("outer", 0)]
    assert trace.steps == shown
    assert str(Tried("p", "t", 1.5, 0.0, "open", 1)) == "   1.50 s    p: open"

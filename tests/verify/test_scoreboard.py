"""Random pairs of known truth: every equal pair is proved, every mutant refuted.

The few that are not are named in `OPEN`, with the reason. `make test` asks three pairs of each law
(one of a whole network), always the same; `make test-all` thirty; `python -m benchmarks.scoreboard`
thousands, with a table.
What else is said of them, above all what a proof assumes, is in the record (`tests/recorded.py`).
"""

import jax.numpy as jnp
import pytest

import verify
from tests import recorded
from tests.verify.pairs.choices import CHOICES
from tests.verify.pairs.law import LAWS, f32
from tests.verify.pairs.scoreboard import answer_pair
from verify import Verdict, equivalence, smt
from verify.provers import portfolio

SEED, ROUNDS, NETWORK_ROUNDS, ALL_ROUNDS = 2026, 3, 1, 30

# What the verifier does not decide: "law", or "law (mutant)" -> why.
OPEN: dict[str, str] = {}


def answers(position, rounds, **options):
    found = []
    for turn in rounds:
        found += answer_pair((SEED, position + turn * len(LAWS)), **options)
    return found


def complaints(answers):
    """What is neither as it must be nor excused."""
    found = []
    for a in answers:
        right = a.status == ("refuted" if a.mutant else "proved")
        kind = LAWS[a.number % len(LAWS)].name + (" (mutant)" if a.mutant else "")
        if not right and not (a.missed and kind in OPEN):
            found.append(f"{a.name} is {a.status}: {a.detail}")
    return found


def few(position):
    return NETWORK_ROUNDS if LAWS[position].family.startswith("network") else ROUNDS


def the_law(name):
    return next(i for i, law in enumerate(LAWS) if law.name == name)


@pytest.mark.parametrize("position", range(len(LAWS)), ids=[law.name for law in LAWS])
def test_law_and_its_mutants(position):
    found = answers(position, range(few(position)))
    assert sum(a.mutant for a in found) >= 1  # by chance a mutation may change nothing
    assert not complaints(found), "\n".join(complaints(found))


@pytest.mark.full
@pytest.mark.unrecorded("so many verdicts; benchmarks/results/scoreboard.json has the totals")
@pytest.mark.parametrize("position", range(len(LAWS)), ids=[law.name for law in LAWS])
def test_law_and_many_mutants(position):
    found = answers(position, range(few(position), ALL_ROUNDS))
    assert not complaints(found), "\n".join(complaints(found))


def test_what_is_open_is_a_law():
    laws = {law.name for law in LAWS}
    assert {kind.removesuffix(" (mutant)") for kind in OPEN} <= laws
    assert all(OPEN.values())


@pytest.fixture
def without_solver(monkeypatch):
    """A prover without the optional package z3."""
    monkeypatch.setattr(smt, "available", lambda: False)


def ask_choice(name, seconds=60):
    f, g, bug = CHOICES[name]
    return [verify.equivalent(f, h, f32(3), f32(3), seconds=seconds).status for h in (g, bug)]


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_decided_without_a_solver(name, without_solver):
    assert ask_choice(name) == ["proved", "refuted"]


# -- Tests that can fail: a prover that has lost its power is noticed ------------------------------

broken = pytest.mark.unrecorded("what a broken prover says is of no interest")


def without(names, monkeypatch):
    """A portfolio without the provers that have one of these in their names."""
    rows = portfolio.PORTFOLIO
    left = tuple(row for row in rows if not any(name in row.name for name in names))
    assert len(left) < len(rows)
    monkeypatch.setattr(portfolio, "PORTFOLIO", left)


def always(status):
    return lambda *_, **__: Verdict(status, reason="it always says so")


@broken
@pytest.mark.parametrize("status", ["unknown", "proved", "refuted"])
def test_a_prover_that_always_says_the_same_is_noticed_by_every_law(status, monkeypatch):
    monkeypatch.setattr(verify, "equivalent", always(status))
    for position, law in enumerate(LAWS):
        assert complaints(answers(position, range(few(position)))), law.name


@broken
@pytest.mark.parametrize(
    ("names", "law"),
    [
        (("by cases", "value by value"), "pooling_gradient"),
        (("inputs", "search"), "binomial"),
        (("a proof",), "distributive"),
    ],
)
def test_a_portfolio_without_its_provers_is_noticed(names, law, monkeypatch):
    without(names, monkeypatch)
    assert complaints(answers(the_law(law), range(1), seconds=1))


@broken
@pytest.mark.parametrize("name", CHOICES)
def test_a_prover_without_sign_patterns_is_noticed(name, without_solver, monkeypatch):
    without(("of all branches",), monkeypatch)
    assert ask_choice(name, seconds=1) != ["proved", "refuted"]


def test_a_prover_that_assumes_more_is_noticed(monkeypatch):
    """Nothing that a test asserts, but the record."""

    def asked():
        with recorded.listening("a test") as listener:
            verify.equivalent(lambda x: 2 * x, lambda x: x + x, f32(3))
            verify.equivalent(jnp.abs, lambda x: jnp.maximum(x, -x), f32(3))
        return listener.verdicts

    def cautious(comparison, *rest):
        found = settle(comparison, *rest)
        return found.changed(assumptions=("no ties",)) if found else found

    before, settle = asked(), equivalence.settle
    monkeypatch.setattr(equivalence, "settle", cautious)
    assert recorded.complaint(before, asked()).count("WORSE") == 2

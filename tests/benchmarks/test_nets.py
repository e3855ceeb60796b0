"""What stops a false proof when a rule is wrong: each net alone, and both."""

import functools
import itertools
import json

import jax.numpy as jnp
import pytest

from benchmarks.mutants import nets
from benchmarks.mutants.coverage import Question
from tests.verify.pairs.law import Case, f32
from verify.primitives import RULES

pytestmark = pytest.mark.unrecorded("what a verifier with a fault says is of no interest")

REVERSED = Case(jnp.flip, jnp.flip, lambda x: x, (f32(3),))
QUESTION = Question("a reversal lost", functools.partial(nets._status, REVERSED))


@pytest.mark.parametrize("name", nets.NETS)
def test_a_rule_that_forgets_to_reverse(name, monkeypatch):
    with nets.with_nets(nets.NETS[name]):
        assert QUESTION.ask() != "proved"  # by the right rule
        monkeypatch.setitem(RULES, "rev", lambda ctx, x, **_: x)
        # The search evaluates both programs by the same wrong rule.
        assert (QUESTION.ask() == "proved") == (name in ("neither", "the search"))
    monkeypatch.undo()
    assert QUESTION.ask() == "refuted"  # the nets are back


def test_a_pair_that_is_proved_without_a_fault_is_no_question():
    same = Case(jnp.flip, jnp.flip, jnp.flip, (f32(3),))
    with pytest.raises(AssertionError, match="proved without a fault"):
        nets.watched([Question("no bug", functools.partial(nets._status, same))], "/")


def test_the_pairs_differ():
    found = list(itertools.islice(nets.pairs(seed=0, rounds=1), 3))
    assert [question.ask() for question in found] == ["refuted"] * 3


def test_the_table_counts_faults_that_do_harm(tmp_path):
    rows = [
        {"neither": ["p", "q"], "the self-check": [], "the search": ["p"], "both": []},
        {"neither": [], "the self-check": [], "the search": [], "both": []},
    ]
    path = tmp_path / "nets.jsonl"
    path.write_text(
        "".join(
            json.dumps({"mutant": f"m{i}", "file": "a.py", "asked": 2, "proved": row}) + "\n"
            for i, row in enumerate(rows)
        )
        + '{"mutant": "cut'
    )
    text = nets.table(list(nets.read(path).values()))
    assert text.startswith("2 faults, 1 of which give false proofs without nets, of 2 pairs.")
    assert "| the self-check | 1 | 2 |" in text
    assert "| the search | 0 | 1 |" in text
    assert "Stopped by none (0)" in text

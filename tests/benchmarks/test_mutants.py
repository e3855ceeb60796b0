"""Mutation testing: faults are put into living functions, noticed, and taken out again."""

import ast
import time
import warnings
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest

from benchmarks.mutants import report
from benchmarks.mutants.coverage import PASSED, Asked, Hangs, Question, asked, limited, load, save
from benchmarks.mutants.operators import mutants
from benchmarks.mutants.swap import ROOT, applied, functions_of
from benchmarks.mutants.trial import Noticed, outcome
from verify.dtypes import contains

FILE = "verify/dtypes.py"
SOURCE = (ROOT / FILE).read_text()
FAULTS = [m for m in mutants(FILE, SOURCE) if "low <= least" in m.what]


def narrow_in_wide():
    sound = contains(np.int32, np.int8) and not contains(np.int8, np.int32)
    sound = sound and not contains(np.uint8, np.int8) and not contains(np.int8, np.uint8)
    return PASSED if sound and contains(np.int8, np.int8) else "failed"


def test_every_operator_makes_another_program():
    found = mutants(FILE, SOURCE)
    assert len(found) > 5
    for mutant in found:
        assert ast.dump(mutant.tree()) != ast.dump(ast.parse(SOURCE)), str(mutant)


def test_what_is_raised_and_documented_stays():
    text = 'def f(x):\n    """1 + 1"""\n    raise ValueError(x + 1)\n'
    assert mutants("m.py", text) == []


@pytest.mark.parametrize("mutant", FAULTS, ids=str)
def test_a_fault_is_noticed_and_taken_out_again(mutant):
    question = asked(Question("a narrow integer in a wide one", narrow_in_wide), str(ROOT))
    assert question.answer == PASSED
    found = outcome(mutant, functions_of(ROOT / "verify"), [question], most=5.0)
    assert found.noticed.startswith("a narrow integer in a wide one")
    assert narrow_in_wide() == PASSED


def test_what_noticed_a_fault_is_asked_first_about_the_next_one():
    quick, slow = (
        Asked(Question(n, narrow_in_wide), PASSED, t, frozenset())
        for n, t in [("quick", 1), ("slow", 2)]
    )
    noticed, here, file = Noticed(), ("a.py", "f"), ("a.py", "")
    assert noticed.ordered([slow, quick], [here, file]) == [quick, slow]
    noticed.add(slow, [here, file])
    assert noticed.ordered([quick, slow], [here, file]) == [slow, quick]
    assert noticed.ordered([quick, slow], [("a.py", "g"), file]) == [slow, quick]
    assert noticed.ordered([slow, quick], [("b.py", "f"), ("b.py", "")]) == [quick, slow]


def endless(wait):
    with limited(0.01):
        while True:
            time.sleep(wait)


@pytest.mark.parametrize("wait", [0.0, 1.0], ids=["computes", "waits"])
def test_what_takes_too_long_is_ended(wait):
    with pytest.raises(Hangs):
        endless(wait)


def test_a_question_that_takes_too_long_is_not_one_to_ask():
    def endless():
        while True:
            pass

    assert asked(Question("endless", endless), str(ROOT), longest=0.1).answer == "no answer"


def test_what_the_sound_verifier_took_is_kept_for_other_processes(tmp_path):
    question = Question("a narrow integer in a wide one", narrow_in_wide)
    known = asked(question, str(ROOT))
    save(tmp_path / "sound.json", [known])
    assert load(tmp_path / "sound.json", [question]) == [known]
    assert load(tmp_path / "sound.json", []) == []


def test_only_the_function_with_the_fault_changes():
    with applied(FAULTS[0], functions_of(ROOT / "verify"), ast.parse(SOURCE)) as changed:
        assert [name for _, name, _ in changed] == ["contains"]


class _StandsIn:
    """Something like a library's deprecated name: whoever asks what it is gets a warning."""

    @property
    def __class__(self):
        warnings.warn("deprecated", FutureWarning, stacklevel=1)
        return type(narrow_in_wide)


def test_objects_that_stand_in_for_others_are_not_asked():
    stands_in = _StandsIn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = functions_of(ROOT / "verify")
        with applied(FAULTS[0], found, ast.parse(SOURCE)):
            pass
    assert type(stands_in) is _StandsIn
    assert all(type(f) is FunctionType for each in found.values() for f in each)


def test_a_line_that_was_cut_is_left_out(tmp_path: Path):
    path = tmp_path / "mutants.jsonl"
    line = '{"mutant": "a.py:1: x", "file": "a.py", "noticed": "", "asked": 2, "applied": true}\n'
    path.write_text(line + line[:30])
    assert list(report.read(path)) == ["a.py:1: x"]
    assert "| all | 1 | 0 | 0.0 % |" in report.table(list(report.read(path).values()))

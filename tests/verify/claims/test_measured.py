"""Results of experiments are loaded as they are, or the file that is broken is named."""

import json

import pytest

from verify.claims.measured import ROOT, results

GOOD = {
    "headline": "Rising widths win",
    "found": "A paragraph.",
    "supported": True,
    "columns": ["widths", "accuracy"],
    "figures": [["32-64-128", "97.1 %"], ["64-64-64", "96.0 %"]],
    "picture": "experiments/results/claims/wider-deeper.png",
    "command": "python -m experiments.claims.wider_deeper",
}


def load(folder, record):
    text = record if isinstance(record, str) else json.dumps(record)
    (folder / "one.json").write_text(text)
    return results("one", folder)()


def test_a_file_of_results(tmp_path):
    measured = load(tmp_path, GOOD)
    assert measured.headline == "Rising widths win"
    assert measured.figures == (("32-64-128", "97.1 %"), ("64-64-64", "96.0 %"))
    assert measured.picture == str(ROOT / GOOD["picture"])


@pytest.mark.parametrize("supported", [False, None])
def test_results_may_contradict_the_note(tmp_path, supported):
    assert load(tmp_path, GOOD | {"supported": supported}).supported is supported


def test_no_file_is_not_measured(tmp_path):
    assert results("none", tmp_path)() is None


BROKEN = {
    "no JSON": "{",
    "not a record": "[]",
    "nothing in it": {},
    "figures that do not fit": GOOD | {"figures": [["32-64-128"]]},
    "numbers": GOOD | {"figures": [["32-64-128", 97.1]]},
    "neither yes nor no": GOOD | {"supported": "yes"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=r"one\.json: not the results"):
        load(tmp_path, BROKEN[name])

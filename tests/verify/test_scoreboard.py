"""Random pairs of known truth: no mutant is ever proved, no equal pair refuted.

`make test` runs some two hundred pairs a worker; `pytest --pairs N` runs more, and
`python -m benchmarks.scoreboard` thousands, with a table.
"""

import pytest

from tests.verify.pairs.law import LAWS
from tests.verify.pairs.scoreboard import answer_pair


@pytest.mark.parametrize("position", range(len(LAWS)), ids=[law.name for law in LAWS])
def test_law_and_its_mutants(position, request):
    rounds = request.config.getoption("--pairs") // (2 * len(LAWS))
    answers = []
    for turn in range(max(rounds, 1)):
        answers += answer_pair((2026, position + turn * len(LAWS)))
    wrong = [f"{a.name}: {a.detail}" for a in answers if a.wrong]
    assert not wrong, "\n".join(wrong)
    settled = sum(not a.missed for a in answers)
    assert settled >= len(answers) / 2, [f"{a.name}: {a.detail}" for a in answers if a.missed]

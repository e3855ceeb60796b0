"""The certificates of a report of pytest, as they are checked: a line each, and how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from verify.cli.tasks import Answer


@dataclass(frozen=True)
class Checked:
    """One entry of a report, and what came of it."""

    test: str
    claim: str
    answer: Answer

    @property
    def outcome(self) -> str:
        """What is said first: confirmed, not confirmed, or not checked."""
        if self.answer.error:
            return "not checked"
        return "confirmed" if self.answer.text.startswith("CONFIRMED") else "not confirmed"

    @property
    def line(self) -> str:
        """All of it in one line, whatever letters the file has.

        >>> print(Checked("test_a.py::test_b", "f = g", Answer(error="no function")).line)
        not checked: test_a.py::test_b: f = g: no function
        """
        said = self.answer.error or self.answer.text.partition("\n")[0].partition(": ")[2]
        text = f"{self.outcome}: {self.test}: {self.claim}: {said}"
        return "".join(letter if letter.isprintable() else " " for letter in text)


def counts(checked: Sequence[Checked]) -> str:
    """How many of each, in words."""
    found = Counter(one.outcome for one in checked)
    return ", ".join(f"{n} {outcome}" for outcome, n in found.items())

"""The tests of the verifier as questions: pytest collects them, and the mutants' loop runs them.

pytest's own loop is replaced (`pytest_runtestloop`), so that collecting, fixtures and parametrised
cases are pytest's, while all mutants are tried in one process, which imports JAX once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from benchmarks.mutants.coverage import PASSED, Question

# Left out: what starts processes or compiles programs for its own sake, and what asks nothing of
# rules, domains and laws.
LEFT_OUT = ("report", "command", "certificate", "plugin", "claims", "rounding", "child", "faithful")


def run(work: Callable[[list[Question]], None], paths: list[str]) -> int:
    """Collects the tests in `paths` and calls `work` with them as questions."""
    plugin = _Loop(work)
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow and not full"]
    return int(pytest.main([*options, *paths], plugins=[plugin]))


class _Loop:
    def __init__(self, work: Callable[[list[Question]], None]) -> None:
        self.work = work

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        items = [i for i in session.items if not any(word in i.nodeid for word in LEFT_OUT)]
        items = [i for i in items if not isinstance(i, pytest.DoctestItem)]
        self.work([Question(i.nodeid, _asking(i)) for i in items])
        return True


def _asking(item: Any) -> Callable[[], str]:
    def ask() -> str:
        if hasattr(item, "_request"):
            item._initrequest()  # a test function is set up once by pytest; here it runs again
        reports = runtestprotocol(item, log=False, nextitem=None)
        failed = [r for r in reports if r.failed]
        if not failed:
            return PASSED
        crash = getattr(failed[0].longrepr, "reprcrash", None)
        return f"failed: {getattr(crash, 'message', '')[:200]}"

    return ask

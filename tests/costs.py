"""What each test costs, and which tests, and rows of a table, are left to `make test-all`.

`costs.json` has processor seconds by test, those below a tenth left out; `make costs` measures them
anew. Of a test with many rows the cheapest stay in `make test` as long as they cost little
together (at least one of them); the others are marked `full`, as those that a test's writer has
marked (`selection.py`), and so are tests without rows that cost much. What is marked `always` stays
whatever it costs.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("costs.json")
# Processor seconds in `make test`: of a test's rows; of one without rows; of the only row.
MOST, MOST_ALONE, MOST_FIRST = 0.3, 2.0, 9.0
_NAME = "processor seconds"
_LEAST = 0.1


def left_out(names: Iterable[str], costs: Mapping[str, float], most: float = MOST) -> set[str]:
    """What is for `make test-all`; the cheapest row of a test stays unless it costs very much.

    >>> costs = {"t.py::a[1]": 2.0, "t.py::a[2]": 0.5, "t.py::a[3]": 0.9, "t.py::b": 100.0}
    >>> sorted(left_out(costs, costs, most=1.5))
    ['t.py::a[1]', 't.py::b']
    """
    tables: dict[str, list[str]] = {}
    found = set()
    for name in names:
        test, bracket, _ = name.partition("[")
        if bracket:
            tables.setdefault(test, []).append(name)
        elif costs.get(name, 0.0) > MOST_ALONE:
            found.add(name)
    for rows in tables.values():
        spent = 0.0
        for place, row in enumerate(sorted(rows, key=lambda row: (costs.get(row, 0.0), row))):
            spent += costs.get(row, 0.0)
            if spent > (most if place else MOST_FIRST):
                found.add(row)
    return found


def read() -> dict[str, float]:
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {}


class Costs:
    """Marks rows by their costs; with --measure-costs, measures them."""

    def __init__(self, measure: bool) -> None:
        self.measure, self.start, self.found = measure, 0.0, dict[str, float]()

    @pytest.hookimpl(tryfirst=True)  # before pytest deselects what is marked
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        asked = (item for item in items if item.get_closest_marker("always") is None)
        beyond = left_out((item.nodeid for item in asked), read())
        for item in items:
            if item.nodeid in beyond:
                item.add_marker(pytest.mark.full)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self):
        self.start = _used()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        if call.when == "teardown" and self.measure:
            item.user_properties.append((_NAME, _used() - self.start))
        return (yield)

    def pytest_runtest_logreport(self, report) -> None:
        if report.when == "teardown":
            self.found.update((report.nodeid, v) for k, v in report.user_properties if k == _NAME)

    def pytest_sessionfinish(self, session) -> None:
        if not self.measure or hasattr(session.config, "workerinput"):
            return
        known = {**read(), **self.found}
        kept = {name: round(cost, 1) for name, cost in sorted(known.items()) if cost >= _LEAST}
        FILE.write_text(json.dumps(kept, indent=0, ensure_ascii=False) + "\n")


def _used() -> float:
    every = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, every))

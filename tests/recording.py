"""The pytest side of the record of verdicts (`recorded.py`): listens, compares, renews.

Set up by `conftest.py`. Workers of xdist compare, each for its own tests; what they heard travels
with their reports, and the process that the user started writes it down.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import jax
import pytest

from tests import recorded

_PROPERTY = "verdicts"
UNRECORDED = "unrecorded"
# To be recorded next: until then nothing is compared there.
_NOT_YET = ("tests/cnnjax/tiling/", "tests/cnnjax/train/")
_JAX = "0.10."  # with which the record is made: another JAX traces other programs


def options(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-record",
        action="store_true",
        help="write the verdicts of the tests that run to tests/verdicts, instead of comparing",
    )


def install() -> None:
    """Before a test module imports the two questions."""
    import verify

    for name, module in (("equivalent", "equivalence"), ("derivatives", "checks.derivatives")):
        asked = recorded.heard(getattr(verify, name))
        setattr(verify, name, asked)
        for place in (module, "assertions"):
            setattr(importlib.import_module(f"verify.{place}"), name, asked)


class Recording:
    """The hooks."""

    def __init__(self, config: pytest.Config, solver: bool) -> None:
        self.renew = config.getoption("--renew-record")
        same = solver and jax.__version__.startswith(_JAX)  # without a solver less is proved
        self.compares = same and not self.renew
        self.worker = getattr(config, "workerinput", {}).get("workerid")
        self.named = {arg.split("::")[0] for arg in config.args if "::" in arg}
        self.gone: list[str] = []  # recorded tests that do not exist
        self.heard: dict[str, dict[str, Any]] = defaultdict(dict)  # file -> test -> verdicts

    @pytest.hookimpl(tryfirst=True)  # before tests are deselected
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        there: dict[str, set[str]] = defaultdict(set)
        for item in items:
            file, _, name = item.nodeid.partition("::")
            there[file].add(name)
        for file in there.keys() - self.named:
            if not file.startswith("tests/"):
                continue
            path = recorded.path_of(file)
            record = recorded.read(path)
            gone = record.keys() - there[file]
            if gone and self.renew and self.worker in (None, "gw0"):
                kept = {name: record[name] for name in record if name not in gone}
                recorded.write(path, kept)
            self.gone += [f"{file}::{name}" for name in sorted(gone)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        if not item.nodeid.startswith("tests/") or item.get_closest_marker(UNRECORDED):
            return (yield)
        with recorded.listening(item.nodeid) as listener:
            result = yield  # raises what the test raises
        file, _, name = item.nodeid.partition("::")
        if self.compares and not file.startswith(_NOT_YET):
            known = recorded.read(recorded.path_of(file)).get(name)
            text = recorded.complaint(known, listener.verdicts)
            if text:
                pytest.fail(f"{name} does not answer as recorded\n{text} {file}", pytrace=False)
        elif self.renew:
            item.user_properties.append((_PROPERTY, listener.verdicts))
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.renew and self.worker is None and report.when == "call" and report.passed:
            file, _, name = report.nodeid.partition("::")
            for key, verdicts in report.user_properties:
                if key == _PROPERTY:
                    self.heard[file][name] = verdicts

    def pytest_sessionfinish(self) -> None:
        for file, tests in self.heard.items():
            path = recorded.path_of(file)
            record = {**recorded.read(path), **tests}
            recorded.write(path, {name: verdicts for name, verdicts in record.items() if verdicts})

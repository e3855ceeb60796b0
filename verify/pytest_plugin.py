"""The pytest plugin: a line for each proof in the summary, and `--verify-report=FILE.json`.

It is loaded by pytest wherever this package is installed, and imports JAX only if a test does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

_LINES = "verify_proofs"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("verify").addoption(
        "--verify-report",
        metavar="FILE.json",
        help="write the certificates of all proofs and refutations of this run to a file",
    )


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--verify-report")
    if path:
        from verify.cli.files import writable

        try:
            writable(path, "--verify-report")
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Collects the verdicts of `assert_equivalent` calls made by one test."""
    lines: list[dict[str, Any]] = []

    def listen(claim: str, verdict: Any, wrong: str) -> None:
        lines.append(
            {
                "test": item.nodeid,
                "line": _line(claim, verdict, wrong),
                "certificate": json.loads(verdict.to_json()),
            }
        )

    _listening.append(listen)
    try:
        yield
    finally:
        _listening.remove(listen)
        if lines:
            item.user_properties.append((_LINES, lines))


_listening: list[Any] = []


def notify(claim: str, verdict: Any, examples: Any, wrong: str = "") -> None:
    """Called by the assertions (`assertions.py`); does nothing outside a test. `wrong`: what is
    not as it was asked for though the claim is proved."""
    for listener in _listening:
        listener(claim, verdict, wrong)


def _line(claim: str, verdict: Any, wrong: str) -> str:
    detail = verdict.error_text if verdict.status == "proved" else verdict.method or verdict.reason
    wrong = wrong and f", but {wrong.partition(': ')[0].lower()}"
    return f"{verdict.status}: {claim}{wrong} ({detail}, {verdict.seconds:.2f} s)"


def _collected(terminalreporter: Any) -> list[dict[str, Any]]:
    # User properties travel with the test report, from xdist workers as well.
    found: list[dict[str, Any]] = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, lines in getattr(report, "user_properties", ()):
                if name == _LINES:
                    found += lines
    return found


def pytest_terminal_summary(terminalreporter: Any) -> None:
    found = _collected(terminalreporter)
    path = terminalreporter.config.getoption("--verify-report")
    if path:
        from verify.cli.files import write

        rows = [{k: v for k, v in row.items() if k != "line"} for row in found]
        try:
            write(path, json.dumps(rows), "--verify-report")
        except ValueError as error:  # pytest still has its own summary to give
            terminalreporter.write_line(f"ERROR: {error}", red=True)
    if found:
        terminalreporter.section("proofs")
        for row in found:
            terminalreporter.write_line(row["line"])

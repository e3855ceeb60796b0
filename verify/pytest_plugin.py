"""The pytest plugin: a line for each proof in the summary, and `--verify-report=FILE.json`.

It hears what the assertions (`assertions.py`) were answered. A test that asks the same of many
examples (parametrised by hypothesis, say) has one line, with their number. What was asked of
rounding, and what is assumed, is at its end. With -q there are only the numbers, and the lines of
what is not proved. Nothing is added to junit's file.

In pytest.ini, or `[tool.pytest.ini_options]` of pyproject.toml:

    verify_seconds = 20     what each assertion may take, unless it says so itself
    verify_seed = 0         the seed of all assertions: every run draws the same
"""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Generator

import pytest

from verify.dtypes import PyTree
from verify.found import Record
from verify.verdict import Verdict

_PROOFS = "verify_proofs"  # of a test's report; travels from xdist's workers as well
_COLOURS = {"proved": "green", "refuted": "red", "unknown": "yellow"}
_APART = "not within rounding"  # equal over the reals
_COUNTED = ("proved", _APART, "refuted", "unknown")
_SHOWN = 4  # arrays of the examples
_LONGEST = 160  # characters of a reason
_ASSUMED = 3  # sentences of what is assumed
_SENTENCE = 60  # characters of one
_PLACE = re.compile(r" at \S+\.py:\d+( \([^()]*\))?")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("verify").addoption(
        "--verify-report",
        metavar="FILE.json",
        help="write the certificates of all proofs and refutations of this run to a file",
    )
    parser.addini("verify_seconds", "seconds of each verify.assert_...; 60 if it is not given")
    parser.addini("verify_seed", "seed of each verify.assert_...; fresh ones if it is not given")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--verify-report")
    if path:
        from verify.cli.files import writable

        try:
            writable(path, "--verify-report")
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(Proofs(path, _options(config)), "verify-proofs")


def pytest_unconfigure(config: pytest.Config) -> None:
    plugin = config.pluginmanager.get_plugin("verify-proofs")
    if plugin is not None:
        config.pluginmanager.unregister(plugin)


def _options(config: pytest.Config) -> Record:
    """The ini options that are given."""
    found: Record = {}
    for name, kind, words in (("seconds", float, "above 0"), ("seed", int, "from 0 on, whole")):
        text = config.getini(f"verify_{name}")
        if not text:
            continue
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not (number > 0 or (number == 0 and name == "seed")):
            raise pytest.UsageError(f"verify_{name}: expected a number {words}, got {text!r}")
        found[name] = number
    return found


class Proofs:
    """The hooks of one run."""

    def __init__(self, path: str | None, options: Record) -> None:
        self.path, self.options = path, options
        self.heard: list[Record] = []  # by the test that is running
        self.rows: list[Record] = []  # of all tests

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        self.heard = []
        _listening.append(self)
        try:
            return (yield)
        finally:
            _listening.remove(self)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call" and self.heard:
            setattr(report, _PROOFS, [{"test": item.nodeid, **row} for row in self.heard])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.rows += getattr(report, _PROOFS, ())

    def hear(
        self, claim: str, verdict: Verdict, examples: PyTree, wrong: str, tolerance: float | None
    ) -> None:
        measured = verdict.measured
        row = {
            "status": verdict.status,
            "claim": claim,
            "shapes": _shapes(examples),
            "scope": verdict.scope,
            "detail": textwrap.shorten(
                verdict.error_text or verdict.method or verdict.reason, _LONGEST
            ),
            "error": verdict.error_probability,
            "wrong": wrong.partition(": ")[0].lower(),
            "asked": "" if tolerance is None else f"within rounding={tolerance:g}",
            "bound": None if measured is None else measured.bound,
            "assumed": list(verdict.assumptions),
            "seconds": verdict.seconds,
        }
        if self.path:
            row["certificate"] = json.loads(verdict.to_json())
        self.heard.append(row)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.path:
            from verify.cli.files import write

            kept = ("test", "claim", "certificate")
            rows = [{name: row[name] for name in kept} for row in self.rows]
            try:
                write(self.path, json.dumps(rows), "--verify-report")
            except ValueError as error:  # pytest still has its own summary to give
                terminalreporter.write_line(f"ERROR: {error}", red=True)
        if not self.rows:
            return
        terminalreporter.section("proofs")
        quiet = terminalreporter.verbosity < 0
        for group in _groups(self.rows):
            if not quiet or not _good(group[0]):
                colour = _COLOURS[group[0]["status"] if _good(group[0]) else "refuted"]
                terminalreporter.write_line(line(group), **{colour: True})
        if quiet:
            counts = Counter(_APART if row["wrong"] else row["status"] for row in self.rows)
            numbers = (f"{counts[status]} {status}" for status in _COUNTED if counts[status])
            terminalreporter.write_line(", ".join(numbers))


_listening: list[Proofs] = []


def notify(
    claim: str, verdict: Verdict, examples: PyTree, wrong: str = "", tolerance: float | None = None
) -> None:
    """Called by the assertions; does nothing outside a test. `tolerance`: what was asked of
    rounding; `wrong`: what is not as it was asked for though the claim is proved."""
    for listener in _listening:
        listener.hear(claim, verdict, examples, wrong, tolerance)


def options() -> Record:
    """What the assertions of the test that is running are given, unless they say so themselves."""
    return dict(_listening[-1].options) if _listening else {}


def _shapes(examples: PyTree) -> str:
    """The examples' arrays in a few words: "f32[3], i32[] weak and 2 more"."""
    import jax

    from verify.dtypes import is_array
    from verify.inputs.signature import format_spec

    leaves = [x for x in jax.tree.leaves(examples) if is_array(x) or not isinstance(x, bool)]
    specs = []
    for leaf in leaves:
        try:
            specs.append(format_spec(leaf))
        except TypeError:  # static
            continue
    more = f" and {len(specs) - _SHOWN} more" if len(specs) > _SHOWN else ""
    return ", ".join(specs[:_SHOWN]) + more


def _good(row: Record) -> bool:
    return row["status"] == "proved" and not row["wrong"]


def _groups(rows: list[Record]) -> list[list[Record]]:
    """Answers of one test about the same claim, in the order of the first."""
    found: dict[tuple[object, ...], list[Record]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("test", "claim", "status", "wrong"))
        found.setdefault(key, []).append(row)
    return list(found.values())


def line(group: list[Record]) -> str:
    """What is said of some answers of one test to the same question.

    >>> row = {"status": "proved", "test": "test_a.py::test_b", "claim": "f = g", "wrong": "",
    ...        "shapes": "f32[3]", "scope": "these shapes", "seconds": 0.5, "error": 2.0**-120,
    ...        "detail": "error probability below 2**-120", "asked": "", "bound": None,
    ...        "assumed": ["no division by zero"]}
    >>> print(line([row]))
    proved test_a.py::test_b: f = g at f32[3], these shapes (error probability below ..., 0.50 s),
    assuming no division by zero
    >>> print(line([row, {**row, "shapes": "f32[4]"}]))
    proved 2 times test_a.py::test_b: f = g at f32[3] and 1 other, these shapes (..., 1.00 s),
    ...
    """
    worst = max(group, key=lambda row: row["error"])
    shapes = list(dict.fromkeys(row["shapes"] for row in group))
    scopes = list(dict.fromkeys(row["scope"] for row in group))
    others = f" and {len(shapes) - 1} other{'s' * (len(shapes) > 2)}" if len(shapes) > 1 else ""
    times = f" {len(group)} times" if len(group) > 1 else ""
    first = group[0]
    at = f" at {first['shapes']}{others}" if first["shapes"] else ""
    scope = f", {scopes[0]}" if len(scopes) == 1 else ""
    asked = f", {first['asked']}" if first["asked"] and _good(first) else ""
    wrong = f", but {first['wrong']}" if first["wrong"] else asked
    bounds = [row["bound"] for row in group if row["bound"] is not None]
    bound = f"certified bound {max(bounds):.3g}, " if bounds else ""
    seconds = sum(row["seconds"] for row in group)
    return (
        f"{first['status']}{times} {first['test']}: {first['claim']}{at}{scope}{wrong} "
        f"({worst['detail']}, {bound}{seconds:.2f} s){_assuming(group)}"
    )


def _assuming(group: list[Record]) -> str:
    """What the proofs rest on, each sentence once, without its line, and shortened."""
    said = list(dict.fromkeys(sentence for row in group for sentence in row["assumed"]))
    if not said:
        return ""
    plain = [_PLACE.sub("", sentence).removeprefix("the constant ") for sentence in said]
    short = [textwrap.shorten(sentence, _SENTENCE, placeholder=" ...") for sentence in plain]
    more = f" and {len(said) - _ASSUMED} more" if len(said) > _ASSUMED else ""
    return f", assuming {', '.join(short[:_ASSUMED])}{more}"

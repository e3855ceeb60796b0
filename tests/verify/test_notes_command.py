"""verify notes: exit statuses, the table, JSON, the page, and what Ctrl-C leaves."""

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from verify import Verdict, claims
from verify.claims import Cell, Claim, Measured, Sweep, Variant
from verify.claims.programs import equal, f32
from verify.cli import main, notes_table

RIGHT = equal("right", "x + x is 2x.", lambda x: x + x, lambda x: 2 * x, f32(2))
REFUTED = equal("refuted", "x is not 2x.", lambda x: x, lambda x: 2 * x, f32(2), expected="refuted")
WRONG = dataclasses.replace(REFUTED, name="wrong", says="x is 2x.", expected="proved")
UNKNOWN = Variant("unknown", "Who knows?", "proved", lambda: Verdict("unknown", reason="no rule"))
SLOW = dataclasses.replace(RIGHT, name="slow", size="full")


def claim(name, *variants, **more):
    korean, english, conclusion = f"{name}라는 말.", f"That {name}.", f"So it is {name}."
    return Claim(name, korean, english, "f(x)", conclusion, variants, **more)


def swept(*statuses, exact):
    def sweep(size, tick):
        tick(len(statuses), len(statuses))
        cells = tuple(Cell((n,), Verdict(status)) for n, status in enumerate(statuses))
        return Sweep(("n",), cells, "Always.", exact)

    return claim("swept", sweep=sweep)


@pytest.fixture
def notes(tmp_path, monkeypatch, capsys):
    """Runs `verify notes` on these claims: (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*some, options=()):
        monkeypatch.setattr(claims, "CLAIMS", some)
        status = main(["notes", *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


GOOD = claim("good", RIGHT, REFUTED)
STATUSES = {
    "all as expected": ([GOOD], 0),
    "one otherwise": ([GOOD, claim("bad", RIGHT, WRONG)], 1),
    "one unknown": ([claim("open", UNKNOWN), GOOD], 2),
    "otherwise counts more than unknown": ([claim("both", UNKNOWN, WRONG)], 1),
    "a rule": ([swept("proved", exact=True)], 0),
    "no rule": ([swept("proved", "refuted", exact=False)], 1),
    "a cell unknown": ([swept("proved", "unknown", exact=False)], 2),
}


@pytest.mark.parametrize("name", STATUSES)
def test_exit_status_is_the_outcome(notes, name):
    some, expected = STATUSES[name]
    status, _, _ = notes(*some, options=["--no-report"])
    assert status == expected


def test_a_log_has_a_line_for_each_variant(notes):
    _, out, _ = notes(GOOD, claim("bad", WRONG), options=["--no-report"])
    lines = [line.split() for line in out.splitlines()]
    assert ["good", "proved", "as", "expected", "right"] in [line[:5] for line in lines]
    assert ["good", "refuted", "as", "expected", "refuted"] in [line[:5] for line in lines]
    assert ["bad", "refuted", "EXPECTED", "proved", "wrong"] in [line[:5] for line in lines]
    assert "3 variants decided, 1 not as expected" in out
    assert "bad, wrong: expected proved\nREFUTED" in out  # with its counterexample


def test_the_page_is_written_and_named(notes, tmp_path):
    _, out, _ = notes(GOOD)
    assert out.splitlines()[-1] == "report: report.html"
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "good라는 말." in page
    assert notes(GOOD, options=["--report", "other.html"])[1].endswith("report: other.html\n")
    assert (tmp_path / "other.html").exists()


def test_only_one_claim_shows_all_about_it(notes):
    _, out, _ = notes(GOOD, claim("bad", WRONG), options=["--only", "good", "--no-report"])
    assert "bad" not in out
    for text in ("good라는 말.", "That good.", "x is not 2x. [refuted]", "left", "So it is good."):
        assert text in out


def test_only_may_be_repeated_and_keeps_the_order(notes):
    some = [claim(name, RIGHT) for name in ("a", "b", "c")]
    _, out, _ = notes(*some, options=["--only", "c", "--only", "a", "--no-report"])
    assert [line[0] for line in out.splitlines()[:2]] == ["a", "c"]


def test_full_variants_only_with_full(notes):
    both = claim("both", RIGHT, SLOW)
    assert "slow" not in notes(both, options=["--no-report"])[1]
    assert "slow" in notes(both, options=["--no-report", "--full"])[1]


def test_json_to_the_standard_output_is_only_json(notes):
    status, out, err = notes(GOOD, options=["--json", "--no-report"])
    record = json.loads(out)
    assert status == 0
    assert "good" in err
    (one,) = record["claims"]
    assert one["id"] == "good"
    assert one["as_expected"] is True
    assert [v["status"] for v in one["variants"]] == ["proved", "refuted"]
    assert [v["certificate"]["status"] for v in one["variants"]] == ["proved", "refuted"]


def test_json_to_a_file(notes, tmp_path):
    _, out, _ = notes(swept("proved", exact=True), options=["--json", "v.json", "--no-report"])
    record = json.loads((tmp_path / "v.json").read_text("utf-8"))
    assert "verdicts: v.json" in out
    assert record["claims"][0]["sweep"] == {
        "rule": "Always.",
        "exact": True,
        "cells": [{"n": 0, "status": "proved"}],
    }


BAD = {
    "unknown claim": (["--only", "nothing"], "--only nothing: no such claim; there are good"),
    "no folder for the page": (["--report", "nowhere/r.html"], "no folder 'nowhere'"),
    "the page is a folder": (["--report", "."], "is a folder"),
    "no folder for JSON": (["--json", "nowhere/v.json", "--no-report"], "no folder 'nowhere'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_usage_is_one_clear_line(notes, name):
    options, message = BAD[name]
    status, out, err = notes(GOOD, options=options)
    assert status == 2
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_broken_results_of_an_experiment_are_known_before_the_proofs(notes):
    def broken():
        raise ValueError("results.json: not the results of an experiment")

    status, out, err = notes(claim("measured", RIGHT, measured=broken))
    assert (status, out) == (2, "")
    assert "results.json" in err


def test_what_is_not_measured_is_said(notes):
    status, out, _ = notes(claim("late", RIGHT, measured=lambda: None), options=["--no-report"])
    assert status == 0
    assert "late: not measured here; run: python -m experiments.claims.late" in out


@pytest.mark.parametrize(
    ("supported", "words"), [(True, "as the note says"), (False, "not as the note"), (None, ":")]
)
def test_what_is_measured_is_said(notes, supported, words):
    found = Measured("Half of them.", "A paragraph.", supported, (), (), "x.png", "run")
    _, out, _ = notes(claim("late", RIGHT, measured=lambda: found), options=["--no-report"])
    (line,) = (line for line in out.splitlines() if line.startswith("late: "))
    assert line.startswith("late: measured")
    assert words in line
    assert line.endswith("Half of them.")


def interrupting():
    raise KeyboardInterrupt


def test_interrupted_shows_what_was_settled(notes, tmp_path):
    late = Variant("late", "?", "proved", interrupting)
    status, out, _ = notes(GOOD, claim("cut", late, RIGHT))
    assert status == 130
    assert "interrupted: 2 of 4 variants decided" in out
    assert not (tmp_path / "report.html").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_table_fills(notes, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    status, _, _ = notes(GOOD, claim("bad", WRONG), options=["--no-report"])
    assert status == 1
    last = terminal.getvalue().rsplit("claim", 1)[1]
    assert "good" in last
    assert "1 not as expected" in last
    assert max(map(len, last.splitlines())) < 200  # colours included


def test_a_row_says_what_runs():
    board = notes_table.Board([GOOD, claim("next", RIGHT)], "small")
    assert board.rows["good"].doing == "1/2 right"
    board.tick(3, 8)
    assert board.current == "good"
    assert (board.count, board.total) == (0, 3)


# Shells start background jobs so that they ignore Ctrl-C, and children inherit that.
HEARS_CTRL_C = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from verify.cli import main; sys.exit(main())"
)


@pytest.mark.slow
def test_ctrl_c_ends_with_130(tmp_path):
    root = Path(__file__).parents[2]
    run = subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C, "notes"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = run.stdout.readline()
    assert first.startswith("kernel-is-mlp")
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130, err
    assert "interrupted: " in out
    assert not (tmp_path / "report.html").exists()

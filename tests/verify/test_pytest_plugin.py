"""assert_equivalent inside pytest: its message, a line for each proof, and the report file."""

import json
import subprocess
import sys

SUITE = """
import jax.numpy as jnp
from verify import assert_equivalent

def test_equal():
    assert_equivalent(lambda x: 2 * x, lambda x: x + x, jnp.zeros(3))

def test_different():
    assert_equivalent(lambda x: x[::-1], lambda x: x, jnp.zeros(3))
"""


def test_lines_report_and_message(tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--verify-report=report.json", "test_suite.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "1 failed, 1 passed" in run.stdout
    assert "proved: <lambda> = <lambda>" in run.stdout
    assert "REFUTED" in run.stdout  # the failure message has the counterexample
    assert "x = [" in run.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["certificate"]["status"] for row in report] == ["refuted", "proved"] or [
        row["certificate"]["status"] for row in report
    ] == ["proved", "refuted"]


def test_a_report_that_cannot_be_written_is_known_before_the_tests(tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py"]
    run = subprocess.run(
        [*command, "--verify-report=nowhere/report.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 4, run.stdout + run.stderr
    assert "--verify-report nowhere/report.json: cannot be written (no folder" in run.stderr

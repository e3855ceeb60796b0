"""The assertions inside pytest: failures, the summary, the report file, junit's file, options."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

SUITE = """
import jax, jax.numpy as jnp, verify
from hypothesis import given, settings, strategies
from verify import assert_derivatives, assert_equivalent, assert_faithful

x = jnp.zeros(3)

def test_equal():
    assert_equivalent(lambda x: 2 * x, lambda x: x + x, x)

def test_different():
    def flipped(x):
        return x[::-1]
    assert_equivalent(flipped, jnp.copy, x)

def test_rounding():
    def by_squares(x):
        return (x * x).mean() - x.mean() ** 2
    assert_equivalent(jnp.var, by_squares, jnp.linspace(100.0, 101.0, 8), rounding=1e-5)

@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(strategies.integers(1, 9))
def test_many(n):
    assert_equivalent(lambda x: x.sum(), lambda x: jnp.ones(n) @ x, jax.ShapeDtypeStruct((n,), "f"))

def test_derivatives():
    assert_derivatives(jax.nn.silu, x)

def test_faithful():
    assert_faithful(jax.nn.silu, {"x": x, "name": "module"}["x"])

def test_assumptions():
    def tenth(x):
        return 0.1 * x / x
    assert_equivalent(tenth, lambda x: x / 10 / x, x)

def test_an_error_of_mine():
    def f(x):
        raise RuntimeError("of mine")
    assert_equivalent(f, f, x)

def test_misuse():
    assert_equivalent(jnp.sin, jnp.sin, "x")

def test_its_own_seed():
    assert_equivalent(jnp.sin, jnp.sin, x, seed=7)
    verify.equivalent(jnp.sin, jnp.cos, x)  # not an assertion
"""
FAILED = ("test_different", "test_rounding", "test_an_error_of_mine", "test_misuse")


def ran(folder, *options):
    (folder / "test_suite.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_suite.py"]
    return subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run with everything: its output, and the folder."""
    folder = tmp_path_factory.mktemp("suite")
    options = ("--verify-report=report.json", "--junitxml=junit.xml", "-o", "verify_seed=3")
    return ran(folder, *options).stdout, folder


def summary(output):
    return output.split(" proofs ")[1].split("short test summary")[0].strip("=\n ").splitlines()


def test_a_failure_begins_with_the_verdict(whole):
    first = re.findall(r"^E +(\w+Error): (.*)$", whole[0], re.MULTILINE)
    assert [(kind, text[:20]) for kind, text in first] == [
        ("AssertionError", "REFUTED by exact eva"),
        ("AssertionError", "NOT WITHIN rounding="),
        ("RuntimeError", "of mine"),
        ("TypeError", "equivalent: example "),
    ]
    assert "x = [" in whole[0]


def test_none_of_our_frames_are_shown(whole):
    failures = whole[0].split(" FAILURES ")[1].split(" proofs ")[0]
    assert "test_suite.py" in failures
    assert re.findall(r"^\S*verify/\S+\.py:\d+", failures, re.MULTILINE) == []


# "SUITE" stands for the file's name.
LINES = (
    r"proved SUITE::test_equal: <lambda> = <lambda> at f32\[3\], these shapes \(error probab.*",
    r"refuted SUITE::test_different: flipped = copy at f32\[3\], these shapes \(exact evalu.*",
    r"proved SUITE::test_rounding: var = by_squares at f32\[8\], these shapes, but not within "
    r"rounding=1e-05 \(error probability below .*, certified bound \d.*",
    r"proved \d+ times SUITE::test_many: <lambda> = <lambda> at f32\[\d\] and \d others, .*",
    r"proved SUITE::test_derivatives: derivatives of silu at f32\[3\], .*",
    r"proved SUITE::test_faithful: silu as compiled at f32\[3\], these inputs, compiled .*"
    r"\(no probability of error, certified bound \d.*, .* s\), assuming XLA's .*",
    r"proved SUITE::test_assumptions: tenth = <lambda> at f32\[3\], these shapes "
    r"\(error probability below .* s\), assuming 0\.1 is 1/10, no division by zero",
    r"proved SUITE::test_its_own_seed: sin = sin at f32\[3\], .*",
)


def test_the_summary_has_a_line_for_each_claim_of_a_test(whole):
    found = summary(whole[0])
    assert len(found) == len(LINES)
    for text, pattern in zip(found, LINES, strict=True):
        assert re.fullmatch(pattern, text.replace("test_suite.py", "SUITE")), text


def test_the_report_has_every_answer_and_the_seed_of_the_ini_file(whole):
    rows = json.loads((whole[1] / "report.json").read_text())
    by_test = {row["test"].partition("::")[2]: row["certificate"] for row in rows}
    assert len(rows) >= len(LINES) + 4
    assert by_test["test_equal"]["status"] == "proved"
    assert by_test["test_different"]["status"] == "refuted"
    assert by_test["test_derivatives"]["subject"]["question"] == "derivatives"
    assert by_test["test_faithful"]["status"] == "proved"
    assert by_test["test_equal"]["subject"]["seed"] == 3
    assert by_test["test_its_own_seed"]["subject"]["seed"] == 7


def test_nothing_is_added_to_junits_file(whole):
    tree = ElementTree.parse(whole[1] / "junit.xml")
    cases = tree.findall(".//testcase")
    assert len(cases) == 10
    assert {child.tag for case in cases for child in case} == {"failure"}
    assert "proved" not in "".join(case.get("name") for case in cases)


def test_quietly_there_are_numbers_and_what_is_not_proved(tmp_path):
    """From xdist's workers as well."""
    found = summary(ran(tmp_path, "-q", "-n1").stdout)
    assert [text[:33] for text in found[:2]] == [
        "refuted test_suite.py::test_diffe",
        "proved test_suite.py::test_roundi",
    ]
    assert re.fullmatch(r"\d+ proved, 1 not within rounding, 1 refuted", found[2])


MISTAKES = {
    "a folder that is not there": (
        ("--verify-report=nowhere/report.json",),
        "--verify-report nowhere/report.json: cannot be written (no folder",
    ),
    "a folder": (("--verify-report=.",), "--verify-report .: is a folder"),
    "no seconds": (
        ("-o", "verify_seconds=0"),
        "verify_seconds: expected a number above 0",
    ),
    "no seed": (("-o", "verify_seed=1.5"), "verify_seed: expected a number from 0 on, whole"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_known_before_the_first_test(tmp_path, name):
    options, message = MISTAKES[name]
    run = ran(tmp_path, *options)
    assert run.returncode == 4, run.stdout + run.stderr
    assert message in run.stderr
    assert "test_suite.py" not in run.stdout


def test_the_seconds_of_the_ini_file_end_a_question(tmp_path):
    run = ran(tmp_path, "-o", "verify_seconds=1e-6", "-k", "test_equal")
    assert "UNKNOWN: the 1e-06 seconds were over" in run.stdout

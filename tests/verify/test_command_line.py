"""verify pair and verify check: answers, exit statuses, certificates, and errors in one line."""

import json
import sys

import pytest

from verify.cli import app, main, tasks

MODULE = """
import jax.numpy as jnp

def square(x):
    return (x + 1) ** 2

def expanded(x):
    return x * x + 2 * x + 1

def wrong(x):
    return x * x + 2 * x

def hard(x, y):
    return jnp.cbrt(x) * jnp.cbrt(y)

def cube_root(x, y):
    return jnp.cbrt(x * y)

def size(x):
    return jnp.sqrt(x * x)

def same(x):
    return x + 0

def positive(x):
    return x > 0

number = 3
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    name = f"programs_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """In this process, which takes less time; test_certificates_from_elsewhere.py has the other."""
    monkeypatch.setattr(
        app, "isolated", lambda command, options, _: tasks.perform(command, options)
    )


def test_a_precondition_counts_and_is_in_the_certificate(programs, tmp_path, capsys):
    file = tmp_path / "proof.json"
    options = ["--args", "f32[3]", "--certificate", str(file)]
    assert pair(programs, "size", "same", *options) == 1
    assert pair(programs, "size", "same", *options, "--assuming", f"{programs}:positive") == 0
    assert "the inputs satisfy positive at" in capsys.readouterr().out
    assert main(["check", str(file), "--allow", programs]) == 0
    record = json.loads(file.read_text())
    assert record["subject"]["assuming"]["name"] == f"{programs}:positive"
    record["subject"]["assuming"] = None  # it proves no more than it says
    file.write_text(json.dumps(record))
    assert main(["check", str(file), "--allow", programs]) == 2


def test_another_precondition_than_that_of_the_certificate_is_named(programs, tmp_path, capsys):
    file = tmp_path / "proof.json"
    options = ["--args", "f32[3]", "--certificate", str(file)]
    pair(programs, "size", "same", *options, "--assuming", f"{programs}:positive")
    record = json.loads(file.read_text())
    record["subject"]["assuming"]["source"] = "0" * 32
    file.write_text(json.dumps(record))
    assert main(["check", str(file), "--allow", programs]) == 2
    assert f"the source of {programs}:positive is not the one" in capsys.readouterr().out


def pair(module, left, right, *options):
    return main(["pair", f"{module}:{left}", f"{module}:{right}", *options])


def test_exit_status_is_the_verdict(programs, capsys):
    assert pair(programs, "square", "expanded", "--args", "f32[3]") == 0
    assert "PROVED" in capsys.readouterr().out
    assert pair(programs, "square", "wrong", "--args", "f32[3]") == 1
    assert "REFUTED" in capsys.readouterr().out
    args = ["--args", "f32[2]", "f32[2]", "--seconds", "1"]
    assert pair(programs, "hard", "cube_root", *args) == 2
    assert "UNKNOWN" in capsys.readouterr().out


def test_rounding_is_printed_where_it_is_asked_for(programs, capsys):
    args = ["--args", "f32[3]"]
    assert pair(programs, "square", "expanded", *args) == 0
    assert "rounding" not in capsys.readouterr().out
    assert pair(programs, "square", "expanded", *args, "--rounding") == 0
    assert "certified bound" in capsys.readouterr().out
    assert pair(programs, "square", "wrong", *args, "--rounding") == 1
    assert "rounding" not in capsys.readouterr().out
    spec = ["--args", "c64[3]", "--rounding"]
    assert pair(programs, "square", "expanded", *spec) == 0
    assert "no bound is known" in capsys.readouterr().out


def test_rounding_goes_into_the_certificate(programs, tmp_path, capsys):
    file = tmp_path / "proof.json"
    options = ["--args", "f32[3]", "--rounding", "--certificate", str(file)]
    assert pair(programs, "square", "expanded", *options) == 0
    assert json.loads(file.read_text())["rounding"]["bound"] > 0
    assert main(["check", str(file), "--allow", programs]) == 0


@pytest.mark.parametrize("right", ["expanded", "wrong"])
def test_certificate_runs_again(programs, tmp_path, capsys, right):
    file = tmp_path / "proof.json"
    status = pair(programs, "square", right, "--args", "f32[3]", "--certificate", str(file))
    assert main(["check", str(file), "--allow", programs]) == status
    assert "CONFIRMED" in capsys.readouterr().out


def test_certificate_of_another_program_is_not_confirmed(programs, tmp_path, capsys):
    file = tmp_path / "proof.json"
    pair(programs, "square", "expanded", "--args", "f32[3]", "--certificate", str(file))
    record = json.loads(file.read_text())
    for source in (record["subject"]["left_source"], None):
        record["subject"] |= {"right": f"{programs}:wrong", "right_source": source}
        file.write_text(json.dumps(record))
        assert main(["check", str(file), "--allow", programs]) == 2
        what = "program" if source is None else "source"
        assert f"NOT CONFIRMED: the {what} of {programs}:wrong" in capsys.readouterr().out


def test_forged_status_is_not_confirmed(programs, tmp_path, capsys):
    file = tmp_path / "proof.json"
    pair(programs, "square", "wrong", "--args", "f32[3]", "--certificate", str(file))
    record = json.loads(file.read_text()) | {"status": "proved", "counterexample": None}
    file.write_text(json.dumps(record))
    assert main(["check", str(file), "--allow", programs]) == 2
    said = "NOT CONFIRMED: the certificate says proved, the same seed now gives refuted"
    assert said in capsys.readouterr().out


@pytest.fixture
def entry(programs, tmp_path):
    """Makes an entry of a report of pytest: a certificate of two functions of the module."""

    def made(g, **changes):
        file = tmp_path / "one.json"
        pair(programs, "square", g, "--args", "f32[3]", "--certificate", str(file))
        record = json.loads(file.read_text())
        record["subject"] |= changes
        return {"test": f"test_it.py::test_{g}", "claim": "f = g", "certificate": record}

    return made


# What is in the report -> the status, and how its lines begin.
REPORTS = {
    "proofs": (["expanded", "expanded"], 0, ["confirmed", "confirmed", "2 confirmed"]),
    "a refutation": (["expanded", "wrong"], 1, ["confirmed", "confirmed", "2 confirmed"]),
    "a lambda": (
        ["wrong", "lambda", "expanded"],
        2,
        ["confirmed", "not checked", "confirmed", "2 confirmed, 1 not checked"],
    ),
    "another program": (
        ["other", "expanded"],
        2,
        ["not confirmed", "confirmed", "1 not confirmed, 1 confirmed"],
    ),
    "no names": (["faithful"], 2, ["not checked", "1 not checked"]),
}


@pytest.mark.parametrize("case", REPORTS)
def test_a_report_is_checked_entry_by_entry(programs, entry, tmp_path, capsys, case):
    names, status, lines = REPORTS[case]
    made = {
        "lambda": lambda: entry("expanded", right=f"{programs}:<lambda>"),
        "other": lambda: entry("expanded", right=f"{programs}:wrong", right_source=None),
        "faithful": lambda: entry("expanded"),
    }
    rows = [made.get(name, lambda name=name: entry(name))() for name in names]
    if names == ["faithful"]:
        rows[0]["certificate"]["subject"] = None
    (tmp_path / "proofs.json").write_text(json.dumps(rows))
    capsys.readouterr()
    assert main(["check", "proofs.json", "--allow", programs]) == status
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(lines)
    assert all(text.startswith(line) for text, line in zip(said, lines, strict=True)), said
    assert all("test_it.py::test_" in text for text in said[:-1])


def test_of_a_report_nothing_runs_that_is_not_allowed(programs, entry, tmp_path, capsys):
    (tmp_path / "proofs.json").write_text(json.dumps([entry("expanded")]))
    sys.modules.pop(programs)
    assert main(["check", "proofs.json"]) == 2
    assert "not checked: test_it.py::test_expanded: f = g: " in capsys.readouterr().out
    assert programs not in sys.modules


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": 3}, "[0].test: expected a text"),
        ({"more": 3}, "[0]: unknown field 'more'"),
        ({"certificate": []}, "[0].certificate: no object of version"),
        ({"certificate": {"version": 4}}, "[0].certificate: status: missing"),
    ],
)
def test_what_is_no_report_is_told_from_the_data(entry, tmp_path, capsys, change, message):
    (tmp_path / "proofs.json").write_text(json.dumps([entry("expanded") | change]))
    assert main(["check", "proofs.json"]) == 2
    assert message in capsys.readouterr().err


BAD = {
    "no such function": (["pair", "{m}:square", "{m}:cube", "--args", "f32[3]"], "no 'cube'"),
    "no such module": (["pair", "nowhere:f", "nowhere:g"], "cannot import"),
    "not a function": (["pair", "{m}:number", "{m}:number"], "not a function"),
    "no colon": (["pair", "square", "wrong"], "module:function"),
    "bad spec": (
        ["pair", "{m}:square", "{m}:wrong", "--args", "f32(3)"],
        "--args: 'f32(3)' is not",
    ),
    "two specs in one": (
        ["pair", "{m}:square", "{m}:wrong", "--args", "f32[3,2],i32[]"],
        "several arguments have blanks between them: 'f32[3,2]' 'i32[]'",
    ),
    "a file for a module": (["pair", "nowhere.py:f", "nowhere.py:g"], "ending: 'nowhere:...'"),
    "bad dtype": (["pair", "{m}:square", "{m}:wrong", "--args", "f33[3]"], "unknown dtype"),
    "too few arguments": (["pair", "{m}:square", "{m}:wrong"], "missing"),
    "endless seconds": (["check", "c.json", "--seconds", "inf"], "positive"),
    "bad seconds": (["pair", "{m}:square", "{m}:wrong", "--seconds", "0"], "positive"),
    "no file": (["check", "missing.json"], "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_usage_is_one_clear_line(programs, capsys, name):
    argv, message = BAD[name]
    assert main([part.format(m=programs) for part in argv]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": 9, "status": ""}'])
def test_corrupt_certificate_is_bad_usage(tmp_path, capsys, text):
    file = tmp_path / "proof.json"
    file.write_text(text)
    assert main(["check", str(file)]) == 2
    assert str(file) in capsys.readouterr().err


def test_what_is_compiled_is_looked_at(programs, capsys):
    assert main(["faithful", f"{programs}:square", "--args", "f32[3]", "--seed", "1"]) == 0
    assert "compiled and eager on cpu" in capsys.readouterr().out
    assert main(["faithful", f"{programs}:number", "--args", "f32[3]"]) == 2
    assert "not a function" in capsys.readouterr().err

"""A certificate from elsewhere runs nothing that the user has not allowed by name, and whatever is
run, the exit status is the verdict's.
"""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.certificate.names import Refused, allowed_function, reference
from verify.certificate.schema import read
from verify.cli import app, isolated, main, tasks

# `trap` says when it is imported or called; `mine` is what the user allows, and has it on board.
TRAP = """
import pathlib
pathlib.Path("trapped").write_text("imported")
def f(x):
    pathlib.Path("trapped").write_text("called")
    return x
"""
ELSEWHERE = """
def f(x):
    return x
def decorate(g):
    return lambda x: g(x)
class K:
    def __call__(self, x):
        return x
    @staticmethod
    def g(x):
        return x
"""
MINE = """
import functools, os, subprocess, sys
from os import system
from subprocess import call, Popen
import jax
import elsewhere
from elsewhere import f as g, K as Class

number = 3
class Own:
    run = staticmethod(os.system)
    borrowed = staticmethod(elsewhere.f)
    @staticmethod
    def fine(x):
        return x * x
    def __call__(self, x):
        return x * x
class Heir(elsewhere.K):
    pass
instance, own_instance = elsewhere.K(), Own()
jitted, mapped = jax.jit(elsewhere.f), jax.vmap(elsewhere.f)
custom = jax.custom_jvp(elsewhere.f)
part = functools.partial(os.system, "touch trapped")
@functools.wraps(elsewhere.f)
def renamed(x):
    return x
lying = elsewhere.decorate(len)
lying.__module__ = "mine"
def square(x):
    return x ** 2
@jax.jit
def product(x):
    return x * x
fine_part = functools.partial(square)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in (("trap", TRAP), ("elsewhere", ELSEWHERE), ("mine", MINE)):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("trap", "elsewhere", "mine", "rude"):
        sys.modules.pop(name, None)


@pytest.fixture
def here(monkeypatch):
    """Tasks in this process, where they can be watched; the last tests have the real one."""
    monkeypatch.setattr(
        app, "isolated", lambda command, options, _: tasks.perform(command, options)
    )


@pytest.fixture(scope="module")
def good():
    verdict = verify.equivalent(jax.nn.relu, lambda x: jnp.maximum(x, 0), jnp.zeros(3), seed=1)
    record = json.loads(verdict.to_json())
    record["subject"] |= {"left": "trap:f", "right": "trap:f"}
    return record


def subject(**fields):
    return lambda record: record["subject"].update(fields)


def top(**fields):
    return lambda record: record.update(fields)


def found(**fields):
    example = {"inputs": [], "left": 1, "right": 2, "output": 0, "index": [], "explanation": ""}
    return top(status="refuted", counterexample=example | fields)


def array(**fields):
    whole = {"path": "[0]", "dtype": "float32", "shape": [2], "nonzero": []}
    return found(inputs=[whole | fields])


NESTED = {"tuple": []}
for _ in range(60):
    NESTED = {"tuple": [NESTED]}

# What is no certificate: told from the data, before anything that it names is looked up.
MALFORMED = {
    "version of the past": top(version=1),
    "version that is true": top(version=True),
    "unknown status": top(status="confirmed"),
    "status that is a list": top(status=["proved"]),
    "extra field": top(run="subprocess:call"),
    "field missing": lambda record: record.pop("assumptions"),
    "subject that is a list": top(subject=["trap:f", "trap:f"]),
    "subject with another field": subject(setup="trap:f"),
    "proof that may be wrong": top(error_probability=0.5),
    "probability beyond one": top(error_probability=2),
    "probability that is a text": top(error_probability="0"),
    "assumptions that are no texts": top(assumptions=[{"a": 1}]),
    "endless text": top(reason="a" * 1_000_000),
    "refuted without a counterexample": top(status="refuted"),
    "proved with a counterexample": top(counterexample={"inputs": []}),
    "name that is a number": subject(left=7),
    "name that is a list": subject(left=["trap", "f"]),
    "negative seed": subject(seed=-1),
    "seed that is true": subject(seed=True),
    "seed that is a float": subject(seed=1.5),
    "seed without end": subject(seed=10**60),
    "fingerprint that is none": subject(left_program="0" * 31),
    "fingerprint that is a number": subject(right_program=0),
    "source that is a path": subject(left_source="/etc/passwd"),
    "unknown question": subject(question="call"),
    "derivatives of two functions": subject(question="derivatives", right="trap:g"),
    "examples that are no tuple": subject(examples={"list": ["f32[3]"]}),
    "examples nested too deep": subject(examples=NESTED),
    "examples too many": subject(examples={"tuple": ["f32[1]"] * 20_000}),
    "unknown container": subject(examples={"tuple": [{"pickle": []}]}),
    "container with two kinds": subject(examples={"tuple": [{"list": [], "tuple": []}]}),
    "dict that holds a list": subject(examples={"tuple": [{"dict": ["f32[1]"]}]}),
    "tuple that holds a text": subject(examples={"tuple": "f32[1]"}),
    "example that is a number": subject(examples={"tuple": [3]}),
    "unknown dtype": subject(examples={"tuple": ["object[3]"]}),
    "code for a dtype": subject(examples={"tuple": ["__import__('trap')[3]"]}),
    "huge axis": subject(examples={"tuple": ["f32[99999999999]"]}),
    "huge array": subject(examples={"tuple": ["f32[100000,100000]"]}),
    "huge altogether": subject(examples={"tuple": ["f32[1000000000]"] * 9}),
    "size of many digits": subject(examples={"tuple": [f"f32[{'9' * 300}]"]}),
    "negative size": subject(examples={"tuple": ["f32[-3]"]}),
    "size in other digits": subject(examples={"tuple": ["f32[٣]"]}),
    "counterexample of unknown dtype": array(dtype="os.system"),
    "counterexample of negative shape": array(shape=[-1]),
    "counterexample without end": array(shape=[2**30, 2**30]),
    "element outside": array(nonzero=[[2, "0x1.0p+0"]]),
    "element that is no number": array(nonzero=[[0, "one"]]),
    "element that is a JSON float": array(nonzero=[[0, 1.5]]),
    "element without a place": array(nonzero=["0x1.0p+0"]),
    "index that is a text": found(index=["0"]),
    "rounding that is a number": top(rounding=3),
    "rounding below zero": top(rounding={"bound": -1, "observed": 0, "beyond": 0}),
}


def lines(capsys):
    return capsys.readouterr().err.strip().splitlines()


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_certificate_is_told_from_the_data(folder, good, capsys, monkeypatch, name):
    record = copy.deepcopy(good)
    MALFORMED[name](record)
    (folder / "c.json").write_text(json.dumps(record))
    monkeypatch.setattr(app, "isolated", lambda *_: pytest.fail("it is carried out"))
    assert main(["check", "c.json", "--allow", "trap"]) == 2
    (line,) = lines(capsys)
    assert "c.json: no certificate (" in line
    assert len(line) < 500


def repeated(text):
    return text.replace('"status"', '"status": "refuted", "status"', 1)


FILES = {
    "nothing": lambda text: "",
    "half of one": lambda text: text[: len(text) // 2],
    "nested without end": lambda text: "[" * 200_000 + "]" * 200_000,
    "objects without end": lambda text: '{"b":' * 10**5 + "0" + "}" * 10**5,
    "key twice": repeated,
    "not a number": lambda text: text.replace('"seconds"', '"reason": NaN, "seconds"'),
    "infinity": lambda text: text.replace('"error_bits"', '"error_bits": Infinity, "x"'),
    "number beyond floats": lambda text: text.replace('"error_bits"', '"error_bits": 1e999, "x"'),
    "number of many digits": lambda text: text.replace('"seed"', f'"seed": {"9" * 9999}, "x"'),
    "bytes that are no text": lambda text: b"\xff\xfe" + text.encode(),
    "a NUL": lambda text: text.replace("proved", "pro\0ved"),
    "a list": lambda text: f"[{text}]",
    "a number": lambda text: "2",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_certificate_is_one_line(folder, good, capsys, name):
    made = FILES[name](json.dumps(good))
    (folder / "c.json").write_bytes(made if isinstance(made, bytes) else made.encode())
    assert main(["check", "c.json"]) == 2
    (line,) = lines(capsys)
    assert line.startswith("verify check: c.json: ")
    assert len(line) < 500


def test_a_file_without_end_is_refused():
    with pytest.raises(ValueError, match="larger than"):
        read("/dev/zero")


# (name in the file, modules that the user allows, a part of the answer)
REFUSED = {
    "a command": ("subprocess:call", [], "not allowed"),
    "the shell": ("os:system", [], "not allowed"),
    "an exit": ("sys:exit", [], "not allowed"),
    "an exit that is not caught": ("os:_exit", [], "not allowed"),
    "eval": ("builtins:eval", [], "not allowed"),
    "a module of the folder": ("trap:f", [], "--allow trap"),
    "a module with an allowed name as its beginning": ("trap:f", ["tra", "trap.f", "t"], "not all"),
    "verify as a beginning": ("verify_trap:f", [], "not allowed"),
    "a path": ("../trap:f", ["trap"], "no name"),
    "an absolute path": ("/tmp/trap:f", ["trap"], "no name"),
    "a file": ("trap.py:f", ["mine"], "not allowed"),
    "a relative module": (".trap:f", ["trap"], "no name"),
    "a module with an empty part": ("verify..trap:f", [], "no name"),
    "a space": ("trap :f", ["trap"], "no name"),
    "a line": ("verify:equivalent\nos", [], "no name"),
    "a call": ("mine:square(1)", ["mine"], "no name"),
    "the command line of verify": ("verify.cli:main", [], "not allowed"),
    "the command line of cnnjax": ("cnnjax.cli.app:main", [], "not allowed"),
    "what looks for other hosts": ("cnnjax.train.mesh:initialise_distributed", [], "not allowed"),
    "what writes to a cache": ("cnnjax.train.compiler:use_compilation_cache", [], "not allowed"),
    "the verifier's rules": ("verify.primitives.registry:rule", [], "not allowed"),
    "the verifier's clock": ("verify.limits.budget:spend", [], "not allowed"),
    "a script": ("verify.cli.__main__:main", [], "not followed"),
    "a script in an allowed module": ("mine.__main__:main", ["mine"], "not followed"),
    "this script": ("__main__:f", ["__main__"], "defined in a script"),
    "builtins of a module": ("verify:__builtins__.eval", [], "not followed"),
    "globals of a function": ("verify:equivalent.__globals__.get", [], "not followed"),
    "subclasses of a class": ("verify:Verdict.__subclasses__", [], "not followed"),
    "a loader": ("verify:__loader__.load_module", [], "not followed"),
    "another module within": ("verify.cli.isolated:subprocess.call", ["verify.cli"], "is a module"),
    "a submodule within": ("verify:inputs.signature.format_spec", [], "is a module"),
    "what a function has": ("mine:square.real", ["mine"], "looked up in a function"),
    "what a number has": ("mine:number.real", ["mine"], "not a function"),
    "the shell, imported": ("mine:system", ["mine"], "not allowed"),
    "a command, imported": ("mine:call", ["mine"], "'subprocess'"),
    "a class, imported": ("mine:Popen", ["mine"], "'subprocess'"),
    "a function, imported": ("mine:g", ["mine"], "--allow elsewhere"),
    "a method of a class, imported": ("mine:Class.g", ["mine"], "--allow elsewhere"),
    "an inherited method": ("mine:Heir.g", ["mine"], "--allow elsewhere"),
    "the shell as a method": ("mine:Own.run", ["mine"], "not allowed"),
    "a function, imported, as a method": ("mine:Own.borrowed", ["mine"], "--allow elsewhere"),
    "an object of an imported class": ("mine:instance", ["mine"], "--allow elsewhere"),
    "a function, imported and jitted": ("mine:jitted", ["mine"], "--allow elsewhere"),
    "a function, imported and mapped": ("mine:mapped", ["mine"], "--allow elsewhere"),
    "a function, imported, with a rule": ("mine:custom", ["mine"], "--allow elsewhere"),
    "a partial of the shell": ("mine:part", ["mine"], "not allowed"),
    "the name of another": ("mine:renamed", ["mine"], "--allow elsewhere"),
    "a wrong name of its own": ("mine:lying", ["mine"], "--allow elsewhere"),
    "a lambda": ("mine:<lambda>", ["mine"], "a lambda"),
    "a local function": ("mine:f.<locals>.g", ["mine"], "local function"),
    "a partial": (reference(jax.tree_util.Partial(jnp.sin)), ["jax"], "cannot be imported"),
    "no function": ("mine:number", ["mine"], "not a function"),
    "no such function": ("mine:nothing", ["mine"], "no 'nothing'"),
    "no such module": ("verify.nothing:f", [], "cannot import"),
    "no colon": ("verify", [], "module:function"),
    "no name": ("", [], "module:function"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_not_allowed_is_not_run(folder, here, good, capsys, name, side):
    wanted, allow, message = REFUSED[name]
    record = copy.deepcopy(good)
    own = "mine:square" if "mine" in allow else "verify.inputs.signature:format_spec"
    record["subject"] |= {"left": own, "right": own}
    record["subject"] |= {side: wanted, "left_source": None, "right_source": None}
    (folder / "c.json").write_text(json.dumps(record))
    allowed = [part for module in allow for part in ("--allow", module)]
    assert main(["check", "c.json", *allowed]) == 2
    (line,) = lines(capsys)
    assert message in line
    assert "trap" not in sys.modules
    assert not (folder / "trapped").exists()


ALLOWED = {
    "a function": ("mine:square", ["mine"]),
    "a jitted function": ("mine:product", ["mine"]),
    "a static method": ("mine:Own.fine", ["mine"]),
    "an object that can be called": ("mine:own_instance", ["mine"]),
    "a partial with a name": ("mine:fine_part", ["mine"]),
    "an imported function whose module is allowed": ("mine:g", ["mine", "elsewhere"]),
    "verify's own": ("verify.inputs.signature:format_spec", []),
    "cnnjax's own": ("cnnjax:conv", []),
    "the package of a module": ("jax.nn:relu", ["jax"]),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_is_found(folder, name):
    wanted, allow = ALLOWED[name]
    assert callable(allowed_function(wanted, allow))


def test_nothing_is_imported_before_it_is_allowed(folder):
    with pytest.raises(Refused):
        allowed_function("trap:f", ["mine"])
    assert not (folder / "trapped").exists()
    assert str(folder) not in sys.path
    allowed_function("trap:f", ["trap"])
    assert (folder / "trapped").read_text() == "imported"


def test_a_file_of_the_folder_does_not_stand_in_for_a_library(folder):
    (folder / "statistics.py").write_text(TRAP)
    sys.modules.pop("statistics", None)
    assert allowed_function("statistics:mean", ["statistics"]).__name__ == "mean"
    assert not (folder / "trapped").exists()


def test_a_function_whose_source_has_changed_is_not_called(folder, here, capsys):
    args = ["pair", "mine:square", "mine:square", "--args", "f32[3]", "--certificate", "c.json"]
    assert main(args) == 0
    text = MINE.replace("    return x ** 2", "    open('trapped', 'w')\n    return x ** 2")
    (folder / "mine.py").write_text(text)
    os.utime(folder / "mine.py", (0, 0))
    sys.modules.pop("mine")
    assert main(["check", "c.json", "--allow", "mine"]) == 2
    assert "the source of mine:square" in capsys.readouterr().out
    assert not (folder / "trapped").exists()


def test_comments_and_layout_are_no_change(folder, here):
    args = ["pair", "mine:square", "mine:square", "--args", "f32[3]", "--certificate", "c.json"]
    assert main(args) == 0
    (folder / "mine.py").write_text(MINE.replace("return x ** 2", "return (x**2)  # a square"))
    sys.modules.pop("mine")
    assert main(["check", "c.json", "--allow", "mine"]) == 0


def test_a_program_that_has_changed_is_not_proved_again(folder, here, capsys, monkeypatch):
    args = ["pair", "mine:square", "mine:product", "--args", "f32[3]", "--certificate", "c.json"]
    assert main(args) == 0
    record = json.loads((folder / "c.json").read_text())
    record["subject"]["right_program"] = "0" * 32
    (folder / "c.json").write_text(json.dumps(record))
    monkeypatch.setattr("verify.equivalence.equivalent", lambda *_, **__: pytest.fail("proved"))
    assert main(["check", "c.json", "--allow", "mine"]) == 2
    assert "the program of mine:product is not the one" in capsys.readouterr().out


def test_every_kind_of_certificate_can_be_read(folder):
    key, wide = jax.random.key(0), jnp.ones(2, jnp.float8_e4m3fn)
    cases = (
        (lambda k, x: jax.random.normal(k) + x, lambda k, x: x + jax.random.normal(k), key, 2.0),
        (lambda t: t["a"] + t["b"][0], lambda t: t["b"][0] - t["a"], {"a": 1.0, "b": [2.0, None]}),
        (lambda x: x * x, lambda x: x, jnp.ones(2, jnp.complex64)),
        (lambda x: x, lambda x: -x, wide),
        (lambda x: x, lambda x: x[None], np.ones(3)),
        (lambda x: x, lambda x: ~x, np.ones(3, bool)),
        (jnp.cbrt, lambda x: jnp.cbrt(x) * 1, np.ones(0)),
    )
    for f, g, *examples in cases:
        verdict = verify.equivalent(f, g, *examples, seconds=2)
        (folder / "c.json").write_text(verdict.to_json())
        assert read("c.json")["status"] == verdict.status


# -- exit statuses, in real processes -------------------------------------------------------------

RUDE = """
import atexit, os, signal, subprocess, sys, threading, time

def says(x):
    print("PROVED REFUTED\\n" * 200_000)
    print("certificate", file=sys.stderr)
    return x

def closes(x):
    sys.stdout.close()
    os.closerange(0, 100)
    return x

def leaves(x):
    os.chdir("/")
    os.environ.clear()
    sys.argv[:] = ["--help"]
    return x

def lingers(x):
    atexit.register(lambda: os._exit(1))
    subprocess.Popen(["sleep", "600"])
    threading.Thread(target=time.sleep, args=(600,)).start()
    return x

def exits(x):
    sys.exit(0)

def quits(x):
    os._exit(0)

def falls(x):
    os.kill(os.getpid(), signal.SIGKILL)

def raises(x):
    raise KeyboardInterrupt

def asks(x):
    return x * float(input())

def sleeps(x):
    time.sleep(600)

def doubles(x):
    return 2 * x
"""
# The status, and a part of what is said.
STATUSES = {
    "says": (0, "PROVED for these shapes"),
    "closes": (0, "PROVED for these shapes"),
    "leaves": (0, "PROVED for these shapes"),
    "lingers": (0, "PROVED for these shapes"),
    "exits": (2, "sys.exit(0)"),
    "quits": (2, "ended with status 0 before there was a verdict"),
    "falls": (2, "SIGKILL"),
    "raises": (2, "KeyboardInterrupt"),
    "asks": (2, "EOFError"),
    "sleeps": (2, "no answer within"),
}


@pytest.mark.parametrize("name", STATUSES)
def test_whatever_a_function_does_the_status_is_the_verdicts(folder, capsys, monkeypatch, name):
    (folder / "rude.py").write_text(RUDE)
    if name == "sleeps":
        monkeypatch.setattr(isolated, "_AT_LEAST", 5)
        monkeypatch.setattr(isolated, "_PATIENCE", 0)
    status, words = STATUSES[name]
    names = [f"rude:{name}", f"rude:{name}"]
    args = ["pair", *names, "--args", "f32[3]", "--certificate", "c.json"]
    assert main(args) == status
    out, err = capsys.readouterr()
    assert words in (err if status == 2 else out)
    assert "PROVED REFUTED" not in out
    assert len(err) < 1_100_000
    written = [path.name for path in folder.iterdir() if "c.json" in path.name]
    assert written == (["c.json"] if status == 0 else [])
    if status == 0:
        assert read("c.json")["status"] == "proved"
        assert out.splitlines()[-1] == "certificate: c.json"


def test_a_refutation_and_its_certificate_keep_their_status(folder, capsys):
    (folder / "rude.py").write_text(RUDE)
    args = ["pair", "rude:says", "rude:doubles", "--args", "f32[3]", "--certificate", "c.json"]
    assert main(args) == 1
    assert main(["check", "c.json", "--allow", "rude"]) == 1
    assert "\nCONFIRMED: refuted" in f"\n{capsys.readouterr().out}"


def test_a_module_that_exits_when_it_is_imported_is_no_proof(folder, good, capsys):
    (folder / "rude.py").write_text("import sys\nsys.exit(0)\n")
    good = copy.deepcopy(good)
    good["subject"] |= {"left": "rude:f", "right": "rude:f"}
    (folder / "c.json").write_text(json.dumps(good))
    for command in (["check", "c.json", "--allow", "rude"], ["faithful", "rude:f"]):
        assert main(command) == 2
        assert "sys.exit(0)" in capsys.readouterr().err


def test_nobody_who_reads_is_no_verdict(folder):
    command = [sys.executable, "-m", "verify.cli", "pair", "mine:square", "mine:product"]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*command, "--args", "f32[3]"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("place", ["nowhere/c.json", "."])
def test_a_certificate_that_cannot_be_written_is_known_before_the_proof(folder, capsys, place):
    args = ["pair", "trap:f", "trap:f", "--args", "f32[3]", "--certificate", place]
    assert main(args) == 2
    assert f"--certificate {place}" in capsys.readouterr().err
    assert not (folder / "trapped").exists()


def test_a_certificate_that_is_a_link_stays_one(folder, here):
    Path("real").mkdir()
    Path("c.json").symlink_to("real/c.json")
    args = ["pair", "mine:square", "mine:product", "--args", "f32[3]", "--certificate", "c.json"]
    assert main(args) == 0
    assert Path("c.json").is_symlink()
    assert read("real/c.json")["status"] == "proved"

"""The README keeps its promises: every command and every snippet in it is run.

Snippets share one namespace and run in order, as a reader would type them; so do the commands, in
a folder where `photos/` exists. Commands that would take minutes are run with the smaller options
of `CHEAPER`, and `make` only says what it would do.
"""

import doctest
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnjax.cli import main
from verify.cli import main as verify_main

pytestmark = pytest.mark.always
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")

# A command of the README -> options that make it cheap, put after its own.
CHEAPER = {
    "cnnjax train --data folder:photos": "--size 16 --epochs 1 --batch-size 8 --quiet",
    "cnnjax train --resume": "--quiet",
    "verify notes": "--only layer-shapes --no-report",
}


# (language, text) of every fenced block, in order.
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def commands(program: str) -> list[str]:
    lines = [line for block in blocks("") for line in block.splitlines()]
    return [line for line in lines if line.startswith(program + " ")]


def arguments(line: str) -> list[str]:
    """What comes after the program's name, made cheap."""
    cheaper = [options for start, options in CHEAPER.items() if line.startswith(start)]
    return shlex.split(" ".join([line, *cheaper]))[1:]


def test_every_command_line_is_one_that_is_checked_here():
    lines = [line for block in blocks("") for line in block.splitlines() if line.strip()]
    assert lines
    known = ("cnnjax ", "make ", "pip ", "verify ")
    assert [line for line in lines if not line.startswith(known)] == []
    assert {name for name, _ in BLOCKS} == {"", "python", "pycon"}
    assert all(any(line.startswith(start) for line in lines) for start in CHEAPER)


def test_make_commands_exist():
    assert commands("make")
    for line in commands("make"):
        ran = subprocess.run(
            [*shlex.split(line), "-n"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_the_commands_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, suffix in (("cat", "jpg"), ("dog", "png")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(24):
            pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.{suffix}")
    assert commands("cnnjax")
    for line in commands("cnnjax"):
        assert main(arguments(line)) == 0, (line, capsys.readouterr().err)
    assert list((tmp_path / "runs" / "photos").glob("*.png"))


@pytest.mark.slow
def test_the_snippets_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace: dict = {}
    assert blocks("python")
    for number, block in enumerate(blocks("python")):
        exec(compile(block, f"README.md, snippet {number + 1}", "exec"), namespace)
    # What a comment says is printed is what is printed.
    printed = capsys.readouterr().out
    said = re.findall(r"print\(error\)  # (.*?) \.\.\.$", README, re.MULTILINE)
    assert said
    assert all(text in printed for text in said)


def test_folders_named_in_the_readme_exist():
    table = README.split("## Where things live")[1]
    names = re.findall(r"`([\w./]+(?:/|\.py|\.md))`", table)
    assert names
    for name in names:
        assert any((ROOT / part / name).exists() for part in ("", "cnnjax")), name


def test_the_transcripts_are_real():
    assert blocks("pycon")
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for number, text in enumerate(blocks("pycon")):
        runner.run(parser.get_doctest(text, {}, f"README block {number}", "README.md", 0))
    assert runner.summarize(verbose=False).failed == 0


def test_the_verify_commands_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands("verify")
    for line in commands("verify"):
        assert verify_main(arguments(line)) == 0, line

"""The documentation keeps its promises: every snippet and every command on its pages is run.

`pages.py` says how a page is read. Commands that would take minutes are run with the smaller
options of `CHEAPER`; `make` and `pip` are asked what they would do.
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnjax import models
from cnnjax.cli.app import main, parser
from tests.docs.pages import DOCS, PAGES, ROOT, Block, blocks, name
from verify.cli import main as verify_main

# A command -> options that make it cheap, put after its own.
CHEAPER = {
    "cnnjax train --data folder:photos": "--size 16 --epochs 1 --batch-size 8 --quiet",
    "cnnjax train --data folder:photos --size 28": "--size 28 --epochs 1 --batch-size 8 --quiet",
    "cnnjax train --data folder:photos --from": "--epochs 1 --batch-size 8 --quiet",
    "cnnjax train --data patterns": "--limit 80 --epochs 1 --quiet",
    "cnnjax train --resume": "--quiet",
    "verify notes": "--only layer-shapes --no-report",
}
# What is run in the whole matrix only, as each of it trains or compiles for seconds: there are
# tests of the same commands elsewhere, and the README's are run each time.
TRAINS = {
    *("howto/own-images.md", "howto/own-model.md", "howto/fine-tune.md"),
    *("howto/several-devices.md", "howto/export.md"),
}
NOT_RUN = {"cnnjax demo"}  # minutes, and no option makes it smaller
EXAMPLES = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL

FULL = [page for page in PAGES if any(b.full for b in blocks(page)) or name(page) in TRAINS]
SOON = [page for page in PAGES if name(page) not in TRAINS]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a page is followed: with photographs; what is imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(models.MODELS, "wide", None)  # which is as before after the test
    rng = np.random.default_rng(0)
    for kind, suffix in (("cat", "jpg"), ("dog", "png")):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(24):
            pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{number}.{suffix}")
    yield tmp_path
    for module in tmp_path.glob("*.py"):
        sys.modules.pop(module.stem, None)


@pytest.mark.unrecorded("the pages themselves say what is answered")
@pytest.mark.parametrize("page", SOON, ids=name)
def test_what_a_page_shows_works(page, folder):
    follow(page, [block for block in blocks(page) if not block.full])


@pytest.mark.full
@pytest.mark.unrecorded("the pages themselves say what is answered")
@pytest.mark.parametrize("page", FULL, ids=name)
def test_what_a_page_shows_works_to_its_end(page, folder):
    follow(page, blocks(page))


def test_pages_that_train_are_pages():
    assert {name(page) for page in PAGES} >= TRAINS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_one(page, folder):
    """Its program, subcommand and options exist; whether it works is for the tests above."""
    for block in blocks(page):
        for line in block.commands:
            assert checked(line), f"{name(page)}:{block.line}: {line}"


WRONG = {
    "a transcript": ">>> 1 + 1\n3\n",
    "a snippet": "assert 1 + 1 == 3\n",
    "a command": "cnnjax summary --model nets\n",
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_on_a_page_is_noticed(what, folder):
    languages = {"a transcript": "pycon", "a snippet": "python"}
    page = DOCS / "page.md"  # which is not there
    block = Block(languages.get(what, ""), "", True, WRONG[what], 1, False)
    with pytest.raises(AssertionError):
        follow(page, [block])


@pytest.mark.parametrize("text", ["proved: 2 in 0.1 s", "proved: 3 in 7 s\n...\n== end =="])
def test_what_is_printed_is_compared(text):
    assert as_shown("proved: 3 in 0.1 s\n...\n=== end ===", "first\n" + text) == ("3" in text)


def follow(page: Path, found: list[Block]) -> None:
    namespace: dict = {"__name__": "page"}
    printed = ""  # by the last command of a shell
    for block in found:
        where = f"{name(page)}:{block.line}"
        if block.title:
            target = Path(block.title)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, "utf-8")
            if target.suffix == ".toml":
                tomllib.loads(block.text)
        elif block.language == "python" and block.run:
            # Padded, so that a traceback shows the page's line.
            code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, namespace)
        elif block.language == "pycon":
            transcript(block.text, namespace, where)
        elif block.language == "text" and printed:
            assert as_shown(block.text, printed), f"{where}: {printed}"
        printed = ""
        for line in block.commands:
            printed = command(line, where)


def transcript(text: str, namespace: dict, where: str) -> None:
    said = io.StringIO()
    test = doctest.DocTestParser().get_doctest(text, namespace, where, where, 0)
    runner = doctest.DocTestRunner(optionflags=EXAMPLES, verbose=False)
    runner.run(test, out=said.write, clear_globs=False)
    assert not runner.failures, said.getvalue()
    namespace.update(test.globs)  # a copy of the page's


def as_shown(text: str, printed: str) -> bool:
    """Whether that is what is printed, from its first line on, seconds and bounds aside."""
    want, got = (re.sub(r"[\d.]+s\b|[\d.]+ s\b|2\*\*-\d+|=+", "N", t) for t in (text, printed))
    got = got[got.index(want.split()[0]) :]
    return doctest.OutputChecker().check_output(want, got, EXAMPLES)


def command(line: str, where: str) -> str:
    """Runs it; what it prints, if it is one for a shell."""
    if line in NOT_RUN:
        return ""
    variables, line = environment(line)
    cheaper = [o for start, o in sorted(CHEAPER.items()) if line.startswith(start)][-1:]
    program, *arguments = shlex.split(" ".join([line, *cheaper]))
    if variables:  # of JAX, which reads them when it starts
        program, arguments = "python", ["-m", f"{program}.cli", *arguments]
    if program in ("cnnjax", "verify"):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = (main if program == "cnnjax" else verify_main)(arguments)
        assert status == 0, f"{where}: {line}: {printed.getvalue()}"
    elif program == "pytest":
        arguments = ["-m", "pytest", "-p", "no:cacheprovider", *arguments]
    if arguments[:1] == ["-m"]:
        ran = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | variables | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{where}: {line}: {ran.stdout}{ran.stderr}"
        return ran.stdout
    return ""


def environment(line: str) -> tuple[dict[str, str], str]:
    """The variables before a command, and the command."""
    variables = {}
    while match := re.match(r"(\w+)=(\S*) ", line):
        variables[match[1]] = match[2]
        line = line[match.end() :]
    return variables, line


def checked(line: str) -> bool:
    """Whether a command could be run: `make` has that target, `pip` that extra, ..."""
    program, *arguments = shlex.split(environment(line)[1])
    if program == "cnnjax":
        parser().parse_args(arguments)
    elif program == "make":
        ran = subprocess.run(
            [program, *arguments, "-n"], cwd=ROOT, capture_output=True, check=False
        )
        return ran.returncode == 0
    elif program == "pip":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        asked = [e for a in arguments if a.startswith(".[") for e in a[2:-1].split(",")]
        return set(asked) <= set(project["optional-dependencies"])
    return program in ("cnnjax", "make", "pip", "verify", "pytest")


def test_the_navigation_has_every_page():
    """A page that is not in it is not found; MkDocs says so as well, where it is installed."""
    text = (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:\n")[1]
    listed = {line.split(": ")[-1].strip().removeprefix("- ") for line in text.splitlines()}
    pages = {p.relative_to(DOCS).as_posix() for p in [*PAGES, *DOCS.rglob("*.ipynb")]}
    assert pages == {entry for entry in listed if entry.endswith((".md", ".ipynb"))}

"""What `make docs` adds to the pages: docstrings as Markdown, links, notebooks."""

import importlib.util
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.docs.pages import DOCS, ROOT


def loaded(name):
    path = DOCS / "site" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"docs_site_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def docstrings():
    pytest.importorskip("griffe")
    return loaded("docstrings")


BEFORE = """Add.

x: a number
    or two
y: another

Errors: TypeError for others.

>>> 1 + 1
2
"""
AFTER = """Add.

- `x`: a number
    or two
- `y`: another

**Errors:** TypeError for others.


```pycon
>>> 1 + 1
2
```
"""


def test_examples_are_fenced_and_arguments_a_list(docstrings):
    assert docstrings.markdown(BEFORE) == AFTER


def test_stars_of_shapes_are_no_emphasis(docstrings):
    text = "Of x (*batch, C) and `a * *b`.\n\n    y = *formula\n"
    assert docstrings.markdown(text) == text.replace("(*b", "(\\*b")


def linked(text, source="howto/page.md"):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=source))
    config = SimpleNamespace(repo_url="https://example.org/here")
    return loaded("links").on_page_markdown(text, page=page, config=config, files=None)


def test_links_out_of_the_pages_lead_to_the_repository():
    there = "[a](https://example.org/here/blob/main/verify/README.md#words)"
    assert linked("[a](../../verify/README.md#words)") == there


@pytest.mark.parametrize(
    "text",
    [
        "[a page](../tutorial.md)",
        "[not there](../../verify/nothing.md)",  # which MkDocs then says
        "```text\n[code](../../verify/README.md)\n```",
    ],
)
def test_other_links_stay_as_they_are(text):
    assert linked(text) == text


def test_links_to_notebooks_lead_to_their_pages():
    assert linked("[n](../notebooks/claims.ipynb)") == "[n](../notebooks/claims.md)"


@pytest.fixture
def copied(tmp_path):
    """The pages and what they are made of, to be changed and built."""
    pytest.importorskip("mkdocstrings")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    for package in ("cnnjax", "verify", "benchmarks", "experiments", "tests"):
        (tmp_path / package).symlink_to(ROOT / package)
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    return tmp_path


def built(folder):
    recipe = (ROOT / "Makefile").read_text("utf-8").split("\ndocs:")[1].splitlines()[1]
    options = recipe.split("/mkdocs ")[1].split()
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", *options], cwd=folder, capture_output=True, check=False
    )
    return ran.returncode


@pytest.mark.full
def test_the_site_is_built(copied):
    assert built(copied) == 0


@pytest.mark.full
@pytest.mark.parametrize(
    "wrong",
    [
        "[x](nothing.md)",
        "[x](../verify/nothing.md)",
        "[x](install.md#nothing)",
        "[x][verify.nothing]",
        "::: cnnjax.nothing",
    ],
)
def test_what_leads_nowhere_ends_the_build(copied, wrong):
    with (copied / "docs" / "glossary.md").open("a") as page:
        page.write(f"\n{wrong}\n")
    assert built(copied) != 0


def test_a_file_is_shown():
    text = linked("Before\n\n<!-- shown: docs/explanation/tiny_prover.py -->\n")
    assert text.startswith('Before\n\n```python\n"""A prover in about 100 lines')


def test_cells_become_blocks_with_what_they_put_out():
    pytest.importorskip("mkdocs")
    drawn = {"output_type": "execute_result", "data": {"text/html": ["<p>", "drawn</p>"]}}
    printed = [{"output_type": "stream", "text": [f"{n}\n"]} for n in (1, 2)]
    kept = []
    cell = {"cell_type": "code", "source": ["f()"], "outputs": [*printed, drawn]}
    parts = list(loaded("notebooks")._cell(cell, kept))
    assert parts == ["```python\nf()\n```", "```text\n1\n2\n```", "drawn-output-0"]
    assert kept == ["<p>drawn</p>"]

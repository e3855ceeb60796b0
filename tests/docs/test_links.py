"""Links between the Markdown files of the repository lead somewhere, to the heading that they name.

What leads out of the repository is not followed. The README's links are absolute, since package
indices show it too: those to the project's own address are read as paths.
"""

import re
from functools import cache

import pytest

from tests.docs.pages import ROOT

HOME = "https://example.org/cnnjax"  # see mkdocs.yml
FILES_OF_IT, PAGES_OF_IT = f"{HOME}/blob/main/", f"{HOME}/docs/"
FOLDERS = ("docs", "cnnjax", "verify", "tests", "experiments", "benchmarks")
FILES = sorted([*ROOT.glob("*.md"), *(f for d in FOLDERS for f in (ROOT / d).rglob("*.md"))])
_LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
_SHORT = re.compile(r"\[([\w./]+(?:\.md|/))\](?![(:])")  # [NAME.md], with its address at the end
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    wrong = [link for link in links(path) if not leads(path, link)]
    assert wrong == []


def test_the_links_of_the_readme_are_absolute():
    assert [link for link in links(ROOT / "README.md") if "://" not in link] == []


def test_short_links_have_an_address():
    text = (ROOT / "README.md").read_text("utf-8")
    assert _SHORT.findall(text)
    assert [name for name in _SHORT.findall(text) if f"\n[{name}]: " not in text] == []


def test_a_wrong_link_is_noticed():
    page = ROOT / "docs" / "tutorial.md"
    assert not leads(page, "howto/nothing.md")
    assert not leads(page, "install.md#no-such-heading")
    assert not leads(page, HOME + "/blob/main/nothing.md")
    assert leads(page, "install.md#with-a-gpu")


def links(path):
    return [a or b for a, b in _LINK.findall(_CODE.sub("", path.read_text("utf-8")))]


def leads(path, link):
    target, _, anchor = link.partition("#")
    if target.startswith(FILES_OF_IT):
        found = ROOT / target.removeprefix(FILES_OF_IT)
    elif target.startswith(PAGES_OF_IT):
        found = page(target.removeprefix(PAGES_OF_IT))
    elif "://" in target:
        return target.startswith("https://")
    else:
        found = (path.parent / target) if target else path
    if found is None or not found.exists():
        return False
    # Objects have their names for anchors (mkdocstrings); the strict build looks at these.
    objects = anchor.startswith(("cnnjax.", "verify."))
    return not anchor or objects or anchor in anchors(found.resolve())


def page(address):
    """The file of a page of the site: "howto/export/" is docs/howto/export.md."""
    name = address.strip("/")
    places = [f"docs/{name}.md", f"docs/{name}/README.md", f"docs/{name}.ipynb"]
    if not name:
        places = ["docs/README.md"]
    return next((ROOT / p for p in places if (ROOT / p).exists()), None)


@cache
def anchors(path):
    headings = _HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in headings}

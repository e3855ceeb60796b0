"""The pages of the documentation, taken apart into what can be run.

A page is read from top to bottom in one namespace and one folder, as a reader would follow it:

    ```python                       is run
    ```python title="name.py"       is written to that file; so is anything else with a title
    ```python no-run                is read by Python, and not run (several hosts, say)
    ```pycon                        is compared with what Python answers
    ``` (no language)               commands, a line each: `cnnjax ...`, `verify ...`, `make ...`
    ```console                      commands after "$ ", for a shell
    ```text                         is what the command before it prints, if that is for a shell

What trains for minutes comes after a comment that begins with "<!-- The tests run what follows in
the whole matrix only".
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LATER = "<!-- The tests run what follows in the whole matrix only"
LANGUAGES = {"", "python", "pycon", "console", "text", "toml", "yaml"}


@dataclass(frozen=True)
class Block:
    """A fenced block: `language`, `title` of a file or "", and where it stands."""

    language: str
    title: str
    run: bool
    text: str
    line: int
    full: bool  # only in the whole matrix

    @property
    def commands(self) -> list[str]:
        """The commands of a block that holds commands."""
        if self.language == "console":
            return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
        return self.text.splitlines() if self.language == "" else []


def name(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    later = text.find(_LATER)
    found = []
    for match in _BLOCK.finditer(text):
        language, _, rest = match[1].partition(" ")
        title = re.fullmatch(r'title="([^"]+)"', rest)
        assert language in LANGUAGES, f"{name(page)}: {match[1]!r}"
        assert title or rest in ("", "no-run"), f"{name(page)}: {match[1]!r}"
        found.append(
            Block(
                language=language,
                title=title[1] if title else "",
                run=rest != "no-run",
                text=match[2],
                line=text.count("\n", 0, match.start()) + 2,
                full=-1 < later < match.start(),
            )
        )
    return found

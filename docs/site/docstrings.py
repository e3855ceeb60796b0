"""An extension of Griffe: docstrings of this repository as Markdown.

Two things in them are no Markdown: examples, which Markdown takes for quotations, and lists of
arguments ("seed: fixes ...", indented where they go on), which it would run together.
"""

import re
from doctest import DocTestParser, Example

import griffe

_STAR = re.compile(r"(`[^`]*`)|\*(?=\w)")  # of a shape (*batch, C); Markdown would see emphasis
_ITEM = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*|Errors): +(?=\S)")


class Docstrings(griffe.Extension):
    def on_object(self, *, obj, **_):
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(text: str) -> str:
    """A docstring with its examples fenced and its arguments as a list."""
    parts = DocTestParser().parse(text)
    written, open_ = [], False
    for part in parts:
        if isinstance(part, Example):
            written.append("" if open_ else "\n```pycon\n")
            written.append(_shown(part))
            open_ = True
        elif part.strip() or not open_:
            written.append("```\n" if open_ else "")
            written.append(_listed(part))
            open_ = False
    return "".join([*written, "```\n" if open_ else ""])


def _shown(example: Example) -> str:
    first, *more = example.source.splitlines()
    lines = [f">>> {first}", *(f"... {line}" for line in more)]
    return "\n".join(lines) + "\n" + example.want


def _listed(text: str) -> str:
    lines, in_list, blank = [], False, True
    for line in text.split("\n"):
        found = _ITEM.match(line)
        if found and (blank or in_list):
            rest = line[found.end() :]
            in_list = found[1] != "Errors"
            names = ", ".join(f"`{name}`" for name in found[1].split(", "))
            lines.append(f"- {names}: {rest}" if in_list else f"**Errors:** {rest}")
        else:
            in_list = in_list and line.startswith(" ")
            lines.append(line)
            if not line.startswith("    ") or in_list:  # else it is a formula
                lines[-1] = _STAR.sub(lambda star: star[1] or r"\*", line)
        blank = not line.strip()
    return "\n".join(lines)

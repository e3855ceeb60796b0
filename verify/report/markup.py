"""HTML as text that cannot forget to escape: every string is escaped unless it is `Markup`.

>>> tag("p", "1 < 2", class_="note")
'<p class="note">1 &lt; 2</p>'
>>> tag("p", tag("b", "bold"), " & plain")
'<p><b>bold</b> &amp; plain</p>'
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = {"br", "col", "hr", "img", "input", "link", "meta"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None | Iterable["Child"]


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. Children: text (escaped), `Markup` (as it is), None (nothing), or iterables.

    Attributes: an underscore at the end is dropped (`class_`, `for_`), others become hyphens
    (`aria_label`); True gives the bare name, None and False leave the attribute out.
    """
    opening = f"<{name}{''.join(_attribute(*item) for item in attributes.items())}>"
    if name in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{join(children)}</{name}>")


def join(children: Child) -> Markup:
    """The children one after the other."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(html.escape(children))
    return Markup("".join(join(child) for child in children))


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'


def prose(text: str) -> Markup:
    """A sentence in which `backquotes` mark code.

    >>> prose("a `b < c` d")
    'a <code>b &lt; c</code> d'
    """
    pieces = re.split(r"`([^`]+)`", text)
    return join(tag("code", piece) if number % 2 else piece for number, piece in enumerate(pieces))


def anchor(*names: str) -> str:
    """An id for the page: names that are letters, digits and hyphens stay as they are.

    Different names give different ids, whatever is in them.

    >>> anchor("stride-2-is-downsampled", "same-even"), anchor("a b.c")
    ('stride-2-is-downsampled.same-even', 'a_20_b_2e_c')
    """
    return ".".join(
        re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}_", name) for name in names
    )

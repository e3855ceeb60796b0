"""Words to people: names from anywhere shown safely, and notices that are no errors.

Only the standard library, so that the command line can use it before anything large is loaded.
"""

from __future__ import annotations

import warnings

__all__ = ["Notice", "notice", "shown"]


class Notice(UserWarning):
    """Something about the user's data or files that is no error and should be known."""


def notice(message: str) -> None:
    """Issue a `Notice`; the command line shows it as one line on stderr."""
    warnings.warn(shown(message), Notice, stacklevel=3)


def shown(name: object) -> str:
    r"""A name on one line, with nothing in it that acts on a terminal or cannot be encoded.

    What cannot be printed (newlines, escape codes, marks that turn the direction of writing) is
    escaped; so are bytes that are not UTF-8, which Python carries in file names as surrogates.

    >>> print(shown("cat\n\x1b[2J \udcff 고양이"))
    cat\n\x1b[2J \xff 고양이
    """
    text = str(name)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # the byte that the surrogate stands for
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")

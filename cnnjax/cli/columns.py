"""Text in columns of a terminal, where a letter of Korean, Chinese or Japanese takes two.

Source: Unicode Standard Annex 11, East Asian Width.
"""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """How many columns `text` takes.

    >>> columns("apple"), columns("사과"), columns("é" "n\\u0303")
    (5, 4, 2)
    """
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def left(text: str, width: int) -> str:
    """`text` at the left of `width` columns."""
    return text + " " * (width - columns(text))


def right(text: str, width: int) -> str:
    """`text` at the right of `width` columns."""
    return " " * (width - columns(text)) + text

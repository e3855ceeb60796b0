"""Tables between two markers of a README, written by the scripts that make them."""

from __future__ import annotations


def inserted(readme: str, begin: str, end: str, text: str) -> str:
    """`readme` with `text` in the place of what is between two markers, each of which it has once.

    >>> inserted("a <old> b", "<", ">", "new")
    'a <new> b'
    """
    before, rest = readme.split(begin)
    return before + begin + text + end + rest.split(end)[1]

"""Indices that a proof takes to be in bounds."""

from __future__ import annotations

from collections.abc import Sequence


class Inside:
    """Indices that are taken to be in bounds: a read fills with NaN where they are not, or a write
    promised that they are.

    Reads that clamp the same index, and writes that drop it, then do what they do in bounds. Which
    of the two comes first is chance, so that an algebra evaluates twice where one came too early.
    """

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.asked: set[bytes] = set()

    @property
    def late(self) -> bool:
        """Whether an index was asked for before it was known."""
        return bool(self.known & self.asked)

    def note(self, names: Sequence[bytes]) -> None:
        self.known.update(names)

    def holds(self, names: Sequence[bytes]) -> bool:
        self.asked.update(names)
        return self.known.issuperset(names)

    def again(self) -> None:
        self.asked.clear()

"""Which of several numbers have the same sign, and which opposite ones: what lines between roots
want of them (`radicals.py`)."""

from __future__ import annotations


class Signs:
    """Numbers in classes; within a class it is known which have the same sign."""

    def __init__(self) -> None:
        self.positive: set[int] = set()  # whatever the input is
        self.above: dict[int, tuple[int, bool]] = {}  # a number of its class, and: opposite to it?

    def join(self, a: int, b: int, opposite: bool) -> bool:
        """Demands that a and b have the same sign, or opposite ones; whether that is possible.

        >>> signs = Signs()
        >>> signs.join(1, 2, opposite=True), signs.join(2, 3, opposite=True)
        (True, True)
        >>> signs.join(1, 3, opposite=True), signs.join(1, 3, opposite=False)
        (False, True)
        """
        if {a, b} & self.positive:
            return True
        (a, x), (b, y) = self._top(a), self._top(b)
        if a == b:
            return x ^ y == opposite
        self.above[a] = b, x ^ y ^ opposite
        return True

    def _top(self, a: int) -> tuple[int, bool]:
        opposite = False
        while a in self.above:
            a, turned = self.above[a]
            opposite ^= turned
        return a, opposite

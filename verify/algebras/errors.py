"""What an algebra, or a rule, raises where it does not go."""

from verify.programs.errors import Unsupported

__all__ = ["Meaningless", "Refused", "Unsupported"]


class Refused(Unsupported):
    """No other law would change that: a program is too large, or a loop too long."""


class Meaningless(Unsupported):
    """The program breaks a promise at these inputs: nothing is said of what it does there."""

"""What is raised of a program: here, because the readers raise it, and all others import programs.

The rest of `verify` has it from `algebras/errors.py`, with what is more special.
"""


class Unsupported(Exception):
    """This cannot be read or evaluated: the verdict will be unknown, with this text as reason."""


class NoBranch(Unsupported, ValueError):
    """A choice by platform has no branch for the platform that is read for."""

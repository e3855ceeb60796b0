"""The two ways a command can go wrong, each with one clear line and an exit status."""


class BadUsage(Exception):
    """The command line asks for something that cannot be: exit status 2."""

    status = 2


class Failed(Exception):
    """The command was right, but the work could not be done: exit status 1."""

    status = 1

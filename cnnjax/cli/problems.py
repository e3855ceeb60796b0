"""The two ways a command can go wrong, each with one clear line and an exit status."""

from cnnjax.notices import shown


class _Problem(Exception):
    def __str__(self) -> str:
        return shown(super().__str__())  # names of files may hold anything


class BadUsage(_Problem):
    """The command line asks for something that cannot be: exit status 2."""

    status = 2


class Failed(_Problem):
    """The command was right, but the work could not be done: exit status 1."""

    status = 1


def on_one_line(error: Exception) -> str:
    """The message of an error that lists its faults below each other, as one line.

    >>> on_one_line(ValueError("not the parameters of lenet:\\n  missing a\\n  unknown b"))
    'not the parameters of lenet: missing a; unknown b'
    """
    first, *rest = str(error).splitlines() or [""]
    return " ".join([first, "; ".join(line.strip() for line in rest)]).strip()


def reason(error: OSError) -> str:
    """Which file, and what the system says of it.

    >>> import errno
    >>> reason(OSError(errno.ENOSPC, "No space left on device", "runs/a/run.json"))
    'runs/a/run.json: No space left on device'
    """
    if error.filename is None or error.strerror is None:
        return str(error)
    name = str(error.filename)
    return f"{name if len(name) <= 300 else name[:297] + '...'}: {error.strerror}"

"""The command line: `cnnjax train | evaluate | predict | summary | show | tune | demo`."""

from __future__ import annotations

from collections.abc import Sequence

from cnnjax.cli.interrupt import INTERRUPTED, imports_end_quietly, leave

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `cnnjax ARGV...` (default: this process's arguments); returns the exit status.

    >>> main(["predict"])  # says on stderr what is missing
    2
    """
    if argv is not None:
        from cnnjax.cli.app import main as run

        return run(argv)
    try:
        imports_end_quietly()
        from cnnjax.cli.app import main as run

        return run()
    except KeyboardInterrupt:
        leave(INTERRUPTED)

"""The command line: `cnnjax train | evaluate | predict | summary | show | tune | demo`."""

from cnnjax.cli.app import main

__all__ = ["main"]

"""Where cnnjax keeps what it can make again: compiled programs, measured lowerings.

`$XDG_CACHE_HOME/cnnjax` (`~/.cache/cnnjax`), or the folder that CNNJAX_CACHE of the environment
names. CNNJAX_CACHE=off: nothing is kept, nothing is read.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["place"]


def place(name: str) -> Path | None:
    """The path of a file or folder of the cache, which need not exist; None where it is off.

    >>> os.environ["CNNJAX_CACHE"] = "off"
    >>> place("lowerings.json") is None
    True
    """
    wanted = os.environ.get("CNNJAX_CACHE", "")
    if wanted == "off":
        return None
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(wanted or f"{home}/cnnjax").expanduser() / name
    except RuntimeError:  # there is no home
        return None

"""Where cnnjax keeps what it can make again: compiled programs, measured lowerings.

`$XDG_CACHE_HOME/cnnjax` (`~/.cache/cnnjax`), or the folder that CNNJAX_CACHE of the environment
names. CNNJAX_CACHE=off: nothing is kept, nothing is read.

Private to the user (0700): a compiled program is run as it is found, so that whoever can write
here can run what he likes.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cnnjax.notices import notice

__all__ = ["made", "place"]


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


def made(folder: Path) -> bool:
    """Make a folder of the cache, for its owner alone; False where it is not to be used.

    An existing folder of this user is closed to others, unless CNNJAX_CACHE itself names it; one of
    another user is left alone.
    """
    named = os.environ.get("CNNJAX_CACHE", "")
    try:
        if folder.parent != folder and not folder.parent.is_dir():
            made(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.name != "posix" or (named and folder == Path(named).expanduser()):
            return os.access(folder, os.W_OK)
        found = os.stat(folder)
        if found.st_uid != os.geteuid():
            notice(f"{folder}: not used, it belongs to another user")
            return False
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError:  # read-only, a full disk, a file in the way
        return False
    return os.access(folder, os.W_OK)

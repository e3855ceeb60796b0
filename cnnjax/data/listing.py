"""The files of folders as they are: what is an image, what is litter, what is neither.

Names come out printable (`cnnjax.notices.shown`): a folder name becomes a class name, and class
names are printed, drawn and stored.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from cnnjax.data.errors import DataError
from cnnjax.data.formats import START, SUFFIXES, is_image, what
from cnnjax.data.picture import special
from cnnjax.notices import notice, shown

__all__ = ["class_name", "folders", "images", "strays", "unwrapped"]

# What file managers, archivers and servers leave (compared without regard to case).
LITTER = (
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "#recycle",
    "$recycle.bin", "system volume information", "lost+found", "@tmp",
)  # fmt: skip


def class_name(folder: Path) -> str:
    """The class that a folder's name stands for: printable, and composed (é is one character).

    >>> class_name(Path("photos/cat"))
    'cat'
    """
    return shown(unicodedata.normalize("NFC", folder.name))


def folders(root: Path) -> list[Path]:
    """The folders in `root` that are no litter, in the order of their names."""
    return [path for path in _members(root) if _mode(path) == stat.S_IFDIR]


def images(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images and the folders in `folder`.

    A file whose name does not say image is one if its content does. A pipe, socket or device is
    skipped with a notice.

    Raises:
        DataError: a file that is neither image nor litter, a link to nothing.
    """
    files: list[Path] = []
    inner: list[Path] = []
    for path in _members(folder):
        mode = _mode(path)
        if mode == stat.S_IFDIR:
            inner.append(path)
        elif mode is None:
            raise DataError(f"{path}: a link to a file that does not exist")
        elif mode != stat.S_IFREG:
            notice(f"{path}: skipped, it is {special(mode)}")
        elif path.suffix.lower() in SUFFIXES:
            files.append(path)
        else:
            start = _start(path)
            if not is_image(start):
                raise DataError(
                    f"{path}: not an image that can be read, but {what(start)}; "
                    "move it out of the class folder"
                )
            files.append(path)
    return files, inner


def strays(folder: Path) -> list[Path]:
    """The files in `folder` that are called images."""
    return [path for path in _members(folder) if path.suffix.lower() in SUFFIXES]


def unwrapped(root: Path) -> Path:
    """`root`, or the only folder in it if that holds folders itself, as some archives unpack."""
    inside = root
    for _ in range(4):
        inner = folders(inside)
        if len(inner) != 1 or not folders(inner[0]):
            break
        inside = inner[0]
    if inside != root:
        notice(f"{root}: reads {inside.relative_to(root)}/, the only folder in it")
    return inside


def _members(folder: Path) -> Sequence[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as fault:
        raise DataError(f"{folder}: cannot be read ({fault.strerror or fault})") from fault
    return [folder / n for n in names if not n.startswith(".") and n.casefold() not in LITTER]


def _mode(path: Path) -> int | None:
    """The kind of file that `path` leads to; None where it leads nowhere."""
    try:
        return stat.S_IFMT(os.stat(path).st_mode)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault


def _start(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(START)
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault

"""Files that are whole or not there, whenever the process is killed.

Writing: to `NAME.tmp` in the same folder, fsync the file, `os.replace` it, fsync the folder
(Pillai et al., OSDI 2014, say why each is needed).  A process killed at any moment leaves the
old file or the new one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["atomic", "json_text", "write_json"]


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write to the path this yields; on leaving without an error it becomes `path`.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with atomic(Path(folder.name, "note")) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> Path(folder.name, "note").read_text()
    'whole'
    >>> folder.cleanup()
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
        # The data first, then the name: the other order can leave an empty file after a crash.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            # A full disk is reported without a name, or with one that nobody knows.
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic(path) as temporary:
        temporary.write_bytes(json_text(value, indent=1).encode() + b"\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that can be encoded; names with bytes that are no UTF-8 are kept as escapes."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text

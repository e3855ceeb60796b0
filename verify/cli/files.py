"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def writable(path: str, option: str = "--certificate") -> None:
    """Raises ValueError where a file cannot be written: known before the proof, not after."""
    folder = Path(path).absolute().parent
    if os.path.isdir(path):
        raise ValueError(f"{option} {path}: is a folder")
    if not folder.is_dir():
        raise ValueError(f"{option} {path}: cannot be written (no folder {folder})")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise ValueError(f"{option} {path}: cannot be written (no permission)")


def write(path: str, text: str, option: str = "--certificate") -> None:
    """Replaces the file. Where that fails, what was there before is there still, and the error
    names the option."""
    temporary = None
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe or a device has no parts
            with open(path, "w", encoding="utf-8") as device:
                device.write(text)
            return
        target = Path(os.path.realpath(path))  # not the link, but what it leads to
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            temporary = file.name
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise ValueError(f"{option} {path}: cannot be written ({error})") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

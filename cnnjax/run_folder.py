"""A run folder: the names of its files, who may write to it, and how a new run replaces an old one.

run.json                 the data and the model, as on the command line, and the configuration
checkpoint.safetensors   the state of the training
checkpoint.orbax/        its arrays, where they are written in shards (`train/shards.py`)
history.json             a row an epoch
model.safetensors        the trained model; its presence means that the run is finished
*.png                    pictures

One writer at a time: `locked` holds a lock of the operating system (`flock`), which ends with its
process however that ends, so that a lock file left behind locks nothing.

Nothing is removed before its successor is there. A run that begins anew over another one prepares
in the folder `.new`; once its first checkpoint is there, `take_over` removes the old run's files
and moves the new ones in. Killed in the middle of that, the next command on the folder completes
it: `.new` with a checkpoint is a decision already made.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnnjax.notices import notice, shown

try:
    import fcntl
except ImportError:  # not POSIX: there are no locks
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "CHECKPOINT",
    "HISTORY",
    "MODEL",
    "NEW",
    "RECORD",
    "InUse",
    "discard_new",
    "holds_run",
    "locked",
    "prepare_new",
    "take_over",
]

RECORD, MODEL, HISTORY, CHECKPOINT = (
    "run.json",
    "model.safetensors",
    "history.json",
    "checkpoint.safetensors",
)
PICTURES = (
    "learning_curves.png",
    "confusion.png",
    "kernels.png",
    "feature_maps.png",
    "best_patches_*.png",
)
NEW, LOCK = ".new", ".lock"
_WITHOUT_RECORD = "without-record"  # in `.new`: the new run has no run.json

# Where a file system has no locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

_holders: dict[str, int] = {}  # the folders that this process holds, and the thread that does


class InUse(RuntimeError):
    """Another process (or thread) is writing to the run folder."""


def holds_run(folder: Path) -> bool:
    """Whether there is a run in `folder` whose training would be lost with it."""
    return (folder / MODEL).exists() or (folder / CHECKPOINT).exists()


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold `folder` (made if need be) for this thread; yields False where it already did.

    On first taking it, a replacement that was cut short is completed. Folders made for the lock
    are removed again if nothing was put into them.

    Raises InUse, naming the process that holds it.
    """
    key = os.path.realpath(folder)
    if _holders.get(key) == threading.get_ident():
        yield False
        return
    made = _make(folder)
    try:
        handle = _acquire(folder, key)
        _holders[key] = threading.get_ident()
        try:
            if take_over(folder):
                notice(f"{folder}: the new run begun there takes the place of the old one")
            discard_new(folder)
            yield True
        finally:
            discard_new(folder)  # of a run that failed before its first checkpoint
            del _holders[key]
            if handle is not None:
                # Still locked, so that nobody holds the file that is unlinked.
                with suppress(OSError):
                    os.unlink(folder / LOCK)
                os.close(handle)
    finally:
        for empty in made:
            with suppress(OSError):
                empty.rmdir()


def prepare_new(folder: Path, *, record: bool) -> Path:
    """Where a run that begins in `folder` puts its first files: `.new` if it replaces another.

    `record` says that it has a run.json (and puts it there).
    """
    if not holds_run(folder):
        return folder
    new = folder / NEW
    new.mkdir(exist_ok=True)
    if not record:
        (new / _WITHOUT_RECORD).touch()
    return new


def take_over(folder: Path) -> bool:
    """Let the run prepared in `.new` take the place of the old one, if it has a checkpoint."""
    new = folder / NEW
    if not (new / CHECKPOINT).exists():
        return False
    for path in [path for name in (MODEL, HISTORY, *PICTURES) for path in folder.glob(name)]:
        path.unlink(missing_ok=True)
    if (new / _WITHOUT_RECORD).exists():
        (folder / RECORD).unlink(missing_ok=True)
    elif (new / RECORD).exists():
        os.replace(new / RECORD, folder / RECORD)
    # Last, for it is what makes the decision.
    os.replace(new / CHECKPOINT, folder / CHECKPOINT)
    discard_new(folder)
    return True


def discard_new(folder: Path) -> None:
    """Remove a new run that never came to a checkpoint."""
    if (folder / NEW).exists():
        import shutil  # rarely needed, and large

        shutil.rmtree(folder / NEW, ignore_errors=True)


def _make(folder: Path) -> list[Path]:
    """Make `folder` and its parents; those that were not there, the innermost first."""
    missing = []
    for path in (folder, *folder.parents):
        if path.exists():
            break
        missing.append(path)
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _acquire(folder: Path, key: str) -> int | None:
    """The descriptor of the locked file; None where there are no locks."""
    if key in _holders:
        raise InUse(f"{shown(folder)} is in use by another thread of this process")
    if fcntl is None:
        return None
    path = folder / LOCK
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have unlinked it between the two calls.
            if os.path.exists(path) and os.path.samestat(os.fstat(handle), os.stat(path)):
                with suppress(OSError):  # on a full disk the lock holds all the same
                    os.truncate(handle, 0)
                    os.write(handle, f"process {os.getpid()} on {os.uname().nodename}".encode())
                return handle
        except BlockingIOError as held:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace") or "another process"
            os.close(handle)
            raise InUse(f"{shown(folder)} is in use by {shown(holder)}") from held
        except OSError as error:
            os.close(handle)
            if error.errno not in _NO_LOCKS:
                raise
            notice(f"{folder}: its file system has no locks; let one process at a time write there")
            return None
        os.close(handle)

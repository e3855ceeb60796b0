"""Carries out a task in a process of its own, so that the exit status stays the verdict's.

A function may call sys.exit or os._exit, print, close the standard output, change the folder, or
never return. What it prints goes to the standard error, up to a limit; a process that does not
answer in time is ended, with all that it has started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from verify.cli.tasks import Answer
from verify.found import Record

_PRINTED = 1_000_000  # bytes of what functions print that are passed on
_PATIENCE, _AT_LEAST = 10, 60  # times the seconds of a search, and besides: imports, tracing, XLA
_LATE = 2.0  # seconds, for what is printed last
_STATUSES = ("proved", "refuted", "unknown")
_CHILD = Path(__file__).with_name("child.py")


def isolated(command: str, options: Record, seconds: float) -> Answer:
    """The answer to a task, in a process that may take a multiple of `seconds`."""
    limit = _AT_LEAST + _PATIENCE * seconds
    with tempfile.TemporaryDirectory(prefix="verify-", ignore_cleanup_errors=True) as folder:
        task = {
            "command": command,
            "options": options,
            "path": [p or os.getcwd() for p in sys.path],
        }
        Path(folder, "task.json").write_text(json.dumps(task), encoding="utf-8")
        status = _run(folder, limit)
        try:
            found = json.loads(Path(folder, "answer.json").read_text(encoding="utf-8"))
            answer = Answer(**found)
        except (OSError, ValueError, TypeError):
            return Answer(error=_without_answer(status, limit))
    if answer.status not in _STATUSES or not all(isinstance(x, str) for x in found.values()):
        return Answer(error="what the process answered is no answer")
    return answer


def _run(folder: str, limit: float) -> int | None:
    """The exit status of the process, or None where it had to be ended."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(_CHILD), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the parent, which ends the child
    )
    with _ended(process):
        assert process.stdout is not None
        printed = threading.Thread(target=_pass_on, args=(process.stdout,), daemon=True)
        printed.start()
        try:
            status: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        if status is not None:
            printed.join(_LATE)
    printed.join(_LATE)
    return status


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Afterwards the process is gone, and what it started in its session too."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()


def _pass_on(printed: IO[bytes]) -> None:
    """What functions print, to the standard error; read to the end, so that nobody waits."""
    left = _PRINTED
    while chunk := os.read(printed.fileno(), 65536):
        if left <= 0:
            continue
        text = chunk[:left].decode(errors="replace")
        left -= len(chunk)
        with contextlib.suppress(OSError, ValueError):  # nobody reads it
            sys.stderr.write(text if left > 0 else f"{text}\n(what is printed next is left out)\n")
            sys.stderr.flush()
    printed.close()


def _without_answer(status: int | None, limit: float) -> str:
    ended = "the process that called the functions"
    if status is None:
        return f"{ended} was ended: there was no answer within {limit:.0f} s (see --seconds)"
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"{ended} was ended by {signal.Signals(-status).name} before there was a verdict"
    return f"{ended} ended with status {status} before there was a verdict"

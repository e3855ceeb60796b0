"""Several hosts: joining them, and ending with one line when one of them is lost.

JAX runs one program in every process, and each step waits for all of them. If one is killed, the
others get a failed operation, or are ended by JAX's coordinator, which lives in the first process;
if one stops to answer, they wait until its heartbeat is missed. In all three cases what remains
says in one line which checkpoint to go on from, and exits with a status other than 0
(`vigil.py` says it, for the process itself may no longer be able to).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax

from cnnjax.notices import shown
from cnnjax.train import vigil

__all__ = ["initialise_distributed", "watched"]

# Seconds; JAX's own are 100 and 300.
_HEARTBEAT, _SHUTDOWN = 30, 50
_LOST = re.compile(
    r"gloo|nccl|connection (reset|closed|refused)|socket closed|unavailable|heartbeat|"
    r"another task|coordination",
    re.IGNORECASE,
)

_watch: _Watch | None = None


def initialise_distributed(**options: Any) -> None:
    """Join this process to the others of a run over several hosts; call before anything else.

    On clusters that JAX knows (Slurm, Cloud TPU, ...) without options; elsewhere pass
    `coordinator_address="host:port"`, `num_processes` and `process_id`; all options of
    `jax.distributed.initialize` are taken.  Afterwards `fit` is called in every process with the
    same arguments; the first one writes files and reports.

    A process that does not answer is given up after 30 seconds (`heartbeat_timeout_seconds`).
    """
    global _watch
    if _watch is None and os.name == "posix":
        _watch = _Watch()
    jax.distributed.initialize(
        **{
            "heartbeat_timeout_seconds": _HEARTBEAT,
            "shutdown_timeout_seconds": _SHUTDOWN,
            **options,
        }
    )


class _Watch:
    """The process that has the last word, and the way to it."""

    def __init__(self) -> None:
        incoming, outgoing = os.pipe()
        stderr = os.dup(2)
        self._process = subprocess.Popen(
            [sys.executable, "-I", vigil.__file__, str(incoming)],
            stdin=subprocess.PIPE,
            pass_fds=[incoming],
            process_group=0,  # Ctrl-C is not for it
        )
        os.close(incoming)
        sys.stderr.flush()
        direct = getattr(sys.stderr, "fileno", lambda: -1)
        with suppress(OSError, ValueError):
            if direct() == 2:  # what Python says goes past it
                sys.stderr = os.fdopen(stderr, "w", buffering=1, errors="backslashreplace")
        os.dup2(outgoing, 2)
        os.close(outgoing)

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(command.encode("utf-8", "surrogateescape") + b"\n")
            self._process.stdin.flush()

    def lost(self) -> None:
        """Let it say that others are lost, and end."""
        assert self._process.stdin is not None
        self.tell("lost")
        with suppress(OSError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)


@contextmanager
def watched(checkpoint: Path | None) -> Iterator[None]:
    """Inside, the loss of another process ends this one with a line that names `checkpoint`."""
    if jax.process_count() == 1:
        yield
        return
    here, count = jax.process_index(), jax.process_count()
    line = f"cnnjax train: process {here} of {count} ends, for another one is gone; " + (
        "there is no checkpoint to go on from, as no out folder was given"
        if checkpoint is None
        else f"the same call with resume=True, on the devices that are left, goes on from "
        f"{shown(checkpoint)}"
    )
    if _watch is not None:
        _watch.tell(f"line {line}")
    try:
        yield
    except BaseException as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and _LOST.search(str(error)):
            if _watch is None:  # not joined by `initialise_distributed`
                print(line, file=sys.stderr, flush=True)
            else:
                _watch.lost()
            sys.stdout.flush()
            # An orderly exit would wait for the one that is gone.
            os._exit(1)
        if _watch is not None:
            _watch.tell("failed")
        raise
    if _watch is not None:
        _watch.tell("line ")

"""Several hosts: joining them, and ending with one line when one of them is lost or asked to stop.

JAX runs one program in every process, and each step waits for all of them. If one is killed, the
others get a failed operation, or are ended by JAX's coordinator, which lives in the first process;
if one stops to answer, they wait until its heartbeat is missed. In all three cases, at any moment
from joining to the end of the program, what remains says in one line what is kept and how to go on,
and exits with the status 1, or 134 where JAX is the one that ends it (`abort`).  `vigil.py` says
the line, for the process itself may no longer be able to.

Where one is asked to stop, all of them do after the same step (`interrupt.py`).
"""

from __future__ import annotations

import atexit
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import numpy as np

from cnnjax.notices import shown
from cnnjax.train import vigil
from cnnjax.train.interrupt import Interrupted

__all__ = ["initialise_distributed", "of_first", "watched"]

# Seconds; JAX's own are 100, 300 and 300.
_HEARTBEAT, _SHUTDOWN, _JOINING = 30, 50, 300
_INTERRUPTED = 128 + signal.SIGINT  # what a shell reports of a program that Ctrl-C ended
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

    A process that does not answer is given up after 30 seconds (`heartbeat_timeout_seconds`); where
    not all of them have come after 300 (`initialization_timeout`), each ends with a line that says
    so.
    """
    global _watch
    if _watch is None and os.name == "posix":
        _watch = _Watch()
        _some_errors_are_lines()
    given = {
        "heartbeat_timeout_seconds": _HEARTBEAT,
        "shutdown_timeout_seconds": _SHUTDOWN,
        "initialization_timeout": _JOINING,
        **options,
    }
    if _watch is not None:
        _watch.tell(f"line {_not_all(given)}")
    jax.distributed.initialize(**given)
    if _watch is not None:
        _watch.tell(f"line {_gone(_who(given))}, before the training began")


def _who(given: dict[str, Any]) -> str:
    """This process, without a question to JAX, which would wait for the devices of all."""
    here, count = given.get("process_id"), given.get("num_processes")
    return "this process" if here is None or count is None else f"process {here} of {count}"


def _not_all(given: dict[str, Any]) -> str:
    """What to say where the processes do not find each other."""
    address = given.get("coordinator_address") or os.environ.get("JAX_COORDINATOR_ADDRESS")
    where = f" at {address}" if address else ""
    return shown(
        f"cnnjax train: {_who(given)} ends, for not all have joined{where} "
        f"within {given['initialization_timeout']} s, or two of them as the same process"
    )


def _gone(who: str) -> str:
    return f"cnnjax train: {who} ends, for another one is gone"


def of_first(value: int) -> int:
    """The `value` of the first process, in every process; all of them have to call this."""
    if jax.process_count() == 1:
        return value
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def _some_errors_are_lines() -> None:
    """From now on an `Interrupted` that nobody handles is its message alone, and the status 130;
    that another process is lost is a line outside of `fit` too."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if _is_loss(error):
            assert _watch is not None
            _watch.lost()
            sys.stdout.flush()
            os._exit(1)
        if not isinstance(error, Interrupted):
            if _watch is not None:
                _watch.tell("failed")
            before(kind, error, trace)
            return
        print(f"cnnjax train: {error}", file=sys.stderr, flush=True)
        # As Python ends, which would be with the status 1. The end takes a moment, in which the
        # others rely on this process: another Ctrl-C has nothing to add.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(_INTERRUPTED)

    sys.excepthook = hook


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


def _is_loss(error: BaseException) -> bool:
    """Whether an operation failed because another process is gone.

    Where it was not waited for, JAX raises that as a ValueError, which begins with a status.
    """
    said = str(error)
    by_jax = isinstance(error, jax.errors.JaxRuntimeError) or (
        (isinstance(error, ValueError) and re.match(r"[A-Z_]+: ", said))
        or (isinstance(error, RuntimeError) and said.startswith("Unable to initialize backend"))
    )
    return bool(by_jax and _LOST.search(said))


def _at_once(checkpoint: Path | None) -> str:
    """What to say of Ctrl-C that does not wait for the step."""
    kept = _going_on(checkpoint, "")
    if checkpoint is not None and not checkpoint.exists():
        kept = f"there is no checkpoint in {shown(checkpoint.parent)} yet"
    return (
        f"cnnjax train: process {jax.process_index()} of {jax.process_count()} was interrupted and "
        f"ends at once; {kept}"
    )


def _going_on(checkpoint: Path | None, how: str) -> str:
    if checkpoint is None:
        return "there is no checkpoint to go on from, as no out folder was given"
    return f"the same call with resume=True{how} goes on from {shown(checkpoint)}"


@contextmanager
def watched(checkpoint: Path | None, resume: bool = False) -> Iterator[None]:
    """Inside, the loss of another process ends this one with a line that names `checkpoint`, or
    says that there is none yet: one that is there before is of this run only with `resume`.

    After it, the line says that the training is done.
    """
    if jax.process_count() == 1:
        yield
        return
    gone = _gone(f"process {jax.process_index()} of {jax.process_count()}")
    line = f"{gone}; {_going_on(checkpoint, ', on the devices that are left,')}"
    if _watch is not None:
        _watch.tell(f"line {line}")
        if checkpoint is not None and not (resume and checkpoint.exists()):
            none = f"before the first checkpoint in {shown(checkpoint.parent)}; the same call"
            _watch.tell(f"before {gone}, {none}, on the devices that are left, begins anew")
            _watch.tell(f"first {checkpoint.absolute()}")
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, Interrupted):
            # Not after a step of all: the others will wait for this one, until they find it gone.
            if _watch is not None:
                _watch.tell("failed")
            print(_at_once(checkpoint), file=sys.stderr, flush=True)
            sys.stdout.flush()
            os._exit(_INTERRUPTED)
        if _is_loss(error):
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
        kept = "" if checkpoint is None else f"; {shown(checkpoint.parent)} holds the trained model"
        _watch.tell(f"line {gone}, after the training{kept}")

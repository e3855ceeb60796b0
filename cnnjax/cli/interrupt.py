"""Ctrl-C in a process that runs JAX: it always arrives, and the exit status says so.

Imported before everything else: only small modules of the standard library here.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["INTERRUPTED", "imports_end_quietly", "leave", "lost_interrupts_return"]

INTERRUPTED = 128 + signal.SIGINT  # what a shell reports of a program that Ctrl-C ended

_SOON = 0.05  # seconds; longer than any callback of a garbage collection


@contextmanager
def lost_interrupts_return() -> Iterator[None]:
    """Inside, a Ctrl-C that fell into a callback is raised again a moment later.

    Python drops what is raised inside a destructor or a callback of the garbage collector, and
    KeyboardInterrupt with it. JAX registers such a callback, so that now and then a Ctrl-C would
    be printed as "Exception ignored" and do nothing.
    """
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            # Not here: what is raised inside this hook is dropped as well.
            again = threading.Timer(_SOON, _thread.interrupt_main)
            again.daemon = True
            again.start()
        else:
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def imports_end_quietly() -> None:
    """From now on a Ctrl-C while a module is imported ends the process with 130, at once.

    Nothing can be lost there, and an exception that is thrown through the imports of large
    extension modules arrives as another one, or with pages of traceback. Anywhere else a Ctrl-C is
    a KeyboardInterrupt, as before. A Ctrl-C that is ignored (in a background job) stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return

    def handler(signum: int, frame: FrameType | None) -> None:
        above = frame
        while above is not None:
            if above.f_code.co_filename == "<frozen importlib._bootstrap>":
                print("interrupted", file=sys.stderr)
                leave(INTERRUPTED)
            above = above.f_back
        signal.default_int_handler(signum, frame)

    signal.signal(signal.SIGINT, handler)


def leave(status: int) -> NoReturn:
    """End the process at once.

    Ctrl-C can leave XLA compiling in its own threads, and an orderly exit of Python under them
    ends in a segmentation fault (139 instead of 130) now and then.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

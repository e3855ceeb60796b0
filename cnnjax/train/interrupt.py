"""Ctrl-C as a request: finish the step, save, then stop.

Of several processes all stop after the same step, whichever of them is asked. For that JAX has its
notice of preemption: a process that gets SIGTERM (as clusters send it) tells the others, and each
learns which step is the last. Ctrl-C takes the same way.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

__all__ = ["Asked", "Interrupted", "interruptible"]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during `fit` (of several processes: SIGTERM too); the state is saved, the message says
    how to go on."""


class Asked:
    """Whether training is to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._calls = 0

    def set(self) -> None:
        """Ask for it, in this process."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether this process was asked by Ctrl-C."""
        return self._event.is_set()

    def to_stop(self) -> bool:
        """Whether to stop here. Every process calls this after each call of steps, and all of them
        are told the same."""
        if jax.process_count() == 1:
            return self.is_set()
        if not _joined():
            return False
        from jax.experimental import multihost_utils

        self._calls += 1
        return multihost_utils.reached_preemption_sync_point(self._calls)


@contextmanager
def interruptible() -> Iterator[Asked]:
    """What the first Ctrl-C asks to stop; a second one raises KeyboardInterrupt at once.

    Python delivers signals to the main thread only; in another thread Ctrl-C asks nothing.
    """
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(signum: int, frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if jax.process_count() == 1:
            return
        if not _joined():
            raise KeyboardInterrupt
        os.kill(os.getpid(), signal.SIGTERM)  # JAX hears it, and tells the others

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _joined() -> bool:
    """Whether JAX passes requests to stop on; a setting of its, on unless it is switched off."""
    return bool(jax.config.jax_enable_preemption_service)  # type: ignore[attr-defined]

"""JAX in a process of its own, since XLA may end it: on concatenations of two-bit integers, on
windows with negative padding, on whatever else is found.

    with Worker() as worker:
        ticket = worker.send(cases, sets)
        ...  # something else meanwhile
        results = worker.receive(ticket)

Cases are sent by name and drawn again there. They are compiled together; where that ends the
process, one by one, and the one that ends it again is `ABORTED`.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from tests.verify.conformance.compare import Case, by_jax, case

ABORTED = "aborted"
_START = "tests.verify.conformance.compare"  # imported once, before processes are forked


class Worker:
    """One process, started again whenever it has ended."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload([_START])
        self.process: Any = None
        self.pipe: Connection | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def send(self, cases: Sequence[Case], sets: int) -> tuple[list[Case], int]:
        """One call at a time; `receive` it before the next."""
        self._start()
        self._put(list(cases), sets)
        return list(cases), sets

    def receive(self, ticket: tuple[list[Case], int]) -> list[Any]:
        """For each case the results of each set, None where it does not compile, or ABORTED."""
        cases, sets = ticket
        found = self._get()
        if found is not None:
            return found
        results: list[Any] = []
        for one in cases:
            self._start()
            self._put([one], sets)
            alone = self._get()
            results.append(ABORTED if alone is None else alone[0])
        return results

    def _put(self, cases: list[Case], sets: int) -> None:
        assert self.pipe is not None
        self.pipe.send(([(one.name, one.seed, one.index) for one in cases], sets))

    def _get(self) -> list[Any] | None:
        assert self.pipe is not None
        try:
            found: list[Any] = self.pipe.recv()
        except (EOFError, ConnectionError):
            self._stop()
            return None
        return found

    def _start(self) -> None:
        if self.process is None:
            self.pipe, other = self.context.Pipe()
            self.process = self.context.Process(target=_serve, args=(other,), daemon=True)
            self.process.start()
            other.close()

    def _stop(self) -> None:
        if self.process is not None:
            assert self.pipe is not None
            self.pipe.close()
            self.process.kill()
            self.process.join()
            self.process = self.pipe = None


def _serve(pipe: Connection) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)  # what XLA says when it ends
    os.dup2(quiet, 1)
    while True:
        try:
            names, sets = pipe.recv()
        except EOFError:
            return
        cases = [case(*name) for name in names]
        pipe.send(by_jax([one for one in cases if one is not None], sets))

"""Pairs are asked in a process of their own, so that a crash is an outcome."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pkgutil
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

import jax

from benchmarks.realcode import pairs
from benchmarks.realcode.pair import Group, Missing, Pair

GRACE = 40.0  # seconds beyond its budget, for tracing, until a question is ended


@dataclass(frozen=True)
class Answer:
    """status: proved, refuted, unknown; failed (an exception), crashed, endless; skipped."""

    name: str
    group: str
    libraries: tuple[str, ...]
    equal: bool
    status: str
    seconds: float
    detail: str = ""  # reason, explanation, exception
    method: str = ""
    assumptions: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return self.status == ("proved" if self.equal else "refuted")

    @property
    def false(self) -> bool:
        return self.status == ("refuted" if self.equal else "proved")


def files() -> list[str]:
    return sorted(found.name for found in pkgutil.iter_modules(pairs.__path__))


def group(file: str) -> Group:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"benchmarks.realcode.pairs.{file}").GROUP


def ask(pair: Pair, seconds: float) -> Answer:
    """The verifier's answer, in this process."""
    import verify

    def answer(status: str, detail: str = "", **more: object) -> Answer:
        spent = time.perf_counter() - start
        about = (pair.name, pair.group, pair.libraries, pair.equal)
        return Answer(*about, status, spent, detail, **more)  # type: ignore[arg-type]

    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            examples, assuming = pair.question()
            for function in (pair.f, pair.g):  # libraries are imported and constants made
                jax.eval_shape(function, *examples)
            start = time.perf_counter()
            verdict = verify.equivalent(
                pair.f, pair.g, *examples, assuming=assuming, seconds=seconds, seed=0
            )
    except Missing as missing:
        return answer("skipped", str(missing))
    except Exception as error:
        return answer("failed", f"{type(error).__name__}: {error}")
    detail = verdict.reason or str(verdict.counterexample or "")
    return answer(
        verdict.status, detail, method=verdict.method, assumptions=tuple(verdict.assumptions)
    )


def _serve(connection: Connection) -> None:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    while True:
        file, number, seconds = connection.recv()
        connection.send(ask(group(file).pairs[number], seconds))


class Worker:
    """A process that answers one question after the other; a new one where the last one ended."""

    def __init__(self) -> None:
        self.process: multiprocessing.process.BaseProcess | None = None

    def ask(self, file: str, number: int, seconds: float) -> Answer:
        pair = group(file).pairs[number]
        start = time.perf_counter()
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.connection, theirs = context.Pipe()
            self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
        status, detail = "endless", f"no answer {GRACE:.0f} s beyond its budget"
        try:
            self.connection.send((file, number, seconds))
            if self.connection.poll(seconds + GRACE):
                found: Answer = self.connection.recv()
                return found
        except (EOFError, ConnectionError):
            self.process.join()
            status, detail = "crashed", f"the process ended with {self.process.exitcode}"
        self.end()
        about = (pair.name, pair.group, pair.libraries, pair.equal)
        return Answer(*about, status, time.perf_counter() - start, detail)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


def answers(
    wanted: list[tuple[str, int]], seconds: float
) -> Iterator[tuple[tuple[str, int], Answer]]:
    """One after the other; each file's in a fresh process."""
    worker, last = Worker(), None
    try:
        for file, number in wanted:
            if file != last:
                worker.end()
                last = file
            yield (file, number), worker.ask(file, number, seconds)
    finally:
        worker.end()

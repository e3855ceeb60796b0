"""Threads that read images, each with a process of its own where decoding is to be done there.

A thread that waits for its process holds no lock of the interpreter, so that training goes on in
this one. Pixels come through a pipe, at more than a gigabyte a second; there is no shared memory
that a killed process would leave behind, and no fork of a process that runs JAX.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from cnnjax.data.errors import DataError
from cnnjax.data.streaming.worker import BOOT, LENGTH

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None  # type: ignore[assignment]

__all__ = ["Pool", "processors"]

_MOST = 8
_PIPE = 1 << 20


class Readable(Protocol):
    """What is read here: `Images` (`images.py`)."""

    source: Any
    name: str
    processes: bool

    def read(self, index: int, /) -> np.ndarray: ...
    def with_source(self, source: Any, /) -> Readable: ...


def processors() -> int:
    """How many processors this process may use, at most 8."""
    with suppress(AttributeError):
        return min(_MOST, len(os.sched_getaffinity(0)))
    return min(_MOST, os.cpu_count() or 1)


class Pool:
    """`workers` readers (by default one a processor, at most 8) for as long as the context lasts.

    The context may be entered again inside itself, and by several threads: the last to leave ends
    the readers.

    >>> from cnnjax.data.streaming import Images
    >>> images = Images(np.arange(12, dtype=np.uint8).reshape(3, 2, 2), "three")
    >>> out = np.zeros((2, 2, 2, 1), np.uint8)
    >>> with Pool(2) as pool:
    ...     pool.read(images, [2, 0], out).result()
    >>> out[:, 0, 0, 0].tolist()
    [8, 0]
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"Pool: workers must be 1 or more, got {workers}")
        self.workers = workers or processors()
        self._lock = threading.Lock()
        self._users = 0
        self._running: _Running | None = None

    def __enter__(self) -> Pool:
        with self._lock:
            self._users += 1
            if self._running is None:
                self._running = _Running(self.workers)
        return self

    def __exit__(self, *_: Any) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            running, self._running = self._running, None
        assert running is not None
        running.close()

    def read(self, images: Readable, indices: list[int], out: np.ndarray) -> Future[None]:
        """Read the images of these numbers into `out`: (n, H, W, C) uint8, contiguous."""
        if self._running is None:
            raise RuntimeError("Pool.read: outside of the pool's context")
        return self._running.read(images, indices, out)


class _Running:
    """The threads of a pool that is in use, and their processes."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, "cnnjax-reader")
        self._mine = threading.local()
        self._children: list[_Child] = []
        self._sources: list[Readable] = []  # their place is the number that processes know them by
        self._lock = threading.Lock()
        self._closed = False

    def read(self, images: Readable, indices: list[int], out: np.ndarray) -> Future[None]:
        return self._threads.submit(self._read, images, indices, out)

    def close(self) -> None:
        """End all readers, in the middle of what they do."""
        with self._lock:
            self._closed = True
        for child in self._children:
            child.end()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for child in self._children:
            child.forget()

    def _read(self, images: Readable, indices: list[int], out: np.ndarray) -> None:
        if not images.processes:
            for place, index in enumerate(indices):
                if self._closed:
                    return
                out[place] = images.read(index)
            return
        child = getattr(self._mine, "child", None)
        if child is None:
            child = self._mine.child = self._started()
        child.read(*self._request(child, images, indices), out)

    def _started(self) -> _Child:
        with self._lock:
            if self._closed:
                raise DataError("the readers of images have been closed")
            child = _Child()
            self._children.append(child)
            return child

    def _request(
        self, child: _Child, images: Readable, indices: list[int]
    ) -> tuple[int, Readable | None, list[int]]:
        """Number, source and indices as the process is to see them."""
        part = getattr(images.source, "part", None)
        if part is not None:  # a few of a million files
            return -1, images.with_source(part(indices)), list(range(len(indices)))
        with self._lock:
            number = next((n for n, known in enumerate(self._sources) if known is images), -1)
            if number < 0:
                number = len(self._sources)
                self._sources.append(images)
        known = number in child.knows
        child.knows.add(number)
        return number, None if known else images, indices


class _Child:
    """A process that reads; one thread at a time talks to it."""

    def __init__(self) -> None:
        self.knows: set[int] = set()
        # A group of its own: Ctrl-C in a terminal is for the parent, whose end ends this one.
        self._process = subprocess.Popen(
            [sys.executable, "-c", BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0 if os.name == "posix" else None,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux's 64 kB are less than an image
            with suppress(OSError):
                fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _PIPE)
        with suppress(OSError):  # it has ended: the first answer will say so
            self._in.write(pickle.dumps(sys.path))

    def read(
        self, number: int, images: Readable | None, indices: list[int], out: np.ndarray
    ) -> None:
        try:
            request = pickle.dumps((number, images, indices))
        except Exception as error:
            raise DataError(
                f"{images.name if images else 'source'}: cannot be sent to a process that reads it "
                f"({error}); processes=False reads in threads"
            ) from error
        try:
            self._in.write(len(request).to_bytes(LENGTH, "little") + request)
            self._in.flush()
            if self._filled(memoryview(bytearray(1)))[0]:
                length = int.from_bytes(self._filled(memoryview(bytearray(LENGTH))), "little")
                raise pickle.loads(self._filled(memoryview(bytearray(length))))
            self._filled(memoryview(out).cast("B"))  # straight into the batch
        except (EOFError, BrokenPipeError) as error:
            status = self._process.wait()
            how = f"signal {-status}" if status < 0 else f"status {status}"
            raise DataError(
                f"a process that reads images ended ({how}); was there enough memory for "
                "another one? Fewer workers need less"
            ) from error

    def _filled(self, place: memoryview) -> memoryview:
        done = 0
        while done < len(place):
            count = self._out.readinto(place[done:])  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            done += count
        return place

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """Once nobody reads from it any more."""
        for stream in (self._in, self._out):
            with suppress(OSError, ValueError):
                stream.close()

"""The process beside each one of a run over several hosts that has the last word.

When another host is lost, JAX ends this process from a thread of its own, in the middle of anything
and with pages of messages, or a collective operation fails with a traceback. Neither says what to
do. So what C++ writes to stderr goes through this program (Python's own stderr does not), a second
late; if the process then ends because others are lost, one line takes its place.

    python vigil.py FD        FD: where the messages come in; commands come through stdin:

    line TEXT       what to say if the others are lost
    before TEXT     what to say instead of it as long as
    first PATH      this file is as it is now, which may be absent; until the next `line`
    lost            they are: say so, and nothing of what is held back
    failed          the process ends for a reason of its own, which it says itself; until the next
                    `line`

Only the standard library, and nothing of ours: this file is run by its path.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

HELD = 1.0  # seconds
# What JAX says when it ends a process because of another one.
_SIGNS = (
    b"JAX distributed service detected fatal errors",
    b"coordination service",
    b"CoordinationService",
)
# Lines that are no news: that this process was asked to stop, which it says itself.
_NO_NEWS = (b"preemption_notifier.cc",)
_MOST = 1 << 20


def main(messages: int) -> None:
    """Pass messages on, a second late, until the commands end: then decide which are worth it."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    held: list[tuple[float, bytes]] = []
    commands, line, lost, failed = b"", b"", False, False
    before, first, was = b"", b"", None
    sources = [0, messages]
    while True:
        ready, _, _ = select.select(sources, [], [], HELD / 4)
        now = time.monotonic()
        if messages in ready:
            part = os.read(messages, _MOST)
            held.append((now, part))
            if not part:  # nobody can write there any more
                sources.remove(messages)
        while held and (now - held[0][0] > HELD or len(held) > 1000):
            _say(held.pop(0)[1])
        if 0 not in ready:
            continue
        part = os.read(0, _MOST)
        commands += part
        *whole, commands = commands.split(b"\n")
        for command in whole:
            word, _, text = command.partition(b" ")
            if word == b"line":
                line, first, failed = text, b"", False
            elif word == b"before":
                before = text
            elif word == b"first":
                first, was = text, _version(text)
            lost, failed = lost or command == b"lost", failed or command == b"failed"
        if not part:
            break
    while select.select([messages], [], [], 0)[0] and (part := os.read(messages, _MOST)):
        held.append((0.0, part))
    rest = b"".join(part for _, part in held)
    signs = any(sign in rest for sign in _SIGNS)
    if line and not failed and (lost or signs):
        _say((before if first and _version(first) == was else line) + b"\n")
    elif not (failed and signs):
        _say(rest)


def _version(path: bytes) -> tuple[int, int] | None:
    """What a file is replaced by has another one."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _say(text: bytes) -> None:
    if any(sign in text for sign in _NO_NEWS):
        lines = text.splitlines(keepends=True)
        text = b"".join(line for line in lines if not any(sign in line for sign in _NO_NEWS))
    while text:
        try:
            text = text[os.write(2, text) :]
        except OSError:  # nobody listens any more
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))

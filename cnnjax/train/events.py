"""TensorBoard's event files, as far as numbers go: written whole, record by record.

A file is a sequence of records (TFRecord, tensorflow/core/lib/io/record_writer.h)

    length: uint64   masked CRC-32C of it: uint32   event   masked CRC-32C of the event: uint32

little-endian; an event is a protocol buffer (tensorflow/core/util/event.proto). Five fields of it
are needed here, and have had their numbers since 2015.

Written here rather than by tensorboardX, the light one of the libraries: that hands events to a
thread through a queue which its `flush` does not wait for, so that a kill loses epochs that were
saved.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["EventFile", "crc32c", "masked_crc32c"]


class EventFile:
    """An event file of this process in `folder`; what is written is in the file on return.

    `first` is the step that comes first: TensorBoard forgets what earlier files in the folder say
    of it and of later steps (a run that was begun anew, or killed and resumed).
    """

    def __init__(self, folder: str | os.PathLike[str], first: int) -> None:
        self.path = _new(Path(folder))
        self._append(_text(3, b"brain.Event:2"))
        start = _number(1, 1)  # SessionLog.status: START
        self._append(_number(2, first) + _text(7, start))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name, all at one step."""
        summary = b"".join(
            _text(1, _text(1, name.encode()) + b"\x15" + struct.pack("<f", value))
            for name, value in values.items()
        )
        self._append(_number(2, step) + _text(5, summary))

    def _append(self, event: bytes) -> None:
        event = b"\x09" + struct.pack("<d", time.time()) + event
        length = struct.pack("<Q", len(event))
        record = length + _checksum(length) + event + _checksum(event)
        with open(self.path, "ab") as file:
            file.write(record)


def crc32c(content: bytes) -> int:
    """CRC-32C (RFC 3720, B.4).

    >>> hex(crc32c(b"123456789"))  # the value by which implementations are checked
    '0xe3069283'
    """
    table, crc = _table(), 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked_crc32c(content: bytes) -> int:
    """The checksum of records: turned, and something added, as content may hold checksums too."""
    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    """Of the Castagnoli polynomial 0x1EDC6F41, its bits reversed."""
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


def _checksum(content: bytes) -> bytes:
    return struct.pack("<I", masked_crc32c(content))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have their highest bit set."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _new(folder: Path) -> Path:
    """An empty file of a new name; TensorBoard reads files in the order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1000):
        name = f"events.out.tfevents.{int(time.time()):010d}.{number:03d}.{os.getpid()}"
        try:
            (folder / name).open("xb").close()
        except FileExistsError:
            continue
        return folder / name
    raise FileExistsError(f"TensorBoard: {folder} has a thousand files of this second")

"""What `cnnjax tune` measured on this machine: for a call of a layer, the lowering to take.

A JSON file in the user's cache (`cnnjax.cache`), one entry a device and call. A call is known by
its layer, dtypes, shapes and geometry; one that was not measured is left to the shipped table.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax

from cnnjax.cache import made, place
from cnnjax.files import write_json
from cnnjax.notices import notice

__all__ = ["add", "device", "fingerprint", "key", "lookup", "names", "path", "platforms"]

_FORMAT = "cnnjax lowerings 1"


def path() -> Path | None:
    """The file; None where the cache is off."""
    return place("lowerings.json")


def device() -> str:
    """What the entries hold for: backend, kind of device, and on a CPU its number of cores."""
    first = jax.devices()[0]
    cores = f", {os.cpu_count()} cores" if first.platform == "cpu" else ""
    return f"{first.platform}: {first.device_kind}{cores}"


def names(platform: str) -> tuple[str, ...]:
    """What programs are lowered for on a backend: of GPUs there are two kinds.

    >>> names("cpu"), names("gpu")
    (('cpu',), ('cuda', 'rocm'))
    """
    return ("cuda", "rocm") if platform == "gpu" else (platform,)


def platforms() -> tuple[str, ...]:
    """The platforms that this machine's entries hold for."""
    return names(jax.devices()[0].platform)


def key(layer: str, arguments: Any) -> str | None:
    """A call as text; None where it has sizes that are not known.

    >>> import jax.numpy as jnp
    >>> key("max_pool", (jnp.ones((4, 6, 2)), (2, 2), (2, 2), ((0, 0), (0, 0))))
    'max_pool float32[4,6,2] (2, 2) (2, 2) ((0, 0), (0, 0))'
    """
    words = [layer]
    for argument in arguments:
        if hasattr(argument, "shape"):
            if not all(isinstance(n, int) for n in argument.shape):
                return None
            words.append(f"{argument.dtype}[{','.join(map(str, argument.shape))}]")
        else:
            words.append(repr(argument))
    return " ".join(words)


def lookup(layer: str, arguments: Any) -> str | None:
    """The lowering that was fastest here; None for a call that was not measured."""
    file = path()
    known = {} if file is None else _entries(file, device())
    call = key(layer, arguments) if known else None
    return None if call is None else known.get(call)


def fingerprint() -> str:
    """What stands for the entries of this device; "" where there are none."""
    file = path()
    known = {} if file is None else _entries(file, device())
    return f"{zlib.crc32(repr(sorted(known.items())).encode()):08x}" if known else ""


def add(found: Mapping[str, str]) -> Path | None:
    """Write entries for this device into the file, beside those that are there; None where not.

    Atomic, and one process at a time: none of two that measure at once loses what the other found.
    """
    file = path()
    if file is None or not made(file.parent):
        return None
    try:
        with _alone(file):
            devices = _read(file)
            devices[device()] = {**devices.get(device(), {}), **found}
            write_json(file, {"format": _FORMAT, "devices": devices})
    except OSError as error:
        notice(f"{file}: what was measured is not kept ({error.strerror or error})")
        return None
    _entries.cache_clear()
    return file


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Wait for other processes that write; nothing to wait for where there are no locks."""
    try:
        import fcntl
    except ImportError:  # not POSIX
        yield
        return
    handle = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@lru_cache(maxsize=4)
def _entries(file: Path, device: str) -> dict[str, str]:
    return _read(file).get(device, {})


def _read(file: Path) -> dict[str, dict[str, str]]:
    """The entries by device; a file that is damaged counts as empty, with a warning."""
    try:
        if not file.is_file():  # a pipe would not end
            if file.exists():
                raise ValueError("no regular file")
            return {}
        content = json.loads(file.read_text("utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is {content['format']!r}, expected {_FORMAT!r}")
        devices = content["devices"]
        if not all(isinstance(v, str) for known in devices.values() for v in known.values()):
            raise ValueError("an entry is not the name of a lowering")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        notice(
            f"{file}: not used, it cannot be read ({str(error)[:200]}); `cnnjax tune` writes a "
            "new one"
        )
        return {}
    return devices

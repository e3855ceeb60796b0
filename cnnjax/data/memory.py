"""How much memory this process can still take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["available"]

_MEMINFO = Path("/proc/meminfo")
# Limit and use of the control group this process is in (containers), versions 2 and 1.
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available() -> int | None:
    """Bytes that can be allocated without swapping or being killed; None where nothing says.

    >>> free = available()
    >>> free is None or free > 0
    True
    """
    found = [*_of_the_machine(), *_of_the_group(), *_of_the_process()]
    return max(0, min(found)) if found else None


def _of_the_machine() -> list[int]:
    with suppress(OSError, ValueError, IndexError):
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return [1024 * int(line.split()[1])]
    return []


def _of_the_group() -> list[int]:
    for limit, use in _GROUPS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            return [int(Path(limit).read_text()) - int(Path(use).read_text())]
    return []


def _of_the_process() -> list[int]:
    found: list[int] = []
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        pages = Path("/proc/self/statm").read_text().split()
        for kind, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
            limit, _ = resource.getrlimit(kind)
            if limit != resource.RLIM_INFINITY:
                found.append(limit - int(pages[field]) * resource.getpagesize())
    return found

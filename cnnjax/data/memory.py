"""How much memory this process can still take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = ["available"]

_MEMINFO = Path("/proc/meminfo")
_OWN = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


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
    """What the control groups of this process leave it (containers, jobs of a cluster, services).

    A group's limit holds for all groups within it; files that are only cached count as its use,
    though they make room when it is needed.
    """
    found: list[int] = []
    for folder, limit, use, cached in _groups():
        with suppress(OSError, ValueError):  # no such file, or "max"
            most, used = (int((folder / name).read_text()) for name in (limit, use))
            found.append(most - used + _of_stat(folder, cached))
    return found


def _groups() -> list[tuple[Path, str, str, str]]:
    """The folder of each group this process is in, and its files: limit, use, what is cached."""
    lines: list[str] = []
    with suppress(OSError):
        lines = _OWN.read_text().splitlines()
    found: list[tuple[Path, str, str, str]] = []
    for line in lines or ["0::/", "1:memory:/"]:
        _, kinds, path = line.split(":", 2)
        if not kinds:  # version 2
            root, names = _GROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            root = _GROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # In a container only the root may be there, which then is the container's own group.
        inner = PurePosixPath(path.lstrip("/"))
        found += [(root / part, *names) for part in (inner, *inner.parents)]
    return found


def _of_stat(folder: Path, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text().splitlines():
            if line.startswith(f"{name} "):
                return int(line.split()[1])
    return 0


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

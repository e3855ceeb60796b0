"""What an evaluation would need of the machine's memory, before it is begun.

    needed = (elements that live at the same time + those that one equation works with) * bytes

of the worst equation, with so many bytes an element as the numbers at hand take. A program that
needs more than a part of what is free is refused, by name and number.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from verify.algebras.base import Refused
from verify.programs import Equation, Program, inner_programs, last_uses

PART = 0.5  # of the free memory that an evaluation may take
NUMBER = 24  # bytes an element: a float, its error, whether it is whole
_BESIDE = 1.5  # intermediate results within one equation, for each operand and result
_SMALL = 2_000_000  # elements; what is smaller is not looked at
_GIGABYTE = 1e9
_LIMITS = (  # of the group of processes, and what it uses
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def free() -> float:
    """Bytes that this process may still take; infinite where the system does not say."""
    found = [_of_the_machine()]
    for limit, usage in _LIMITS:
        most, used = _number(limit), _number(usage)
        if most is not None and used is not None:
            found.append(max(most - used, 0.0))
    return min(found)


def _number(path: str) -> float | None:
    try:
        with open(path) as file:
            return float(file.read())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _of_the_machine() -> float:
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return 1024.0 * int(line.split()[1])
    except (OSError, ValueError):
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return math.inf


def refuse(programs: Sequence[Program], width: float, what: str) -> None:
    """Raises `Refused` where evaluating one of the programs, in numbers of `width` bytes, takes too
    much; `what` says what it is for."""
    for program in programs:
        elements, worst = peak(program)
        if elements <= _SMALL:
            continue
        needed, there = elements * width, free()
        if needed > PART * there:
            name = worst.primitive if worst is not None else "its inputs"
            where = f" at {worst.source}" if worst is not None and worst.source else ""
            raise Refused(
                f"{what} needs about {needed / _GIGABYTE:.0f} GB for {name}{where} "
                f"({elements:.1e} array elements of {width:.0f} bytes), and of the "
                f"{there / _GIGABYTE:.0f} GB that are free it may take {PART:.0%}"
            )


def peak(program: Program) -> tuple[float, Equation | None]:
    """The most elements that are held at once, and the equation where."""
    held = float(sum(math.prod(v.shape) for v in program.inputs))
    most, worst = held, None
    uses = last_uses(program)
    inputs = set(program.inputs)
    for position, equation in enumerate(program.equations):
        inside = max((peak(p)[0] for p in inner_programs(equation)), default=0.0)
        working = _BESIDE * equation.elements + inside
        held += sum(math.prod(v.shape) for v in equation.outputs)
        if held + working > most:
            most, worst = held + working, equation
        # Inputs stay: whoever asks holds them.
        held -= sum(math.prod(v.shape) for v in uses.get(position, ()) if v not in inputs)
    return most, worst

"""What a question may cost: work, which is the same on every machine, and one stop by the clock.

A prover or a search has a limit in units of work, so that its verdict does not depend on how busy
the machine is. A unit is an operation or two on one array element, some ten nanoseconds; whoever
loops, or calls NumPy on something large, says so:

    with budget.limit(3e8):           # raises Exhausted within, once that much has been spent
        ...
        budget.spend(rows * elements)

    with budget.metered() as meter:   # only counts
        ...
        if meter.spent > limit: ...

Limits nest: what is spent within counts for all around it. `spend` also looks at the clock: the
whole call has its `seconds` (`budget.whole_call`), and `OutOfTime` goes through every prover to the
ladder, which answers "unknown". It is no `Unsupported`: no prover may take it for an answer of its
own. Where there is no limit (another thread, a call from outside), spending is free.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from verify.algebras.base import Unsupported
from verify.smt import Term

EQUATION = 3_000  # what it costs to look at one equation, however small its arrays are
_LAST = 0.1  # of the seconds
_UNIT = 1e-8  # seconds, about
OPERATION = 150  # what NumPy takes for one more row, or Python for a step of a loop
# Units of work for a question to z3, and for one of z3's own units, of reals and of integers.
_Z3_CALL, _Z3_UNIT, _Z3_WHOLE = 30_000, 5, 75


class Exhausted(Unsupported):
    """A limit of work is spent: the prover or search that set it gives up."""


class OutOfTime(BaseException):
    """The seconds of the whole call are over. Nobody who catches what may go wrong is meant."""


@dataclass(eq=False)
class Meter:
    """Work within one `limit` or `metered` block; `spent` can be read at any time."""

    most: float = math.inf
    around: Meter | None = None
    spent: float = 0.0

    @property
    def left(self) -> float:
        """What may still be spent, here and in all blocks around."""
        here = self.most - self.spent
        return here if self.around is None else min(here, self.around.left)


@dataclass(eq=False)
class _Call:
    """One call of a public function: when it has to end, and what it is doing."""

    until: float
    seconds: float
    doing: str = ""
    stopped: float | None = None  # since when nothing counts


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)
_CALL: ContextVar[_Call | None] = ContextVar("call", default=None)


def now() -> float:
    """The clock that `seconds` are measured with; tests put their own in its place."""
    return time.monotonic()


@contextmanager
def limit(units: float) -> Iterator[Meter]:
    """Raises `Exhausted` within the block once `units` are spent in it."""
    meter = Meter(units, _METER.get())
    token = _METER.set(meter)
    try:
        yield meter
    finally:
        _METER.reset(token)


@contextmanager
def metered() -> Iterator[Meter]:
    """Counts what is spent within the block."""
    with limit(math.inf) as meter:
        yield meter


def after(units: float) -> Callable[[], bool]:
    """Whether so much has been spent since: for loops that end well before an answer is found.

    >>> with metered():
    ...     late = after(10)
    ...     spend(10); print(late()); spend(1); print(late())
    False
    True
    """
    meter = _METER.get()
    if meter is None:
        return lambda: False
    end = meter.spent + units
    return lambda: meter.spent > end


@contextmanager
def whole_call(seconds: float) -> Iterator[None]:
    """Everything within has so many seconds; within another call, no more than that one has."""
    until = now() + seconds
    around = _CALL.get()
    if around is not None and around.until < until:
        yield
        return
    token = _CALL.set(_Call(until, seconds))
    try:
        with metered():
            yield
    finally:
        _CALL.reset(token)


@contextmanager
def apart() -> Iterator[None]:
    """What does not count in the seconds: tracing, and XLA's compilation."""
    call = _CALL.get()
    if call is None or call.stopped is not None:
        yield
        return
    call.stopped = now()
    try:
        yield
    finally:
        call.until += now() - call.stopped
        call.stopped = None


@contextmanager
def last_words() -> Iterator[None]:
    """Within, there is some time left, a tenth of the seconds at least: to say why there is no
    answer. `OutOfTime` may be raised still."""
    call = _CALL.get()
    if call is None:
        yield
        return
    before, call.until = call.until, max(call.until, now() + _LAST * call.seconds)
    try:
        yield
    finally:
        call.until = before


def charge(seconds: float) -> None:
    """So much of what happens `apart` counts all the same: a program that ran, and was not only
    compiled."""
    call = _CALL.get()
    if call is not None and call.stopped is not None:
        call.until -= seconds


@contextmanager
def doing(what: str) -> Iterator[None]:
    """What the verdict says was being tried, if the seconds end within."""
    call = _CALL.get()
    if call is None:
        yield
        return
    before, call.doing = call.doing, what
    yield
    call.doing = before  # not after an error: then it is known what was being tried


def spend(units: float) -> None:
    """Counts work, and raises `Exhausted` or `OutOfTime` where there is none left."""
    meter, over = _METER.get(), None
    while meter is not None:
        meter.spent += units
        if meter.spent > meter.most:
            over = over or meter
        meter = meter.around
    check(units)
    if over is not None:
        raise Exhausted(f"more work than this method may do ({over.most:.1e} units)")


def check(units: float = 0.0) -> None:
    """Looks at the clock only: whether the seconds are over, or so much work at once, which nothing
    interrupts, would take it beyond them by far."""
    call = _CALL.get()
    if call is None:
        return
    left, what = call.until - now(), f" while trying {call.doing}" if call.doing else ""
    if left < 0:
        raise OutOfTime(f"the {call.seconds:g} seconds were over{what}")
    if units * _UNIT > left + call.seconds / 3:
        raise OutOfTime(f"the {call.seconds:g} seconds are not enough{what}")


def seconds_left() -> float:
    """Of the whole call; infinite outside of one."""
    call = _CALL.get()
    if call is None:
        return math.inf
    return call.until - (now() if call.stopped is None else call.stopped)


def solve(solver: Term, units: float, *, whole: bool = False) -> str:
    """z3's answer ("sat", "unsat", "unknown") with so much work of ours at most. `whole`: there are
    integers beside reals, each of whose steps takes z3 longer.

    z3 counts its own work (`rlimit`), so that its answer does not depend on the machine; only the
    end of the whole call interrupts it. Raises `OutOfTime` then, and KeyboardInterrupt where the
    user has interrupted z3, which would take that for an answer.
    """
    check()
    meter = _METER.get()
    units = min(units, math.inf if meter is None else meter.left)
    unit = _Z3_WHOLE if whole else _Z3_UNIT
    allowed = max(1, int(min(units / unit, 2**31)))
    milliseconds = int(min(1000 * seconds_left() + 1, 2**31))
    solver.set("rlimit", allowed)
    solver.set("timeout", milliseconds)
    before = _counted(solver)
    answer = str(solver.check())
    if answer == "unknown" and "interrupted from keyboard" in solver.reason_unknown():
        raise KeyboardInterrupt
    cost = _Z3_CALL + unit * max(_counted(solver) - before, 0)
    spend(min(cost, units))  # an answer that used up the last of a limit is an answer
    return answer


def _counted(solver: Term) -> int:
    known = solver.statistics()
    return int(known.get_key_value("rlimit count")) if "rlimit count" in known.keys() else 0  # noqa: SIM118

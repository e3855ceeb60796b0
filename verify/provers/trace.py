"""What has been tried for a question, step by step: told with the verdict, or as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from verify.limits import budget
from verify.verdict import Tried

_SHORT = 110  # letters of a reason


class Step:
    """A step under way; who makes it says how it ended."""

    ended = "nothing found"


class Trace:
    """The steps of a question, those of questions within it among them.

    >>> trace = Trace()
    >>> with trace.step("a proof by magic", "magic") as step:
    ...     step.ended = "proved"
    >>> [tried.ended for tried in trace.steps]
    ['proved']
    """

    def __init__(self, show: Callable[[Tried], None] | None = None) -> None:
        """`show`: is told of each step when it ends."""
        self.show, self.depth, self.steps = show, 0, list[Tried]()

    def within(self) -> Trace:
        """For a question within this one."""
        inner = Trace(self.show)
        inner.depth, inner.steps = self.depth + 1, self.steps
        return inner

    @contextmanager
    def step(self, prover: str, theory: str) -> Iterator[Step]:
        """Everything within is one step; an exception ends it."""
        start, step = budget.now(), Step()
        with budget.metered() as meter:
            try:
                with budget.doing(prover):
                    yield step
            except BaseException as error:
                step.ended = f"ended: {error}"
                raise
            finally:
                ended = step.ended if len(step.ended) < _SHORT else f"{step.ended[:_SHORT]} ..."
                seconds = budget.now() - start
                tried = Tried(prover, theory, seconds, meter.spent, ended, self.depth)
                self.steps.append(tried)
                if self.show is not None:
                    self.show(tried)

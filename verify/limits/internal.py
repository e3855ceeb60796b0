"""Where the verifier itself fails, the verdict is unknown, and says so.

`answer` runs a question. Whatever goes wrong within is not the user's: arguments have been checked
and the functions traced before (`inputs/arguments.py`). So an exception becomes the verdict
"unknown", which names the place in verify, the error and the equation at hand, and asks for a
report; the end of the seconds, of memory and of the stack are said to be what they are.

With the environment variable VERIFY_RAISE such failures are raised, and warnings keep their
filters: so our own tests run, lest a failure hides behind an "unknown".
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from verify.algebras.base import Unsupported
from verify.limits import budget, settings
from verify.verdict import Verdict

RAISE = "VERIFY_RAISE"
REPORT = "please report this with the two functions"
_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_DEEP = 20_000  # frames; chains of thousands of operations are walked by recursion here and there


def raises() -> bool:
    """Whether internal failures are errors: in our own tests."""
    return os.environ.get(RAISE, "") not in ("", "0")


def answer(question: Callable[[], Verdict], seconds: float) -> Verdict:
    """The verdict of `question()`, which may take so many seconds; never an exception but those
    that come from outside (KeyboardInterrupt, SystemExit)."""
    start = budget.now()
    try:
        with budget.whole_call(seconds), _deep_stack(), _no_warnings(), settings.usual():
            return question()
    except budget.OutOfTime as error:
        reason = str(error)
    except Unsupported as error:
        reason = str(error)
    except MemoryError as error:
        reason = f"there was not enough memory{located(error)}"
    except RecursionError as error:
        reason = f"the programs are nested too deeply for verify{located(error)}"
    except Exception as error:
        if raises() or getattr(error, "_is_theirs", False):
            raise
        reason = failure(error)
    return Verdict("unknown", reason=reason, seconds=budget.now() - start)


@contextmanager
def theirs() -> Iterator[None]:
    """The user's functions are called within: their errors pass, and their time does not count."""
    with budget.apart():
        try:
            yield
        except Exception as error:
            error._is_theirs = True  # type: ignore[attr-defined]
            raise


def failure(error: BaseException) -> str:
    """What to say of a failure that is ours."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"verify itself failed{located(error)}: {text}; {REPORT}"


def located(error: BaseException) -> str:
    """Where in verify, and at which of the program's equations."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if os.path.abspath(frame.filename).startswith(_HOUSE + os.sep)
    ]
    place = ""
    if frames:
        file = os.path.relpath(frames[-1].filename, os.path.dirname(_HOUSE)).replace(os.sep, "/")
        place = f" in {file}:{frames[-1].lineno}"
    equation = getattr(error, "equation", "")
    return place + (f", at {equation}" if equation else "")


class Located(Protocol):
    """An equation of a program: its primitive, and the line of the user's that it comes from."""

    @property
    def primitive(self) -> str: ...
    @property
    def source(self) -> str: ...


def at(error: BaseException, equation: Located) -> None:
    """Remembers the innermost equation at which an error was raised."""
    if not getattr(error, "equation", ""):
        where = f" at {equation.source}" if equation.source else ""
        try:
            error.equation = f"{equation.primitive}{where}"  # type: ignore[attr-defined]
        except AttributeError:  # an exception without a dictionary
            return


@contextmanager
def _deep_stack() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Warnings of our own arithmetic are not the user's, who may have turned them into errors."""
    if raises():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""Whether what a user gives is what was asked for: functions of the right arguments, results.

The errors name the argument, what was given and what is expected; without them the mistake would
come to light as an error of Python's own, somewhere inside.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["check_takes", "form", "named"]


def check_takes(
    what: str, function: Any, arguments: Sequence[str], keywords: Sequence[str] = ()
) -> None:
    """Raise TypeError unless `function` can be called with these arguments.

    >>> check_takes("compose: functions[0]", len, ["key", "images"])
    Traceback (most recent call last):
    TypeError: compose: functions[0] must be a function of (key, images), got len(obj, /)
    """
    expected = ", ".join([*arguments, *(["*"] if keywords else []), *keywords])
    if not callable(function):
        shown = function if isinstance(function, str) else type(function).__name__
        raise TypeError(f"{what} must be a function of ({expected}), got {shown!r}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, perhaps: Python cannot tell
        return
    try:
        signature.bind(*arguments, **dict.fromkeys(keywords))
    except TypeError:
        raise TypeError(
            f"{what} must be a function of ({expected}), got {named(function)}{signature}"
        ) from None


def named(function: Callable[..., Any]) -> str:
    """What to call a function in a message."""
    return getattr(function, "__name__", type(function).__name__)


def form(value: Any) -> str:
    """`float32[8, 3]` for an array; else its type, with those of its parts.

    >>> import numpy as np
    >>> form(np.zeros((8, 3))), form((np.zeros(2), {})), form(None)
    ('float64[8, 3]', 'tuple(float64[2], dict)', 'NoneType')
    """
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}{list(value.shape)}"
    name = type(value).__name__
    if isinstance(value, (tuple, list)) and value:
        few = ", ".join(map(form, value[:6])) + (", ..." if len(value) > 6 else "")
        return f"{name}({few})"
    return name

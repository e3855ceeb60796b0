"""Numbers and arrays in a line of text."""

from __future__ import annotations

from typing import Any

import numpy as np


def describe(array: np.ndarray) -> str:
    """An array in a line: whole if small, else its non-zero elements.

    >>> describe(np.array([1.0, 2.0]))
    '[1. 2.]'
    >>> x = np.zeros((9, 9)); x[3, 4] = 1
    >>> describe(x)
    'zeros of shape (9, 9) but for [3, 4] = 1'
    """
    if array.size <= 16 and array.ndim <= 2:
        return np.array2string(array, separator=" ", threshold=32).replace("\n", "")
    places = np.argwhere(array)
    if len(places) == 0:
        return f"zeros of shape {array.shape}"
    shown = [f"[{', '.join(map(str, p))}] = {short(array[tuple(p)])}" for p in places[:6].tolist()]
    more = f" and {len(places) - 6} more" if len(places) > 6 else ""
    return f"zeros of shape {array.shape} but for {', '.join(shown)}{more}"


def short(value: Any) -> str:
    """A number in a few digits; whole ones and booleans as they are."""
    if isinstance(value, bool | np.bool_ | str):
        return str(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, complex | np.complexfloating):
        return f"{complex(value):.9g}"
    return f"{float(value):.9g}"

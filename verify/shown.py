"""Numbers, arrays and functions in a line of text."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator

import jax
import numpy as np

from verify.dtypes import Function, Number

_DIGITS = (9, 12, 17)
_WRAPPERS = 16  # of one function
_LONGEST = 24  # characters of an argument


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


def short(value: Number | str, digits: int = 9) -> str:
    """A number in a few digits; whole ones and booleans as they are."""
    if isinstance(value, bool | np.bool_ | str):
        return str(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, complex | np.complexfloating):
        return f"{complex(value):.{digits}g}"
    return f"{float(value):.{digits}g}"


def pair(left: Number | str, right: Number | str) -> tuple[str, str]:
    """Two numbers, each with as many digits as it takes to tell them apart.

    >>> pair(1.0, 1 + 1e-11)
    ('1', '1.00000000001')
    """
    shown = [(short(left, digits), short(right, digits)) for digits in _DIGITS]
    return next((texts for texts in shown if texts[0] != texts[1]), shown[0])


def function(f: Function) -> str:
    """What to call a function: its name, what is bound, and JAX's transformations of it.

    >>> function(jax.grad(functools.partial(jax.nn.gelu, approximate=False)))
    'grad of gelu(approximate=False)'
    """
    words, inner = "", f
    for layer in _layers(f):
        words, inner = words + _transformed(layer), layer
    if isinstance(inner, functools.partial):
        bound = [*map(_bound, inner.args)]
        bound += [f"{name}={_bound(value)}" for name, value in inner.keywords.items()]
        return f"{words}{function(inner.func)}({', '.join(bound)})"
    name = getattr(inner, "__name__", None)
    return words + (name if isinstance(name, str) else type(inner).__name__)


def _layers(f: Function) -> Iterator[Function]:
    """A function, what it wraps, and so on; the innermost is the last."""
    for _ in range(_WRAPPERS):
        yield f
        if inspect.isclass(f):
            return
        inner = inspect.getattr_static(f, "__wrapped__", None) and f.__wrapped__  # type: ignore[attr-defined]
        if inner is None:
            return
        f = inner


def _transformed(f: Function) -> str:
    """ "grad of ", for the function that `jax.grad` returns."""
    if not inspect.isfunction(f) or not str(f.__globals__.get("__name__", "")).startswith("jax."):
        return ""
    for code in (f, inspect.getclosurevars(f).nonlocals.get("fun")):  # JAX wraps its wrappers
        if inspect.isfunction(code):
            maker, local, _ = code.__code__.co_qualname.partition(".<locals>")
            if local and hasattr(jax, maker):
                return f"{maker} of "
    return ""


def _bound(value: object) -> str:
    """An argument; by its type, where that is long or an address."""
    if callable(value) and not inspect.isclass(value):
        return function(value)
    text = "" if isinstance(value, np.ndarray | jax.Array) else repr(value)
    if not text or len(text) > _LONGEST or " at 0x" in text:
        return type(value).__name__
    return text

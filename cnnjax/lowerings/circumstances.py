"""Under what circumstances a lowering is chosen: the platform that a program is traced for, what is
not to be taken, and who wants to know of each choice.

All three hold while a `with` block lasts, in one thread; `registry.py` asks them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax

__all__ = ["Call", "lowered_for", "not_now", "note", "platform", "recorded", "without"]

_PLATFORM: ContextVar[str | None] = ContextVar("platform", default=None)


@contextmanager
def lowered_for(name: str) -> Iterator[None]:
    """While it lasts, lowerings are chosen for the platform of this name; "" is any but those that
    have a table of their own.

    >>> import jax.numpy as jnp
    >>> from cnnjax.lowerings.registry import MEANS, choose
    >>> with lowered_for("cuda"):
    ...     choose("means", MEANS, None, jnp.ones((4, 1))).__name__
    'plain_means'
    """
    token = _PLATFORM.set(name)
    try:
        yield
    finally:
        _PLATFORM.reset(token)


def platform() -> str | None:
    """What `lowered_for` says; None outside of it."""
    return _PLATFORM.get()


_NOT_NOW: ContextVar[frozenset[str]] = ContextVar("not_now", default=frozenset())


@contextmanager
def without(*names: str) -> Iterator[None]:
    """While it lasts, layers that name no lowering are not traced as one of these.

    For tools that read a program instead of running it: Winograd's tiles are not windows of the
    image, a depthwise convolution by shifts is not a convolution. What `jax.jit` has traced before
    stays as it is, and what it traces here it keeps.

    >>> import jax.numpy as jnp
    >>> from cnnjax.lowerings.registry import MAX_POOL, choose
    >>> with without("argmax"):
    ...     choose("max_pool", MAX_POOL, None, jnp.ones((4, 1)), (2,), (2,), ((0, 0),)).__name__
    'plain'
    """
    token = _NOT_NOW.set(_NOT_NOW.get() | set(names))
    try:
        yield
    finally:
        _NOT_NOW.reset(token)


def not_now() -> frozenset[str]:
    """The names that `without` leaves out."""
    return _NOT_NOW.get()


@dataclass(frozen=True)
class Call:
    """A call of a layer that named no lowering; arrays by shape and dtype only."""

    layer: str
    arguments: tuple[Any, ...]


_RECORD: ContextVar[list[Call] | None] = ContextVar("record", default=None)


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """While it lasts, every call that a lowering is chosen for is noted in the list."""
    calls: list[Call] = []
    token = _RECORD.set(calls)
    try:
        yield calls
    finally:
        _RECORD.reset(token)


def note(layer: str, arguments: tuple[Any, ...]) -> None:
    """Tell whoever wants to know that a lowering is chosen for this call."""
    record = _RECORD.get()
    if record is not None:
        shapes = (
            jax.ShapeDtypeStruct(a.shape, a.dtype) if hasattr(a, "shape") else a for a in arguments
        )
        record.append(Call(layer, tuple(shapes)))

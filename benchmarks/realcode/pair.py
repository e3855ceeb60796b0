"""A pair of functions of known truth, and the groups that they are listed in."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.realcode import inputs

Function = Callable[..., Any]
Forms = Function | Mapping[str, Function]


class Missing(Exception):
    """A library is not installed."""


class library:
    """A library that is imported when something of it is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        os.environ.setdefault("KERAS_BACKEND", "jax")
        try:
            module = importlib.import_module(self._name)
        except ImportError as error:
            raise Missing(f"{self._name} cannot be imported: {error}") from error
        return getattr(module, attribute)


@dataclass(frozen=True)
class Pair:
    """`equal`: whether f and g are the same function over the reals, on the domain of `examples`
    and of `more`."""

    name: str
    group: str
    libraries: tuple[str, ...]
    f: Function
    g: Function
    equal: bool
    examples: Any  # a sequence of pytrees of Input, or a function that makes it
    more: Function | None = None  # a JAX function of the inputs: what they satisfy besides

    @property
    def inputs(self) -> tuple[Any, ...]:
        return tuple(self.examples() if callable(self.examples) else self.examples)

    def question(self) -> tuple[tuple[Any, ...], Function | None]:
        """Examples and `assuming` for `verify.equivalent`."""
        found = self.inputs
        return inputs.structs(found), inputs.condition(found, self.more)


@dataclass
class Group:
    """Pairs of one kind; `libraries`: those of a pair that does not name others."""

    name: str
    libraries: tuple[str, ...] = ()
    pairs: list[Pair] = field(default_factory=list)

    def add(
        self,
        name: str,
        f: Function,
        equal: Forms | None = None,
        near: Forms | None = None,
        *,
        on: Any,
        more: Function | None = None,
        libraries: Iterable[str] | None = None,
    ) -> None:
        """f against every form of `equal`, the same function, and of `near`, another one.

        on: examples (`Input`s, or pytrees of them), or a function that makes them; more: a JAX
        function of the inputs that says what they satisfy besides their own domains.
        """
        uses = self.libraries if libraries is None else tuple(libraries)
        for forms, truth in ((equal, True), (near, False)):
            named = {"": forms} if callable(forms) else dict(forms or {})
            for form, g in named.items():
                words = [form] if truth else ["near miss", form]
                label = ": ".join([name, *filter(None, [", ".join(filter(None, words))])])
                self.pairs.append(Pair(label, self.name, uses, f, g, truth, on, more))

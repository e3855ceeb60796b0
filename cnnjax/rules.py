"""Tables of rules by the names of primitives: what a traced program is asked with."""

from collections.abc import Callable, MutableMapping
from typing import TypeVar

__all__ = ["registrar"]

Rule = TypeVar("Rule")


def registrar(rules: MutableMapping[str, Rule]) -> Callable[..., Callable[[Rule], Rule]]:
    """A decorator that enters a function into `rules` under each of the names that it is given.

    >>> rules = {}
    >>> rule = registrar(rules)
    >>> @rule("add", "sub")
    ... def same(x): return x
    >>> sorted(rules)
    ['add', 'sub']
    """

    def rule(*names: str) -> Callable[[Rule], Rule]:
        def register(function: Rule) -> Rule:
            for name in names:
                rules[name] = function
            return function

        return register

    return rule

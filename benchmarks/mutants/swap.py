"""Puts a mutant into the running process, and takes it out again.

The code of a function is exchanged in the function objects themselves, so that rules that are
registered, methods that are bound and names that were imported elsewhere all see it, and nothing
need be imported again: a mutant costs milliseconds instead of the seconds that JAX takes to start.
"""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType
from typing import TypeVar

from benchmarks.mutants.operators import Mutant

ROOT = Path(__file__).parents[2]

T = TypeVar("T")

Key = tuple[str, str, int]  # file, qualified name, first line


class NotApplicable(Exception):
    """The mutant changes what a function closes over; it cannot be put into a living one."""


def functions_of(folder: Path) -> dict[Key, list[FunctionType]]:
    """Every living function whose source lies in the folder."""
    root = str(folder)
    found: dict[Key, list[FunctionType]] = {}
    for thing in _living(FunctionType):
        if thing.__code__.co_filename.startswith(root):
            found.setdefault(key(thing.__code__), []).append(thing)
    return found


def key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno


@contextmanager
def applied(
    mutant: Mutant, functions: dict[Key, list[FunctionType]], original: ast.Module
) -> Iterator[list[Key]]:
    """The process with the mutant in it; gives the functions that are changed."""
    path = str(ROOT / mutant.path)
    before = {key(code): code for code in _codes(original, path)}
    after = {key(code): code for code in _codes(mutant.tree(), path)}
    changed = [k for k, code in after.items() if k in functions and not _same(code, before.get(k))]
    kept: list[tuple[FunctionType, CodeType]] = []
    try:
        for k in changed:
            for function in functions[k]:
                kept.append((function, function.__code__))
                try:
                    function.__code__ = after[k]
                except ValueError as error:
                    raise NotApplicable(str(error)) from None
        _forget()
        yield changed
    finally:
        for function, code in kept:
            function.__code__ = code
        _forget()


def _codes(tree: ast.Module, path: str) -> Iterator[CodeType]:
    """The code of every function in a module, those inside others included."""
    waiting = [compile(tree, path, "exec")]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [c for c in code.co_consts if isinstance(c, CodeType)]


def _same(one: CodeType, two: CodeType | None) -> bool:
    return two is not None and one == two


def _forget() -> None:
    """Cached results were made by other code."""
    for thing in _living(functools._lru_cache_wrapper):
        module = getattr(thing, "__module__", "") or ""
        if module.split(".")[0] == "verify":
            thing.cache_clear()


def _living(kind: type[T]) -> Iterator[T]:
    """Every living object of just this type. `isinstance` would ask the object for its `__class__`,
    and what stands in for another object may answer that by importing or by a warning."""
    return (thing for thing in gc.get_objects() if type(thing) is kind)

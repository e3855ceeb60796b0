"""The examples of a question: what their arrays are called, and what in them is static.

A module is a pytree, and some of its leaves are no arrays: an activation, a name, a flag. Such a
leaf inside of an example is static: it is what it is, in both functions, and becomes part of the
tree (`_Fixed`, a node without children). The functions asked about are called with the examples'
own structure. What they return may have such leaves too: they have to be the same.

Numbers of Python are arrays wherever they are, as in `jax.jit`, and so are its truth values, but
for those in a module: there they are flags (`inference=False`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Number
from typing import TypeVar

import jax
from jax.tree_util import KeyPath

from verify.dtypes import Function, PyTree, is_array
from verify.shown import function
from verify.verdict import Verdict

_OF_CONTAINERS = (jax.tree_util.SequenceKey, jax.tree_util.DictKey)
_SHOWN = 3  # static leaves, in a scope
_LONGEST = 40  # characters of one


Tree = TypeVar("Tree")


def is_static(path: KeyPath[object], leaf: object) -> bool:
    """Whether a leaf of the examples, at a path that begins with the example's number, is static.

    >>> module, entry = jax.tree_util.GetAttrKey("act"), jax.tree_util.DictKey("act")
    >>> [is_static((0, module), leaf) for leaf in (abs, "same", True, 2, 2.5)]
    [True, True, True, False, False]
    >>> [is_static((0, entry), leaf) for leaf in (abs, "same", True, 2, 2.5)]
    [True, True, False, False, False]
    """
    inside = path[1:]
    if isinstance(leaf, bool):
        return not all(isinstance(key, _OF_CONTAINERS) for key in inside)
    return bool(inside) and not _number(leaf)


def names(f: Function, examples: PyTree) -> list[str]:
    """What to call the input arrays: the parameters of f, and the way into a pytree.

    >>> names(lambda x, params: x, (1.0, {"bias": 0.5}))
    ['x', "params['bias']"]
    """
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    found = []
    for path, _ in jax.tree.leaves_with_path(examples):
        first = path[0].idx
        top = positional[first] if first < len(positional) else f"argument {first}"
        found.append(top + jax.tree_util.keystr(path[1:]))
    return found


@dataclass(frozen=True, eq=False)
class Examples:
    """The examples of one question. `arrays` are these with all that is static in the tree."""

    given: tuple[object, ...]
    arrays: tuple[object, ...]

    @functools.cached_property
    def static(self) -> bool:
        """Whether anything is."""
        return self.arrays is not self.given

    def function(self, f: Function) -> Function:
        """f, as a function of `arrays`."""
        if not self.static:
            return f

        @functools.wraps(f, updated=())
        def called(*arguments: object) -> object:
            __tracebackhide__ = True
            result = f(*plain(arguments))
            if jax.tree_util.all_leaves([result]):  # JAX says what is wrong with it, if anything is
                return result
            return jax.tree.map(lambda leaf: leaf if _number(leaf) else _Fixed(leaf), result)

        return called

    def answer(self, f: Function, verdict: Verdict) -> Verdict:
        """A verdict about `arrays`, as one about the examples."""
        if not self.static:
            return verdict
        example = verdict.counterexample
        if example is not None:
            example = replace(example, inputs=plain(example.inputs))
        said = list(self._said(f))
        more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
        scope = f"{verdict.scope}, with {', '.join(said[:_SHOWN])}{more}"
        return verdict.changed(counterexample=example, scope=scope)

    def _said(self, f: Function) -> Iterator[str]:
        paths = jax.tree.leaves_with_path(self.given)
        for name, (path, leaf) in zip(names(f, self.given), paths, strict=True):
            if is_static(path, leaf):
                text = function(leaf) if callable(leaf) else repr(leaf)
                yield f"{name} = {text if len(text) < _LONGEST else type(leaf).__name__}"


def split(examples: tuple[object, ...]) -> Examples:
    """Examples that have been checked (`arguments.py`).

    >>> jax.tree.leaves(split((1.0, {"act": abs, "w": 2.0})).arrays)
    [1.0, 2.0]
    """
    leaves = jax.tree.leaves_with_path(examples)
    if not any(is_static(path, leaf) for path, leaf in leaves):
        return Examples(examples, examples)

    def kept(path: KeyPath[object], leaf: object) -> object:
        return _Fixed(leaf) if is_static(path, leaf) else leaf

    return Examples(examples, jax.tree_util.tree_map_with_path(kept, examples))


def plain(tree: Tree) -> Tree:
    """The opposite: a tree with its static leaves where they belong."""
    return jax.tree.map(
        lambda leaf: leaf.value if isinstance(leaf, _Fixed) else leaf,
        tree,
        is_leaf=lambda node: isinstance(node, _Fixed),
    )


def _number(leaf: object) -> bool:
    return is_array(leaf) or isinstance(leaf, Number)


@jax.tree_util.register_pytree_node_class
class _Fixed:
    """A node without children, whose value is part of the tree: equal trees have equal ones."""

    def __init__(self, value: object) -> None:
        self.value = value

    def tree_flatten(self) -> tuple[tuple[()], _Fixed]:
        return (), self

    @classmethod
    def tree_unflatten(cls, fixed: _Fixed, _: object) -> _Fixed:
        return fixed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Fixed) or type(self.value) is not type(other.value):
            return False
        try:
            return self.value is other.value or bool(self.value == other.value)
        except Exception:  # an object's own == may raise anything
            return False

    def __hash__(self) -> int:  # values may have none
        return hash(type(self.value))

    def __repr__(self) -> str:
        return repr(self.value)

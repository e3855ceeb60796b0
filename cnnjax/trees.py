"""Nested dicts as flat ones, with paths for keys, and back."""

from collections.abc import Mapping
from typing import Any

__all__ = ["Path", "flatten", "unflatten"]

Path = tuple[str, ...]


def flatten(tree: Mapping[str, Any]) -> dict[Path, Any]:
    """{"conv1": {"bias": b}} -> {("conv1", "bias"): b}."""
    leaves: dict[Path, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            leaves |= {(name, *path): leaf for path, leaf in flatten(value).items()}
        else:
            leaves[(name,)] = value
    return leaves


def unflatten(leaves: Mapping[Path, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = leaf
    return tree

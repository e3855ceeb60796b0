"""Shapes and dtypes in one line, as on the command line: 'f32[2,12,12,3]'; and as JSON."""

from __future__ import annotations

import re
from typing import Any

import jax
import numpy as np

_SHORT = {
    "bool": "bool",
    "float16": "f16",
    "bfloat16": "bf16",
    "float32": "f32",
    "float64": "f64",
    "complex64": "c64",
    "complex128": "c128",
    **{f"int{n}": f"i{n}" for n in (4, 8, 16, 32, 64)},
    **{f"uint{n}": f"u{n}" for n in (4, 8, 16, 32, 64)},
}
_LONG = {short: long for long, short in _SHORT.items()}
_PATTERN = re.compile(r"(\w+)\[([\d,\s]*)\]")


def format_spec(leaf: Any) -> str:
    """An array's shape and dtype as text.

    >>> format_spec(np.zeros((2, 3), np.float32))
    'f32[2,3]'
    """
    dtype = np.dtype(leaf.dtype) if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
    shape = ",".join(str(n) for n in np.shape(leaf))
    return f"{_SHORT.get(dtype.name, dtype.name)}[{shape}]"


def parse_spec(text: str) -> jax.ShapeDtypeStruct:
    """The opposite of `format_spec`. Raises ValueError, saying what was expected.

    >>> parse_spec("bf16[8]").shape
    (8,)
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not like 'f32[2,12,12,3]': dtype[sizes]")
    name, sizes = match.groups()
    if name not in _LONG and name not in _SHORT:
        raise ValueError(f"{text!r}: unknown dtype {name!r}; there are {', '.join(_LONG)}")
    shape = tuple(int(n) for n in sizes.split(",") if n.strip())
    dtype = jax.numpy.dtype(_LONG.get(name, name))
    if dtype.itemsize == 8 and dtype.kind in "iuf" and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise ValueError(f"{text!r}: 64-bit dtypes need JAX_ENABLE_X64=1 in the environment")
    return jax.ShapeDtypeStruct(shape, dtype)


def to_jsonable(tree: Any) -> Any:
    """A pytree of arrays as JSON: tuples, lists and dicts, with 'f32[2,3]' for each array.

    Raises TypeError for other containers.
    """
    if isinstance(tree, tuple) and not hasattr(tree, "_fields"):
        return {"tuple": [to_jsonable(item) for item in tree]}
    if isinstance(tree, list):
        return {"list": [to_jsonable(item) for item in tree]}
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        return {"dict": {key: to_jsonable(item) for key, item in tree.items()}}
    if tree is None:
        return None
    if not jax.tree_util.all_leaves([tree]):
        raise TypeError(f"a {type(tree).__name__} among the examples cannot be written down")
    return format_spec(tree)


def from_jsonable(value: Any) -> Any:
    """The opposite of `to_jsonable`, with a ShapeDtypeStruct for each array."""
    if value is None:
        return None
    if isinstance(value, str):
        return parse_spec(value)
    if isinstance(value, dict) and len(value) == 1:
        (kind, items), *_ = value.items()
        if kind == "tuple":
            return tuple(from_jsonable(item) for item in items)
        if kind == "list":
            return [from_jsonable(item) for item in items]
        if kind == "dict":
            return {key: from_jsonable(item) for key, item in items.items()}
    raise ValueError(f"{value!r} is no part of a certificate's examples")

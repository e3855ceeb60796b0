"""Shapes and dtypes in one line, as on the command line: 'f32[2,12,12,3]'; and as JSON.

Numbers of Python, and arrays made of them, are weakly typed: 'f32[] weak'.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import jax
import ml_dtypes
import numpy as np

from verify.dtypes import is_array
from verify.programs import is_weak

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
_NARROW = frozenset(
    name for name in dir(ml_dtypes) if re.match("float[48]_|float6_|u?int[12]$", name)
)
_GENERATORS = (("fry", "threefry2x32"), ("rbg", "rbg"), ("urbg", "unsafe_rbg"))
_KEYS = {f"key<{tag}>": impl for tag, impl in _GENERATORS}
_PATTERN = re.compile(r"([\w<>]{1,40})\[([0-9, ]{0,400})\]( weak)?")
_DIGITS = 18  # of one size
_SHOWN = 60  # characters, in messages


def format_spec(leaf: object) -> str:
    """An array's shape and dtype as text; "weak" where its dtype gives way to those that it meets.

    >>> format_spec(np.zeros((2, 3), np.float32)), format_spec(2.5)
    ('f32[2,3]', 'f32[] weak')
    """
    like = leaf if is_array(leaf) else np.asarray(leaf)
    dtype = like.dtype
    if jax.dtypes.issubdtype(dtype, jax.dtypes.extended):
        name = str(dtype)
    else:  # as a traced program has it
        name = np.dtype(jax.dtypes.canonicalize_dtype(dtype)).name
    shape = ",".join(str(n) for n in like.shape)
    return f"{_SHORT.get(name, name)}[{shape}]{' weak' if is_weak(leaf) else ''}"


def _several(text: str) -> str:
    """What to write where `text` seems to be the specs of several arguments."""
    parts = [part.strip() for part in re.split(r"(?<=\])[,;]", text)]
    if len(parts) < 2 or len(text) > _SHOWN or not all(map(_PATTERN.fullmatch, parts)):
        return ""
    return f"; several arguments have blanks between them: {' '.join(map(repr, parts))}"


def parse_spec(text: str, *, wide: bool = False) -> jax.ShapeDtypeStruct:
    """The opposite of `format_spec`. Raises ValueError, saying what was expected.

    wide: 64-bit dtypes too, though JAX has them switched off.

    >>> parse_spec("bf16[8]").shape, parse_spec("i32[] weak").weak_type
    ((8,), True)
    """
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{shown!r} is not like 'f32[2,12,12,3]': dtype[sizes]{_several(text)}")
    name, sizes, weak = match.groups()
    parts = [n.strip() for n in sizes.split(",")] if sizes.strip() else []
    if not all(n.isdigit() and len(n) <= _DIGITS for n in parts):
        raise ValueError(f"{shown!r} is not like 'f32[2,12,12,3]': dtype[sizes]")
    shape = tuple(map(int, parts))
    if name in _KEYS:
        return jax.ShapeDtypeStruct(shape, jax.eval_shape(_key(_KEYS[name])).dtype)
    if name not in _LONG and name not in _SHORT and name not in _NARROW:
        raise ValueError(f"{shown!r}: unknown dtype {name!r}; there are {', '.join(_LONG)}")
    dtype = jax.numpy.dtype(_LONG.get(name, name))
    is_wide = dtype.name in ("float64", "int64", "uint64", "complex128")
    if is_wide and not wide and not jax.config.read("jax_enable_x64"):
        raise ValueError(f"{shown!r}: 64-bit dtypes need JAX_ENABLE_X64=1 in the environment")
    return jax.ShapeDtypeStruct(shape, dtype, weak_type=weak is not None)


def _key(impl: str) -> Callable[[], jax.Array]:
    return lambda: jax.random.key(0, impl=impl)


def to_jsonable(tree: object) -> object:
    """A pytree of arrays as JSON: tuples, lists and dicts, with 'f32[2,3]' for each array,
    and 'f32[] weak' for a number.

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


def arguments(value: object) -> tuple[object, ...]:
    """The examples of a certificate, of JSON."""
    found = from_jsonable(value)
    if not isinstance(found, tuple):
        raise ValueError(f"{value!r} is no tuple of arguments")
    return found


def from_jsonable(value: object) -> object:
    """The opposite of `to_jsonable`, with a ShapeDtypeStruct for each array."""
    if value is None:
        return None
    if isinstance(value, str):
        return parse_spec(value)
    if isinstance(value, dict) and len(value) == 1:
        (kind, items), *_ = value.items()
        if kind == "dict" and isinstance(items, dict):
            return {key: from_jsonable(item) for key, item in items.items()}
        if kind in ("tuple", "list") and isinstance(items, list):
            return (tuple if kind == "tuple" else list)(from_jsonable(item) for item in items)
    raise ValueError(f"{value!r} is no part of a certificate's examples")

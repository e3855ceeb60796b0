"""Arrays and what they mean, in one safetensors file that is either whole or not there.

A file holds a tree of arrays, flattened to dotted names (`trained.conv1.kernel`), one JSON
record, and a checksum over all of it (safetensors itself notices truncation, not a flipped bit).

The same content is the same file, byte for byte: the header is written here, in a fixed order,
for the `safetensors` package shuffles its metadata.

No older copy is kept (`files.py` writes): a damaged checkpoint means a damaged disk, and reading it
is an error, never a silent return to an earlier state.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open

from cnnjax.files import atomic, json_text
from cnnjax.notices import shown

__all__ = ["CheckpointError", "flatten", "misfits", "read", "understood", "unflatten", "write"]

# The names that safetensors has for NumPy's dtypes.
_DTYPES = {
    "bool": "BOOL",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip

_PYTORCH = "a PyTorch file (cnnjax.convert.from_torch takes its state dict)"
_FOREIGN = {
    b"PK\x03\x04": f"{_PYTORCH} or another zip archive",
    b"\x80\x02": f"a Python pickle, for example {_PYTORCH}",
    b"\x80\x04\x95": "a Python pickle",
    b"\x80\x05\x95": "a Python pickle",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (Keras and MATLAB write those)",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GGUF": "a GGUF file",
    b'{"': "a JSON file",
    b"{\n": "a JSON file",
    b"\x1f\x8b": "a gzip archive",
}


class CheckpointError(ValueError):
    """A file that cannot be used: which one, what is wrong, what to do; on one line, whatever the
    names in it."""

    def __str__(self) -> str:
        return shown(super().__str__())


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """A tree of arrays as {dotted name: host array}; any pytree, Optax states too.

    >>> sorted(flatten({"dense": {"kernel": np.ones((2, 3)), "bias": np.ones(3)}}))
    ['dense.bias', 'dense.kernel']
    """
    leaves = jax.device_get(jax.tree_util.tree_leaves_with_path(tree))
    named = {_name(path): np.ascontiguousarray(leaf).reshape(leaf.shape) for path, leaf in leaves}
    if len(named) != len(leaves):
        raise ValueError("checkpoint: two arrays of the tree have the same dotted name")
    return named


def unflatten(template: Any, tensors: Mapping[str, np.ndarray], where: str) -> Any:
    """The tree shaped like `template` (arrays or ShapeDtypeStructs) from named tensors.

    Raises CheckpointError naming every tensor that is missing, left over or of another shape or
    dtype; `where` names the file.
    """
    paths, structure = jax.tree_util.tree_flatten_with_path(template)
    faults = misfits(template, tensors)
    if faults:
        few = "; ".join(map(shown, faults[:6])) + ("; ..." if len(faults) > 6 else "")
        raise CheckpointError(f"{where}: the arrays do not fit the model: {few}")
    return jax.tree.unflatten(structure, [tensors[_name(path)] for path, _ in paths])


def misfits(template: Any, tensors: Mapping[str, Any]) -> list[str]:
    """What of the named tensors (anything with shape and dtype) does not fit the tree `template`,
    a phrase each.

    >>> misfits({"a": np.ones(3), "b": np.ones(2)}, {"a": np.ones(4)})
    ['a is float64[4], expected float64[3]', 'missing b']
    """
    wanted = {
        _name(path): (tuple(leaf.shape), np.dtype(leaf.dtype))
        for path, leaf in jax.tree_util.tree_leaves_with_path(template)
    }
    faults = [f"missing {name}" for name in wanted if name not in tensors]
    faults += [f"unexpected {name}" for name in tensors if name not in wanted]
    for name in wanted.keys() & tensors.keys():
        found = (tuple(tensors[name].shape), np.dtype(tensors[name].dtype))
        if found != wanted[name]:
            faults.append(
                f"{name} is {found[1]}{list(found[0])}, "
                f"expected {wanted[name][1]}{list(wanted[name][0])}"
            )
    return sorted(faults)


def write(path: str | os.PathLike[str], tree: Any, record: Mapping[str, Any], kind: str) -> None:
    """Write a tree of arrays and a JSON record as one file of the given kind, atomically."""
    tensors = flatten(tree)
    text = json_text(record)
    metadata = {"cnnjax": kind, "record": text, "checksum": _checksum(tensors, text)}
    with atomic(path) as temporary:
        temporary.write_bytes(_serialized(tensors, metadata))


def read(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The named tensors and the record of a file that `write` wrote.

    Raises FileNotFoundError, IsADirectoryError, or CheckpointError for a file of another kind or a
    damaged one.
    """
    path = Path(path)
    if path.is_dir():
        names = sorted(p.name for p in path.glob("*.safetensors"))
        inside = f"; in it there are {', '.join(names[:5])}" if names else ""
        raise IsADirectoryError(f"{path}: a folder (expected a cnnjax {kind}, a file){inside}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file (expected a cnnjax {kind})")
    if foreign := _foreign(path):
        raise CheckpointError(f"{path}: {foreign}, not a cnnjax {kind}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, ValueError, AttributeError, KeyError, MemoryError) as error:
        # Beside its own error: a dtype that NumPy lacks, a shape beyond memory.
        raise CheckpointError(
            f"{path}: damaged or not a safetensors file ({error}); delete it or restore a copy"
        ) from error
    found = metadata.get("cnnjax")
    if found != kind:
        raise CheckpointError(
            f"{path}: not a cnnjax {kind}, but "
            + (f"a cnnjax {shown(found)}" if found else "a safetensors file from elsewhere")
        )
    if metadata.get("checksum") != _checksum(tensors, metadata.get("record", "")):
        raise CheckpointError(
            f"{path}: damaged (its contents do not match its checksum); delete it or restore a copy"
        )
    with understood(path):
        record = json.loads(metadata["record"])
        if not isinstance(record, dict):
            raise TypeError(f"its record is a {type(record).__name__}")
    return tensors, record


@contextmanager
def understood(path: str | os.PathLike[str]) -> Iterator[None]:
    """A whole file whose record is not of the form expected inside is a CheckpointError.

    >>> with understood("FILE"):
    ...     {}["classes"]
    Traceback (most recent call last):
    cnnjax.container.CheckpointError: FILE: of another form than this version writes (no 'classes')
    """
    try:
        yield
    except CheckpointError:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        fault = f"no {error}" if isinstance(error, KeyError) else shown(error)[:200]
        raise CheckpointError(
            f"{path}: of another form than this version writes ({fault})"
        ) from error


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _serialized(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file: the length of a JSON header, the header, the arrays one after another.

    As the `safetensors` package writes it, but for the order of the metadata, which is fixed here:
    wide dtypes first (so that every array is aligned), then by name.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    parts, offset = [], 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name)):
        array = tensors[name]
        content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        header[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(content)],
        }
        parts.append(content)
        offset += len(content)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def _foreign(path: Path) -> str | None:
    """What a file is that is certainly none of ours, told by its first bytes."""
    with open(path, "rb") as file:
        start = file.read(16)
    if start[8:9] == b"{":  # ours: before it stands a length, which may look like anything
        return None
    return next((what for magic, what in _FOREIGN.items() if start.startswith(magic)), None)


def _checksum(tensors: Mapping[str, np.ndarray], record: str) -> str:
    crc = zlib.crc32(record.encode())
    for name in sorted(tensors):
        array = tensors[name]
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        # As bytes: zlib reads no bfloat16 buffers and no 0-dimensional ones.
        crc = zlib.crc32(array.reshape(-1).view(np.uint8), crc)
    return f"{crc:08x}"

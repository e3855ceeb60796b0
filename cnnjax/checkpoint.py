"""Arrays and what they mean, in one safetensors file that is either whole or not there.

A file holds a tree of arrays, flattened to dotted names (`trained.conv1.kernel`), one JSON
record, and a checksum over all of it (safetensors itself notices truncation, not a flipped bit).

Writing: to `NAME.tmp` in the same folder, fsync the file, `os.replace` it, fsync the folder
(Pillai et al., OSDI 2014, say why each is needed).  A process killed at any moment leaves the
old file or the new one.  For that reason no older copy is kept: a damaged checkpoint means a
damaged disk, and reading it is an error, never a silent return to an earlier state.

`save_model` and `load_model` are for a trained model; `cnnjax.train` keeps its running state
through `write` and `read`.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cnnjax.preprocessing import Preprocessing

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = [
    "CheckpointError",
    "SavedModel",
    "atomic",
    "flatten",
    "load_model",
    "read",
    "save_model",
    "unflatten",
    "write",
    "write_json",
]


class CheckpointError(ValueError):
    """A file that cannot be used: which one, what is wrong, what to do."""


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write to the path this yields; on leaving without an error it becomes `path`.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with atomic(Path(folder.name, "note")) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> Path(folder.name, "note").read_text()
    'whole'
    >>> folder.cleanup()
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
        # The data first, then the name: the other order can leave an empty file after a crash.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


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
    wanted = {_name(path): (tuple(leaf.shape), np.dtype(leaf.dtype)) for path, leaf in paths}
    faults = [f"missing {name}" for name in wanted if name not in tensors]
    faults += [f"unexpected {name}" for name in tensors if name not in wanted]
    for name in wanted.keys() & tensors.keys():
        found = (tensors[name].shape, tensors[name].dtype)
        if found != wanted[name]:
            faults.append(
                f"{name} is {found[1]}{list(found[0])}, "
                f"expected {wanted[name][1]}{list(wanted[name][0])}"
            )
    if faults:
        shown = "; ".join(sorted(faults)[:6]) + ("; ..." if len(faults) > 6 else "")
        raise CheckpointError(f"{where}: the arrays do not fit the model: {shown}")
    return jax.tree.unflatten(structure, [tensors[name] for name in wanted])


def write(path: str | os.PathLike[str], tree: Any, record: Mapping[str, Any], kind: str) -> None:
    """Write a tree of arrays and a JSON record as one file of the given kind, atomically."""
    tensors = flatten(tree)
    text = json.dumps(record, ensure_ascii=False)
    metadata = {"cnnjax": kind, "record": text, "checksum": _checksum(tensors, text)}
    with atomic(path) as temporary:
        # Not `save_file`, which makes files that only their owner can read.
        temporary.write_bytes(save(tensors, metadata))


def read(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The named tensors and the record of a file that `write` wrote.

    Raises FileNotFoundError, or CheckpointError for a file of another kind or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file (expected a cnnjax {kind})")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: damaged or not a safetensors file ({error}); delete it or restore a copy"
        ) from error
    found = metadata.get("cnnjax")
    if found != kind:
        raise CheckpointError(
            f"{path}: not a cnnjax {kind}, but "
            + (f"a cnnjax {found}" if found else "a safetensors file from elsewhere")
        )
    if metadata.get("checksum") != _checksum(tensors, metadata.get("record", "")):
        raise CheckpointError(
            f"{path}: damaged (its contents do not match its checksum); delete it or restore a copy"
        )
    return tensors, json.loads(metadata["record"])


@dataclass(frozen=True)
class SavedModel:
    """What `load_model` returns: all that is needed to predict."""

    model: Model
    params: Any
    classes: tuple[str, ...]
    preprocessing: Preprocessing


def save_model(
    path: str | os.PathLike[str],
    model: Model,
    params: Any,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
) -> None:
    """Write a model, its parameters, class names and preprocessing as one .safetensors file."""
    if len(classes) != model.classes:
        raise ValueError(
            f"save_model: {len(classes)} class names given, the model has {model.classes} classes"
        )
    record = {
        "model": model.name,
        "config": dict(model.config),
        "classes": list(classes),
        "preprocessing": asdict(preprocessing),
    }
    write(path, params, record, kind="model")


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """Read what `save_model` wrote; the model is rebuilt by `models.build(name, **config)`.

    Raises FileNotFoundError, or CheckpointError where the file is damaged, is no model, or does
    not fit the model that this version of the library builds.
    """
    from cnnjax.models import build  # here, so that reading a checkpoint needs no models

    tensors, record = read(path, kind="model")
    try:
        model = build(record["model"], **{k: _tuples(v) for k, v in record["config"].items()})
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot rebuild its model: {error}") from error
    template = jax.eval_shape(model.init, jax.random.key(0))
    params = jax.tree.map(jax.numpy.asarray, unflatten(template, tensors, str(path)))
    return SavedModel(
        model, params, tuple(record["classes"]), Preprocessing(**record["preprocessing"])
    )


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _tuples(value: Any) -> Any:
    """JSON has lists only; model options are tuples."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _checksum(tensors: Mapping[str, np.ndarray], record: str) -> str:
    crc = zlib.crc32(record.encode())
    for name in sorted(tensors):
        array = tensors[name]
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        # As bytes: zlib reads no bfloat16 buffers and no 0-dimensional ones.
        crc = zlib.crc32(array.reshape(-1).view(np.uint8), crc)
    return f"{crc:08x}"

"""A bit of a small file of every format is flipped, or its end cut off, so many times each.

`refused` names the file; `told of` is a notice (a class without images, a file that is not used);
`the same` means that what was read is what it was; `other values` that a format without checksums
let a flipped bit through (a pixel, a label within range).
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import pickle
import random
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

from cnnjax.checkpoint import CheckpointError
from cnnjax.cli.problems import Failed
from cnnjax.data import DataError
from cnnjax.notices import Notice

__all__ = ["formats"]

Read = Callable[[Path], Any]


def formats(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    draw = random.Random(0)
    return {
        name: _damages(folder / f"file.{name.split()[0]}", content, read, given.damages, draw)
        for name, (content, read) in _files(folder).items()
    }


def _damages(
    path: Path, content: bytes, read: Read, count: int, draw: random.Random
) -> Counter[str]:
    path.write_bytes(content)
    whole = _printed(read(path))
    outcomes: Counter[str] = Counter()
    for number in range(count):
        damaged = bytearray(content)
        if number % 2:
            del damaged[draw.randrange(len(content)) :]
        else:
            damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        outcomes[_outcome(path, read, whole)] += 1
    return outcomes


def _outcome(path: Path, read: Read, whole: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Notice)
        try:
            return "the same" if _printed(read(path)) == whole else "other values"
        except Notice:
            return "told of"
        except (CheckpointError, DataError, Failed) as error:
            one = "\n" not in str(error) and path.name in str(error)
            return "refused" if one else "traceback"
        except Exception:
            return "traceback"


def _printed(value: Any) -> str:
    """Everything about a value that was read, as text."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype} {value.tobytes().hex()}"
    if isinstance(value, dict):
        return str({key: _printed(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return str([_printed(item) for item in value])
    return repr(value)


def _files(folder: Path) -> dict[str, tuple[bytes, Read]]:
    """A small file of every format, and what reads it."""
    from cnnjax import checkpoint
    from cnnjax.cli import runs
    from cnnjax.data import cifar, idx, load, read_image
    from cnnjax.lowerings import tuned
    from cnnjax.train.config import TrainConfig

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    files: dict[str, tuple[bytes, Read]] = {}
    for kind, options in _PICTURES:
        if kind not in ("AVIF", "WEBP") or features.check(kind.lower()):
            stream = io.BytesIO()
            picture.save(stream, kind, **options)
            name = " ".join([kind.lower(), *(str(v) for v in options.values() if v is not True)])
            files[name + (" progressive" if "progressive" in options else "")] = (
                stream.getvalue(), read_image,
            )  # fmt: skip

    images = bytes([0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 11, 0, 0, 0, 3]) + pixels.tobytes()
    files["idx"] = images, lambda path: idx.read_file(path, 3)
    files["gz (idx)"] = gzip.compress(images, mtime=0), lambda path: idx.read_file(path, 3)
    record = rng.integers(0, 256, 3073, dtype=np.uint8)
    record[0] = 3
    files["bin (CIFAR)"] = record.tobytes(), cifar.read_file
    batch = {b"data": record[None, 1:], b"labels": [3]}
    read_pickle = cifar.CIFAR10[1].read
    files["pickle (CIFAR)"] = pickle.dumps(batch, 2), read_pickle

    def splits(spec: str) -> Read:
        def read(path: Path) -> Any:
            both = load(f"{spec}:{path}")
            return [(d.images, d.labels, d.classes) for d in (both.train, both.test)]

        return read

    stream = io.BytesIO()
    np.savez_compressed(stream, images=rng.integers(0, 256, (8, 5, 4, 3), dtype=np.uint8),
                        labels=np.arange(8) % 2)  # fmt: skip
    files["npz"] = stream.getvalue(), splits("npz")
    for number in range(8):
        picture.save(folder / f"{number}.png")
    table = "file,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(8))
    files["csv"] = table.encode(), splits("csv")

    here = folder / "record"
    here.mkdir()
    data = {"data": "patterns", "size": [8, 8], "limit": 4, "max_pixels": None}
    runs.write_record(here, data=data, model="notes", config=TrainConfig())
    rows = [{"epoch": n, "loss": 1 / n, "accuracy": 0.5, "test_accuracy": 0.5} for n in (1, 2)]

    def inside(name: str, read: Read) -> Read:
        def read_there(path: Path) -> Any:
            (here / name).write_bytes(path.read_bytes())
            try:
                return read(here)
            except Exception as error:
                error.args = (f"{error} ({path.name})",)
                raise

        return read_there

    files["json (run)"] = (here / runs.RECORD).read_bytes(), inside(runs.RECORD, runs.read_record)
    files["json (history)"] = json.dumps(rows).encode(), inside(runs.HISTORY, runs.read_history)
    measured = {"format": "cnnjax lowerings 1", "devices": {"cpu": {"conv 1": "lax"}}}
    files["json (tuned)"] = json.dumps(measured).encode(), tuned._read
    checkpoint.write(here / "arrays", {"x": pixels, "y": np.arange(5.0)}, {"step": 3}, "test")
    arrays = (here / "arrays").read_bytes()
    files["safetensors"] = arrays, lambda path: checkpoint.read(path, "test")
    return files


_PICTURES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("GIF", {}),
    ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {}), ("AVIF", {}),
)  # fmt: skip

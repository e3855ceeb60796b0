"""`cifar10:DIR` and `cifar100:DIR`: A. Krizhevsky, "Learning multiple layers of features from tiny
images", 2009 (www.cs.toronto.edu/~kriz/cifar.html), in the python and in the binary version.

DIR is the folder that the archive unpacks to, or the one it lies in (torchvision's root). Images
are the red, green and blue plane of 32x32; files of fewer images than the originals' are read too.

    binary   a record is one label byte (CIFAR-100: the coarse and the fine label) and 3072 pixels
    python   a pickled dictionary; it is read without running anything in it (`pickles.py`)

CIFAR-100 has its hundred fine classes. Names come from the set's own list, where it is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cnnjax.data import pickles
from cnnjax.data.dataset import Dataset, Splits, balanced, resize, tell_gaps
from cnnjax.data.errors import DataError

PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

Part = tuple[np.ndarray, np.ndarray]  # images and labels of one file


@dataclass(frozen=True)
class Version:
    """Where a form of a set keeps what; `read` reads one file, `names` the list of classes."""

    unpacked: str
    train: tuple[str, ...]
    test: str
    names_file: str
    classes: tuple[str, ...]
    read: Callable[[Path], Part]
    names: Callable[[Path], list[str]]


def read(
    folder: str | Path,
    *,
    versions: tuple[Version, ...],
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Splits:
    """The files of one version in `folder`: images (N, 32, 32, 3) uint8, labels (N,) int32.

    Raises:
        DataError: names the file that is missing, damaged, or with a label that is none.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: {'is not a folder' if root.exists() else 'does not exist'}")
    root, version = _found(root, versions)
    missing = [name for name in (*version.train, version.test) if not (root / name).is_file()]
    if missing:
        raise DataError(f"{root}: lacks {', '.join(missing)}")
    names = root / version.names_file
    classes = _names(names, version) if names.is_file() else version.classes
    parts = {name: version.read(root / name) for name in (*version.train, version.test)}
    for name, (_, labels) in parts.items():
        if labels.min() < 0 or labels.max() >= len(classes):
            first = int(np.argmax((labels < 0) | (labels >= len(classes))))
            raise DataError(
                f"{root / name}: label {labels[first]} in record {first}, "
                f"expected 0 to {len(classes) - 1}"
            )
    train = [parts[name] for name in version.train]
    labels = np.concatenate([labels for _, labels in train])
    tell_gaps(root.name, classes, labels, parts[version.test][1])

    def dataset(images: np.ndarray, labels: np.ndarray, split: str) -> Dataset:
        chosen = balanced(labels, limit, seed)
        return Dataset(
            resize(images[chosen], size), labels[chosen], classes, f"{root.name} {split}"
        )

    return Splits(
        dataset(np.concatenate([images for images, _ in train]), labels, "train"),
        dataset(*parts[version.test], "test"),
    )


def _found(root: Path, versions: tuple[Version, ...]) -> tuple[Path, Version]:
    """The folder and the version that is in it: in `root` itself, else where it unpacks to."""
    places = [(root, version) for version in versions]
    places += [(root / version.unpacked, version) for version in versions]
    for place, version in places:
        if any((place / name).is_file() for name in (*version.train, version.test)):
            return place, version
    raise DataError(
        f"{root}: lacks "
        + " and ".join(f"{', '.join((*v.train, v.test))} ({v.unpacked})" for v in versions)
    )


def read_file(path: str | Path, *, labels: int = 1) -> Part:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int32 of one binary file.

    `labels` is the number of label bytes; the last one counts.

    Raises:
        DataError: when the file is anything but whole records.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes([7]) + bytes(3072))
    ...     file.flush()
    ...     images, found = read_file(file.name)
    >>> images.shape, found.tolist()
    ((1, 32, 32, 3), [7])
    """
    try:
        content = Path(path).read_bytes()
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    record = labels + PIXELS
    if not content:
        raise DataError(f"{path}: the file is empty")
    if len(content) % record:
        raise DataError(
            f"{path}: {len(content)} bytes are not whole records of {record} "
            f"({len(content) % record} left over); cut short, or not CIFAR's binary version"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    return _images(records[:, labels:]), records[:, labels - 1].astype(np.int32)


def _read_pickle(path: Path, *, key: str) -> Part:
    """Images and labels of one file of the python version."""
    batch = _unpickled(path)
    data, labels = batch.get("data"), batch.get(key)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        raise DataError(f"{path}: its data is no array of uint8 with a row an image")
    if data.shape[1] != PIXELS or not len(data):
        raise DataError(f"{path}: its data is {data.shape}, expected rows of {PIXELS}")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise DataError(f"{path}: its {key} are no list of whole numbers")
    if len(labels) != len(data):
        raise DataError(f"{path}: {len(labels)} {key} for {len(data)} images")
    if not all(-(2**31) <= label < 2**31 for label in labels):
        raise DataError(f"{path}: its {key} are no class numbers")
    return _images(data), np.array(labels, np.int32)


def _unpickled(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            content = pickles.load(file)
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    except ValueError as fault:
        raise DataError(f"{path}: not a pickle of CIFAR ({fault})") from fault
    if not isinstance(content, dict):
        raise DataError(f"{path}: not a pickle of CIFAR (it holds no dictionary)")
    return {_text(key): value for key, value in content.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _images(rows: np.ndarray) -> np.ndarray:
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _listed(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not UTF-8 text ({fault})") from fault


def _pickled_names(path: Path, *, key: str) -> list[str]:
    names = _unpickled(path).get(key)
    return [_text(name) for name in names] if isinstance(names, list) else []


def _names(path: Path, version: Version) -> tuple[str, ...]:
    names = tuple(version.names(path))
    count = len(version.classes)
    if len(names) != count or len(set(names)) != count:
        raise DataError(f"{path}: expected {count} different class names, got {list(names)}")
    return names


_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
_HUNDRED = tuple(str(i) for i in range(100))  # where the list of names is not there
CIFAR10 = (
    Version(
        "cifar-10-batches-bin", tuple(f"{name}.bin" for name in _BATCHES), "test_batch.bin",
        "batches.meta.txt", CLASSES, read_file, _listed,
    ),
    Version(
        "cifar-10-batches-py", _BATCHES, "test_batch", "batches.meta", CLASSES,
        partial(_read_pickle, key="labels"), partial(_pickled_names, key="label_names"),
    ),
)  # fmt: skip
CIFAR100 = (
    Version(
        "cifar-100-binary", ("train.bin",), "test.bin", "fine_label_names.txt", _HUNDRED,
        partial(read_file, labels=2), _listed,
    ),
    Version(
        "cifar-100-python", ("train",), "test", "meta", _HUNDRED,
        partial(_read_pickle, key="fine_labels"),
        partial(_pickled_names, key="fine_label_names"),
    ),
)  # fmt: skip

read_cifar10 = partial(read, versions=CIFAR10)
read_cifar100 = partial(read, versions=CIFAR100)

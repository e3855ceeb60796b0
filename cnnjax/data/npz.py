"""`npz:FILE`: arrays of NumPy in one file, as Keras keeps MNIST and MedMNIST its sets.

    x_train y_train x_test y_test                         (Keras: mnist.npz)
    train_images train_labels test_images test_labels     (MedMNIST; val_... is left alone)
    images labels  (or x y, or data labels)               a fifth of each class tests, by the seed

Images are (N, H, W), (N, H, W, C) or (N, C, H, W), with C = 1 or 3, as whole numbers 0 to 255 or
floating-point numbers 0 to 1. Labels are whole numbers (N,) or (N, 1), from 0 or from 1 on, or one
hot (N, classes); or (N, H, W), a class a pixel. `classes`, an array of texts, names the classes.
Nothing pickled is read.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cnnjax.data.dataset import (
    Dataset,
    Splits,
    balanced,
    resize,
    resize_labels,
    stratified,
    tell_gaps,
)
from cnnjax.data.errors import DataError
from cnnjax.data.formats import START, what
from cnnjax.data.memory import available
from cnnjax.notices import shown

SPLIT = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("train_images", "train_labels", "val_images", "val_labels"),
    ("train_x", "train_y", "test_x", "test_y"),
    ("X_train", "y_train", "X_test", "y_test"),
)
WHOLE = (("images", "labels"), ("x", "y"), ("X", "y"), ("data", "labels"), ("data", "target"))
NAMES = ("classes", "class_names", "label_names")


def read(
    file: str | Path,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Splits:
    """The arrays in `file` as (N, H, W, C) uint8 and (N,) int32, or (N, H, W) int32.

    Raises:
        DataError: names the array that is missing, damaged, or no images or labels.
    """
    path = Path(file)
    arrays = _Arrays(path)
    split = next((names for names in SPLIT if set(names) <= arrays.names), None)
    if split is not None:
        images, test_images = (_images(arrays, split[i]) for i in (0, 2))
        given, test_given = (_labels(arrays, split[i]) for i in (1, 3))
        used = [(images, given, split[:2]), (test_images, test_given, split[2:])]
    elif (whole := next((n for n in WHOLE if set(n) <= arrays.names), None)) is not None:
        images, given = _images(arrays, whole[0]), _labels(arrays, whole[1])
        used = [(images, given, whole)]
    else:
        raise DataError(
            f"{path}: has {', '.join(sorted(arrays.names)) or 'nothing'}; expected "
            f"{', '.join(SPLIT[0])} or {', '.join(WHOLE[0])}"
        )
    for pixels, numbers, (what_images, what_labels) in used:
        if len(pixels) != len(numbers):
            raise DataError(f"{path}: {len(numbers)} {what_labels} for {len(pixels)} {what_images}")
    first, classes = _classes(arrays, [numbers for _, numbers, _ in used])
    labels = [(numbers - first).astype(np.int32) for _, numbers, _ in used]
    name = shown(path.stem)
    if split is None:
        train, test = stratified(_kinds(labels[0]), classes, seed, str(path))
        parts = [(images[train], labels[0][train]), (images[test], labels[0][test])]
    else:
        parts = [(images, labels[0]), (test_images, labels[1])]
    tell_gaps(name, classes, parts[0][1], parts[1][1])

    def dataset(images: np.ndarray, labels: np.ndarray, split: str) -> Dataset:
        chosen = balanced(_kinds(labels), limit, seed)
        numbers = labels[chosen] if labels.ndim == 1 else resize_labels(labels[chosen], size)
        return Dataset(resize(images[chosen], size), numbers, classes, f"{name} {split}")

    return Splits(dataset(*parts[0], "train"), dataset(*parts[1], "test"))


def _kinds(labels: np.ndarray) -> np.ndarray:
    """The class of each image; images whose pixels have classes are all of one kind."""
    return labels if labels.ndim == 1 else np.zeros(len(labels), np.int32)


class _Arrays:
    """The arrays of a file by name, each read when it is asked for."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [i for i in archive.infolist() if i.filename.endswith(".npy")]
        except OSError as fault:
            raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as fault:
            raise DataError(f"{path}: no NumPy archive, but {_kind(path)} ({fault})") from fault
        self._entries: Mapping[str, zipfile.ZipInfo] = {
            entry.filename.removesuffix(".npy"): entry for entry in entries
        }
        self.names = set(self._entries)

    def __getitem__(self, name: str) -> np.ndarray:
        entry, free = self._entries[name], available()
        if free is not None and entry.file_size > free:
            raise DataError(
                f"{self.path}: {name} needs {entry.file_size / 1e9:,.1f} GB of memory, "
                f"{free / 1e9:,.1f} GB are free"
            )
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(entry) as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
                if file.read(1):
                    raise ValueError("it holds more than its header promises")
        except OSError as fault:
            raise DataError(f"{self.path}: {name}: {fault.strerror or fault}") from fault
        except MemoryError as fault:
            raise DataError(f"{self.path}: {name} promises more than memory holds") from fault
        except Exception as fault:  # zipfile, zlib and NumPy have a dozen kinds between them
            raise DataError(f"{self.path}: {name} is damaged ({_first_line(fault)})") from fault
        return array


def _kind(path: Path) -> str:
    with open(path, "rb") as file:
        return what(file.read(START))


def _first_line(fault: BaseException) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0][:200]


def _images(arrays: _Arrays, name: str) -> np.ndarray:
    """An array as (N, H, W, C) uint8."""
    array = arrays[name]
    where = f"{arrays.path}: {name} {array.shape} {array.dtype}"
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or 0 in array.shape:
        raise DataError(f"{where}: expected images (N, H, W), (N, H, W, C) or (N, C, H, W)")
    if array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.shape[3] not in (1, 3):
        raise DataError(f"{where}: expected 1 or 3 channels")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "iufb":
        raise DataError(f"{where}: expected numbers")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.round(array.astype(np.float32) * 255).astype(np.uint8)
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if not (low >= 0 and high <= 255):  # NaN too
        raise DataError(f"{where}: values {low} to {high}, expected 0 to 255 or 0.0 to 1.0")
    return np.round(array).astype(np.uint8)


def _labels(arrays: _Arrays, name: str) -> np.ndarray:
    """An array of labels as int64: (N,), one hot or not, or (N, H, W)."""
    array = arrays[name]
    where = f"{arrays.path}: {name} {array.shape} {array.dtype}"
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "iufb" and array.shape[1] > 1:
        if not (((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all()):
            raise DataError(f"{where}: expected one class an image")
        return array.argmax(1).astype(np.int64)
    if array.ndim == 3 and array.dtype.kind == "b":  # a mask
        array = array.astype(np.uint8)
    if array.ndim not in (1, 3) or array.dtype.kind not in "iuf" or not array.size:
        raise DataError(f"{where}: expected whole numbers (N,), or (N, H, W) for a class a pixel")
    if not (np.isfinite(array).all() and (array == np.floor(array)).all()):
        raise DataError(f"{where}: expected whole numbers")
    if array.min() < 0 or array.max() > 65535:
        raise DataError(f"{where}: labels {array.min()} to {array.max()}, expected 0 to 65535")
    return array.astype(np.int64)


def _classes(arrays: _Arrays, labels: list[np.ndarray]) -> tuple[int, tuple[str, ...]]:
    """The label of the first class, and the names of all."""
    present = np.unique(np.concatenate(labels))
    named = next((name for name in NAMES if name in arrays.names), None)
    if named is not None:
        names = arrays[named]
        if names.ndim != 1 or names.dtype.kind not in "US":
            raise DataError(f"{arrays.path}: {named} is no list of texts")
        texts = (
            n.decode("utf-8", "replace") if isinstance(n, bytes) else n for n in names.tolist()
        )
        classes = tuple(shown(text) for text in texts)
        first = int(present[0] == 1 and present[-1] == len(classes))
        if present[-1] >= first + len(classes):
            raise DataError(
                f"{arrays.path}: label {present[-1]} occurs, {named} names {len(classes)} classes"
            )
        return first, classes
    first = int(present[0] == 1)
    if len(present) != present[-1] + 1 - first:
        gap = int(np.setdiff1d(np.arange(first, present[-1] + 1), present)[0])
        raise DataError(
            f"{arrays.path}: label {present[-1]} occurs but {gap} does not; mislabelled, "
            "or give the class names in an array `classes`"
        )
    return first, tuple(str(label) for label in present)

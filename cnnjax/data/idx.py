"""`idx:DIR`: MNIST and whatever keeps its format (Fashion-MNIST, KMNIST, EMNIST renamed).

Four files, each gzipped or not (told by content, not by name):

    train-images-idx3-ubyte[.gz]   train-labels-idx1-ubyte[.gz]
    t10k-images-idx3-ubyte[.gz]    t10k-labels-idx1-ubyte[.gz]

A file is a magic number (two zero bytes, the element type, the number of dimensions), one
big-endian uint32 a dimension, and the elements (Y. LeCun, C. Cortes, C. Burges, "The MNIST
database", section "File formats"). Elements must be unsigned bytes (type 8).

Classes are named "0", "1", ... unless DIR has a `classes.txt` with one name a line.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from cnnjax.data.dataset import DataError, Dataset, Splits, balanced, resize

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 8
_CHUNK = 1 << 20


def read(
    folder: str | Path,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Splits:
    """The four files in `folder`: images (N, H, W, 1) uint8, labels (N,) int32.

    Raises:
        DataError: names the file that is missing, cut short, too long, of another type or rank,
            whose compression is damaged, or whose labels do not fit.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: {'is not a folder' if root.exists() else 'does not exist'}")
    paths = [
        _find(root, f"{split}-{what}")
        for split in ("train", "t10k")
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    train_images, test_images = read_file(paths[0], 3), read_file(paths[2], 3)
    train_labels, test_labels = read_file(paths[1], 1), read_file(paths[3], 1)
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{paths[2]}: images of {test_images.shape[1:]} pixels, "
            f"{paths[0]} has {train_images.shape[1:]}"
        )
    for (images, images_path), (labels, labels_path) in (
        ((train_images, paths[0]), (train_labels, paths[1])),
        ((test_images, paths[2]), (test_labels, paths[3])),
    ):
        if len(images) != len(labels):
            raise DataError(
                f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path}"
            )
    classes = _classes(root, train_labels, paths[1])
    if (over := int(test_labels.max())) >= len(classes):
        raise DataError(
            f"{paths[3]}: label {over} at index {int(test_labels.argmax())}, "
            f"{len(classes)} classes allow 0..{len(classes) - 1}"
        )

    def dataset(images: np.ndarray, labels: np.ndarray, split: str) -> Dataset:
        chosen = balanced(labels, limit, seed)
        return Dataset(
            resize(images[chosen][..., None], size),
            labels[chosen].astype(np.int32),
            classes,
            f"{root.name} {split}",
        )

    return Splits(
        dataset(train_images, train_labels, "train"), dataset(test_images, test_labels, "test")
    )


def read_file(path: str | Path, rank: int) -> np.ndarray:
    """The uint8 array of `rank` dimensions in one IDX file, gzipped or not.

    Raises:
        DataError: when the file is anything but exactly that.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"\\0\\0\\x08\\x01" + b"\\0\\0\\0\\x03" + b"\\7\\2\\1")
    ...     file.flush()
    ...     read_file(file.name, 1).tolist()
    [7, 2, 1]
    """
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == GZIP_MAGIC
            file.seek(0)
            if zipped:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    return _parse(path, unzipped, rank)
            return _parse(path, file, rank)
    except EOFError as fault:
        raise DataError(f"{path}: the gzip data is cut short") from fault
    except (gzip.BadGzipFile, zlib.error) as fault:
        raise DataError(f"{path}: the gzip data is damaged ({fault})") from fault
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault


def _parse(path: str | Path, file, rank: int) -> np.ndarray:
    length = 4 + 4 * rank
    header = file.read(length)
    if not header:
        raise DataError(f"{path}: the file is empty")
    if len(header) < 4 or header[:2] != b"\0\0":
        raise DataError(
            f"{path}: not an IDX file, it starts with 0x{header[:4].hex()}, "
            f"expected 0x0000{UNSIGNED_BYTE:02x}{rank:02x}"
        )
    if header[2] != UNSIGNED_BYTE:
        raise DataError(
            f"{path}: elements of type 0x{header[2]:02x}, expected unsigned bytes (0x08)"
        )
    if header[3] != rank:
        raise DataError(f"{path}: {header[3]} dimensions, expected {rank}")
    if len(header) < length:
        raise DataError(f"{path}: cut short inside its header of {length} bytes")
    shape = [int.from_bytes(header[i : i + 4], "big") for i in range(4, length, 4)]
    if 0 in shape:
        raise DataError(f"{path}: dimensions {shape}, there is nothing in it")
    expected = math.prod(shape)
    # In chunks: a damaged header may promise more than memory holds. One byte more than promised
    # is asked for, which also makes gzip check its checksum at the end.
    content = bytearray()
    while len(content) <= expected:
        chunk = file.read(min(_CHUNK, expected + 1 - len(content)))
        if not chunk:
            break
        content += chunk
    if len(content) != expected:
        held = "more" if len(content) > expected else str(len(content))
        raise DataError(
            f"{path}: its header {shape} promises {expected} bytes of data, it holds {held}"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _find(root: Path, name: str) -> Path:
    """The file of that name: plain before gzipped, `-idx3` before the other spelling `.idx3`."""
    spellings = (name, name.replace("-idx", ".idx"))
    names = [spelling + ending for ending in ("", ".gz") for spelling in spellings]
    for candidate in names:
        if (root / candidate).is_file():
            return root / candidate
    raise DataError(f"{root}: lacks {name} (or {name}.gz)")


def _classes(root: Path, labels: np.ndarray, path: Path) -> tuple[str, ...]:
    present = np.unique(labels)
    names = root / "classes.txt"
    if names.is_file():
        try:
            classes = tuple(names.read_text("utf-8").split("\n"))
        except UnicodeDecodeError as fault:
            raise DataError(f"{names}: not UTF-8 text ({fault})") from fault
        classes = tuple(name.strip() for name in classes if name.strip())
        if present[-1] >= len(classes):
            raise DataError(
                f"{path}: label {present[-1]} at index {int(labels.argmax())}, "
                f"{names} names {len(classes)} classes"
            )
        return classes
    # Every class occurs in a real training set; a gap is a label that went wrong.
    if len(present) != present[-1] + 1:
        gap = int(np.setdiff1d(np.arange(present[-1] + 1), present)[0])
        raise DataError(
            f"{path}: label {present[-1]} occurs (index {int(labels.argmax())}) but {gap} does "
            f"not; mislabelled, or give the class names in {names}"
        )
    return tuple(str(label) for label in present)

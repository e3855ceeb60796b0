"""`idx:DIR`: MNIST and whatever keeps its format (Fashion-MNIST, KMNIST, EMNIST).

Four files, each gzipped or not (told by content, not by name):

    train-images-idx3-ubyte[.gz]   train-labels-idx1-ubyte[.gz]
    t10k-images-idx3-ubyte[.gz]    t10k-labels-idx1-ubyte[.gz]      (or test-...)

in DIR, or in the folder `raw` below it (torchvision's: DIR/MNIST/raw). All four names may begin
with the name of the set, as EMNIST's do; of several sets in one folder, `idx:DIR/emnist-letters`
names one. EMNIST keeps its images transposed (G. Cohen et al., "EMNIST: an extension of MNIST to
handwritten letters", 2017, with the database's own notes): where the names begin with `emnist`,
they are turned upright.

A file is a magic number (two zero bytes, the element type, the number of dimensions), one
big-endian uint32 a dimension, and the elements (Y. LeCun, C. Cortes, C. Burges, "The MNIST
database", section "File formats"). Elements must be unsigned bytes (type 8).

Classes are named "0", "1", ..., or from "1" on where the labels begin there, unless there is a
`classes.txt` with one name a line, or EMNIST's own `emnist-letters-mapping.txt`.
"""

import glob
import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from cnnjax.data.dataset import Dataset, Splits, balanced, resize, tell_gaps
from cnnjax.data.errors import DataError

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
    root, prefix = _place(Path(folder))
    paths = [
        _find(root, [f"{prefix}{split}-{what}" for split in splits])
        for splits in (("train",), ("t10k", "test"))
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
    first, classes = _classes(root, prefix, train_labels, paths[1])
    for labels, path in ((train_labels, paths[1]), (test_labels, paths[3])):
        outside = (labels < first) | (labels >= first + len(classes))
        if outside.any():
            raise DataError(
                f"{path}: label {labels[outside.argmax()]} at index {int(outside.argmax())}, "
                f"{len(classes)} classes allow {first}..{first + len(classes) - 1}"
            )
    if prefix.startswith("emnist"):
        train_images, test_images = (a.transpose(0, 2, 1) for a in (train_images, test_images))
    name = prefix.rstrip("-") or root.name
    tell_gaps(name, classes, train_labels - first, test_labels - first)

    def dataset(images: np.ndarray, labels: np.ndarray, split: str) -> Dataset:
        chosen = balanced(labels, limit, seed)
        return Dataset(
            resize(np.ascontiguousarray(images[chosen])[..., None], size),
            labels[chosen].astype(np.int32) - first,
            classes,
            f"{name} {split}",
        )

    return Splits(
        dataset(train_images, train_labels, "train"), dataset(test_images, test_labels, "test")
    )


def _place(given: Path) -> tuple[Path, str]:
    """The folder of the four files, and what their names begin with."""
    if not given.is_dir():
        if given.parent.is_dir() and any(given.parent.glob(f"{glob.escape(given.name)}-*")):
            return given.parent, f"{given.name}-"
        raise DataError(f"{given}: {'is not a folder' if given.exists() else 'does not exist'}")
    raw = [path for path in (given / "raw", *sorted(given.glob("*/raw"))) if path.is_dir()]
    for root in (given, *raw):
        prefixes = sorted(
            {path.name.partition("train-images")[0] for path in root.glob("*train-images[-.]idx3*")}
        )
        if "" in prefixes or len(prefixes) == 1:
            if root != given and len(raw) > 1:
                raise DataError(f"{given}: has {' and '.join(map(str, raw))}; name one of them")
            return root, "" if "" in prefixes else prefixes[0]
        if prefixes:
            named = ", ".join(f"idx:{root / prefix.rstrip('-')}" for prefix in prefixes)
            raise DataError(f"{root}: has several sets; name one of {named}")
    return given, ""


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


def _find(root: Path, names: list[str]) -> Path:
    """The file of one of the names: plain before gzipped, `-idx3` before `.idx3`."""
    for ending in ("", ".gz"):
        for name in names:
            for spelling in (name, name.replace("-idx", ".idx")):
                if (root / (spelling + ending)).is_file():
                    return root / (spelling + ending)
    raise DataError(f"{root}: lacks {names[0]} (or {names[0]}.gz)")


def _classes(
    root: Path, prefix: str, labels: np.ndarray, path: Path
) -> tuple[int, tuple[str, ...]]:
    """The label of the first class, and the names of all."""
    mapping = root / f"{prefix}mapping.txt"
    if prefix and mapping.is_file():
        return _mapped(mapping)
    present = np.unique(labels)
    names = root / "classes.txt"
    if names.is_file():
        classes = tuple(name.strip() for name in _text(names).split("\n") if name.strip())
        # As many names as labels from 1 on: the labels count from 1.
        first = 1 if present[0] == 1 and present[-1] == len(classes) else 0
        if present[-1] >= first + len(classes):
            raise DataError(
                f"{path}: label {present[-1]} at index {int(labels.argmax())}, "
                f"{names} names {len(classes)} classes"
            )
        return first, classes
    # Every class occurs in a real training set; a gap is a label that went wrong.
    first = int(present[0] == 1)
    if len(present) != present[-1] + 1 - first:
        gap = int(np.setdiff1d(np.arange(first, present[-1] + 1), present)[0])
        raise DataError(
            f"{path}: label {present[-1]} occurs (index {int(labels.argmax())}) but {gap} does "
            f"not; mislabelled, or give the class names in {names}"
        )
    return first, tuple(str(label) for label in present)


def _mapped(path: Path) -> tuple[int, tuple[str, ...]]:
    """EMNIST's list: a label and the code points of its characters, a class a line."""
    try:
        rows = [[int(word) for word in line.split()] for line in _text(path).splitlines()]
        rows = [row for row in rows if row]
        labels = [label for label, *_ in rows]
        names = tuple("".join(map(chr, codes)) for _, *codes in rows)
    except (ValueError, OverflowError) as fault:
        raise DataError(f"{path}: not a list of labels and characters ({fault})") from fault
    if not labels or labels != list(range(labels[0], labels[0] + len(labels))) or "" in names:
        raise DataError(f"{path}: its labels do not count up by one, each with its characters")
    return labels[0], names


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not UTF-8 text ({fault})") from fault

"""`cifar10:DIR`: CIFAR-10, binary version (A. Krizhevsky, "Learning multiple layers of features
from tiny images", 2009; www.cs.toronto.edu/~kriz/cifar.html).

`data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, in DIR or in the folder
`cifar-10-batches-bin` that the archive unpacks to. A record is one label byte and 3072 pixel bytes:
the red, green and blue plane of 32x32. Files of fewer records than the original's 10,000 are read
too. `batches.meta.txt`, where present, names the ten classes.
"""

from pathlib import Path

import numpy as np

from cnnjax.data.dataset import DataError, Dataset, Splits, balanced, resize

TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILE = "test_batch.bin"
UNPACKED = "cifar-10-batches-bin"
RECORD = 1 + 3 * 32 * 32
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def read(
    folder: str | Path,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Splits:
    """The six files in `folder`: images (N, 32, 32, 3) uint8, labels (N,) int32.

    Raises:
        DataError: names the file that is missing, of a wrong size or with a label above 9.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: {'is not a folder' if root.exists() else 'does not exist'}")
    if not (root / TRAIN_FILES[0]).exists() and (root / UNPACKED).is_dir():
        root = root / UNPACKED
    missing = [name for name in (*TRAIN_FILES, TEST_FILE) if not (root / name).is_file()]
    if missing:
        raise DataError(f"{root}: lacks {', '.join(missing)}")
    classes = _classes(root / "batches.meta.txt")

    def dataset(names: tuple[str, ...], split: str) -> Dataset:
        parts = [read_file(root / name) for name in names]
        images = np.concatenate([images for images, _ in parts])
        labels = np.concatenate([labels for _, labels in parts])
        chosen = balanced(labels, limit, seed)
        return Dataset(
            resize(images[chosen], size), labels[chosen], classes, f"{root.name} {split}"
        )

    return Splits(dataset(TRAIN_FILES, "train"), dataset((TEST_FILE,), "test"))


def read_file(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int32 of one file.

    Raises:
        DataError: when the file is anything but whole records with labels 0 to 9.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes([7]) + bytes(3072))
    ...     file.flush()
    ...     images, labels = read_file(file.name)
    >>> images.shape, labels.tolist()
    ((1, 32, 32, 3), [7])
    """
    try:
        content = Path(path).read_bytes()
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    if not content:
        raise DataError(f"{path}: the file is empty")
    if len(content) % RECORD:
        raise DataError(
            f"{path}: {len(content)} bytes are not whole records of {RECORD} "
            f"({len(content) % RECORD} left over); cut short, or not CIFAR-10's binary version"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0].astype(np.int32)
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise DataError(f"{path}: label {labels[first]} in record {first}, expected 0 to 9")
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def _classes(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return CLASSES
    try:
        names = tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not UTF-8 text ({fault})") from fault
    if len(names) != 10 or len(set(names)) != 10:
        raise DataError(f"{path}: expected 10 different class names, got {list(names)}")
    return names

"""`folder:DIR`: images in folders, one folder a class, the folder's name the class's name.

    DIR/cat/1.jpg  DIR/dog/7.png                    split by the seed, a fifth of each class tests
    DIR/train/cat/1.jpg  DIR/test/cat/9.jpg         split as given

The second form is meant when DIR has both `train` and `test`; whatever else then lies in DIR is
left alone. Everything in a class folder must be a PNG or JPEG image: any other file is an error,
for a file passed over in silence is data lost in silence. Exempt are hidden files and what file
managers leave (`Thumbs.db`, `desktop.ini`). Images come out as RGB, all of one size.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnjax.data.dataset import DataError, Dataset, Splits, balanced, stratified
from cnnjax.data.picture import SUFFIXES, image_size, read_image

LITTER = ("thumbs.db", "desktop.ini")


def read(
    folder: str | Path,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Splits:
    """The images below `folder` as (N, H, W, 3) uint8; classes in alphabetical order.

    Without `size` all images must have one size. With `limit` only the images chosen are opened.

    Raises:
        DataError: names the folder without classes, the empty class, the file that is no image or
            damaged, two files of different sizes, the classes that only one split has.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: {'is not a folder' if root.exists() else 'does not exist'}")
    train_root, test_root = root / "train", root / "test"
    if train_root.is_dir() and test_root.is_dir():
        files, labels, classes = _listing(train_root)
        test_files, test_labels, test_classes = _listing(test_root)
        if classes != test_classes:
            missing = sorted(set(classes) ^ set(test_classes))
            raise DataError(
                f"{root}: train/ and test/ must have the same classes; "
                f"only one of them has {', '.join(missing)}"
            )
    else:
        files, labels, classes = _listing(root)
        train, test = stratified(labels, classes, seed, str(root))
        test_files, test_labels = [files[i] for i in test], labels[test]
        files, labels = [files[i] for i in train], labels[train]
    chosen, test_chosen = balanced(labels, limit, seed), balanced(test_labels, limit, seed)
    files, labels = [files[i] for i in chosen], labels[chosen]
    test_files, test_labels = [test_files[i] for i in test_chosen], test_labels[test_chosen]
    size = size or _common_size([*files, *test_files])
    return Splits(
        Dataset(_images(files, size), labels, classes, f"{root.name} train"),
        Dataset(_images(test_files, size), test_labels, classes, f"{root.name} test"),
    )


def _listing(root: Path) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    """Every image file below `root`, its label, and the class names."""
    classes = sorted(p.name for p in root.iterdir() if p.is_dir() and p.name[0] != ".")
    if not classes:
        raise DataError(f"{root}: has no class folders; expected {root}/CLASS/*.jpg or *.png")
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        members = sorted(p for p in (root / name).iterdir() if not _ignored(p))
        if not members:
            raise DataError(f"{root / name}: the class folder has no images")
        for path in members:
            if path.is_dir():
                raise DataError(
                    f"{path}: a folder inside the class folder {root / name}; expected images"
                    + _split_hint(root, name)
                )
            if path.suffix.lower() not in SUFFIXES:
                raise DataError(
                    f"{path}: not a PNG or JPEG image (by its name); "
                    "move it out of the class folder"
                )
        files += members
        labels += [label] * len(members)
    return files, np.array(labels, np.int32), tuple(classes)


def _split_hint(root: Path, name: str) -> str:
    other = {"train": "test", "test": "train"}.get(name)
    return f" (or is {root / other} missing?)" if other else ""


def _ignored(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in LITTER


def _common_size(files: Sequence[Path]) -> tuple[int, int]:
    """The one size (height, width) of all files."""
    first = image_size(files[0])
    for path in files[1:]:
        size = image_size(path)
        if size != first:
            raise DataError(
                f"{files[0]} has {first[0]}x{first[1]} pixels, {path} has {size[0]}x{size[1]} "
                "(height x width); give a size that all are resized to"
            )
    return first


def _images(files: Sequence[Path], size: tuple[int, int]) -> np.ndarray:
    images = np.empty((len(files), *size, 3), np.uint8)
    for target, path in zip(images, files, strict=True):
        target[...] = read_image(path, size=size)
    return images

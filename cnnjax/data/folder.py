"""`folder:DIR`: images in folders, one folder a class, the folder's name the class's name.

    DIR/cat/1.jpg  DIR/dog/7.png                    split by the seed, a fifth of each class tests
    DIR/train/cat/1.jpg  DIR/test/cat/9.jpg         split as given

The second form is meant when DIR has a folder for training (train, training) and one for testing
(test, testing, else val, valid, validation), however they are capitalised; whatever else then lies
in DIR is left alone, with a notice. If all of it lies in one more folder, that one is read.

Everything in a class folder must be an image (`picture.py`): any other file is an error, for a file
passed over in silence is data lost in silence. Exempt are hidden files and what file managers,
archivers and servers leave (`listing.LITTER`). Images come out as RGB, all of one size.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cnnjax.data.dataset import Dataset, Splits, allocate, balanced, stratified, tell_gaps
from cnnjax.data.errors import DataError
from cnnjax.data.listing import class_name, folders, images, strays, unwrapped
from cnnjax.data.memory import available
from cnnjax.data.picture import image_size, read_image
from cnnjax.data.streaming import ImageFiles, Images, Pool
from cnnjax.notices import notice, shown

TRAIN = ("train", "training")
# In this order: where there are both, the test images are for the end.
TESTS = (("test", "testing"), ("val", "valid", "validation"))
NAMED = 10
"""Images that cannot be used and are named in one message; of more, how many."""


def read(
    folder: str | Path,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
    max_pixels: int | None = None,
    stream: bool | None = False,
    workers: int | None = None,
) -> Splits:
    """The images below `folder` as (N, H, W, 3) uint8; classes in alphabetical order.

    Without `size` all images must have one size. With `limit` only the images chosen are opened.
    With `stream` none but the first is opened before it is needed, then by so many `workers`; None
    decides by size.

    Raises:
        DataError: names the folder without classes, the empty class, the file that is no image, the
            damaged ones (ten, and how many more), two files of different sizes, a class that only
            the test split has.
    """
    root = _folder(folder)
    splits_inside = [_named(folders(root), names) for names in (TRAIN, *TESTS)]
    inside = root if any(splits_inside) else unwrapped(root)
    found = _splits(inside)
    if found is None:
        files, labels, classes = _listing(inside)
        train, test = stratified(labels, classes, seed, str(root))
        test_files, test_labels = [files[i] for i in test], labels[test]
        files, labels = [files[i] for i in train], labels[train]
    else:
        files, labels, classes = _listing(unwrapped(found[0]))
        test_files, test_labels, _ = _listing(unwrapped(found[1]), classes=classes)
    name = shown(root.name)
    tell_gaps(name, classes, labels, test_labels)
    return chosen(name, root, (files, labels), (test_files, test_labels), classes,
                  seed=seed, size=size, limit=limit, max_pixels=max_pixels,
                  stream=stream, workers=workers)  # fmt: skip


def chosen(
    name: str,
    root: Path,
    train: tuple[list[Path], np.ndarray],
    test: tuple[list[Path], np.ndarray],
    classes: tuple[str, ...],
    *,
    seed: int,
    size: tuple[int, int] | None,
    limit: int | None,
    max_pixels: int | None,
    stream: bool | None,
    workers: int | None,
) -> Splits:
    """The image files of both splits, as many as `limit` takes, decoded now or when needed."""
    parts = []
    for files, labels in (train, test):
        taken = balanced(labels, limit, seed)
        parts.append(([files[i] for i in taken], labels[taken]))
    (files, labels), (test_files, test_labels) = parts
    count = len(files) + len(test_files)
    if stream is not False:
        first = size or image_size(files[0], max_pixels=max_pixels)
        if stream or _streams_itself(count, first, name):
            pool = Pool(workers)

            def streamed(split: str, files: list[Path], labels: np.ndarray) -> Dataset:
                source = ImageFiles(files, root, first, max_pixels, resized=size is not None)
                images = Images(source, f"{name} {split}", pool=pool, image=(*first, 3),
                                processes=True)  # fmt: skip
                return Dataset(images, labels, classes, f"{name} {split}")

            train_set = streamed("train", files, labels)
            return Splits(train_set, streamed("test", test_files, test_labels))
    everything = [*files, *test_files]
    size = size or _common_size(everything, max_pixels)
    images = allocate((count, *size, 3), name, "; or stream them (stream=True, --stream)")
    for target, path in zip(images, everything, strict=True):
        with _all_faults(everything, max_pixels):
            target[...] = read_image(path, size=size, max_pixels=max_pixels)
    return Splits(
        Dataset(images[: len(files)], labels, classes, f"{name} train"),
        Dataset(images[len(files) :], test_labels, classes, f"{name} test"),
    )


@contextmanager
def _all_faults(files: Sequence[Path], max_pixels: int | None) -> Iterator[None]:
    """Where an image cannot be used, the error names all that cannot, in one line: whoever mends
    one would otherwise be told of the next."""
    try:
        yield
    except DataError as first:
        faults = []
        for path in files:
            try:
                read_image(path, max_pixels=max_pixels)
            except DataError as fault:
                faults.append(str(fault))
        if len(faults) < 2:
            raise
        few = "; ".join(faults[:NAMED])
        more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        raise DataError(f"{len(faults)} images cannot be used: {few}{more}") from first


def _streams_itself(count: int, size: tuple[int, int], name: str) -> bool:
    """Whether so many images are too many for the memory; a notice says that they are."""
    needed, free = 3 * count * size[0] * size[1], available()
    if free is None or needed <= free / 2:
        return False
    notice(
        f"{name}: {count:,} images of {size[0]}x{size[1]} pixels need {needed / 1e9:,.1f} GB of "
        f"memory, {free / 1e9:,.1f} GB are free: they are streamed from their files"
    )
    return True


def _folder(folder: str | Path) -> Path:
    root = Path(folder)
    try:
        if root.is_dir():
            return root
        fault = "is not a folder" if root.exists() else "does not exist"
    except (OSError, ValueError) as error:
        fault = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    raise DataError(f"{str(root)[:300]}: {fault}")


def _splits(root: Path) -> tuple[Path, Path] | None:
    """The folders for training and for testing, where `root` has both."""
    inner = folders(root)
    train = _named(inner, TRAIN)
    tests = [test for names in TESTS if (test := _named(inner, names)) is not None]
    if train is None or not tests:
        return None
    if others := [path.name for path in inner if path not in (train, tests[0])]:
        notice(
            f"{root}: trains on {train.name}/ and tests on {tests[0].name}/; "
            f"left alone: {', '.join(others[:5])}{', ...' if len(others) > 5 else ''}"
        )
    return train, tests[0]


def _named(inner: Sequence[Path], names: Sequence[str]) -> Path | None:
    found = [path for path in inner if path.name.casefold() in names]
    if len(found) > 1:
        raise DataError(f"{found[0]} and {found[1]}: which one is meant? Rename one of them")
    return found[0] if found else None


def _listing(
    root: Path, classes: tuple[str, ...] | None = None
) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    """Every image file below `root`, its label, and the class names.

    `classes` are those of the training split: a test split may lack one, and have no other.
    """
    inner = folders(root)
    if not inner:
        above = (
            f"; it holds images itself: if it is one class of several, give the folder above it, "
            f"{root.parent}"
            if strays(root)
            else ""
        )
        raise DataError(
            f"{root}: has no class folders; expected {root}/CLASS/*.jpg or *.png{above}"
        )
    if outside := strays(root):
        notice(
            f"{root}: {len(outside)} images lie outside the class folders and are left alone, "
            f"for example {outside[0].name}"
        )
    names = [class_name(path) for path in inner]
    if len(set(names)) < len(names):
        raise DataError(f"{root}: two class folders have the same name, as it is shown: {names}")
    if classes is not None and (others := sorted(set(names) - set(classes))):
        raise DataError(
            f"{root}: has the class{'es' if len(others) > 1 else ''} {', '.join(others)}, "
            f"of which there are no training images; there are {', '.join(classes)}"
        )
    known = tuple(sorted(names)) if classes is None else classes
    files: list[Path] = []
    labels: list[int] = []
    for name, path in sorted(zip(names, inner, strict=True)):
        members, below = images(path)
        if below:
            raise DataError(
                f"{below[0]}: a folder inside the class folder {path}; expected images"
                + _split_hint(root, path.name)
            )
        if not members and classes is None:
            raise DataError(f"{path}: the class folder has no images")
        files += members
        labels += [known.index(name)] * len(members)
    if not files:
        raise DataError(f"{root}: has no images")
    return files, np.array(labels, np.int32), known


def _split_hint(root: Path, name: str) -> str:
    low = name.casefold()
    if low in TRAIN:
        return f" (or is {root / 'test'} missing?)"
    return f" (or is {root / 'train'} missing?)" if any(low in names for names in TESTS) else ""


def _common_size(files: Sequence[Path], max_pixels: int | None) -> tuple[int, int]:
    """The one size (height, width) of all files."""
    first: tuple[int, int] | None = None
    for path in files:
        with _all_faults(files, max_pixels):
            size = image_size(path, max_pixels=max_pixels)
        first = first or size
        if size != first:
            raise DataError(
                f"{files[0]} has {first[0]}x{first[1]} pixels, {path} has {size[0]}x{size[1]} "
                "(height x width); give a size that all are resized to"
            )
    assert first is not None  # there is an image in every split
    return first

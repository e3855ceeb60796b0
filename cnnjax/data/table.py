"""`csv:FILE`: a table of image files and their labels.

    file,label,split            the first line may name the columns, in any order; further columns
    photos/1.jpg,cat,train      are left alone
    photos/7.png,dog,test

Without such a line there are two columns, file and label, or a third, split. Files are looked for
beside the table. Separated by commas, semicolons or tabs (the one that the first line has), UTF-8
(with or without byte-order mark), quoted as in RFC 4180. The split is train, test or val (any of
the names that `folder:` knows); without one a fifth of each class tests, drawn from the seed.
Classes are in alphabetical order; if every label is a whole number, in that order.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnjax.data.dataset import Splits, stratified, tell_gaps
from cnnjax.data.errors import DataError
from cnnjax.data.folder import TESTS, TRAIN, chosen
from cnnjax.notices import notice, shown

FILE_COLUMNS = ("file", "filename", "file_name", "path", "filepath", "image", "image_path", "img")
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "y")
SPLIT_COLUMNS = ("split", "set", "subset", "fold")

Row = tuple[int, Path, str, str]  # line, file, label, split


def read(
    file: str | Path,
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
    max_pixels: int | None = None,
    stream: bool | None = False,
    workers: int | None = None,
) -> Splits:
    """The images that `file` lists as (N, H, W, 3) uint8.

    Raises:
        DataError: names the line and its fault, or the image file that cannot be read.
    """
    path = Path(file)
    rows = _rows(path)
    classes = tuple(sorted({label for *_, label, _ in rows}, key=_order(rows)))
    number = {name: index for index, name in enumerate(classes)}
    files = [where for _, where, _, _ in rows]
    labels = np.array([number[label] for *_, label, _ in rows], np.int32)
    train, test = _split(path, rows, labels, classes, seed)
    name = shown(path.stem)
    tell_gaps(name, classes, labels[train], labels[test])
    return chosen(
        name,
        path.parent,
        ([files[i] for i in train], labels[train]),
        ([files[i] for i in test], labels[test]),
        classes,
        seed=seed, size=size, limit=limit, max_pixels=max_pixels, stream=stream, workers=workers,
    )  # fmt: skip


def _rows(path: Path) -> list[Row]:
    columns: dict[str, int] | None = None
    rows: list[Row] = []
    seen: dict[Path, int] = {}
    for line, cells in _lines(path):
        if columns is None:
            columns, is_header = _columns(path, line, cells)
            if is_header:
                continue
        where = f"{path}, line {line}"
        if len(cells) <= max(columns.values()):
            raise DataError(
                f"{where}: has {len(cells)} columns, expected {max(columns.values()) + 1}"
            )
        name, label = cells[columns["file"]].strip(), shown(cells[columns["label"]].strip())
        split = cells[columns["split"]].strip().casefold() if "split" in columns else ""
        if not name or not label:
            raise DataError(f"{where}: the {'label' if name else 'file'} is empty")
        file = path.parent / name
        if not file.is_file():
            what = "is no regular file" if file.exists() else "does not exist"
            raise DataError(f"{where}: {file} {what}")
        if file in seen:
            raise DataError(f"{where}: {name} was already in line {seen[file]}")
        seen[file] = line
        rows.append((line, file, label, split))
    if not rows:
        raise DataError(f"{path}: lists no images")
    return rows


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of every line that is not empty."""
    try:
        if not path.is_file():
            raise DataError(
                f"{path}: {'is no regular file' if path.exists() else 'does not exist'}"
            )
        text = path.read_text("utf-8-sig")
        first = text.lstrip().partition("\n")[0]
        separator = max(",;\t", key=first.count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not UTF-8 text ({fault})") from fault
    except csv.Error as fault:
        raise DataError(f"{path}, line {reader.line_num}: not a table ({fault})") from fault


def _columns(path: Path, line: int, cells: list[str]) -> tuple[dict[str, int], bool]:
    """Where file, label and split are, and whether this first line says so."""
    names = [cell.strip().casefold() for cell in cells]
    found = {
        what: next(i for i, name in enumerate(names) if name in known)
        for what, known in (
            ("file", FILE_COLUMNS),
            ("label", LABEL_COLUMNS),
            ("split", SPLIT_COLUMNS),
        )
        if any(name in known for name in names)
    }
    if "file" in found and "label" in found:
        return found, True
    if len(cells) in (2, 3) and (path.parent / cells[0].strip()).is_file():
        return dict(zip(("file", "label", "split"), range(len(cells)), strict=False)), False
    raise DataError(
        f"{path}, line {line}: {', '.join(cells[:6])}: expected the names of the columns (file, "
        "label, perhaps split) or an image file beside the table and its label"
    )


def _split(
    path: Path, rows: list[Row], labels: np.ndarray, classes: tuple[str, ...], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training and of the test images."""
    said = [split for *_, split in rows]
    if not any(said):
        return stratified(labels, classes, seed, str(path))
    known = {*TRAIN, *(name for names in TESTS for name in names)}
    for (line, *_), split in zip(rows, said, strict=True):
        if split not in known:
            raise DataError(
                f"{path}, line {line}: split {split!r} is unknown; there are train, test and val"
            )
    tests = next((names for names in TESTS if any(split in names for split in said)), ())
    train = np.flatnonzero([split in TRAIN for split in said])
    test = np.flatnonzero([split in tests for split in said])
    if not len(train) or not len(test):
        raise DataError(f"{path}: no image is for {'testing' if len(train) else 'training'}")
    if others := len(rows) - len(train) - len(test):
        notice(f"{path}: {others} images are for validation and left alone; it tests on the others")
    return train, test


def _order(rows: list[Row]):
    """How classes are sorted: as numbers where all of them are."""
    if all(label.isascii() and label.isdecimal() for *_, label, _ in rows):
        return lambda label: (int(label), label)
    return str

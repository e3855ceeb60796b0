"""Data sets whose images are read from a source when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np

from cnnjax.data.dataset import Dataset
from cnnjax.data.errors import DataError
from cnnjax.data.streaming.images import Images, Source, element_of
from cnnjax.data.streaming.pool import Pool
from cnnjax.notices import notice

__all__ = ["reading", "streamed"]

_SLOW = 10_000  # elements whose labels take long enough to read that one should know
_MOST_CLASSES = 1 << 16  # that a label stands for without their names


def streamed(
    source: Source,
    *,
    labels: Sequence[int] | np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    name: str = "source",
    workers: int | None = None,
    processes: bool = False,
) -> Dataset:
    """A data set whose images stay where they are until a batch needs them.

    Args:
        source: see `Source`. Elements are read by several threads at a time.
        labels: (N,) whole numbers; by default `source.labels`, else those of the pairs, for which
            every element is read once.
        classes: their names; by default `source.classes`, else "0", "1", ... up to the largest
            label: give them to training and test images alike where one may lack the last class.
        name: for messages and titles.
        workers: how many elements are read at a time; by default one a processor, at most 8.
        processes: read in processes of their own, where Python code takes the time and not files
            or compiled code. The source must be one that `pickle` takes and a module can import.

    Raises:
        DataError: an element that cannot be read, labels that do not fit.

    >>> class Squares:
    ...     def __len__(self): return 100
    ...     def __getitem__(self, i): return np.full((8, 8, 1), i, np.uint8), i % 2
    >>> streamed(Squares(), classes=("even", "odd"), name="squares")
    Dataset(squares: 100 images 8x8x1, 2 classes)
    """
    images = Images(source, name, pool=Pool(workers), processes=processes)
    if labels is None:
        labels = getattr(source, "labels", None)
    if labels is None:
        labels = _labels(source, name)
    numbers = np.asarray(labels)
    if numbers.shape != (len(images),) or not np.issubdtype(numbers.dtype, np.integer):
        raise DataError(
            f"{name}: labels must be ({len(images)},) whole numbers, "
            f"got {numbers.shape} {numbers.dtype}"
        )
    if classes is None:
        classes = getattr(source, "classes", None)
    if classes is None:
        if (most := int(numbers.max())) >= _MOST_CLASSES:
            raise DataError(
                f"{name}: labels reach up to {most:,}; they count classes from 0 on. Give "
                "`classes`, their names, if there are so many"
            )
        classes = [str(n) for n in range(most + 1)]
    if not all(isinstance(each, str) for each in classes):
        raise DataError(
            f"{name}: classes must be a sequence of names, such as ('cat', 'dog'), got {classes!r}"
        )
    return Dataset(images, numbers.astype(np.int32), tuple(classes), name)


@contextmanager
def reading(*datasets: Dataset) -> Iterator[None]:
    """Inside, those of the data sets that are streamed can be read ahead (`Reader`)."""
    with ExitStack() as stack:
        for dataset in datasets:
            if isinstance(dataset.images, Images):
                stack.enter_context(dataset.images.pool)
        yield


def _labels(source: Source, name: str) -> np.ndarray:
    """The labels of all elements, which must be pairs."""
    if len(source) > _SLOW:
        notice(
            f"{name}: reads all {len(source):,} elements once, for their labels; give `labels` to "
            "save that"
        )
    labels = np.empty(len(source), np.int64)
    for index in range(len(source)):
        element = element_of(source, index, name)
        if not (isinstance(element, (tuple, list)) and len(element) == 2):
            raise DataError(
                f"{name}: element {index} is no pair (image, label); give `labels`, a whole "
                "number for each element"
            )
        label = np.asarray(element[1])
        if label.size != 1 or not np.issubdtype(label.dtype, np.integer):
            raise DataError(f"{name}: the label of element {index} is no whole number")
        labels[index] = label.item()
    return labels

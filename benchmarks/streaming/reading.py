"""Reading JPEGs in random order: by threads, by processes, and by grain where it is installed."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.streaming.measuring import SIZE, files, median, of_children, one

__all__ = ["read", "reading"]

_BATCH = 64
_READING = ("1 thread", "2 threads", "1 process", "2 processes", "grain, 2 threads",
            "grain, 2 processes")  # fmt: skip


def reading(record: dict[str, Any], folder: Path, rounds: int) -> list[str]:
    there = importlib.util.find_spec("grain") is not None
    contenders = [how for how in _READING if there or not how.startswith("grain")]
    found = {how: [] for how in contenders}  # type: dict[str, list[dict[str, Any]]]
    for _ in range(rounds):
        for how in contenders:
            found[how].append(one("read", how, folder))
    record["reading"] = {how: median(times) for how, times in found.items()}
    lines = [
        "| read by | images a second | first batch after | a process takes |",
        "|---|---|---|---|",
    ]
    for how, row in record["reading"].items():
        took = f"{row['process_mb']:.0f} MB" if "process" in how else ""
        lines.append(f"| {how} | {row['rate']:.0f} | {row['first']:.2f} s | {took} |")
    print("\n".join(lines), flush=True)
    return lines


def read(how: str, folder: Path) -> dict[str, float]:
    if how.startswith("grain"):
        return with_grain(int(how.split()[1]), "process" in how, folder)
    from cnnjax.data.streaming import ImageFiles, Images, Pool, Reader

    source = ImageFiles(files(folder), folder, (SIZE, SIZE))
    pool = Pool(int(how.split()[0]))
    images = Images(source, "large", pool=pool, image=(SIZE, SIZE, 3), processes="process" in how)
    order = np.random.default_rng(0).permutation(len(images))
    order = order[: len(order) // _BATCH * _BATCH].reshape(-1, _BATCH)
    begun = time.perf_counter()
    with pool:
        reader = Reader(images)
        reader.plan(order)
        reader.take(order[0])
        first = time.perf_counter()
        for row in order[1:-1]:
            reader.take(row)
        took = of_children()
        reader.take(order[-1])
        return measured(begun, first, order[1:].size, took)


def with_grain(workers: int, processes: bool, folder: Path) -> dict[str, float]:
    """The same by grain's `MapDataset`: the fastest of the forms in its documentation."""
    import grain
    from absl import flags

    flags.FLAGS.mark_as_parsed()  # its processes ask for flags of the command line
    data = grain.MapDataset.source(GrainSource(files(folder))).shuffle(seed=0)
    threads = grain.ReadOptions(num_threads=1 if processes else workers, prefetch_buffer_size=256)
    data = data.to_iter_dataset(threads).batch(_BATCH, drop_remainder=True)
    if processes:
        data = data.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=3)
        )
    begun = time.perf_counter()
    batches = iter(data)
    next(batches)
    first, count = time.perf_counter(), 0
    took = of_children()
    for batch in batches:
        count += len(batch)
    return measured(begun, first, count, took)


class GrainSource:
    """The same files, decoded in the same way."""

    def __init__(self, names: list[Path]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        from cnnjax.data import read_image

        return read_image(self.names[index], size=(SIZE, SIZE))


def measured(begun: float, first: float, count: int, process_mb: float) -> dict[str, float]:
    rate = count / (time.perf_counter() - first)
    return {"rate": rate, "first": first - begun, "process_mb": process_mb}

"""Streamed images beside images in memory: how fast they are read and trained on, in what memory.

    python -m benchmarks.streaming [--images 2000] [--rounds 3] [--times 4]

* reading: JPEGs of 256x256 (smooth patterns, quality 90), resized to 224x224, in batches of 64 in
  random order; by threads, by processes, and by grain where it is installed.
* training: `fit` on JPEGs of 100x100 and on a memory-mapped array of 32x32 images, streamed and in
  memory; images a second of the second epoch.
* memory: a folder of which the decoded images are so many `--times` what the process may allocate
  (RLIMIT_DATA, 640 MB) trains for an epoch; the same folder, in memory, is refused.

Every measurement is a process of its own; they take turns. Writes `results/streaming.json` and
`results/streaming.md`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE, BATCH, LIMIT = 224, 64, 640 << 20
READING = ("1 thread", "2 threads", "1 process", "2 processes", "grain, 2 threads",
           "grain, 2 processes")  # fmt: skip
TRAINING = {"notes, 100x100 JPEGs": "folder", "LeNet-5, 32x32 array": "array"}


def main() -> None:
    """Print the tables and write them; or, in a process of its own, measure one thing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "HOW", "FOLDER"))
    given = parser.parse_args()
    if given.one:
        what, how, folder = given.one
        print(json.dumps(MEASURES[what](how, Path(folder))))
        return
    from benchmarks.timing import machine, save

    record: dict[str, Any] = {"machine": machine(), "images": given.images}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, given.images)
        lines = [*reading(record, folder, given.rounds), ""]
        lines += [*training(record, folder, given.rounds), ""]
        lines += memory(record, folder, given.times)
    save("streaming", record, lines)


def write(folder: Path, count: int) -> None:
    """`count` images of two classes in `large/`, in `small/` and in `array.npy`."""
    rng = np.random.default_rng(0)
    for number in range(count):
        grid = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
        for name, side in (("large", 256), ("small", 100)):
            path = folder / name / "ab"[number % 2] / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            grid.resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)
    np.save(folder / "array.npy", rng.integers(0, 256, (10 * count, 32, 32, 3), np.uint8))


def one(what: str, how: str, folder: Path) -> dict[str, Any]:
    """A measurement in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.streaming", "--one", what, how, str(folder)],
        env={**os.environ, "CNNJAX_CACHE": str(folder / "cache")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        raise RuntimeError(f"{what}, {how}: {ran.stderr}")
    return json.loads(ran.stdout.splitlines()[-1])


def median(found: list[dict[str, Any]]) -> dict[str, float]:
    return {name: float(np.median([f[name] for f in found])) for name in found[0]}


# Reading


def reading(record: dict[str, Any], folder: Path, rounds: int) -> list[str]:
    there = importlib.util.find_spec("grain") is not None
    contenders = [how for how in READING if there or not how.startswith("grain")]
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
    order = order[: len(order) // BATCH * BATCH].reshape(-1, BATCH)
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
    data = data.to_iter_dataset(threads).batch(BATCH, drop_remainder=True)
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


def files(folder: Path) -> list[Path]:
    return sorted((folder / "large").glob("*/*.jpg"))


def measured(begun: float, first: float, count: int, process_mb: float) -> dict[str, float]:
    rate = count / (time.perf_counter() - first)
    return {"rate": rate, "first": first - begun, "process_mb": process_mb}


def of_children() -> float:
    """The largest of the child processes, by its peak, in MB."""
    peaks = [0.0]
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            if int(fields["PPid"]) == os.getpid() and "VmHWM" in fields:
                peaks.append(int(fields["VmHWM"].split()[0]) / 1e3)
    return max(peaks)


# Training


def training(record: dict[str, Any], folder: Path, rounds: int) -> list[str]:
    found: dict[str, dict[str, list[dict[str, Any]]]] = {
        what: {"memory": [], "streamed": []} for what in TRAINING
    }
    for _ in range(rounds):
        for what, ways in found.items():
            for how, times in ways.items():
                times.append(one("train", f"{what}, {how}", folder))
    lines = ["| training | in memory | streamed | ratio |", "|---|---|---|---|"]
    record["training"] = {}
    for what, ways in found.items():
        rates = {how: median(times)["rate"] for how, times in ways.items()}
        record["training"][what] = rates
        lines.append(
            f"| {what} | {rates['memory']:.0f} images/s | {rates['streamed']:.0f} images/s | "
            f"{rates['streamed'] / rates['memory']:.2f} |"
        )
    print("\n".join(lines), flush=True)
    return lines


def train(how: str, folder: Path) -> dict[str, float]:
    from cnnjax import models
    from cnnjax.data import Dataset, Splits, load, streamed
    from cnnjax.train import TrainConfig, fit

    what, _, way = how.rpartition(", ")
    if TRAINING[what] == "folder":
        splits = load(f"folder:{folder / 'small'}", stream=way == "streamed")
        model = models.notes_cnn(2)
    else:
        array = np.load(folder / "array.npy", mmap_mode="r")
        labels = (np.arange(len(array)) % 2).astype(np.int32)
        data = Dataset(np.asarray(array), labels, ("a", "b"), "array")
        test = Dataset(np.asarray(array[:64]), labels[:64], ("a", "b"), "test")
        if way == "streamed":
            data = streamed(array, labels=labels, classes=("a", "b"), name="array")
        splits, model = Splits(data, test), models.lenet5(2, image=(32, 32, 3))
    result = fit(model, splits, TrainConfig(epochs=2, batch_size=32), progress=False)
    return {"rate": result.history[-1]["images_per_second"]}


# Memory


def memory(record: dict[str, Any], folder: Path, times: int) -> list[str]:
    """A folder of links to the large images, as many as it takes."""
    count = -(-times * LIMIT // (SIZE * SIZE * 3)) * 5 // 4 + 8  # a fifth of them tests
    originals = files(folder)
    for number in range(count):
        path = folder / "many" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(originals[number % len(originals)], path)
    record["memory"] = {how: one("limited", how, folder) for how in ("streamed", "memory")}
    row = record["memory"]["streamed"]
    lines = [
        "| training images, decoded | limit | their ratio | streamed | peak of the process, of one "
        "that decodes | in memory |",
        "|---|---|---|---|---|---|",
        f"| {row['bytes'] / 1e6:,.0f} MB | {LIMIT / 1e6:,.0f} MB | {row['bytes'] / LIMIT:.2f} | "
        f"an epoch of {row['images']:,.0f} images, {row['rate']:.0f} images/s | "
        f"{row['peak_mb']:.0f} MB, {row['process_mb']:.0f} MB | "
        f"{record['memory']['memory']['refused']} |",
    ]
    print("\n".join(lines), flush=True)
    return lines


def limited(how: str, folder: Path) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    from cnnjax.data import DataError, load
    from cnnjax.data.streaming import reading as reading_of
    from cnnjax.train import TrainConfig, fit

    try:
        splits = load(f"folder:{folder / 'many'}", size=(SIZE, SIZE), stream=how == "streamed")
    except (DataError, MemoryError) as error:
        return {"refused": f"refused ({type(error).__name__})"}
    model = corner()
    with reading_of(splits.train, splits.test):  # for longer than `fit`, to look at the processes
        result = fit(model, splits, TrainConfig(epochs=1, batch_size=32), progress=False)
        process = of_children()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {
        "bytes": splits.train.images.nbytes,
        "images": len(splits.train),
        "rate": result.history[-1]["images_per_second"],
        "peak_mb": peak,
        "process_mb": process,
    }


def corner() -> Any:
    """A linear model of the corner of each image: here, only the data are to take memory."""
    from cnnjax.models import Model

    def apply(params: Any, x: Any) -> Any:
        return x[:, :8, :8].mean((1, 2)) @ params["dense"]["kernel"]

    return Model(
        name="corner",
        config={},
        image=(SIZE, SIZE, 3),
        classes=2,
        init=lambda key: {"dense": {"kernel": np.zeros((3, 2), np.float32)}},
        apply=apply,
        apply_train=lambda params, x, key: (apply(params, x), {}),
        features=lambda params, x: {},
    )


MEASURES = {"read": read, "train": train, "limited": limited}

if __name__ == "__main__":
    main()

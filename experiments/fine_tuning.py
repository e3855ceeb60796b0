"""A network with few images of its classes: from scratch, or from one that learned other classes.

    CNNJAX_DATA=/path/to/data python -m experiments.fine_tuning fashion
    CNNJAX_DATA=/path/to/data python -m experiments.fine_tuning mnist
    CNNJAX_DATA=/path/to/data python -m experiments.fine_tuning fruits

The first five classes of a data set are the past: a network learns them from all their images. The
other five are the task, with a few training images of each and all test images. Three ways, the
same recipe and seeds for all: from random parameters; from those of the past with a new head; the
same with everything but the head frozen. Each run writes a record in `results/fine_tuning/` and the
table in README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cnnjax import data, models
from cnnjax.checkpoint import write_json
from cnnjax.data import Dataset, Splits
from cnnjax.train import TrainConfig, fit
from experiments.markers import inserted

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "fine_tuning"
BEGIN, END = "<!-- fine-tuning: begin -->\n", "<!-- fine-tuning: end -->"


PAST = TrainConfig(epochs=3, batch_size=64, learning_rate=2e-3)
TASK = TrainConfig(epochs=40, batch_size=10, learning_rate=1e-3)


@dataclass(frozen=True)
class Settings:
    """Data below CNNJAX_DATA, the network, how much of what."""

    folder: str
    spec: str
    model: str = "lenet"
    size: tuple[int, int] | None = None
    each: int = 10  # training images a class, of the task
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    past: TrainConfig = PAST
    task: TrainConfig = TASK


SETTINGS = {
    "fashion": Settings("fashion-mnist", "idx:{}"),
    "mnist": Settings("mnist", "idx:{}"),
    "fruits": Settings(
        "fruits10", "folder:{}", size=(32, 32), each=5,
        past=TrainConfig(epochs=10, batch_size=32, learning_rate=2e-3),
    ),
}  # fmt: skip


def of_classes(dataset: Dataset, classes: Sequence[int], each: int | None, seed: int) -> Dataset:
    """The images of some classes, at most `each` of every one, drawn from the seed."""
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(dataset.labels == c))[:each] for c in classes]
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), [len(c) for c in chosen])
    names = tuple(dataset.classes[c] for c in classes)
    return Dataset(dataset.images[np.concatenate(chosen)], labels, names, dataset.name)


def both(splits: Splits, classes: Sequence[int], each: int | None, seed: int) -> Splits:
    """The same classes of both splits; all of their test images."""
    return Splits(
        of_classes(splits.train, classes, each, seed), of_classes(splits.test, classes, None, seed)
    )


def measure(settings: Settings, splits: Splits) -> dict[str, Any]:
    """Accuracies on the task, by way and seed, and what they took."""
    half = len(splits.train.classes) // 2
    first, second = range(half), range(half, len(splits.train.classes))
    image = tuple(splits.train.images.shape[1:])
    begun = time.process_time()
    past = both(splits, first, None, 0)
    teacher = models.build(settings.model, classes=len(first), image=image)
    learned = fit(teacher, past, settings.past, progress=False)
    seconds = {"the past": time.process_time() - begun}
    model = models.build(settings.model, classes=len(second), image=image)
    found: dict[str, list[float]] = {}
    for seed in settings.seeds:
        task = both(splits, second, settings.each, seed)
        config = replace(settings.task, seed=seed)
        params = models.with_head(model, learned.params, jax.random.key(seed))
        given = {"params": params, "preprocessing": learned.preprocessing}
        ways: dict[str, dict[str, Any]] = {
            "from scratch": {},
            "fine-tuned": given,
            "head alone": {**given, "frozen": models.body(model)},
        }
        for way, options in ways.items():
            begun = time.process_time()
            result = fit(model, task, config, progress=False, **options)
            found.setdefault(way, []).append(result.evaluation.accuracy)
            seconds[way] = seconds.get(way, 0.0) + time.process_time() - begun
            print(f"seed {seed}  {way:<12}  {result.evaluation.accuracy:.2%}", flush=True)
    return {
        "accuracy": found,
        "past_accuracy": learned.evaluation.accuracy,
        "past_images": len(past.train),
        "images": len(task.train),
        "test_images": len(task.test),
        "classes": [list(past.train.classes), list(task.train.classes)],
        "cpu_seconds": seconds,
    }


def line(name: str, record: dict[str, Any]) -> str:
    """One data set as a line of the table."""

    def shown(way: str) -> str:
        values = 100 * np.array(record["accuracy"][way])
        return f"{values.mean():.1f} ± {values.std(ddof=1):.1f} %"

    settings = record["settings"]
    image = "x".join(map(str, record["image"]))
    minutes = sum(record["cpu_seconds"].values()) / 60
    past = f"{record['past_images']:,} images, {record['past_accuracy']:.1%}"
    task = f"{record['images']} images, {record['test_images']:,} test images"
    return (
        f"| {name} | {settings['model']}, {image} | {past} | {task} | {shown('from scratch')} "
        f"| {shown('fine-tuned')} | {shown('head alone')} | {minutes:.1f} min |"
    )


def write_table() -> None:
    """All records as a table, between the two markers in README.md."""
    records = {p.stem: json.loads(p.read_text("utf-8")) for p in sorted(RESULTS.glob("*.json"))}
    rows = [line(name, record) for name, record in records.items()]
    table = [
        "| data | network | learned before: five classes | the task: five others "
        "| from scratch | fine-tuned | head alone | CPU time |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ]
    readme = HERE / "README.md"
    text = inserted(readme.read_text("utf-8"), BEGIN, END, "\n".join(table) + "\n")
    readme.write_text(text, "utf-8")
    print("\n".join(table))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=SETTINGS)
    name = parser.parse_args().name
    settings = SETTINGS[name]
    if "CNNJAX_DATA" not in os.environ:
        print("fine_tuning: set CNNJAX_DATA to the folder with the data sets", file=sys.stderr)
        return 2
    spec = settings.spec.format(Path(os.environ["CNNJAX_DATA"], settings.folder))
    splits = data.load(spec, size=settings.size)
    record = measure(settings, splits)
    RESULTS.mkdir(parents=True, exist_ok=True)
    image = list(splits.train.images.shape[1:])
    write_json(RESULTS / f"{name}.json", {**record, "image": image, "settings": asdict(settings)})
    write_table()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Training on streamed images beside the same `fit` on images in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.streaming.measuring import median, one

__all__ = ["train", "training"]

_TRAINING = {"notes, 100x100 JPEGs": "folder", "LeNet-5, 32x32 array": "array"}


def training(record: dict[str, Any], folder: Path, rounds: int) -> list[str]:
    found: dict[str, dict[str, list[dict[str, Any]]]] = {
        what: {"memory": [], "streamed": []} for what in _TRAINING
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
    if _TRAINING[what] == "folder":
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

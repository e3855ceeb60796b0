"""A folder of so many times what its process may allocate: trained on, and in memory refused."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.streaming.measuring import SIZE, files, of_children, one

__all__ = ["limited", "memory"]

_LIMIT = 640 << 20


def memory(record: dict[str, Any], folder: Path, times: int) -> list[str]:
    """A folder of links to the large images, as many as it takes."""
    count = -(-times * _LIMIT // (SIZE * SIZE * 3)) * 5 // 4 + 8  # a fifth of them tests
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
        f"| {row['bytes'] / 1e6:,.0f} MB | {_LIMIT / 1e6:,.0f} MB | {row['bytes'] / _LIMIT:.2f} | "
        f"an epoch of {row['images']:,.0f} images, {row['rate']:.0f} images/s | "
        f"{row['peak_mb']:.0f} MB, {row['process_mb']:.0f} MB | "
        f"{record['memory']['memory']['refused']} |",
    ]
    print("\n".join(lines), flush=True)
    return lines


def limited(how: str, folder: Path) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_DATA, (_LIMIT, _LIMIT))
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

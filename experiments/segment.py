"""A U-Net on real images: which fruit each pixel shows, or none.

    CNNJAX_DATA=/path/to/data python -m experiments.segment

The ten fruits of `fruits10/` stand before white; what is not nearly white is the fruit, and its
pixels are of the image's class (an eleventh class is the background). So which pixels are fruit is
a threshold that the network has to find, and which fruit it is takes more than one pixel. Labels
made so are wrong where a fruit is as bright as what is behind it. Writes
`experiments/results/segment.json`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cnnjax import data, models
from cnnjax.checkpoint import write_json
from cnnjax.data import Dataset, Splits
from cnnjax.train import TrainConfig, fit

RESULTS = Path(__file__).parent / "results"
WHITE = 230
"""A pixel with all channels above this is background: JPEG leaves white at 240 to 255."""
BACKGROUND = "background"


def of_pixels(dataset: Dataset) -> Dataset:
    """The same images with a class a pixel: 0 is the background, 1 + k the class k.

    >>> images = np.full((1, 1, 2, 3), 255, np.uint8); images[0, 0, 1] = 80
    >>> of_pixels(Dataset(images, np.array([1], np.int32), ("a", "b"), "two")).labels.tolist()
    [[[0, 2]]]
    """
    fruit = dataset.images[:].min(-1) <= WHITE
    labels = np.where(fruit, dataset.labels[:, None, None] + 1, 0).astype(np.int32)
    return Dataset(dataset.images, labels, (BACKGROUND, *dataset.classes), dataset.name)


def measure(splits: Splits, config: TrainConfig, **options: Any) -> dict[str, Any]:
    """Train a U-Net on labels of pixels; the record of what came out."""
    pixels = Splits(of_pixels(splits.train), of_pixels(splits.test))
    train = pixels.train
    model = models.unet(len(train.classes), image=train.images.shape[1:], **options)
    result = fit(model, pixels, config)
    shares = np.bincount(pixels.test.labels.ravel(), minlength=len(train.classes))
    return {
        "model": {"name": model.name, **model.config},
        "images": [len(pixels.train), len(pixels.test)],
        "config": config.identity(),
        "background": float(shares[0] / shares.sum()),
        "accuracy": result.evaluation.accuracy,
        "mean_iou": result.evaluation.mean_iou,
        "confusion": result.evaluation.confusion.tolist(),
        "history": list(result.history),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=15)
    given = parser.parse_args()
    folder = os.environ.get("CNNJAX_DATA")
    if not folder:
        sys.exit("experiments.segment: CNNJAX_DATA names no folder with fruits10/")
    splits = data.load(f"folder:{Path(folder, 'fruits10')}", size=(given.size, given.size))
    config = TrainConfig(
        epochs=given.epochs, batch_size=25, learning_rate=3e-3, augment="crop+flip", crop=0.5
    )
    found = measure(splits, config, width=8, depth=3)
    RESULTS.mkdir(exist_ok=True)
    write_json(RESULTS / "segment.json", found)
    print(
        f"pixels right {found['accuracy']:.2%} (background {found['background']:.2%}), "
        f"mean IoU {found['mean_iou']:.3f}"
    )


if __name__ == "__main__":
    main()

"""What `fit` returns, and how it is shown: figures and curves, never the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax

from cnnjax import notebook
from cnnjax.preprocessing import Preprocessing
from cnnjax.train.evaluation import Evaluation

__all__ = ["FitResult"]

_SHOWN = 12  # epochs in the table of a notebook; of more, the first and the last


@dataclass(frozen=True, repr=False)
class FitResult:
    """`params` (host arrays; averaged ones with `config.ema`), `history` (a row an epoch), the last
    `evaluation` on the test images, and the `preprocessing` of images, which was measured on the
    training images or given.

    A row has `epoch` (from 1), `step`, `loss` and `accuracy` (means over the epoch's training
    batches as they were trained on, augmentation and dropout included), `test_loss`,
    `test_accuracy` (of a network with a class a pixel: of pixels, and `test_mean_iou`),
    `learning_rate` (of the last step; not with an optimiser that keeps its own),
    `images_per_second` and `seconds`
    (training alone: no evaluation, no compilation, no writing).

    Printed, it says how far the training came; a notebook shows the learning curves.
    """

    params: Any
    history: tuple[dict[str, Any], ...]
    evaluation: Evaluation
    preprocessing: Preprocessing

    def __repr__(self) -> str:
        return f"FitResult({', '.join(f'{name} {value}' for name, value in self._figures())})"

    def _figures(self) -> list[tuple[str, str]]:
        sizes = [leaf.size for leaf in jax.tree.leaves(self.params)]
        return [
            ("epochs", f"{len(self.history)}"),
            ("test accuracy", f"{100 * self.evaluation.accuracy:.2f} %"),
            ("test loss", f"{self.evaluation.loss:.4f}"),
            ("parameters", f"{sum(sizes):,} in {len(sizes)} arrays"),
        ]

    def _repr_html_(self) -> str:
        """How notebooks show it: the figures, the curves, a row an epoch."""
        figures = ", ".join(f"{name} {value}" for name, value in self._figures())
        if not self.history:
            return notebook.table(figures, ["epoch"], [])
        columns = [name for name in _COLUMNS if any(name in row for row in self.history)]
        rows = [
            [_COLUMNS[name].format(row[name]) if name in row else "" for name in columns]
            for row in self.history
        ]
        if len(rows) > _SHOWN:
            rows = [
                *rows[: _SHOWN // 2],
                ["..."] + [""] * (len(columns) - 1),
                *rows[-_SHOWN // 2 :],
            ]
        header = [name.replace("_", " ") for name in columns]
        return notebook.table(figures, header, rows, left=0) + notebook.picture(
            self._curves(), "loss, accuracy and learning rate, epoch by epoch"
        )

    def _curves(self) -> bytes:
        from cnnjax.pictures import learning_curves  # here, so that training needs no matplotlib

        with TemporaryDirectory() as folder:
            path = Path(folder) / "curves.png"
            learning_curves(self.history, path)
            return path.read_bytes()


_COLUMNS = {
    "epoch": "{}",
    "loss": "{:.4f}",
    "accuracy": "{:.4f}",
    "test_loss": "{:.4f}",
    "test_accuracy": "{:.4f}",
    "test_mean_iou": "{:.4f}",
    "learning_rate": "{:.3g}",
    "images_per_second": "{:.0f}",
    "seconds": "{:.1f}",
}

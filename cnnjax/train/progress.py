"""What a person sees of a run: a bar on a terminal, one line an epoch anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Report", "epoch_line", "reporter"]


@dataclass(frozen=True)
class Report:
    """`moved(step, epoch, loss, accuracy, rate)` after steps; `line(text)` for a line of its
    own."""

    moved: Callable[[int, int, float, float, float], None]
    line: Callable[[str], None]


def epoch_line(row: Mapping[str, Any], epochs: int) -> str:
    """The line that ends an epoch.

    >>> row = dict(epoch=2, loss=0.5, accuracy=0.75, test_loss=0.4, test_accuracy=0.8,
    ...            images_per_second=1234.5, seconds=6.7)
    >>> epoch_line(row, epochs=10)
    'epoch  2/10  loss 0.5000  accuracy 75.00 %  test loss 0.4000  test accuracy 80.00 %  1,234 images/s  6.7 s'
    """  # noqa: E501
    return (
        f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}"
        f"  loss {row['loss']:.4f}  accuracy {row['accuracy']:.2%}"
        f"  test loss {row['test_loss']:.4f}  test accuracy {row['test_accuracy']:.2%}"
    ).replace("%", " %") + f"  {row['images_per_second']:,.0f} images/s  {row['seconds']:.1f} s"


@contextmanager
def reporter(show: bool, *, steps: int, done: int, epochs: int) -> Iterator[Report]:
    """A report for a run of `steps` steps of which `done` are done; silent unless `show`."""
    if not show:
        yield Report(moved=lambda *_: None, line=lambda _: None)
        return
    if not sys.stdout.isatty():
        # flush: a log file is read while the run goes on.
        yield Report(moved=lambda *_: None, line=lambda text: print(text, flush=True))
        return
    console = Console(file=sys.stdout, highlight=False)
    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(bar_width=None),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TextColumn("accuracy {task.fields[accuracy]}"),
        TextColumn("{task.fields[rate]:,.0f} images/s"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task(
            "train",
            total=steps,
            completed=done,
            epoch=1,
            epochs=epochs,
            loss=float("nan"),
            accuracy="-",
            rate=0.0,
        )

        def moved(step: int, epoch: int, loss: float, accuracy: float, rate: float) -> None:
            shown = f"{100 * accuracy:.1f} %"
            bar.update(task, completed=step, epoch=epoch, loss=loss, accuracy=shown, rate=rate)

        yield Report(moved=moved, line=lambda text: console.print(text, markup=False))

"""Ready callbacks for `fit`: each epoch's row to a JSON-lines file, or to TensorBoard.

    fit(model, splits, config, out="runs/a", callbacks=[JsonLines("a.jsonl"), TensorBoard("tb/a")])

A callback is any function of a row (a dict of numbers, see `FitResult`). It is called in the first
process, once the epoch is saved; after a kill it may be given the last row a second time, which
`row["epoch"]` tells. An exception in it ends `fit`; the run is saved and can be resumed.

Neither needs a package (`events.py` says why not).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnjax.files import atomic
from cnnjax.train.events import EventFile

__all__ = ["JsonLines", "TensorBoard"]


class JsonLines:
    """Append each row to a file, one JSON object a line.

    Lines of this epoch and later ones, which an earlier run or a kill left, are replaced, so that
    the file holds each epoch once. Raises ValueError where the file holds something else.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> log = JsonLines(path)
    >>> for epoch in (1, 2, 2):
    ...     log({"epoch": epoch, "loss": 1 / epoch})
    >>> print(path.read_text(), end="")
    {"epoch": 1, "loss": 1.0}
    {"epoch": 2, "loss": 0.5}
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Write `row`; the file is replaced as a whole, so that it is never half a line."""
        kept = [line for line in self._lines() if self._epoch(line) < row["epoch"]]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(self.path) as temporary:
            lines = [*kept, json.dumps(dict(row))]
            temporary.write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def _lines(self) -> list[str]:
        return self.path.read_text("utf-8").splitlines() if self.path.exists() else []

    def _epoch(self, line: str) -> int:
        try:
            return int(json.loads(line)["epoch"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"JsonLines: {self.path} holds a line that is no row of an epoch: {line[:80]!r}; "
                "name another file"
            ) from error


class TensorBoard:
    """Write each number of a row to an event file in `folder`, at the row's step.

    `tensorboard --logdir FOLDER` shows them, whether or not TensorBoard was installed here. On
    resuming, a new file goes on where the run does.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> TensorBoard(folder)({"epoch": 1, "step": 10, "loss": 0.5})
    >>> len(list(folder.glob("events.out.tfevents.*")))
    1
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._file: EventFile | None = None

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Write `row`."""
        step = int(row["step"])
        if self._file is None:
            self._file = EventFile(self.folder, first=step)
        self._file.scalars(
            step, {name: value for name, value in row.items() if name not in ("epoch", "step")}
        )

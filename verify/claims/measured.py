"""Loads what the experiments found: `experiments/results/claims/NAME.json`, one file a claim."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from verify.claims.claim import Measured
from verify.found import Record

ROOT = Path(__file__).parents[2]  # of the repository; `picture` is relative to it
FOLDER = ROOT / "experiments" / "results" / "claims"

# Texts of `Measured` as they stand in the file.
_TEXTS = ("headline", "found", "picture", "command")


def results(name: str, folder: Path = FOLDER) -> Callable[[], Measured | None]:
    """A function that loads an experiment's results; it gives None where there are none.

    Raises ValueError, naming the file, where they are not what `Measured` says.

    >>> results("no-such-experiment")() is None
    True
    """

    def load() -> Measured | None:
        path = folder / f"{name}.json"
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            return _measured(json.loads(text))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}: not the results of an experiment ({error})") from error

    return load


def _measured(record: Record) -> Measured:
    columns = tuple(_text(column) for column in record["columns"])
    figures = tuple(tuple(_text(cell) for cell in row) for row in record["figures"])
    for row in figures:
        if len(row) != len(columns):
            raise ValueError(f"{len(columns)} columns, but a row of {len(row)}: {row}")
    supported = record["supported"]
    if supported is not None and not isinstance(supported, bool):
        raise TypeError(f"supported must be true, false or null, got {supported!r}")
    texts = {name: _text(record[name]) for name in _TEXTS}
    texts["picture"] = str(ROOT / texts["picture"])
    return Measured(supported=supported, columns=columns, figures=figures, **texts)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value

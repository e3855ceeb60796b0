"""What became of the mutants, as a table, and the survivors by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.mutants.trial import Outcome

T = TypeVar("T")


def read(path: Path) -> dict[str, Outcome]:
    """The outcomes of a file; a last line cut by an interruption is left out."""
    return {row.mutant: row for row in lines(path, Outcome)}


def lines(path: Path, kind: type[T]) -> Iterator[T]:
    """The rows of a file of JSON lines that are whole."""
    for line in path.read_text().splitlines():
        try:
            yield kind(**json.loads(line))
        except (ValueError, TypeError):
            continue


def table(rows: Sequence[Outcome]) -> str:
    """Markdown: a row a folder, then the survivors."""
    applied = [r for r in rows if r.applied]
    lines = ["| where | mutants | noticed | share |", "|---|---|---|---|"]
    folders = sorted({_folder(r) for r in applied})
    for folder in [*folders, "all"]:
        own = [r for r in applied if folder in ("all", _folder(r))]
        noticed = sum(bool(r.noticed) for r in own)
        share = f"{100 * noticed / max(len(own), 1):.1f} %"
        lines.append(f"| {folder} | {len(own)} | {noticed} | {share} |")
    survivors = [r for r in applied if not r.noticed]
    lines += ["", f"Survivors ({len(survivors)}):", ""]
    lines += [f"* `{r.mutant}` ({r.asked} questions run it)" for r in survivors]
    return "\n".join(lines) + "\n"


def _folder(row: Outcome) -> str:
    return str(Path(row.file).parent)

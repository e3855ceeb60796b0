"""What became of the mutants, as a table, and the survivors by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mutants.trial import Outcome


def read(path: Path) -> dict[str, Outcome]:
    """The outcomes of a file; a last line cut by an interruption is left out."""
    found = {}
    for line in path.read_text().splitlines():
        try:
            row = Outcome(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[row.mutant] = row
    return found


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

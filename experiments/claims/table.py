"""Write what the scripts of this folder found into experiments/README.md, between two markers.

python -m experiments.claims.table
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments import markers
from experiments.claims.record import HERE

BEGIN, END = "<!-- measured claims: begin -->\n", "<!-- measured claims: end -->"
VERDICTS = {True: "yes", False: "**no**", None: "undecided"}


def row(record: Mapping[str, Any]) -> str:
    """One claim as a line of the table.

    >>> row({"id": "a", "headline": "So.", "supported": None, "picture": "experiments/p/a.png",
    ...      "raw": {"x": {"cpu_seconds": 60.0}}, "settings": {"seeds": [0, 1]}})
    '| [a](p/a.png) | undecided | So. | 1, 2 seeds | 1 min |'
    """
    picture = record["picture"].removeprefix("experiments/")
    minutes = sum(run["cpu_seconds"] for run in record["raw"].values()) / 60
    runs = f"{len(record['raw'])}, {len(record['settings']['seeds'])} seeds"
    verdict = VERDICTS[record["supported"]]
    return (
        f"| [{record['id']}]({picture}) | {verdict} | {record['headline']} | {runs} "
        f"| {minutes:.0f} min |"
    )


def table(folder: Path) -> str:
    """The records in `folder` that scripts of this package wrote: a table, and their texts."""
    records = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    records = [r for r in records if r["command"].startswith("python -m experiments.claims.")]
    head = ["| claim | borne out | found | runs | CPU time |", "|---|---|---|---|---|"]
    said = [f"\n**{record['id']}**: {record['found']}" for record in records]
    return "\n".join([*head, *map(row, records), *said]) + "\n"


def inserted(readme: str, text: str) -> str:
    """`readme` with `text` between the markers.

    >>> print(inserted(f"a {BEGIN}old{END} b", "new "))
    a <!-- measured claims: begin -->
    new <!-- measured claims: end --> b
    """
    return markers.inserted(readme, BEGIN, END, text)


def main() -> None:
    readme = HERE / "README.md"
    readme.write_text(
        inserted(readme.read_text("utf-8"), table(HERE / "results" / "claims")), "utf-8"
    )


if __name__ == "__main__":
    main()

"""Write the table of results/*.json into README.md, between its two markers.

python -m experiments.table
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.markers import inserted

HERE = Path(__file__).parent
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->"


def line(row: dict[str, Any]) -> str:
    """One run as a line of the table."""
    config, accuracy = row["config"], row["accuracy"]
    recipe = (
        f"{config['epochs']} epochs, batch {config['batch_size']}, "
        f"{config['optimizer']} {config['learning_rate']:g} {config['schedule']}, "
        f"augmented by {config['augment']}"
    )
    if "shift" in config["augment"]:
        recipe += f" (up to {config['shift']} pixels)"
    if config["label_smoothing"]:
        recipe += f", label smoothing {config['label_smoothing']:g}"
    if config["weight_decay"]:
        recipe += f", weight decay {config['weight_decay']:g}"
    reached = "yes" if accuracy >= row["target"] else "**no**"
    size = "x".join(map(str, row["image"]))
    widths = "-".join(map(str, row["model"]["widths"]))
    return (
        f"| {row['file']} | {size}, {row['train_images']:,} / {row['test_images']:,} | {widths} "
        f"| {recipe} | {config['seed']} | **{accuracy:.2%}** | {row['target']:.1%}: {reached} "
        f"| {row['seconds_training'] / 60:.0f} min | {row['images_per_second']:,.0f} |"
    )


def main() -> None:
    rows = [
        {**json.loads(path.read_text("utf-8")), "file": path.stem}
        for path in sorted((HERE / "results").glob("*.json"))
    ]
    rows = [row for row in rows if "target" in row]
    table = [
        "| run | images, train / test | kernels | recipe | seed | test accuracy | target "
        "| training | images/s, best epoch |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(line, rows),
    ]
    readme = HERE / "README.md"
    text = inserted(readme.read_text("utf-8"), BEGIN, END, "\n".join(table) + "\n")
    readme.write_text(text, "utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()

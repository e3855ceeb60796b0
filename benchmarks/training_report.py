"""The training benchmark's JSON as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def table(record: dict[str, Any]) -> str:
    """Markdown: one table a network, mode and batch size; ratios are against flax.nnx.

    The peak is the fastest matrix product among those that took turns with the peers of that row.
    """
    parts = []
    for row in record["rows"]:
        peak = row["matmul_gflops"]
        load = f"load {row['load before']:.1f} to {row['load after']:.1f}, peak {peak:.0f} GFLOP/s"
        head = f"{row['network']}, {row['mode']}, batch {row['batch']} ({load})"
        lines = [
            f"**{head}**",
            "",
            "| | ms | quartiles | CPU ms | to flax.nnx | of peak | compilation | memory |",
            "|---|---|---|---|---|---|---|---|",
        ]
        base = row["peers"].get("flax.nnx", {}).get("median")
        for peer, found in row["peers"].items():
            if "error" in found:
                lines.append(f"| {peer} | not run: {found['error']} | | | | | | |")
                continue
            ratio = f"{base / found['median']:.2f}x" if base else ""
            share = 100 * row["gflop"] / found["median"] * 1e3 / peak
            lines.append(
                f"| {peer} | {found['median']:.3g} | {found['low']:.3g} to {found['high']:.3g} "
                f"| {found['cpu']:.3g} | {ratio} | {share:.0f} % "
                f"| {found['compile_seconds']:.1f} s | {found['peak_mb_above_start']:.0f} MB |"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def picture(record: dict[str, Any], path: Path) -> None:
    """Bars: how many times the speed of flax.nnx, a panel a row of the record."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = [row for row in record["rows"] if row["peers"].get("flax.nnx", {}).get("median")]
    if not rows:
        return
    figure, axes = plt.subplots(
        len(rows), 1, figsize=(7, 0.6 + 2.4 * len(rows)), squeeze=False, layout="constrained"
    )
    for axis, row in zip(axes[:, 0], rows, strict=True):
        base = row["peers"]["flax.nnx"]["median"]
        found = {peer: base / t["median"] for peer, t in row["peers"].items() if "median" in t}
        colours = ["tab:orange" if peer.startswith("cnnjax") else "tab:gray" for peer in found]
        bars = axis.barh(list(found), list(found.values()), color=colours)
        axis.bar_label(bars, fmt="%.2f", padding=3)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.invert_yaxis()
        axis.margins(x=0.12)
        axis.set_title(f"{row['network']}, {row['mode']}, batch {row['batch']}", loc="left")
        axis.set_xlabel("times the speed of flax.nnx")
    figure.savefig(path, dpi=120)
    plt.close(figure)

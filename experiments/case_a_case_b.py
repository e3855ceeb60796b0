"""Case A against Case B: time and memory, from one output position a tile up to the whole image.

    python -m experiments.case_a_case_b             # about 2 minutes on two cores
    python -m experiments.case_a_case_b --redraw    # conclude and draw again, measure nothing

The note's three layers, three ways: B, layer by layer over the whole image; A in turn, tile after
tile through all layers (`cnnjax.tiled`; a tile of one output position is the note's patch); and A
at once, all tiles side by side (`vmap`), which is what parallel hardware would want of A. In each
round every way runs once, so that a busy machine slows them alike; ratios are taken within a
round. Runs unchanged on whatever backend JAX finds.

Memory is what the compiled program allocates besides image, parameters and result, as XLA counts
it; where the device keeps statistics, its own peak is recorded too. On a CPU the convolutions are
those of Eigen in all ways: YNNPACK, XLA's default, allocates where XLA does not count. B by XLA's
default is timed beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cnnjax import tiled
from cnnjax.checkpoint import write_json
from cnnjax.summary import summary
from cnnjax.tiling.grid import grid
from cnnjax.tiling.spans import Box, sizes
from experiments.case_a_case_b_picture import draw
from experiments.stack import parameters, stack

HERE = Path(__file__).parent
ID = "only-b-is-used"
TILES = {100: (1, 2, 3, 4, 6), 400: (1, 2, 5, 10, 25)}  # of results of 12x12 and 50x50
ROUNDS = 9
ACCEPTABLE = 1.5  # times B's time: the tiles whose memory the conclusion compares
WAY_DEFAULT = "B, XLA's default"
EIGEN = {"xla_cpu_experimental_ynn_fusion_type": ""}

Raw = dict[str, dict[str, Any]]


def at_once(tile: int) -> Callable[[Any, Any], Any]:
    """All tiles of `tiled(stack, tile)` as one batch; the result is the batch of tiles."""

    def corner(box: Box, index: Any) -> list[Any]:
        firsts = (0 if s is None else jnp.asarray(s.first)[index[s.along]] for s in box)
        return [jnp.asarray(first, jnp.int32) for first in firsts]

    def run(params: Any, x: Any) -> list[Any]:
        made = grid(stack, tile, (params, x))
        constants = made.constants([*made.plan.program.closed, *jax.tree.leaves(params)])
        shape = sizes(made.patch, x.shape)

        def one(members: Any, index: Any) -> Any:
            patch = lax.dynamic_slice(x, corner(made.patch, index), shape)
            return made.evaluate(members, index, constants, patch)

        return [jax.vmap(lambda i, m=m: one(m, i))(jnp.asarray(m)) for m in made.groups]

    return run


def ways(size: int) -> Iterator[tuple[str, str, int | None, Callable[..., Any], Any]]:
    """(name, way, tile, function, compiler options) of everything measured at one image size."""
    cpu = jax.default_backend() == "cpu"
    options = EIGEN if cpu else None
    yield f"{size} B", "B", None, stack, options
    for tile in TILES[size]:
        yield f"{size} A {tile}", "A, in turn", tile, tiled(stack, tile), options
    for tile in TILES[size]:
        yield f"{size} A {tile} at once", "A, at once", tile, at_once(tile), options
    if cpu:
        yield f"{size} B default", WAY_DEFAULT, None, stack, None


def measure(seed: int = 0) -> Raw:
    """Compile everything, then run it in rounds."""
    raw: Raw = {}
    device = jax.devices()[0]
    for size in TILES:
        params = parameters(seed)
        x = jax.random.normal(jax.random.key(seed), (size, size, 3))
        like = jax.ShapeDtypeStruct(x.shape, x.dtype)
        compiled = {}
        for name, way, tile, function, options in ways(size):
            print(f"{name}: compiling", flush=True)
            ready = jax.jit(function, compiler_options=options).lower(params, x).compile()
            compiled[name] = ready
            raw[name] = {
                "image": size,
                "way": way,
                "tile": tile,
                "scratch_bytes": ready.memory_analysis().temp_size_in_bytes,
                "multiply_adds": summary(function, like, params=params).multiply_adds,
                "seconds": [],
                "cpu_seconds_of_rounds": [],
            }
        # In order of memory, so that the device's peak after each is its own.
        for name in sorted(compiled, key=lambda name: raw[name]["scratch_bytes"]):
            jax.block_until_ready(compiled[name](params, x))
            raw[name]["device_peak_bytes"] = (device.memory_stats() or {}).get("peak_bytes_in_use")
        for number in range(ROUNDS):
            for name, ready in compiled.items():
                wall, cpu = time.perf_counter(), time.process_time()
                jax.block_until_ready(ready(params, x))
                raw[name]["seconds"].append(time.perf_counter() - wall)
                raw[name]["cpu_seconds_of_rounds"].append(time.process_time() - cpu)
            print(f"image {size}: round {number + 1} of {ROUNDS}", flush=True)
    for row in raw.values():
        row["cpu_seconds"] = sum(row["cpu_seconds_of_rounds"])
        whole = raw[f"{row['image']} B"]
        for key, values in (("slower", "seconds"), ("more_cpu", "cpu_seconds_of_rounds")):
            ratios = [a / b for a, b in zip(row[values], whole[values], strict=True)]
            row[key] = [statistics.median(ratios), min(ratios), max(ratios)]
        row["work"] = row["multiply_adds"] / whole["multiply_adds"]
        row["memory"] = row["scratch_bytes"] / whole["scratch_bytes"]
    return raw


def conclude(raw: Raw, device: str) -> dict[str, Any]:
    """What the figures say, computed from them alone."""
    alone = [row for row in raw.values() if row["way"] == "A, in turn"]
    beside = [row for row in raw.values() if row["way"] == "A, at once"]
    patch = [row for row in (*alone, *beside) if row["tile"] == 1]
    supported = all(row["slower"][0] > 1 for row in patch)

    def span(rows: list[dict[str, Any]], key: str) -> str:
        values = [row[key][0] if key == "slower" else row[key] for row in rows]
        return f"{min(values):.1f} to {max(values):.1f}"

    fair = [row for row in alone if row["slower"][0] <= ACCEPTABLE] or alone
    thrifty, quick = (min(fair, key=key) for key in (lambda r: r["memory"], lambda r: r["slower"]))
    one_by_one = [row for row in patch if row["way"] == "A, in turn"]
    together = [row for row in patch if row["way"] == "A, at once"]

    def name(row: dict[str, Any]) -> str:
        side = row["image"] // 8
        return f"tiles of {row['tile']}x{row['tile']} in a result of {side}x{side}"

    headline = (
        f"One patch after the other, A takes {span(one_by_one, 'slower')} times as long as B; "
        f"with {name(thrifty)} it takes {thrifty['slower'][0]:.1f} times as long "
        f"in {1 / thrifty['memory']:.0f} times less memory."
    )
    right = "right" if supported else "not borne out"
    found = " ".join(
        [
            f"The note's three layers on one image, {ROUNDS} interleaved rounds on a machine",
            f"shared with other work ({device}); ratios to B are medians of ratios within a round.",
            "The patch of one output position is 36x36 pixels, and its neighbour's begins 8 pixels",
            "further, so A does",
            f"{span(patch, 'work')} times the multiplications of B. It takes",
            f"{span(one_by_one, 'slower')} times as long as B patch after patch, and",
            f"{span(together, 'slower')} times with all patches at once, which needs",
            f"{span(together, 'memory')} times B's memory. The note is {right} about A as it",
            "describes it, but lack of parallelism is not the whole reason: A can be run in",
            "parallel too, and still does the work of the overlaps again and again. And A need not",
            "mean single patches. The larger the tile, the smaller the share of its halo:",
            f"{name(quick)} took {quick['slower'][0]:.2f} times B's time in",
            f"{1 / quick['memory']:.1f} times less memory, {name(thrifty)}",
            f"{thrifty['slower'][0]:.2f} times its time in {1 / thrifty['memory']:.0f} times less.",
            "B's memory grows with the image, A's with the tile alone.",
            *_large_image(),
            "So that only B is used is true of images whose maps fit into memory. Not measured",
            "here: an accelerator, where the cost of doing patches in turn is another.",
        ]
    )
    rows = []
    for row in raw.values():
        median, least, most = row["slower"]
        rows.append(
            [
                f"{row['image']}x{row['image']}",
                row["way"] + (f", {row['tile']}x{row['tile']}" if row["tile"] else ""),
                f"{1e3 * statistics.median(row['seconds']):,.0f} ms",
                f"{median:.2f} ({least:.2f} to {most:.2f})",
                f"{row['work']:.2f}",
                f"{row['scratch_bytes'] / 1e6:,.2f} MB" if row["way"] != WAY_DEFAULT else "",
                f"{row['memory']:.3f}" if row["way"] != WAY_DEFAULT else "",
            ]
        )
    return {
        "headline": headline,
        "found": found,
        "supported": supported,
        "columns": [
            "image",
            "way, tile",
            "time",
            "time / B's (least to most)",
            "multiplications / B's",
            "memory",
            "memory / B's",
        ],
        "figures": rows,
    }


def _large_image() -> list[str]:
    """What `tiled_inference` measured, if it has."""
    path = HERE / "results" / "tiled_inference.json"
    if not path.exists():
        return []
    found = []
    for key, entry in json.loads(path.read_text("utf-8")).items():
        if {"tiled", "whole"} <= entry["rows"].keys():
            a, b = entry["rows"]["tiled"], entry["rows"]["whole"]
            found.append(
                f"On a large image ({key}) A needed {a['beyond_image_and_result_mb']:,.0f} MB "
                f"beyond image and result, B {b['beyond_image_and_result_mb']:,.0f} MB; they took "
                f"{a['seconds']:.0f} and {b['seconds']:.0f} s, one run each."
            )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--redraw", action="store_true", help="measure nothing")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results/ and pictures/")
    given = parser.parse_args()
    path = given.out / "results" / "claims" / f"{ID}.json"
    picture = given.out / "pictures" / f"{ID}.png"
    if given.redraw:
        record = json.loads(path.read_text("utf-8"))
    else:
        try:
            raw = measure()
        except KeyboardInterrupt:
            print("\ninterrupted; nothing was written", file=sys.stderr)
            return 130
        record = {
            "raw": raw,
            "device": f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores",
            "versions": {name: version(name) for name in ("jax", "jaxlib", "numpy")}
            | {"python": platform.python_version()},
            "settings": {
                "seeds": [0],
                "rounds": ROUNDS,
                "tiles": {str(k): v for k, v in TILES.items()},
            },
        }
    record = {
        "id": ID,
        **conclude(record["raw"], record["device"]),
        "picture": f"experiments/pictures/{ID}.png",
        "command": "python -m experiments.case_a_case_b",
        **{key: record[key] for key in ("settings", "raw", "versions", "device")},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, record)
    draw(record["raw"], picture)
    print(record["headline"])
    return 0


if __name__ == "__main__":
    sys.exit(main())

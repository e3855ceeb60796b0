"""A 6000x6000 image through the note's three layers, whole and tile by tile: the peak memory.

    python -m experiments.tiled_inference             # all three ways, one after the other
    python -m experiments.tiled_inference blocks      # one of them
    python -m experiments.tiled_inference --size 2000 # a smaller image, for small machines

Every way runs in a process of its own, which notes the peak of its resident memory
(`getrusage`) before the image exists and after the result does. `whole` needs about 12 GB of free
memory at 6000x6000 and is refused where there is less than 16. Results so far are kept in
results/tiled_inference.json, so Ctrl-C loses the way that is running and nothing else; a way that
is on file is measured again only with --anew.

Where `whole` has run, the others are compared with it element by element: at the seams (the first
and last row and column of every tile) and elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "results" / "tiled_inference.json"
WAYS = ("blocks", "tiled", "whole")
NEEDED = 16e9  # bytes of free memory to ask for before `whole`


def peak() -> float:
    """The peak of this process's resident memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(way: str, size: int, tile: int, out: Path) -> dict[str, Any]:
    """What one process does: one evaluation, and its memory."""
    os.nice(10)
    import jax
    import jax.numpy as jnp
    import numpy as np
    from rich.console import Console
    from rich.progress import track

    from cnnjax.tiling import blocks, tiled
    from experiments.stack import parameters, stack

    params = jax.block_until_ready(parameters())
    jax.block_until_ready(jax.jit(stack)(params, jnp.ones((64, 64, 3))))  # JAX is up and warm
    before = peak()

    def picture() -> Any:  # made in place: no second array of its size
        row, column, channel = (
            jax.lax.broadcasted_iota(jnp.float32, (size, size, 3), axis) for axis in range(3)
        )
        return jnp.sin(row * row * 1.3e-3 + channel) * jnp.cos(column * (0.01 + row * 7e-4))

    x = jax.block_until_ready(jax.jit(picture)())
    start, used = time.perf_counter(), time.process_time()
    if way == "blocks":
        image = np.asarray(x)
        given = blocks(stack, tile)(params, image)
        result = np.empty(given.shape.shape, given.shape.dtype)
        bar = track(given, f"{len(given)} tiles", total=len(given), console=Console(stderr=True))
        for where, block in bar:
            result[where] = block
    else:
        function = jax.jit(stack) if way == "whole" else tiled(stack, tile)
        result = np.asarray(jax.block_until_ready(function(params, x)))
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    after = peak()
    np.save(out, result)
    given_mb = (x.nbytes + result.nbytes) / 1e6
    return {
        "way": way,
        "size": size,
        "tile": None if way == "whole" else tile,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "image_mb": x.nbytes / 1e6,
        "result_mb": result.nbytes / 1e6,
        "before_mb": round(before, 1),
        "peak_mb": round(after, 1),
        "added_mb": round(after - before, 1),
        "beyond_image_and_result_mb": round(after - before - given_mb, 1),
    }


def compare(whole: Path, parts: Path, size: int, tile: int) -> dict[str, Any]:
    """The largest difference at the seams and elsewhere."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from cnnjax.tiling.grid import grid
    from experiments.stack import parameters, stack

    x = jax.ShapeDtypeStruct((size, size, 3), jnp.float32)
    span = grid(stack, tile, (jax.eval_shape(parameters), x)).boxes[0][0]
    one, two = (np.load(path, mmap_mode="r") for path in (whole, parts))
    seam = np.zeros(one.shape[0], bool)
    if span is not None:
        seam[span.first] = seam[span.first + span.size - 1] = True
    worst = {"seams": 0.0, "elsewhere": 0.0}
    unequal = 0
    for row in range(one.shape[0]):
        difference = np.abs(one[row] - two[row])
        unequal += int((difference > 0).sum())
        at = np.ones_like(seam) if seam[row] else seam
        for name, columns in (("seams", at), ("elsewhere", ~at)):
            if columns.any():
                worst[name] = max(worst[name], float(difference[columns].max()))
    return {
        "largest_difference_at_seams": worst["seams"],
        "largest_difference_elsewhere": worst["elsewhere"],
        "elements_that_differ": unequal,
        "elements": one.size,
        "largest_value": float(max(np.abs(one[row]).max() for row in range(one.shape[0]))),
    }


def available() -> float:
    """Free memory, in bytes."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return float(line.split()[1]) * 1024
    return 0.0


def watch(command: list[str], name: str) -> dict[str, Any]:
    """Run a way in its own process; show its memory while it runs."""
    start = time.perf_counter()
    child = subprocess.Popen([*command, "--child"], stdout=subprocess.PIPE, text=True)
    try:
        while child.poll() is None:
            time.sleep(1)
            if sys.stderr.isatty() and name != "blocks":  # blocks shows its own bar
                status = Path(f"/proc/{child.pid}/status")
                text = status.read_text() if status.exists() else ""
                now = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")]
                if now:
                    elapsed = time.perf_counter() - start
                    text = f"{name}: {elapsed:.0f} s, {int(now[0]) / 1e6:.2f} GB now"
                    print(f"\r{text}   ", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    output = child.communicate()[0]
    if child.returncode:
        raise RuntimeError(f"{name}: the process ended with status {child.returncode}")
    return dict(json.loads(output.splitlines()[-1]))


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The measured ways, as text."""
    lines = [f"{'':8}{'peak':>10}{'added':>10}{'beyond in/out':>15}{'time':>9}{'CPU time':>10}"]
    lines += [
        f"{way:8}{row['peak_mb']:>7,.0f} MB{row['added_mb']:>7,.0f} MB"
        f"{row['beyond_image_and_result_mb']:>12,.0f} MB{row['seconds']:>7.0f} s"
        f"{row['cpu_seconds']:>8.0f} s"
        for way, row in rows.items()
    ]
    for way in rows.keys() - {"whole"} if "whole" in rows else ():
        beyond, added, all_of_it = (
            rows["whole"][name] / rows[way][name]
            for name in ("beyond_image_and_result_mb", "added_mb", "peak_mb")
        )
        lines.append(
            f"{way}: {beyond:.1f} times less memory than whole beyond image and result, "
            f"{added:.1f} times less with them, {all_of_it:.1f} times less of the whole process"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ways", nargs="*", default=[], help=f"some of {', '.join(WAYS)}")
    parser.add_argument("--size", type=int, default=6000)
    parser.add_argument("--tile", type=int, default=48, help="side of a tile of the result")
    parser.add_argument("--anew", action="store_true", help="measure again what is on file")
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := set(given.ways) - set(WAYS):
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(WAYS)}")
    if given.child:
        print(json.dumps(measure(given.ways[0], given.size, given.tile, given.out)))
        return 0

    from cnnjax.checkpoint import write_json

    key = f"{given.size}x{given.size}, tiles of {given.tile}"
    file = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
    entry = file.setdefault(key, {"rows": {}, "compared": {}})
    command = [sys.executable, "-m", "experiments.tiled_inference"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for way in given.ways or WAYS:
                if way in entry["rows"] and not given.anew:
                    continue
                scale = (given.size / 6000) ** 2
                if way == "whole" and available() < NEEDED * scale:
                    print(f"whole: needs {NEEDED * scale / 1e9:.0f} GB of free memory, skipped")
                    continue
                out = Path(folder, f"{way}.npy")
                options = ["--size", str(given.size), "--tile", str(given.tile), "--out", str(out)]
                entry["rows"][way] = watch([*command, way, *options], way)
                entry["versions"] = {name: version(name) for name in ("jax", "jaxlib", "numpy")}
                RECORD.parent.mkdir(exist_ok=True)
                write_json(RECORD, file)
                print(json.dumps(entry["rows"][way]), flush=True)
            whole = Path(folder, "whole.npy")
            for way in ("blocks", "tiled"):
                parts = Path(folder, f"{way}.npy")
                if whole.exists() and parts.exists():
                    entry["compared"][way] = compare(whole, parts, given.size, given.tile)
                    write_json(RECORD, file)
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept", file=sys.stderr)
        return 130
    print(table(entry["rows"]))
    for way, found in entry["compared"].items():
        print(f"{way} against whole: {json.dumps(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Is `tiled` bit for bit the same? Where not, is it the seams, and does the rounding bound hold?

    python -m experiments.tiled_seams            # a minute; writes results/tiled_seams.json

Over the reals the two programs are equal (proved in tests/cnnjax/tiling). In floating point they
may add in another order, because XLA chooses the order by shape. For every stack, dtype and library
of convolutions: how many elements differ, the largest difference on the first and last row and
column of the tiles and elsewhere, in units of epsilon times the largest result; and, for the
note's layers, the largest share of the certified bound that a difference takes:

    conv: (n + 1) u / (1 - (n + 1) u) (|x| * |w| + |b|), carried through |w| to the next layer,

with n products a sum and u the unit roundoff; ReLU and the maximum carry an error on as it is. The
bound holds for either program and any order, so the two may differ by twice as much.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax import avg_pool, conv, dense, layer_norm, max_pool, relu, silu, softmax, tiled
from cnnjax.checkpoint import write_json
from cnnjax.tiling.grid import grid
from experiments.stack import LAYERS, parameters, stack

RECORD = Path(__file__).parent / "results" / "tiled_seams.json"
SIZE, TILE = 300, 8
LIBRARIES = {"XLA's default": None, "Eigen": {"xla_cpu_experimental_ynn_fusion_type": ""}}


def residual(params: Any, x: Any) -> Any:
    x = relu(conv(x, params["conv1"]["kernel"], params["conv1"]["bias"], stride=2))
    kernel = params["conv2"]["kernel"][..., :32]
    return relu(x + conv(relu(conv(x, kernel)), kernel))


def normalised(params: Any, x: Any) -> Any:
    x = conv(x, params["conv1"]["kernel"], params["conv1"]["bias"])
    x = silu(layer_norm(x, {"scale": jnp.ones(32, x.dtype), "bias": jnp.zeros(32, x.dtype)}))
    return softmax(avg_pool(x, 3, stride=2, padding=1, count_padding=False))


def per_pixel(params: Any, x: Any) -> Any:
    return dense(max_pool(x, 2), params["conv1"]["kernel"][0, 0], params["conv1"]["bias"])


STACKS: dict[str, Callable[..., Any]] = {
    "the note's layers": stack,
    "strided, residual": residual,
    "norm, average, softmax": normalised,
    "dense per pixel": per_pixel,
}


def bound(params: Any, x: Any) -> np.ndarray:
    """Of the error of `stack` in float32, element by element; computed in float64."""
    unit = 2.0**-24
    with jax.enable_x64(True):
        value = jnp.asarray(np.asarray(x), jnp.float64)
        error = jnp.zeros_like(value)
        for name in LAYERS:
            kernel, bias = (
                jnp.asarray(np.asarray(params[name][k]), jnp.float64) for k in ("kernel", "bias")
            )
            terms = kernel.shape[0] * kernel.shape[1] * kernel.shape[2] + 1
            gamma = terms * unit / (1 - terms * unit)
            size = jnp.abs(value) + error
            carried = conv(error, jnp.abs(kernel))
            error = carried + gamma * conv(size, jnp.abs(kernel), jnp.abs(bias))
            value, error = max_pool(relu(conv(value, kernel, bias)), 2), max_pool(error, 2)
        return np.asarray(error)


def measure(name: str, dtype: Any, library: str) -> dict[str, Any]:
    function = STACKS[name]
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), parameters())
    x = jax.random.normal(jax.random.key(1), (SIZE, SIZE, 3)).astype(dtype)
    options = LIBRARIES[library]
    whole, parts = (
        jax.jit(f, compiler_options=options)(params, x) for f in (function, tiled(function, TILE))
    )
    difference = np.abs(np.asarray(whole, np.float64) - np.asarray(parts, np.float64))
    seam = np.zeros(whole.shape[:2], bool)
    for axis, span in enumerate(grid(function, TILE, (params, x)).boxes[0][:2]):
        assert span is not None
        lines = np.concatenate([span.first, span.first + span.size - 1])
        seam[(lines,) if axis == 0 else (slice(None), lines)] = True
    unit = float(jnp.finfo(dtype).eps) * float(jnp.abs(whole).max())
    row = {
        "stack": name,
        "dtype": jnp.dtype(dtype).name,
        "convolutions": library,
        "elements": difference.size,
        "differ": int((difference > 0).sum()),
        "at_seams_eps": float(difference[seam].max() / unit),
        "elsewhere_eps": float(difference[~seam].max() / unit),
        "share_of_bound": None,
    }
    if function is stack and dtype == jnp.float32:
        row["share_of_bound"] = float((difference / (2 * bound(params, x))).max())
    return row


def main() -> int:
    rows = []
    for name in STACKS:
        for dtype in (jnp.float32, jnp.bfloat16):
            for library in LIBRARIES:
                rows.append(measure(name, dtype, library))
                row = rows[-1]
                share = row["share_of_bound"]
                print(
                    f"{name:24}{row['dtype']:10}{library:15}{row['differ']:>9,} of "
                    f"{row['elements']:,} differ, by {row['at_seams_eps']:.2f} eps at the seams, "
                    f"{row['elsewhere_eps']:.2f} elsewhere"
                    + ("" if share is None else f", {share:.1e} of the bound"),
                    flush=True,
                )
    versions = {package: version(package) for package in ("jax", "jaxlib")}
    settings = {"size": SIZE, "tile": TILE, "device": jax.devices()[0].device_kind}
    write_json(RECORD, {"settings": settings, "rows": rows, "versions": versions})
    return 0


if __name__ == "__main__":
    sys.exit(main())

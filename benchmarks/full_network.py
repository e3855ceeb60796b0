"""The note's network, 100x100x3, against the same network rewritten: time and memory of a proof.

    python -m benchmarks.full_network [--size 100]

The rewritten network uses shifted matrix products for convolutions, a maximum over a reshape for
pooling, einsum for the dense layer and the naive softmax; the bug loses one bias in one of the 64
channels of layer 2. Prints the verdicts, seconds after tracing, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import verify
from cnnjax import models

RESULTS = Path(__file__).parent / "results"


def shifted(x: Any, kernel: Any) -> Any:
    """A SAME convolution as a sum of shifted matrix products."""
    size, half = kernel.shape[0], kernel.shape[0] // 2
    height, width = x.shape[1:3]
    x = jnp.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    parts = [
        x[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(size) for j in range(size)
    ]
    return sum(parts[1:], parts[0])


def rewritten(params: Any, x: Any, lost: int | None = None) -> Any:
    for layer in ("conv1", "conv2", "conv3"):
        bias = params[layer]["bias"]
        if layer == "conv2" and lost is not None:
            bias = bias.at[lost].set(0.0)
        x = jnp.maximum(shifted(x, params[layer]["kernel"]) + bias, 0)
        b, h, w, c = x.shape
        x = x[:, : h // 2 * 2, : w // 2 * 2].reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))
    flat = x.reshape(x.shape[0], -1)
    logits = jnp.einsum("bi,io->bo", flat, params["dense"]["kernel"]) + params["dense"]["bias"]
    e = jnp.exp(logits)
    return e / e.sum(-1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=100)
    size = parser.parse_args().size
    model = models.notes_cnn(10, image=(size, size, 3))
    params = jax.eval_shape(model.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)

    def network(params: Any, x: Any) -> Any:
        return jax.nn.softmax(model.apply(params, x))

    record = {}
    for name, other in (
        ("rewritten", rewritten),
        ("one lost bias", lambda params, x: rewritten(params, x, lost=17)),
    ):
        start = time.perf_counter()
        verdict = verify.equivalent(network, other, params, x)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name}: {verdict.status} in {seconds:.1f} s, peak memory {peak:.2f} GB")
        print(verdict, end="\n\n")
        record[name] = {"status": verdict.status, "seconds": seconds, "peak_gb": peak}
        record[name]["error_probability"] = verdict.error_probability
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "full_network.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()

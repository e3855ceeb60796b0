"""Whether a pair is what it is said to be, by JAX in float64 at random inputs of its domain.

    python -m benchmarks.realcode --check

No verifier takes part in it. Equal functions agree to rounding at every input; near misses differ
by far more at one of them.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from benchmarks.realcode import inputs
from benchmarks.realcode.pair import Pair

SCALES = (1.0, 1.0, 0.05, 4.0)
LARGE = 12.0  # where formulas lose digits, and thresholds lie
ROUNDING = 2e-6  # of the largest number in an output: libraries hold some constants in float32
DIFFERENCE = 1e-5
TINY = 1e-9  # all numbers below are rounding
SHOWN, TRIES = 50, 500  # inputs at which equal functions agree, at which others may differ


def wrong(pair: Pair) -> str:
    """What is wrong with the pair; empty if nothing is."""
    with jax.enable_x64(True):
        examples, found = pair.inputs, []
        f, g = jax.jit(pair.f), jax.jit(pair.g)
        rng = np.random.default_rng(0)
        scales = SCALES if pair.equal else (*SCALES, LARGE)
        for number in range(SHOWN if pair.equal else TRIES):
            drawn = inputs.drawn(examples, rng, scales[number % len(scales)])
            if pair.more is None or all(map(np.all, jax.tree.leaves(pair.more(*drawn)))):
                found.append(_difference(f(*drawn), g(*drawn)))
                if found[-1] > DIFFERENCE:
                    break
    if not found:
        return "no input of the domain was drawn"
    if pair.equal:
        return f"they differ by {max(found):.3g}" if max(found) > ROUNDING else ""
    return f"they differ by no more than {max(found):.3g}" if max(found) < DIFFERENCE else ""


def _difference(left: Any, right: Any) -> float:
    """The largest over all outputs, relative to the largest number among them."""
    one, two = jax.tree.leaves(left), jax.tree.leaves(right)
    if len(one) != len(two):
        return math.inf
    worst = 0.0
    for a, b in zip(one, two, strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if a.shape != b.shape:
            return math.inf
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if same.all():
            continue
        if not (np.isfinite(a[~same]).all() and np.isfinite(b[~same]).all()):
            return math.inf
        size = max(np.abs(x, where=np.isfinite(x), out=np.zeros_like(x)).max() for x in (a, b))
        worst = max(worst, float(np.abs(a[~same] - b[~same]).max() / max(size, TINY)))
    return worst

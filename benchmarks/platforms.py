"""Operations of training steps, lowered for each platform on this machine.

    python -m benchmarks.platforms

For each model one training step (`cnnjax.train`), lowered by JAX for CPUs, for CUDA and for TPUs:
how many of the operations that matter there are in its StableHLO, before any compiler of the
platform sees it, and how many in the same step of plain `lax`. No device is needed, and nothing is
compiled. Of random bits and the like JAX itself makes other programs on other platforms, so that
plain `lax` has a count for each of them too. Exit status 1 where a step for CUDA or TPUs is another
one than that of plain `lax`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from cnnjax.lowerings import plain_only
from cnnjax.models import MODELS, Model
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import TrainConfig, data_mesh
from cnnjax.train.state import initial_state
from cnnjax.train.step import one_step

__all__ = ["lowered", "operations", "plain_operations", "step_of"]

PLATFORMS = ("cpu", "cuda", "tpu")
COLUMNS = ("convolution", "dot_general", "reduce_window", "select_and_scatter", "while")
# Not counted: what chooses among branches of which one is left, and zeros in the place of what only
# the gradient of another platform's branch would read; compilers remove both.
_NOTHING = ("case", "constant", "broadcast_in_dim")


def lowered(f: Callable[..., Any], *examples: Any, platform: str) -> str:
    """`f(*examples)` in StableHLO, for a platform that need not be here."""
    return str(jax.jit(f).trace(*examples).lower(lowering_platforms=(platform,)).as_text())


def operations(f: Callable[..., Any], *examples: Any, platform: str) -> Counter[str]:
    """How many there are of each operation in `f(*examples)`, lowered, but constants and
    broadcasts.

    >>> def f(x): return jnp.sin(x) @ x
    >>> dict(operations(f, jnp.ones((2, 2)), platform="tpu"))
    {'sine': 1, 'dot_general': 1}
    """
    text = lowered(lambda *arrays: f(*arrays), *examples, platform=platform)  # not traced before
    found = Counter(re.findall(r"= \"?(?:stablehlo|chlo)\.(\w+)", text))
    for name in _NOTHING:
        found.pop(name, None)
    return found


def plain_operations(f: Callable[..., Any], *examples: Any, platform: str) -> Counter[str]:
    """The same where every layer is plain `lax`."""
    with plain_only():
        return operations(f, *examples, platform=platform)


def step_of(model: Model, batch: int = 32) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A training step of a model over one device, and what its arguments look like.

    On one CPU a batch may go through in parts that stay in the cache; the mesh here is of two
    devices if there are two, so that the step is the same one everywhere.
    """
    config = TrainConfig(batch_size=batch)
    channels = model.image[-1]
    values = Preprocessing((0.5,) * channels, (0.25,) * channels)
    state = jax.eval_shape(lambda: initial_state(model, config, 10))
    images = jax.ShapeDtypeStruct((batch, *model.image), jnp.uint8)
    labels = jax.ShapeDtypeStruct((batch,), jnp.int32)
    return one_step(model, config, values, 10, data_mesh()), (state, images, labels)


def main() -> int:
    names = (*COLUMNS, "all others")
    print("| model | lowered for | lowerings |" + "".join(f" {name} |" for name in names))
    print("|---" * (len(names) + 3) + "|")
    wrong = False
    for name, build in MODELS.items():
        step, examples = step_of(build(10))
        for platform in PLATFORMS:
            counts = {
                "chosen": operations(step, *examples, platform=platform),
                "plain lax": plain_operations(step, *examples, platform=platform),
            }
            wrong |= platform != "cpu" and counts["chosen"] != counts["plain lax"]
            for label, row in counts.items():
                given = [row.pop(column, 0) for column in COLUMNS]
                cells = "".join(f" {number} |" for number in (*given, sum(row.values())))
                print(f"| {name} | {platform} | {label} |{cells}", flush=True)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())

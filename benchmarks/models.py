"""The models in a table: parameters, multiply-adds, receptive field, and how long they take.

    python -m benchmarks.models [--models resnet50 ...] [--modes inference training]

Sizes are those of one image of the published size. Times are of two cores: inference of one such
image, and a training step (forward, gradient, statistics) of 8 images of 32x32; next to plain
`lax`, which takes turns with it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import interleave, machine, save
from cnnjax.losses import cross_entropy
from cnnjax.lowerings import plain_only
from cnnjax.models import NAMES, build
from cnnjax.models.model import Model
from cnnjax.summary import summary

SMALL = {"notes": (32, 32, 3), "lenet": (28, 28, 1)}
CLASSES = {"unet": 2, "notes": 10, "lenet": 10}
BATCH = 8


def field(model: Model) -> int:
    """The receptive field of the last convolution or pool that has one, in pixels."""
    rows = [row for row in summary(model).rows if row.field and not row.reads_all]
    return max(rows[-1].field)


def inference(model: Model) -> Callable[..., Any]:
    """Logits of one image."""
    params = jax.jit(model.init)(jax.random.key(0))
    x = jnp.zeros((1, *model.image), jnp.float32)
    call = jax.jit(lambda params, x: model.apply(params, x)).lower(params, x).compile()
    return lambda: jax.block_until_ready(call(params, x))


def training(model: Model) -> Callable[..., Any]:
    """The gradient of a batch."""
    params = jax.jit(model.init)(jax.random.key(0))
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(BATCH, *model.image)), jnp.float32)
    shape = (BATCH, *model.image[:2]) if model.per_pixel else (BATCH,)
    labels = jnp.asarray(rng.integers(0, model.classes, shape), jnp.int32)

    def loss(params: Any) -> Any:
        logits, stats = model.apply_train(params, x, jax.random.key(0))
        return cross_entropy(logits, labels).mean(), stats

    call = jax.jit(jax.grad(loss, has_aux=True)).lower(params).compile()
    return lambda: jax.block_until_ready(call(params))


def timed(make: Callable[[Model], Callable[..., Any]], model: Model, rounds: int) -> list[float]:
    """Milliseconds, ours and plain."""
    ours = make(model)
    with plain_only():
        plain = make(model)
    found = interleave({"ours": ours, "lax": plain}, rounds=rounds)
    return [found[name].median for name in ("ours", "lax")]


MODES = {"inference": (inference, "inference, ms"), "training": (training, "step of 8, ms")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--modes", nargs="*", choices=MODES, default=list(MODES))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    columns = ["model", "image", "parameters", "multiply-adds", "field"]
    for mode in given.modes:
        columns += [MODES[mode][1], "to lax"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    print(*lines, sep="\n")
    record: dict[str, Any] = {"machine": machine()}
    for name in given.models:
        model = build(name, classes=CLASSES.get(name, 1000))
        small = build(name, classes=10, image=SMALL.get(name, (32, 32, 3)))
        table = summary(model)
        cells = [f"`{name}`", "x".join(map(str, model.image)), f"{table.parameters:,}"]
        cells += [f"{table.multiply_adds / 1e6:,.1f} M", f"{field(model)}"]
        record[name] = {
            "parameters": table.parameters, "multiply_adds": table.multiply_adds,
            "field": field(model),
        }  # fmt: skip
        for mode in given.modes:
            made = MODES[mode][0]
            ours, plain = timed(made, model if mode == "inference" else small, given.rounds)
            record[name][mode] = [ours, plain]
            cells += [f"{ours:.1f}", f"{plain / ours:.2f}x"]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    save("models", record, lines)


if __name__ == "__main__":
    main()

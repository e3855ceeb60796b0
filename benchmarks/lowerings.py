"""Each lowering against plain lax: its speed, and the verdict of the proof that it is the same.

    python -m benchmarks.lowerings [--rounds 7] [--batch 8]

Speed at real sizes, forward and gradients apart and inside a `lax.scan`; the proof (values and
gradients) at small sizes of the same kind, where `verify` takes a second; rounding of the forward
pass with all channels on a corner of the image. Prints a table and writes `results/lowerings.json`
and `results/lowerings.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import verify
from benchmarks.subjects import SUBJECTS, Subject
from benchmarks.timing import as_json, interleave, machine, save
from cnnjax.train.compiler import compiler_options
from verify.checks.roundoff import deviation, rounding
from verify.programs import trace

_CORNER = 8  # pixels along each axis


def forward(f: Callable[..., Any], arrays: tuple[Any, ...], g: Any) -> Any:
    return f(*arrays)


def gradients(f: Callable[..., Any], arrays: tuple[Any, ...], g: Any) -> Any:
    return jax.vjp(f, *arrays)[1](g)


def scanned(f: Callable[..., Any], arrays: tuple[Any, ...], g: Any) -> Any:
    """Two gradients one after the other, each at another point."""

    def body(arrays: Any, _: Any) -> Any:
        moved = jax.tree.map(lambda a, d: a - 1e-6 * d, arrays, gradients(f, arrays, g))
        return moved, None

    return lax.scan(body, arrays, length=2)[0]


WORK = {"forward": forward, "gradients": gradients, "2 in a scan": scanned}


def _arrays(shapes: tuple[tuple[int, ...], ...], batch: int) -> tuple[jax.Array, ...]:
    rng = np.random.default_rng(0)
    shapes = ((batch, *shapes[0]), *shapes[1:])
    return tuple(jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes)


def prove(subject: Subject) -> verify.Verdict:
    """Whether the lowering and plain lax agree in values and gradients, at the small shapes."""

    def everything(lowering: str, arrays: Any, g: Any) -> Any:
        y, pull = jax.vjp(partial(subject.call, lowering=lowering), *arrays)
        return y, pull(g)

    arrays = _arrays(subject.small, 1)
    y = jax.eval_shape(partial(subject.call, lowering="lax"), *arrays)
    sides = (partial(everything, name) for name in (subject.lowering, "lax"))
    return verify.equivalent(*sides, arrays, y)


@dataclass(frozen=True)
class Rounded:
    """Rounding on normal numbers: how far lowering and lax are apart, what is certified of that,
    and what is certified of the lowering alone, in units of what is of lax."""

    observed: float
    bound: float
    ratio: float

    def __str__(self) -> str:
        if self.bound == 0:
            return "none"
        return f"{self.observed:.2g}, at most {self.bound:.2g} ({self.ratio:.1f}x)"


def rounded(subject: Subject) -> Rounded:
    """Of the forward pass: one image, cut to its corner."""
    image, *rest = subject.shapes
    corner = (*(min(n, _CORNER) for n in image[:-1]), image[-1])
    arrays = [np.asarray(x) for x in _arrays((corner, *rest), 1)]
    ours, plain = (
        trace(partial(subject.call, lowering=name), *arrays) for name in (subject.lowering, "lax")
    )
    found = rounding(ours, plain, arrays)
    assert found is not None
    of_ours, of_plain = (deviation(f, arrays)[0].max() for f in (ours, plain))
    return Rounded(found.observed, found.bound, float(of_ours / of_plain) if of_plain else 1.0)


def measure(subject: Subject, batch: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Milliseconds of each piece of work, for both lowerings."""
    arrays = _arrays(subject.shapes, batch)
    options = compiler_options(jax.default_backend(), jnp.float32, batch, training=True)
    contenders = {}
    for work, run in WORK.items():
        for lowering in (subject.lowering, "lax"):
            f = partial(subject.call, lowering=lowering)
            y = jax.eval_shape(f, *arrays)
            g = jnp.ones(y.shape, y.dtype)
            compiled = jax.jit(partial(run, f), compiler_options=options).lower(arrays, g).compile()
            contenders[f"{work}: {lowering}"] = partial(_wait, compiled, arrays, g)
    return as_json(interleave(contenders, rounds=rounds, seconds=seconds))


def _wait(compiled: Any, *arguments: Any) -> None:
    jax.block_until_ready(compiled(*arguments))


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0, help="of rounds, for each subject")
    options = parser.parse_args()
    record: dict[str, Any] = {"machine": machine(), "batch": options.batch, "subjects": []}
    lines = [
        "| layer | lowering | forward | gradients | in a scan | proof | rounding |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for subject in SUBJECTS:
        verdict, lost = prove(subject), rounded(subject)
        found = measure(subject, options.batch, options.rounds, options.seconds)
        cells = []
        for work in WORK:
            ours, plain = (found[f"{work}: {name}"] for name in (subject.lowering, "lax"))
            cells.append(f"{ours['median']:.3g} ms, {plain['median'] / ours['median']:.1f}x")
        lines.append(
            f"| {subject.name} | `{subject.lowering}` | {' | '.join(cells)} "
            f"| {verdict.status}, {verdict.seconds:.1f} s | {lost} |"
        )
        print(lines[-1], flush=True)
        record["subjects"].append(
            {
                "name": subject.name,
                "lowering": subject.lowering,
                "milliseconds": found,
                "proof": verdict.status,
                "error_probability": verdict.error_probability,
                "rounding": asdict(lost),
            }
        )
    save("lowerings", record, lines)


if __name__ == "__main__":
    main()

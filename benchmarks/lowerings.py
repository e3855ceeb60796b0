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

import cnnjax
import verify
from benchmarks.timing import as_json, interleave, machine, save
from cnnjax.lowerings import MEANS, SPREAD, SUM_POOL
from cnnjax.train.compiler import compiler_options
from verify.program import trace
from verify.roundoff import deviation, rounding

_CORNER = 8  # pixels along each axis


@dataclass(frozen=True)
class Subject:
    """A layer call: image (without batch) and kernel shapes, and a small version to prove."""

    name: str
    lowering: str
    call: Callable[..., jax.Array]
    shapes: tuple[tuple[int, ...], ...]
    small: tuple[tuple[int, ...], ...]


def _pool(x: Any, *, lowering: str, **options: Any) -> jax.Array:
    return cnnjax.max_pool(x, lowering=lowering, **options)


def _sums(x: Any, *, lowering: str, window: tuple[int, ...]) -> jax.Array:
    return SUM_POOL[lowering].run(x, window, window, ((0, 0),) * len(window))


def _bias(x: Any, bias: Any, *, lowering: str) -> jax.Array:
    return x + SPREAD[lowering].run(bias, x.shape)


def _means(x: Any, *, lowering: str) -> jax.Array:
    return MEANS[lowering].run(x)


SUBJECTS = [
    Subject(
        "conv 5x5, 32 to 64 at 50x50",
        "canonical",
        cnnjax.conv,
        ((50, 50, 32), (5, 5, 32, 64)),
        ((6, 6, 3), (5, 5, 3, 2)),
    ),
    Subject(
        "conv 3x3, 64 to 64 at 32x32",
        "canonical",
        cnnjax.conv,
        ((32, 32, 64), (3, 3, 64, 64)),
        ((5, 5, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "conv 3x3 stride 2, 64 to 128 at 32x32",
        "canonical",
        partial(cnnjax.conv, stride=2, padding=1),
        ((32, 32, 64), (3, 3, 64, 128)),
        ((6, 6, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "conv 5x5, 32 to 64 at 50x50",
        "winograd",
        cnnjax.conv,
        ((50, 50, 32), (5, 5, 32, 64)),
        ((6, 6, 3), (5, 5, 3, 2)),
    ),
    Subject(
        "conv 5x5, 64 to 128 at 25x25",
        "winograd",
        cnnjax.conv,
        ((25, 25, 64), (5, 5, 64, 128)),
        ((5, 5, 2), (5, 5, 2, 3)),
    ),
    Subject(
        "conv 3x3, 64 to 64 at 32x32",
        "winograd",
        cnnjax.conv,
        ((32, 32, 64), (3, 3, 64, 64)),
        ((5, 5, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "conv 3x3, 256 to 256 at 16x16",
        "winograd",
        cnnjax.conv,
        ((16, 16, 256), (3, 3, 256, 256)),
        ((5, 5, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "depthwise 3x3, 64 at 32x32",
        "shifted",
        partial(cnnjax.conv, groups=64),
        ((32, 32, 64), (3, 3, 1, 64)),
        ((5, 4, 64), (3, 3, 1, 64)),
    ),
    Subject(
        "conv 1x1, 64 to 64 at 32x32",
        "pointwise",
        cnnjax.conv,
        ((32, 32, 64), (1, 1, 64, 64)),
        ((4, 3, 3), (1, 1, 3, 2)),
    ),
    Subject(
        "conv 5x5, 1 to 6 at 28x28",
        "blocked",
        cnnjax.conv,
        ((28, 28, 1), (5, 5, 1, 6)),
        ((5, 8, 1), (5, 5, 1, 2)),
    ),
    Subject(
        "conv 5x5 unpadded, 6 to 16 at 14x14",
        "blocked",
        partial(cnnjax.conv, padding="VALID"),
        ((14, 14, 6), (5, 5, 6, 16)),
        ((6, 8, 2), (5, 5, 2, 2)),
    ),
    Subject(
        "conv 3x3, 3 to 64 at 32x32",
        "blocked",
        cnnjax.conv,
        ((32, 32, 3), (3, 3, 3, 64)),
        ((4, 8, 3), (3, 3, 3, 2)),
    ),
    Subject(
        "conv 5x5, 3 to 32 at 100x100",
        "wide",
        cnnjax.conv,
        ((100, 100, 3), (5, 5, 3, 32)),
        ((6, 12, 2), (5, 5, 2, 3)),
    ),
    Subject(
        "conv 7x7, 3 to 64 at 64x64",
        "wide",
        cnnjax.conv,
        ((64, 64, 3), (7, 7, 3, 64)),
        ((7, 9, 1), (7, 7, 1, 2)),
    ),
    Subject(
        "transposed conv 4x4 stride 2, 64 to 32 at 16x16",
        "phases",
        partial(cnnjax.conv_transpose, stride=2, padding="SAME"),
        ((16, 16, 64), (4, 4, 32, 64)),
        ((3, 2, 2), (4, 4, 2, 2)),
    ),
    Subject(
        "transposed conv 3x3, 64 to 32 at 32x32",
        "spread",
        partial(cnnjax.conv_transpose, stride=1, padding="SAME"),
        ((32, 32, 64), (3, 3, 32, 64)),
        ((4, 3, 2), (3, 3, 2, 2)),
    ),
    Subject(
        "bias, 64 at 32x32",
        "ones",
        _bias,
        ((32, 32, 64), (64,)),
        ((3, 3, 2), (2,)),
    ),
    Subject(
        "means, 64 at 32x32",
        "ones",
        _means,
        ((32, 32, 64),),
        ((3, 3, 2),),
    ),
    Subject(
        "mean-pool 2x2, 64 at 56x56",
        "folded",
        partial(_sums, window=(2, 2)),
        ((56, 56, 64),),
        ((5, 6, 2),),
    ),
    Subject(
        "max-pool 2x2, 32 at 100x100",
        "argmax",
        partial(_pool, window=2),
        ((100, 100, 32),),
        ((5, 6, 2),),
    ),
    Subject(
        "max-pool 3x3 stride 2, 64 at 56x56",
        "argmax",
        partial(_pool, window=3, stride=2, padding=1),
        ((56, 56, 64),),
        ((6, 6, 1),),
    ),
]


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

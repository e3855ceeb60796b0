"""Layers against an independent reference on random configurations, forward and gradient.

    python -m tests.cnnjax.layers.grid --configurations 500 --reference torch

prints how many configurations of each family were compared and how many mismatched. Every
configuration compares the layer and its gradients in every array it takes (image, kernel, bias).

Convolutions and pools run on small integers in float32 (and some in float64), where every sum
is exact: there the tolerance is zero, a mismatch is one bit. Inputs of the averages are multiples
of every possible count, so that the divisions are exact too. Norms have square roots: they run on
normal numbers within the rounding bound that `norm_bounds` derives.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import cnnjax
from tests.cnnjax import reference
from tests.cnnjax.layers.norm_bounds import norm_bounds

# Compiling is what the time goes to: many configurations in one program, and XLA's own passes in
# full but LLVM's not.
CHUNK = 25
QUICK = {"xla_backend_optimization_level": 0}
EPS = 1e-3


@dataclass(frozen=True)
class Case:
    """One configuration: the layer's call, and what the reference says of it.

    ``expected`` and ``bounds`` are (y, *gradients) for sum(y * weights), each in the layout of
    ``layer``'s output and arguments.
    """

    label: str
    layer: Callable[..., Any]
    arguments: tuple[np.ndarray, ...]
    weights: np.ndarray
    expected: tuple[np.ndarray, ...]
    bounds: tuple[Any, ...]


@dataclass(frozen=True)
class Count:
    """What a run of one family found."""

    compared: int
    forward: tuple[str, ...]
    gradient: tuple[str, ...]


def _integers(rng, shape, dtype, factor: int = 1) -> np.ndarray:
    return (rng.integers(-4, 5, shape) * factor).astype(dtype)


def _each(rng, axes: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(int(v) for v in rng.integers(low, high + 1, axes))


def _padding(rng, axes: int, window) -> Any:
    """Any form of padding; numbers go beyond the window now and then."""
    form = rng.choice(["SAME", "SAME_LOWER", "VALID", "int", "pair", "pairs"])
    most = max(window) - 1 if rng.random() < 0.8 else max(window) + 3
    if form == "int":
        return int(rng.integers(0, most + 1))
    if form == "pair":
        return _each(rng, 2, 0, most)
    if form == "pairs":
        return tuple(_each(rng, 2, 0, most) for _ in range(axes))
    return str(form)


def _fits(image, window, stride, dilation, pads) -> bool:
    return min(reference.out_size(image, window, stride, dilation, pads)) > 0


def _convolution(rng) -> dict[str, Any]:
    """Draw the geometry of a convolution until the window fits."""
    while True:
        axes = int(rng.choice([1, 2, 2, 2, 3]))
        window = _each(rng, axes, 1, 3 if axes == 3 else 5)
        image = _each(rng, axes, 1, 5 if axes == 3 else 9)
        stride = _each(rng, axes, 1, 3)
        dilation = _each(rng, axes, 1, 3) if rng.random() < 0.4 else (1,) * axes
        padding = _padding(rng, axes, window)
        pads = reference.resolve(padding, image, window, stride, dilation)
        if _fits(image, window, stride, dilation, pads):
            break
    groups = int(rng.choice([1, 1, 2, 3]))
    inputs = groups * int(rng.choice([1, 2]))  # one channel a group: depthwise
    return {
        "image": (int(rng.integers(1, 4)), *image, inputs),
        "kernel": (*window, inputs // groups, groups * int(rng.integers(1, 4))),
        "stride": stride,
        "dilation": dilation,
        "groups": groups,
        "padding": padding,
        "pads": pads,
    }


def conv_case(rng, dtype, ref) -> Case:
    c = _convolution(rng)
    x, kernel = _integers(rng, c["image"], dtype), _integers(rng, c["kernel"], dtype)
    bias = (_integers(rng, c["kernel"][-1:], dtype),) if rng.random() < 0.8 else ()
    geometric = (c["stride"], c["dilation"], c["pads"], c["groups"])
    y = ref.conv(x, kernel, *(bias or (None,)), *geometric)
    weights = _integers(rng, y.shape, dtype)
    gradients = ref.conv_gradients(x, kernel, *geometric, weights)
    options = {name: c[name] for name in ("stride", "dilation", "groups", "padding")}
    return Case(
        f"conv x {x.shape} kernel {kernel.shape} bias {bool(bias)} {options} {dtype}",
        lambda *arrays: cnnjax.conv(*arrays, **options),
        (x, kernel, *bias),
        weights,
        (y, *gradients[: 2 + len(bias)]),
        (0,) * 4,
    )


def conv_transpose_case(rng, dtype, ref) -> Case:
    """The adjoint has no reference of its own: it is the convolution's image gradient."""
    c = _convolution(rng)
    kernel = _integers(rng, c["kernel"], dtype)
    geometric = (c["stride"], c["dilation"], c["pads"], c["groups"])
    u = _integers(rng, c["image"], dtype)
    x = _integers(rng, ref.conv(u, kernel, None, *geometric).shape, dtype)
    bias = _integers(rng, c["image"][-1:], dtype)
    y = ref.conv_gradients(u, kernel, *geometric, x)[0] + bias
    # <conv_transpose(x, kernel), u> = <x, conv(u, kernel)>, so with u as the weights:
    gradients = (
        ref.conv(u, kernel, None, *geometric),
        ref.conv_gradients(u, kernel, *geometric, x)[1],
        u.sum(axis=tuple(range(u.ndim - 1))),
    )
    options = {name: c[name] for name in ("stride", "dilation", "groups", "padding")}
    options["size"] = c["image"][1:-1]
    return Case(
        f"conv_transpose x {x.shape} kernel {kernel.shape} {options} {dtype}",
        lambda *arrays: cnnjax.conv_transpose(*arrays, **options),
        (x, kernel, bias),
        u,
        (y, *gradients),
        (0,) * 4,
    )


def _pooling(rng, cells_in_every_window: bool) -> tuple[tuple, tuple, tuple, Any, Any]:
    while True:
        axes = int(rng.choice([1, 2, 2, 2, 3]))
        window = _each(rng, axes, 1, 3 if axes == 3 else 4)
        image = _each(rng, axes, 1, 5 if axes == 3 else 9)
        stride = _each(rng, axes, 1, 4)
        padding = _padding(rng, axes, window)
        ones = (1,) * axes
        pads = reference.resolve(padding, image, window, stride, ones)
        if not _fits(image, window, stride, ones, pads):
            continue
        out = reference.out_size(image, window, stride, ones, pads)
        met = {position for position, _, _ in reference.lands(image, window, stride, ones, pads)}
        if not cells_in_every_window or len(met) == math.prod(out):
            return image, window, stride, padding, pads


def max_pool_case(rng, dtype, ref) -> Case:
    image, window, stride, padding, pads = _pooling(rng, cells_in_every_window=True)
    # Few different values: ties are the rule.
    x = _integers(rng, (int(rng.integers(1, 4)), *image, int(rng.integers(1, 4))), dtype)
    y, _ = ref.max_pool(x, window, stride, pads)
    weights = _integers(rng, y.shape, dtype)
    return Case(
        f"max_pool x {x.shape} window {window} stride {stride} padding {padding!r} {dtype}",
        lambda x: cnnjax.max_pool(x, window, stride=stride, padding=padding),
        (x,),
        weights,
        (y, ref.max_pool_gradient(x, window, stride, pads, weights)),
        (0, 0),
    )


def avg_pool_case(rng, dtype, ref) -> Case:
    counted = bool(rng.integers(0, 2))
    image, window, stride, padding, pads = _pooling(rng, cells_in_every_window=not counted)
    sides = itertools.product(*(range(1, k + 1) for k in window))
    factor = math.lcm(*(math.prod(side) for side in sides))
    x = _integers(rng, (int(rng.integers(1, 4)), *image, int(rng.integers(1, 4))), dtype, factor)
    y = ref.avg_pool(x, window, stride, pads, counted)
    weights = _integers(rng, y.shape, dtype, factor)
    options = {"stride": stride, "padding": padding, "count_padding": counted}
    return Case(
        f"avg_pool x {x.shape} window {window} {options} {dtype}",
        lambda x: cnnjax.avg_pool(x, window, **options),
        (x,),
        weights,
        (y, ref.avg_pool_gradient(x, window, stride, pads, counted, weights)),
        (0, 0),
    )


def norm_case(rng, dtype, ref) -> Case:
    kind = str(rng.choice(["batch", "layer", "group"]))
    axes = int(rng.choice([1, 2, 2, 2, 3]))
    groups = int(rng.integers(1, 4)) if kind == "group" else 1
    channels = groups * int(rng.integers(2, 5))
    shape = (int(rng.integers(2, 4)), *_each(rng, axes, 1, 5), channels)
    # Means of the size of the spread, and spreads of several sizes.
    x = (rng.normal(size=shape) * 10.0 ** rng.integers(-2, 3) + rng.normal()).astype(dtype)
    scale, bias = (rng.normal(size=channels).astype(dtype) for _ in range(2))
    weights = rng.normal(size=shape).astype(dtype)
    wide = [a.astype(np.float64) for a in (x, scale, bias, weights)]
    x64, scale64, bias64, weights64 = wide

    def layer(x, scale, bias):
        params = {"scale": scale, "bias": bias}
        if kind == "layer":
            return cnnjax.layer_norm(x, params, eps=EPS)
        if kind == "group":
            return cnnjax.group_norm(x, params, groups=groups, eps=EPS, spatial=axes)
        state = {"mean": jnp.zeros_like(scale), "var": jnp.ones_like(scale)}
        return cnnjax.batch_norm(x, params, state, training=True, eps=EPS)[0]

    expected = (
        ref.norm(x64, scale64, bias64, kind, groups, EPS),
        *ref.norm_gradients(x64, scale64, kind, groups, EPS, weights64),
    )
    # Both sides round; the reference in float64.
    bounds = tuple(
        ours + theirs
        for ours, theirs in zip(
            *(norm_bounds(*wide, kind, groups, EPS, d) for d in (dtype, np.float64)), strict=True
        )
    )
    label = f"{kind}_norm x {shape} groups {groups} {dtype}"
    return Case(label, layer, (x, scale, bias), weights, expected, bounds)


FAMILIES: dict[str, Callable[..., Case]] = {
    "conv": conv_case,
    "conv_transpose": conv_transpose_case,
    "max_pool": max_pool_case,
    "avg_pool": avg_pool_case,
    "norm": norm_case,
}


def cases(family: str, count: int, ref, seed: int = 0, chunk: int = CHUNK) -> Iterator[list[Case]]:
    """Yield ``count`` cases in chunks of one dtype: one chunk in five is float64."""
    rng = np.random.default_rng([seed, *family.encode()])
    for number, start in enumerate(range(0, count, chunk)):
        dtype = np.dtype("float64" if number % 5 == 4 else "float32")
        yield [FAMILIES[family](rng, dtype, ref) for _ in range(min(chunk, count - start))]


def evaluate(chunk: list[Case]) -> list[tuple[np.ndarray, ...]]:
    """(y, *gradients) of each case, all in one compiled program."""

    def one(case: Case, arguments, weights):
        y, pull = jax.vjp(case.layer, *arguments)
        return (y, *pull(weights))

    def every(arrays):
        return [one(case, *a) for case, a in zip(chunk, arrays, strict=True)]

    with jax.enable_x64(chunk[0].weights.dtype == np.float64):
        results = jax.jit(every, compiler_options=QUICK)(
            [(case.arguments, case.weights) for case in chunk]
        )
        return jax.tree.map(np.asarray, results)


def agrees(found: np.ndarray, expected: np.ndarray, bound: Any) -> bool:
    """Same shape, and within ``bound`` everywhere (NaN never is)."""
    if found.shape != expected.shape:
        return False
    return bool(np.all(np.abs(found.astype(np.float64) - expected) <= bound))


def compare(family: str, count: int, ref=reference, seed: int = 0, chunk: int = CHUNK) -> Count:
    """Compare ``count`` random configurations of ``family`` with ``ref``."""
    forward, gradient = [], []
    for some in cases(family, count, ref, seed, chunk):
        for case, found in zip(some, evaluate(some), strict=True):
            same = [
                f.dtype == case.weights.dtype and agrees(f, e, b)
                for f, e, b in zip(found, case.expected, case.bounds, strict=False)
            ]
            if len(found) != len(case.expected) or not same[0]:
                forward.append(case.label)
            if not all(same[1:]):
                gradient.append(case.label)
    return Count(count, tuple(forward), tuple(gradient))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare the layers with a reference.")
    parser.add_argument("--family", choices=FAMILIES, action="append", help="default: all")
    parser.add_argument("--configurations", type=int, default=500, help="of each family")
    parser.add_argument("--reference", choices=["numpy", "torch"], default="numpy")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ref: Any = reference
    if options.reference == "torch":
        from tests.cnnjax import reference_torch as ref
    print(f"reference: {options.reference}, seed {options.seed}, jax {jax.__version__}")
    print(f"{'family':16}{'compared':>10}{'forward mismatches':>20}{'gradient mismatches':>21}")
    failed = []
    for family in options.family or FAMILIES:
        count = compare(family, options.configurations, ref, options.seed)
        failed += [*count.forward, *count.gradient]
        numbers = f"{count.compared:>10}{len(count.forward):>20}{len(count.gradient):>21}"
        print(f"{family:16}{numbers}", flush=True)
    for label in failed[:10]:
        print("mismatch:", label)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""From a function and a tile size to a plan: the grid of tiles, and which tiles share a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from cnnjax import geometry
from cnnjax.lowerings import without
from cnnjax.tiling.plan import Plan, check_result, follow, plan
from cnnjax.tiling.program import flatten
from cnnjax.tiling.spans import Box, Span
from cnnjax.tiling.tile import Tile, offset, overhang
from verify import programs
from verify.programs import Equation, Var, bind

Sizes = int | Sequence[int]

# Lowerings that read no windows of the image: they read tiles or blocks of their own, or make
# pixels of channels, or one axis of several, or spread a bias over the whole image.
_NOT_BY_WINDOWS = (
    "winograd",
    "phases",
    "blocked",
    "wide",
    "patches",
    "pointwise",
    "folded",
    "ones",
)


@dataclass(frozen=True, eq=False)
class Grid:
    """A function, planned tile by tile.

    result: shapes and dtypes of what the function returns, flat; `tree` is their structure.
    boxes: the part of each result that a tile gives.
    groups: numbers of the tiles, (tiles, axes of the grid) each: first those that read no padding
        and compute the same program, then all others.
    """

    plan: Plan
    result: tuple[Any, ...]
    tree: Any
    boxes: tuple[Box, ...]
    groups: tuple[np.ndarray, ...]

    @property
    def image(self) -> Var:
        return self.plan.program.inputs[-1]

    @property
    def patch(self) -> Box:
        """The part of the image that a tile reads."""
        return self.plan.boxes.get(self.image, (None,) * len(self.image.shape))

    @cached_property
    def fixed(self) -> tuple[Var, ...]:
        """The arrays that tiles read and that do not depend on the tile."""
        program, outside = self.plan.program, self.plan.outside
        known = [
            *program.inputs[:-1],
            *(v for s in program.equations if s in outside for v in s.outputs),
        ]
        read = {atom for s in program.equations if s not in outside for atom in s.inputs}
        read.update(atom for s in program.every() for atom in s.inputs if s in self.plan.reads)
        read.update(program.outputs)
        return tuple(var for var in known if var in read)

    def constants(self, inputs: Sequence[Any]) -> list[Any]:
        """The values of `fixed`, from all `inputs` of the program but the image."""
        env = dict(zip(self.plan.program.inputs[:-1], inputs, strict=True))
        for step in self.plan.program.equations:
            if step in self.plan.outside:
                operands = [env[a] if isinstance(a, Var) else a.value for a in step.inputs]
                env.update(zip(step.outputs, bind(step, operands), strict=True))
        return [env[var] for var in self.fixed]

    def evaluate(
        self, members: np.ndarray, index: Any, constants: Sequence[Any], patch: Any
    ) -> list[Any]:
        """The parts of the results that one tile of a group gives, from its part of the image."""
        env = dict(zip(self.fixed, constants, strict=True))
        tile = Tile(self.plan, members, index, {**env, self.image: patch})
        tile.run(self.plan.program.equations)
        outputs = self.plan.program.outputs
        return [tile.fetch(atom, box) for atom, box in zip(outputs, self.boxes, strict=True)]


def check_tile(tile: Sizes) -> tuple[int, ...]:
    """The sides of a tile."""
    axes = len(tile) if isinstance(tile, Sequence) else 2
    return geometry.per_axis(tile, axes, name="tiled: tile")


@dataclass(frozen=True, eq=False)
class Traced:
    """A function as it was traced, and what its arguments looked like."""

    program: programs.Traced
    args: Sequence[Any]
    sides: tuple[int, ...]


def traced(apply_fn: Callable[..., Any], tile: Sizes, args: Sequence[Any]) -> Traced:
    """Trace `apply_fn(*args)`, whose last argument is the image, to be cut into tiles."""
    sides = check_tile(tile)
    axes = len(sides)
    if not args:
        raise TypeError("tiled: expected arguments, the last of them the image")
    x = args[-1]
    if not hasattr(x, "shape") or len(x.shape) < axes + 1:
        given = getattr(x, "shape", type(x).__name__)
        raise ValueError(
            f"tiled: the last argument must be the image, (*batch, {axes} image axes, channels); "
            f"got {given}"
        )
    with without(*_NOT_BY_WINDOWS):
        return Traced(programs.make_as_given(apply_fn, *args), args, sides)


def grid(function: Traced, platform: str) -> Grid:
    """Plan a function in tiles of its result, on the platform of this name."""
    program, rank = flatten(function.program, platform), len(function.args[-1].shape)
    sides, result, image = function.sides, function.program.result, program.inputs[-1]
    axes = len(sides)
    varies = follow(program, image, {rank - 1 - axes + d: d for d in range(axes)})

    check_result(program, varies, axes)

    leaves, tree = jax.tree.flatten(result)
    images = {tuple(leaf.shape[-1 - axes : -1]) for leaf in leaves}
    if len(images) != 1:
        raise ValueError(f"tiled: the results must have one image size, got {sorted(images)}")
    (size,) = images
    spans = [_row(d, n, side) for d, (n, side) in enumerate(zip(size, sides, strict=True))]
    boxes = tuple((*(None,) * (len(leaf.shape) - 1 - axes), *spans, None) for leaf in leaves)
    made = plan(program, boxes, varies, given=(image,))
    counts = [1 if span is None else len(span.first) for span in spans]
    return Grid(made, tuple(leaves), tree, boxes, _groups(made, counts))


def _row(along: int, length: int, side: int) -> Span | None:
    """Tiles side by side along one axis: as few as there must be, all of one size; where they do
    not fit, the last one is moved back into its neighbour (it gives the same values there)."""
    count = -(-length // side)
    if count <= 1:
        return None
    side = -(-length // count)
    return Span(along, np.minimum(np.arange(count) * side, length - side), side)


def _groups(made: Plan, counts: Sequence[int]) -> tuple[np.ndarray, ...]:
    """All tiles of the grid: those that no axis makes special, and the rest."""
    special = [np.zeros(n, bool) for n in counts]
    places: list[list[np.ndarray]] = [[] for _ in counts]
    for step in made.program.every():
        for axis_span in _spans(made, step):
            span, begins, length, computed = axis_span
            for t, begin in enumerate(begins):
                sticks_out = overhang(begin[None], span.size, length) != (0, 0)
                special[span.along][t] |= bool(span.needs(t)) and sticks_out
            if computed:
                places[span.along].append(begins)
    for along, tables in enumerate(places):
        if tables:
            rows, kinds = np.unique(np.stack(tables), axis=1, return_inverse=True)
            kinds = kinds.reshape(-1)
            usual = np.bincount(kinds[~special[along]], minlength=rows.shape[1])
            special[along] |= kinds != usual.argmax()
    tiles = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1)
    tiles = tiles.reshape(-1, len(counts)).astype(np.int32)
    is_special = np.any([special[d][tiles[:, d]] for d in range(len(counts))], axis=0)
    return tuple(group for group in (tiles[~is_special], tiles[is_special]) if len(group))


def _spans(made: Plan, step: Equation):
    """What a step reads: each span, where it begins in the part there is, that part's length, and
    whether the part is one that moves with the tile."""
    for atom, box in zip(step.inputs, made.reads.get(step, ()), strict=False):
        for axis, span in enumerate(box):
            if span is None:
                continue
            have = made.boxes[atom][axis] if isinstance(atom, Var) else None
            length = atom.shape[axis] if have is None else have.size
            yield span, offset(made, atom, axis, span), length, have is not None

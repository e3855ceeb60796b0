"""`shard_map` and the collectives inside it: the devices of a mesh evaluated in lock step.

A value inside is `Sharded`, one value a device (`algebras/mesh.py`). Everything but a collective is
applied to each device's values by the ordinary rules; a collective sees all of them:

    psum       the sum over the devices that differ only along the named axes
    ppermute   device `destination` gets what `source` had, and zeros where no pair names it
    all_gather, reduce_scatter, all_to_all: blocks of the others, along an array axis

Axes that `shard_map` leaves to the compiler (`axis_names`) do not concern the meaning.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence

import jax
import numpy as np

from verify.algebras.base import Algebra, Unsupported, Value, itself
from verify.algebras.extended import of_devices, over, parts
from verify.algebras.mesh import Mesh, Sharded, shard, unshard
from verify.primitives.arithmetic import minimum
from verify.primitives.registry import Context, Rule, flat_index, rule
from verify.programs import Equation, Param, Program, Var
from verify.programs.catalogue import Fact, having

# What needs all devices at once; every other equation is evaluated device by device.
COLLECTIVES = having(Fact.COLLECTIVE)


@functools.lru_cache(maxsize=4096)
def holds_collective(program: Program) -> bool:
    return bool(program.primitives() & COLLECTIVES)


def is_joint(equation: Equation) -> bool:
    """Does an equation have to see all devices: a collective, or a loop that holds one?"""
    if equation.primitive in COLLECTIVES:
        return True
    bodies = [
        body
        for value in equation.params.values()
        for body in (value if isinstance(value, tuple | list) else (value,))
        if isinstance(body, Program)
    ]
    return any(holds_collective(body) for body in bodies)


# -- shard_map -----------------------------------------------------------------------------------


@rule("shard_map")
def _shard_map(
    ctx: Context[Value],
    *operands: Value,
    jaxpr: Program,
    mesh: jax.sharding.Mesh | jax.sharding.AbstractMesh,
    in_specs: Sequence[jax.sharding.PartitionSpec],
    out_specs: Sequence[jax.sharding.PartitionSpec],
    **params: Param,
) -> tuple[Value, ...]:
    sizes = dict(zip(mesh.axis_names, mesh.axis_sizes, strict=True))
    manual = params.get("newly_manual_axes", params.get("manual_axes", frozenset(sizes)))
    dtypes = [*(v.dtype for v in ctx.equation.outputs), *(x.dtype for x in operands)]
    base = of_devices(ctx.algebra)
    devices = Mesh(base, {name: sizes[name] for name in mesh.axis_names if name in manual})
    outer = devices.over(over(base, dtypes))
    values = [
        shard(outer, x, _axes(spec, len(x.shape), devices))
        for x, spec in zip(operands, in_specs, strict=True)
    ]
    results = [itself(x, Sharded) for x in ctx.run(jaxpr, values, devices)]
    outputs = []
    for result, spec, var in zip(results, out_specs, ctx.equation.outputs, strict=True):
        whole, doubts = unshard(outer, result, _axes(spec, len(var.shape), devices), var.shape)
        for one, other in doubts:
            _check_equal(ctx, one, other)
        outputs.append(whole)
    return tuple(outputs)


def _axes(spec: Iterable[object], rank: int, mesh: Mesh) -> list[tuple[str, ...]]:
    """A PartitionSpec as the mesh axes that divide each array axis."""
    entries = [*spec, *[None] * (rank - len(tuple(spec)))]
    axes: list[tuple[str, ...]] = []
    for entry in entries:
        if entry is not None and not isinstance(entry, str | tuple):
            raise Unsupported(f"the partition {spec}")
        names = () if entry is None else entry if isinstance(entry, tuple) else (entry,)
        axes.append(tuple(name for name in names if name in mesh.axes))
    return axes


def _check_equal(ctx: Context[Value], one: Value, other: Value) -> None:
    """An output that is said to be the same on several devices must be: JAX takes any of them."""
    algebra = of_devices(ctx.algebra)
    for a, b in zip(parts(one), parts(other), strict=True):  # of complex numbers, of keys
        if a.concrete is not None and b.concrete is not None:
            same = np.array_equal(a.concrete, b.concrete)
        else:
            same = algebra.agree(a, b)
        if not same:
            raise Unsupported("an output that may differ between devices that ought to agree on it")


Names = str | Sequence[str]  # of the mesh's axes
Groups = Sequence[Sequence[int]] | None
Combine = Callable[[Sequence[Value]], Sequence[Value]]


# -- collectives ---------------------------------------------------------------------------------


def _mesh(ctx: Context[Value], axes: Names) -> tuple[Mesh, tuple[str, ...]]:
    names = (axes,) if isinstance(axes, str) else tuple(axes)
    if not isinstance(ctx.algebra, Mesh):
        raise Unsupported("a collective outside a shard_map")
    missing = [name for name in names if name not in ctx.algebra.axes]
    if missing:
        raise Unsupported(f"a collective over the axes {missing}, which this shard_map has not")
    return ctx.algebra, names


def _together(mesh: Mesh, groups: Sequence[Sequence[int]], x: Value, combine: Combine) -> Sharded:
    """`combine(parts of a group)` -> one value for each of its members."""
    own = itself(x, Sharded).parts
    results = list(own)
    for group in groups:
        values = combine([own[device] for device in group])
        for device, value in zip(group, values, strict=True):
            results[device] = value
    return Sharded(tuple(results))


def _reduction(combine: Callable[[Algebra[Value], Value, Value], Value]) -> Rule:
    def apply(
        ctx: Context[Value], *xs: Value, axes: Names, axis_index_groups: Groups = None, **_: object
    ) -> tuple[Value, ...]:
        mesh, names = _mesh(ctx, axes)
        groups = mesh.groups(names, axis_index_groups)

        def reduce(parts: Sequence[Value]) -> list[Value]:
            total = parts[0]
            for part in parts[1:]:
                total = combine(mesh.inner, total, part)
            return [total] * len(parts)

        return tuple(_together(mesh, groups, x, reduce) for x in xs)

    return apply


def _add(algebra: Algebra[Value], a: Value, b: Value) -> Value:
    return algebra.add(a, b)


rule("psum", "psum_invariant", "psum2")(_reduction(_add))
rule("pmax")(_reduction(lambda algebra, a, b: algebra.maximum(a, b)))
rule("pmin")(_reduction(minimum))


@rule("pvary", "pcast", "preduced", "reshard", "mesh_cast", "layout_constraint")
def _identity(ctx: Context[Value], *xs: Value, **_: object) -> tuple[Value, ...]:
    """Only types change: what varies over devices, and where arrays lie."""
    return tuple(xs)


@rule("axis_index")
def _axis_index(ctx: Context[Value], *, axis_name: Names, **_: object) -> Value:
    mesh, names = _mesh(ctx, axis_name)
    groups = mesh.groups(names)
    numbers = [mesh.inner.lift(np.asarray(i, ctx.dtype)) for i in range(len(groups[0]))]
    nothing = Sharded((numbers[0],) * mesh.devices)
    return _together(mesh, groups, nothing, lambda _: numbers)


@rule("ppermute")
def _ppermute(
    ctx: Context[Value], *xs: Value, axis_name: Names, perm: Sequence[tuple[int, int]], **_: object
) -> tuple[Value, ...]:
    mesh, names = _mesh(ctx, axis_name)
    outputs = zip(xs, ctx.equation.outputs, strict=True)

    def moved(x: Value, var: Var) -> Value:
        zero = Context(mesh.inner, ctx.equation, ctx.run).fill(var.shape, 0, var.dtype)

        def permute(parts: Sequence[Value]) -> list[Value]:
            results = [zero] * len(parts)
            for source, destination in perm:
                results[destination] = parts[source]
            return results

        # JAX numbers the devices as the mesh does, in whatever order the axes are named.
        groups = [sorted(group) for group in mesh.groups(names)]
        return _together(mesh, groups, x, permute)

    return tuple(moved(x, var) for x, var in outputs)


@rule("pbroadcast")
def _pbroadcast(
    ctx: Context[Value],
    *xs: Value,
    axis_name: Names,
    axis_index_groups: Groups = None,
    source: int,
    **_: object,
) -> tuple[Value, ...]:
    mesh, names = _mesh(ctx, axis_name)
    groups = mesh.groups(names, axis_index_groups)
    return tuple(_together(mesh, groups, x, lambda parts: [parts[source]] * len(parts)) for x in xs)


def _joined(algebra: Algebra[Value], parts: Sequence[Value], axis: int) -> Value:
    size = int(np.prod(parts[0].shape))
    index = np.concatenate([flat_index(x, i * size) for i, x in enumerate(parts)], axis=axis)
    return algebra.pick(list(parts), index)


def _split(algebra: Algebra[Value], x: Value, count: int, axis: int) -> list[Value]:
    return [algebra.pick([x], piece) for piece in np.split(flat_index(x), count, axis=axis)]


@rule("all_gather", "all_gather_invariant")
def _all_gather(
    ctx: Context[Value],
    *xs: Value,
    all_gather_dimension: int,
    axis_name: Names,
    tiled: bool,
    axis_index_groups: Groups = None,
    **_: object,
) -> tuple[Value, ...]:
    mesh, names = _mesh(ctx, axis_name)
    groups = mesh.groups(names, axis_index_groups)
    axis = all_gather_dimension

    def gather(parts: Sequence[Value]) -> list[Value]:
        if not tiled:
            shape = (*parts[0].shape[:axis], 1, *parts[0].shape[axis:])
            parts = [mesh.inner.reshape(part, shape) for part in parts]
        return [_joined(mesh.inner, parts, axis)] * len(parts)

    return tuple(_together(mesh, groups, x, gather) for x in xs)


@rule("reduce_scatter")
def _reduce_scatter(
    ctx: Context[Value],
    *xs: Value,
    axis_name: Names,
    scatter_dimension: int,
    tiled: bool,
    axis_index_groups: Groups = None,
    **_: object,
) -> tuple[Value, ...]:
    mesh, names = _mesh(ctx, axis_name)
    groups = mesh.groups(names, axis_index_groups)

    def scatter(parts: Sequence[Value]) -> list[Value]:
        total = functools.reduce(mesh.inner.add, parts)
        pieces = _split(mesh.inner, total, len(parts), scatter_dimension)
        return pieces if tiled else [mesh.inner.reshape(piece, ctx.shape) for piece in pieces]

    return tuple(_together(mesh, groups, x, scatter) for x in xs)


@rule("all_to_all")
def _all_to_all(
    ctx: Context[Value],
    *xs: Value,
    split_axis: int,
    concat_axis: int,
    axis_name: Names,
    axis_index_groups: Groups = None,
    **_: object,
) -> tuple[Value, ...]:
    """Device d gets the d-th piece of everyone's split axis, laid along the other axis in order.

    (`tiled` is what the caller asked for; the primitive itself always works in this way.)"""
    mesh, names = _mesh(ctx, axis_name)
    groups = mesh.groups(names, axis_index_groups)

    def exchange(parts: Sequence[Value]) -> list[Value]:
        pieces = [_split(mesh.inner, part, len(parts), split_axis) for part in parts]
        return [_joined(mesh.inner, column, concat_axis) for column in zip(*pieces, strict=True)]

    return tuple(_together(mesh, groups, x, exchange) for x in xs)

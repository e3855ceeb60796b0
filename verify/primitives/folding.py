"""Reductions by logic, and `reduce` with a body of its own."""

from __future__ import annotations

from collections.abc import Sequence

from verify.algebras.base import V
from verify.primitives.monoids import Monoid, fold, monoid, neutral, recognise, with_initial
from verify.primitives.reduction import to_last
from verify.primitives.registry import Context, rule
from verify.programs import Program


def _reduce(ctx: Context[V], m: Monoid, x: V, axes: Sequence[int], shape: tuple[int, ...]) -> V:
    if 0 in x.shape:
        return neutral(ctx, m, shape, x.dtype)
    return fold(ctx.algebra, m, to_last(ctx.algebra, x, axes))


for _name in ("or", "and", "xor"):

    def _rule(ctx: Context[V], x: V, *, axes: Sequence[int], _op: str = _name, **_: object) -> V:
        return _reduce(ctx, monoid(_op, x.dtype), x, axes, ctx.shape)

    rule(f"reduce_{_name}")(_rule)


@rule("reduce")
def _generic(
    ctx: Context[V], *operands: V, jaxpr: Program, dimensions: Sequence[int], **_: object
) -> tuple[V, ...]:
    """Operands, then their initial values; the body must be known operations, one an operand."""
    half = len(operands) // 2
    results = []
    for m, x, initial in zip(recognise(jaxpr, half), operands[:half], operands[half:], strict=True):
        folded = _reduce(ctx, m, x, dimensions, ctx.shape)
        results.append(with_initial(ctx, m, folded, initial, always=bool(dimensions)))
    return tuple(results)

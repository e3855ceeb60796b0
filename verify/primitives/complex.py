"""Complex numbers: making them and taking them apart. For the rest see `algebras/complex.py`."""

from __future__ import annotations

from verify.algebras.base import V
from verify.algebras.pairs import as_complex, conj, divided, joined
from verify.primitives.registry import Context, elementwise


@elementwise("complex")
def _complex(ctx: Context[V], re: V, im: V) -> V:
    return joined(ctx.algebra, re, im, ctx.dtype)


@elementwise("real")
def _real(ctx: Context[V], z: V) -> V:
    return divided(z)[0]


@elementwise("imag")
def _imag(ctx: Context[V], z: V) -> V:
    return divided(z)[1]


@elementwise("conj")
def _conj(ctx: Context[V], x: V, **_: object) -> V:
    """Of a real operand too, which becomes complex (the transpose of `real` asks for that)."""
    return conj(ctx.algebra, as_complex(ctx.algebra, x, ctx.dtype))

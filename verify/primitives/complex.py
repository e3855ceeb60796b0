"""Complex numbers: making them and taking them apart. For the rest see `algebras/complex.py`."""

from __future__ import annotations

from typing import Any

from verify.algebras.complex import Pair
from verify.primitives.registry import Context, elementwise


@elementwise("complex")
def _complex(ctx: Context, re: Any, im: Any) -> Any:
    return Pair(re, im, ctx.dtype)


@elementwise("real")
def _real(ctx: Context, z: Any) -> Any:
    return z.re


@elementwise("imag")
def _imag(ctx: Context, z: Any) -> Any:
    return z.im


@elementwise("conj")
def _conj(ctx: Context, x: Any, **_: Any) -> Any:
    """Of a real operand too, which becomes complex (the transpose of `real` asks for that)."""
    return ctx.algebra.conj(ctx.algebra.pair(x, ctx.dtype))

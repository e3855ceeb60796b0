"""Proposals of primitives that hold programs: loops, branches, solvers, wrappers, prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import custom_vmap
from jax.custom_derivatives import linear_call

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import (
    BOOL,
    COMPLEX,
    FLOATS,
    INTEGERS,
    Operand,
    Proposal,
    Source,
    generator,
)

_NUMBERS = (FLOATS, INTEGERS, COMPLEX)

# Programs of two operands of one shape and dtype, which give such an array back.
_STEPS: tuple[Callable[[Any, Any], Any], ...] = (
    lax.add,
    lambda a, b: lax.sub(lax.mul(a, b), a),
    lambda a, b: lax.select(lax.eq(a, b), a, lax.neg(b)),
    lambda a, b: lax.mul(b, b),
    lambda a, b: a,
)


@generator("scan")
def _scan(r: Source, name: str) -> Proposal:
    """Forwards and backwards, with constants, several things carried and collected, no steps."""
    shape, dtype = r.shape(0, 2, 3), r.dtype(*_NUMBERS)
    length, reverse = r.number(0, 4), r.flag()
    first, second, out = (r.one_of(_STEPS) for _ in range(3))
    unroll = r.one_of([1, 1, 2, 3])

    def scanned(constant: Any, a: Any, b: Any, xs: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            a, b = carry
            new = first(a, x), second(b, constant)
            return new, (out(new[0], b), x)

        return lax.scan(step, (a, b), xs, length=length, reverse=reverse, unroll=unroll)

    whole = Operand((length, *shape), dtype)
    return Proposal(name, scanned, (*[Operand(shape, dtype)] * 3, whole))


@generator("while")
def _while(r: Source, name: str) -> Proposal:
    """Alone and in a batch whose rows end at different steps."""
    shape, dtype = r.shape(0, 2, 3), r.dtype(*_NUMBERS)
    step, batch, rows = r.one_of(_STEPS), r.flag(0.4), r.number(1, 3)

    def looped(limit: Any, x: Any, constant: Any) -> Any:
        def body(state: Any) -> Any:
            count, x = state
            return count + 1, step(x, constant)

        return lax.while_loop(lambda s: s[0] < limit, body, (jnp.int32(0), x))[1]

    limits = numbers.within(0, 4)
    whole = (Operand((), np.dtype(np.int32), limits), *[Operand(shape, dtype)] * 2)
    if not batch:
        return Proposal(name, looped, whole)
    wide = tuple(Operand((rows, *x.shape), x.dtype, x.draw) for x in whole)
    return Proposal(name, jax.vmap(looped), wide)


@generator("cond")
def _cond(r: Source, name: str) -> Proposal:
    """Of two branches or more, on an index that may lie outside of them."""
    shape, dtype = r.shape(0, 2, 3), r.dtype(*_NUMBERS)
    branches = [r.one_of(_STEPS) for _ in range(r.number(1, 4))]
    if r.flag():
        pair = (branches * 2)[:2]
        which = Operand((), np.dtype(np.bool_))
        return Proposal(
            name, lambda p, a, b: lax.cond(p, *pair, a, b), (which, *[Operand(shape, dtype)] * 2)
        )
    which = Operand((), r.one_of([np.dtype(np.int32), r.dtype(INTEGERS)]), numbers.indices(3))
    if r.flag(0.3):  # the primitive itself, without the clamp that its function adds
        return Proposal(
            name,
            lambda i, a, b: lax.switch(i, branches, a, b),
            (which, *[Operand(shape, dtype)] * 2),
        )
    return Proposal(
        name, lambda i, a, b: lax.switch(i, branches, a, b), (which, *[Operand(shape, dtype)] * 2)
    )


@generator("custom_linear_solve")
def _linear_solve(r: Source, name: str) -> Proposal:
    """The solver that a program names is what it means."""
    n, dtype = r.number(1, 3), r.dtype(FLOATS)
    scale, symmetric = r.flag(), r.flag()

    def solved(a: Any, b: Any) -> Any:
        def solve(matvec: Any, v: Any) -> Any:
            return v * a if scale else matvec(v) - a

        return lax.custom_linear_solve(
            lambda v: v / a, b, solve, transpose_solve=solve, symmetric=symmetric
        )

    powers = Operand((n,), dtype, lambda g, s, d: (2.0 ** g.integers(-2, 3, s)).astype(d))
    return Proposal(name, solved, (powers, Operand((n,), dtype)))


@generator("composite")
def _composite(r: Source, name: str) -> Proposal:
    shape, dtype, step = r.shape(), r.dtype(*_NUMBERS), r.one_of(_STEPS)
    whole = lax.composite(step, "conformance.step")
    return Proposal(name, whole, (Operand(shape, dtype), Operand(shape, dtype)))


@generator("custom_vmap_call")
def _custom_vmap(r: Source, name: str) -> Proposal:
    shape, dtype, step = r.shape(), r.dtype(*_NUMBERS), r.one_of(_STEPS)
    whole = custom_vmap(step)

    @whole.def_vmap
    def _(size: int, batched: Any, a: Any, b: Any) -> Any:
        return step(a, b), True

    return Proposal(name, whole, (Operand(shape, dtype), Operand(shape, dtype)))


@generator("linear_call")
def _linear_call(r: Source, name: str) -> Proposal:
    shape, dtype = r.shape(), r.dtype(FLOATS, COMPLEX)
    step: Any = r.one_of([lambda a, x: a * x, lambda a, x: x - a, lambda a, x: x * 2 + a * x])

    def called(a: Any, x: Any) -> Any:
        return linear_call(step, step, a, x)

    return Proposal(name, called, (Operand(shape, dtype), Operand(shape, dtype)))


@generator("debug_callback", "debug_print")
def _debug(r: Source, name: str) -> Proposal:
    """They give nothing: what is compared is that there is nothing to compare."""
    if name == "debug_print":
        function: Any = lambda x: jax.debug.print("{}", x)  # noqa: E731
    else:
        function = lambda x: jax.debug.callback(_nothing, x)  # noqa: E731
    return Proposal(name, function, (r.operand(r.shape(), r.dtype(FLOATS, INTEGERS, BOOL)),))


def _nothing(*_: Any) -> None:
    """Called by compiled programs."""

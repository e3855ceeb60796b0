"""Loops and branches: their bodies are programs, evaluated as often as the program would.

`scan` is unrolled, `while` runs as long as its predicate is a constant, `cond` on a constant takes
one branch and otherwise chooses among the results of all of them.

A `while` whose predicate is no constant is unrolled too, as far as a few steps go: states follow
one another as if it never ended, and the result is the last one that is reached, while all
predicates so far were true. It ends where they cannot all be true: at `i < 8` behind the eighth
step, in `(i < 8) & (error > tolerance)`, or at `i < n` where a precondition says how large n is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Refused, Unsupported, V
from verify.dtypes import DType
from verify.primitives.integers import both
from verify.primitives.registry import Context, flat_index, rule
from verify.programs import Param, Params, Program

MOST_STEPS = 10_000
MOST_EQUATIONS = 300_000
_OPEN_STEPS, _OPEN_EQUATIONS = 64, 3_000  # of a loop of which nobody knows where it ends


def _check_work(steps: int, *bodies: Program) -> None:
    equations = steps * sum(len(body.equations) for body in bodies)
    if steps > MOST_STEPS or equations > MOST_EQUATIONS:
        raise Refused(
            f"a loop of {steps} steps, {equations} equations in all (at most {MOST_STEPS} steps "
            f"and {MOST_EQUATIONS} equations are unrolled)"
        )


@rule("scan")
def _scan(
    ctx: Context[V], *operands: V, jaxpr: Program, length: int, reverse: bool, **params: Param
) -> tuple[V, ...]:
    """(consts, carry, xs) -> (carry, ys); `unroll` and the like do not matter to the meaning."""
    consts_count, carry_count = _scan_split(params)
    consts = list(operands[:consts_count])
    carry = list(operands[consts_count : consts_count + carry_count])
    xs = operands[consts_count + carry_count :]
    _check_work(length, jaxpr)
    rows = [flat_index(x) for x in xs]
    collected: list[list[V]] = [[] for _ in jaxpr.outputs[carry_count:]]
    for step in reversed(range(length)) if reverse else range(length):
        slices = [ctx.algebra.pick([x], row[step]) for x, row in zip(xs, rows, strict=True)]
        results = ctx.run(jaxpr, [*consts, *carry, *slices])
        carry = results[:carry_count]
        for column, y in zip(collected, results[carry_count:], strict=True):
            column.append(y)
    outputs = ctx.equation.outputs[carry_count:]
    forward = (column[::-1] if reverse else column for column in collected)
    ys = [_stack(ctx, y, v.shape, v.dtype) for y, v in zip(forward, outputs, strict=True)]
    return (*carry, *ys)


def _scan_split(params: Params) -> tuple[int, int]:
    """How many operands are constants, and how many are carried."""
    if "num_carry" in params:
        return params["num_consts"], params["num_carry"]
    if "ft_in" in params:  # JAX 0.12: a tree of (consts, carry, xs)
        consts, carry, _ = params["ft_in"].unpack()
        return len(consts), len(carry)
    raise Unsupported(f"a scan with the parameters {sorted(params)}")


def _stack(ctx: Context[V], rows: Sequence[V], shape: tuple[int, ...], dtype: DType) -> V:
    if not rows:
        return ctx.fill(shape, 0, dtype)
    return ctx.algebra.pick(list(rows), np.arange(int(np.prod(shape))).reshape(shape))


@rule("while")
def _while(
    ctx: Context[V],
    *operands: V,
    cond_jaxpr: Program,
    body_jaxpr: Program,
    cond_nconsts: int,
    body_nconsts: int,
) -> tuple[V, ...]:
    cond_consts = operands[:cond_nconsts]
    body_consts = operands[cond_nconsts : cond_nconsts + body_nconsts]
    carry = list(operands[cond_nconsts + body_nconsts :])
    steps = 0
    while True:
        (predicate,) = ctx.run(cond_jaxpr, [*cond_consts, *carry])
        if predicate.concrete is None:
            break
        if not predicate.concrete.any():
            return tuple(carry)
        steps += 1
        _check_work(steps, cond_jaxpr, body_jaxpr)
        following = ctx.run(body_jaxpr, [*body_consts, *carry])
        carry = [
            _where(ctx, predicate, new, old) for new, old in zip(following, carry, strict=True)
        ]
    reached, alive = carry, predicate
    size = len(cond_jaxpr.equations) + len(body_jaxpr.equations)
    for _ in range(min(_OPEN_STEPS, _OPEN_EQUATIONS // max(size, 1))):
        carry = ctx.run(body_jaxpr, [*body_consts, *carry])
        reached = [_where(ctx, alive, new, old) for new, old in zip(carry, reached, strict=True)]
        (following_predicate,) = ctx.run(cond_jaxpr, [*cond_consts, *carry])
        alive = both(ctx.algebra, alive, following_predicate)
        if alive.concrete is not None and not alive.concrete.any():
            return tuple(reached)
    ctx.concrete(predicate, "the number of steps of a loop")
    raise AssertionError


def _where(ctx: Context[V], predicate: V, new: V, old: V) -> V:
    """The new value where the loop goes on: of a batched one, some rows may have ended."""
    if predicate.concrete is not None and predicate.concrete.all():
        return new
    trailing = (1,) * (len(new.shape) - len(predicate.shape))
    index = flat_index(predicate).reshape((*predicate.shape, *trailing))
    which = ctx.algebra.pick([predicate], np.broadcast_to(index, new.shape))
    return ctx.algebra.select(which, [old, new])


@rule("cond")
def _cond(
    ctx: Context[V], index: V, *operands: V, branches: Sequence[Program], **_: object
) -> tuple[V, ...]:
    """Branch number `index`, which JAX keeps within range."""
    if index.concrete is not None:
        chosen = int(np.clip(int(index.concrete), 0, len(branches) - 1))
        return tuple(ctx.run(branches[chosen], operands))
    results = [ctx.run(branch, operands) for branch in branches]
    return tuple(_choose(ctx, index, cases) for cases in zip(*results, strict=True))


def _choose(ctx: Context[V], index: V, cases: Sequence[V]) -> V:
    """cases[index] by comparisons, so that a boolean that was converted stays one."""
    if all(case is cases[0] for case in cases):
        return cases[0]
    algebra, chosen = ctx.algebra, cases[-1]
    for number in reversed(range(len(cases) - 1)):
        if len(cases) == 2:  # a boolean that was converted to an integer
            later = algebra.cast(index, np.dtype(np.bool_))
        else:
            later = algebra.compare("gt", index, ctx.fill(index.shape, number, index.dtype))
        later = algebra.pick([later], np.zeros(chosen.shape, np.int64))
        chosen = algebra.select(later, [cases[number], chosen])
    return chosen


@rule("custom_linear_solve")
def _custom_linear_solve(
    ctx: Context[V], *operands: V, const_lengths: Sequence[int], jaxprs: Sequence[Program]
) -> tuple[V, ...]:
    """The user's `solve`; the others (matvec, vecmat, transpose_solve) are for gradients."""
    counts = list(const_lengths)
    total, before = sum(counts), sum(counts[:2])
    consts = operands[before : before + counts[2]]
    return tuple(ctx.run(jaxprs[2], [*consts, *operands[total:]]))


@rule("composite", "custom_vmap_call", "linear_call")
def _wrapper(ctx: Context[V], *operands: V, **params: object) -> tuple[V, ...]:
    """The program inside; what else they say concerns compilers, vmap or differentiation."""
    (body,) = (value for value in params.values() if isinstance(value, Program))
    if len(body.inputs) != len(operands):
        raise Unsupported(f"{len(operands)} operands for a program of {len(body.inputs)}")
    return tuple(ctx.run(body, operands))


@rule("debug_print", "debug_callback")
def _debug(ctx: Context[V], *operands: V, **_: object) -> tuple[()]:
    """Shows values, and gives none."""
    return ()

"""Triangular systems and Cholesky factors by elimination; other factors as unknown functions.

    triangular_solve    x_i = (b_i - sum_j<i A_ij x_j) / A_ii
    cholesky            L_jj = sqrt(a_jj - sum_k<j |L_jk|**2)
                        L_ij = (a_ij - sum_k<j L_ik conj(L_jk)) / L_jj

Both are exact over the reals, and so is LU of small matrices (`pivoting.py`). QR, eigenvalues and
singular values, and LU of larger ones where there are no numbers, are functions of the whole matrix
of which nothing is known but that equal matrices have equal factors (for one matrix of a batch as
for one alone).
"""

from __future__ import annotations

import numpy as np

from verify.algebras.base import Algebra, Unsupported, V
from verify.algebras.pairs import as_complex, conj, divided, joined
from verify.dtypes import is_kind
from verify.limits import budget
from verify.primitives import pivoting
from verify.primitives.registry import Context, flat_index, rule

_ENTRY = 5_000  # units of work for a value of its own
_LARGEST = 64  # of a matrix that is eliminated step by step


@rule("triangular_solve")
def _triangular_solve(
    ctx: Context[V],
    a: V,
    b: V,
    *,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    conjugate_a: bool,
    unit_diagonal: bool,
) -> V:
    algebra, n = ctx.algebra, a.shape[-1]
    _check_size(n)
    if 0 in ctx.shape:
        return ctx.fill(ctx.shape, 0, ctx.dtype)
    ctx.only_numbers(a, b)
    if conjugate_a and is_kind(a.dtype, np.complexfloating):
        a = conj(algebra, a)
    if transpose_a == left_side:  # A.T x = b, or x A = b, which is A.T x.T = b.T
        a, lower = _swapped(algebra, a), not lower
    if not left_side:
        b = _swapped(algebra, b)
    order = range(n) if lower else range(n - 1, -1, -1)
    matrix, right = _batched(algebra, a), _batched(algebra, b)
    places, targets = flat_index(matrix), flat_index(right)
    solved: list[V] = []  # rows (batch, 1, columns), in the order of `known`
    known: list[int] = []
    for i in order:
        row = algebra.pick([right], targets[:, i : i + 1])
        if known:
            coefficients = algebra.pick([matrix], places[:, i : i + 1, known])
            row = algebra.sub(row, algebra.dot(coefficients, _stacked(algebra, solved)))
        if not unit_diagonal:
            diagonal = np.broadcast_to(places[:, i : i + 1, i : i + 1], row.shape)
            row = algebra.div(row, algebra.pick([matrix], diagonal))
        solved.append(row)
        known.append(i)
    rows = [solved[known.index(i)] for i in range(n)]
    x = algebra.reshape(_stacked(algebra, rows), b.shape)
    return x if left_side else _swapped(algebra, x)


@rule("cholesky")
def _cholesky(ctx: Context[V], a: V, **_: object) -> V:
    """The lower factor, from the lower triangle of a; zeros above the diagonal."""
    algebra, n = ctx.algebra, a.shape[-1]
    _check_size(n)
    if 0 in ctx.shape:
        return a
    ctx.only_numbers(a)
    matrix = _batched(algebra, a)
    places, batch = flat_index(matrix), matrix.shape[0]
    columns: list[V] = []  # (batch, n, 1), zeros above the diagonal
    for j in range(n):
        column = algebra.pick([matrix], places[:, j:, j : j + 1])
        if columns:
            left = _stacked(algebra, columns, axis=2)  # (batch, n, j)
            index = flat_index(left)
            row = algebra.pick([left], index[:, j : j + 1].swapaxes(1, 2))
            if is_kind(a.dtype, np.complexfloating):
                row = conj(algebra, row)
            column = algebra.sub(column, algebra.dot(algebra.pick([left], index[:, j:]), row))
        first = algebra.pick([column], flat_index(column)[:, :1])
        root = _root(algebra, first)
        spread = np.broadcast_to(flat_index(root), column.shape)
        column = algebra.div(column, algebra.pick([root], spread))
        parts = [algebra.lift(np.zeros((batch, j, 1)), a.dtype), root]
        below = algebra.pick([column], flat_index(column)[:, 1:])
        columns.append(_stacked(algebra, [*parts, below]))
    if not columns:
        return a
    factor = algebra.reshape(_stacked(algebra, columns, axis=2), a.shape)
    # JAX has no factor at all of a matrix that is not positive, not even its first columns.
    pair = is_kind(a.dtype, np.complexfloating)
    found = algebra.depend_together(list(divided(factor)) if pair else [factor], 2)
    if found is not None:
        return joined(algebra, found[0], found[1], factor.dtype) if pair else found[0]
    return factor if pair else algebra.defined_together(factor, 2)


def _root(algebra: Algebra[V], x: V) -> V:
    """Of the diagonal, which is real where the matrix is Hermitian. Of zero there is none: JAX has
    no factor of a matrix that is only semidefinite."""
    if is_kind(x.dtype, np.complexfloating):
        return as_complex(algebra, _root(algebra, divided(x)[0]), x.dtype)
    root = algebra.function("sqrt", [x], x.shape, x.dtype)
    return algebra.mul(root, algebra.div(root, root))


def _check_size(n: int) -> None:
    if n > _LARGEST:
        raise Unsupported(f"the elimination of a {n} x {n} matrix (at most {_LARGEST})")


def _batched(algebra: Algebra[V], a: V) -> V:
    """(batch, rows, columns)."""
    return algebra.reshape(a, (int(np.prod(a.shape[:-2])), *a.shape[-2:]))


def _swapped(algebra: Algebra[V], a: V) -> V:
    return algebra.pick([a], flat_index(a).swapaxes(-1, -2))


def _stacked(algebra: Algebra[V], blocks: list[V], axis: int = 1) -> V:
    start, index = 0, []
    for block in blocks:
        index.append(flat_index(block, start))
        start += int(np.prod(block.shape))
    return algebra.pick(blocks, np.concatenate(index, axis=axis))


@rule("lu")
def _lu(ctx: Context[V], a: V, **params: object) -> tuple[V, ...]:
    """With numbers, and of matrices so small that there are few cases, by elimination."""
    batch, (m, n) = a.shape[:-2], a.shape[-2:]
    largest = pivoting.LARGEST if ctx.algebra.native else pivoting.FEW
    if 0 in a.shape or max(m, n) > largest or is_kind(a.dtype, np.complexfloating):
        return _factorisation(ctx, a, **params)
    found = pivoting.factors(ctx, _batched(ctx.algebra, a))
    shapes = ((*batch, m, n), (*batch, min(m, n)), (*batch, m))
    return tuple(ctx.algebra.reshape(x, s) for x, s in zip(found, shapes, strict=True))


@rule("qr", "eigh", "eig", "svd", "schur", "hessenberg", "householder_product", "geqrf")
def _factorisation(ctx: Context[V], *operands: V, **params: object) -> tuple[V, ...]:
    """Each element of each result is a function of the whole matrix, and of its place."""
    algebra, name = ctx.algebra, ctx.equation.primitive
    batch = operands[0].shape[:-2]
    if all(0 in var.shape for var in ctx.equation.outputs):
        return tuple(ctx.fill(var.shape, 0, var.dtype) for var in ctx.equation.outputs)
    if any(0 in x.shape for x in operands):
        raise Unsupported(f"{name} of an empty matrix")
    entries = []
    for x in operands:
        if x.shape[: len(batch)] != batch:
            raise Unsupported(f"{name} of operands with different batches")
        index = flat_index(x).reshape(*batch, -1)
        for i in range(index.shape[-1]):
            budget.spend(_ENTRY)
            entries.append(algebra.pick([x], index[..., i]))
    what = (name, tuple(x.shape[len(batch) :] for x in operands), repr(sorted(params.items())))
    real = entries[0].dtype
    if is_kind(real, np.complexfloating):
        raise Unsupported("the factors of a complex matrix")
    matrix = algebra.function("matrix", entries, batch, real, what)
    results = []
    for number, var in enumerate(ctx.equation.outputs):
        rest = var.shape[len(batch) :]
        places = np.broadcast_to(np.arange(int(np.prod(rest))).reshape(rest), var.shape)
        expand = flat_index(matrix).reshape(*batch, *(1,) * len(rest))
        args = [
            algebra.pick([matrix], np.broadcast_to(expand, var.shape)),
            algebra.lift(np.ascontiguousarray(places, np.int32)),
        ]
        if is_kind(var.dtype, np.complexfloating):
            raise Unsupported("factors that are complex")
        results.append(algebra.function("factor", args, var.shape, var.dtype, (number, *what)))
    return tuple(results)

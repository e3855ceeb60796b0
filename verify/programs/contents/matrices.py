"""What products of matrices do to what arrays hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

from verify.programs.contents.moves import Shape, among, inverse, squeezed
from verify.programs.contents.numbers import Contents
from verify.programs.ir import Equation
from verify.programs.value_numbers import Number


def multiplied(contents: Contents, equation: Equation, operands: list[Number]) -> Number:
    """As a batch of products of two matrices: what is left of an operand is one dimension. All are
    in the order in which the operands were made."""
    params, (left, right) = equation.params, equation.inputs
    (ours, theirs), (one, two) = params["dimension_numbers"]
    first, second = (contents.order(number)[1].index for number in operands)

    def pairs(a: Sequence[int], b: Sequence[int]) -> list[tuple[int, int]]:
        return list(zip(among(a, left.shape), among(b, right.shape), strict=True))

    batch = pairs(one, two)
    contracted = sorted(pairs(ours, theirs), key=lambda pair: first(pair[0]))
    sides = [
        _Matrix(contents, n, [p[side] for p in batch], [p[side] for p in contracted], side == 1)
        for side, n in enumerate(operands)
    ]
    batches = sorted(range(len(batch)), key=lambda i: first(batch[i][0]))
    one_free, two_free = sorted(sides[0].free, key=first), sorted(sides[1].free, key=second)
    flat = [
        side.flat(batches, free) for side, free in zip(sides, (one_free, two_free), strict=True)
    ]
    others = {k: v for k, v in params.items() if k not in ("dimension_numbers", "out_sharding")}
    sizes = tuple(sizes for _, sizes in flat)
    how = (sizes, contents.numbers.parameter(others))
    whole = squeezed((sizes[0][0], sizes[0][1], sizes[1][2]))
    product = contents.made_by(equation, [n for n, _ in flat], how, shape=whole)
    # The dimensions of the result: batches, what is left of the first operand, and of the second.
    count, more = len(batch), len(sides[0].free)
    dims = (
        *batches,
        *(count + sides[0].free.index(d) for d in one_free),
        *(count + more + sides[1].free.index(d) for d in two_free),
    )
    shape = squeezed(equation.outputs[0].shape)
    return contents.place(contents.reshape(product, tuple(shape[d] for d in dims)), shape, dims)


class _Matrix:
    """An operand of a product; its dimensions by what they are there."""

    def __init__(
        self, contents: Contents, number: Number, batch: list[int], last: list[int], second: bool
    ) -> None:
        self.contents, self.number, self.batch, self.last = contents, number, batch, last
        self.shape, self.second = contents.shapes[number], second
        self.free = [d for d in range(len(self.shape)) if d not in (*batch, *last)]

    def flat(self, batches: list[int], free: list[int]) -> tuple[Number, Shape]:
        """(B, M, K), or (B, K, N) of the second operand, squeezed; these three sizes."""
        groups = [[self.batch[i] for i in batches], free, self.last]
        if self.second:
            groups = [groups[0], groups[2], groups[1]]
        order = [d for group in groups for d in group]
        wide = tuple(self.shape[d] for d in order)
        moved = self.contents.place(self.number, wide, inverse(order))
        sizes = tuple(math.prod(self.shape[d] for d in group) for group in groups)
        return self.contents.reshape(moved, squeezed(sizes)), sizes

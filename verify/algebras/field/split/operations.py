"""The operations of a trial on split values: case by case where all operands have one selector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field.split.selectors import Selectors
from verify.algebras.field.split.value import (
    NOBODY,
    Residues,
    Split,
    along,
    as_split,
    behind_dot,
    joined,
    table_of,
    whole,
)
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType


class Splitting(Selectors):
    """The operations of a trial (the class that comes after this one), on split values too."""

    def each(
        self,
        name: str,
        xs: Sequence[Residues],
        call: Callable[[list[Residues], tuple[int, ...]], FieldArray],
    ) -> FieldArray:
        """Element by element; `call(xs, lead)` with the operands, and the axes before theirs."""
        if not any(isinstance(x, Split) for x in xs):
            return self.few(call(list(xs), ()))
        selector = joined(xs)
        if selector is None or self.width * selector.size > self.room:
            return self.few(call([whole(x) for x in xs], ()))
        found = self.made(call([self.spread(x) for x in xs], (self.width,)), selector)
        return _carried(found, xs, lambda ys: call(ys, ()))

    def over_last(self, name: str, x: Residues, **options: bool) -> FieldArray:
        if not isinstance(x, Split):
            return self.plainly(name, x, **options)
        selector = along(x)
        if selector is None:
            return self.plainly(name, x.whole, **options)
        if name == "winner":
            selector = np.broadcast_to(selector[..., None], x.shape)
        found = self.made(self.case_by_case(name, x.cases, **options), selector)
        return _carried(found, [x], lambda ys: self.plainly(name, *ys, **options))

    def reshape(self, x: Residues, shape: tuple[int, ...]) -> FieldArray:
        if not isinstance(x, Split):
            return self.plainly("reshape", x, shape)
        cases = self.plainly("reshape", x.cases, (self.width, *shape))
        found = table_of(self, cases, x.selector.reshape(shape))
        return _carried(found, [x], lambda ys: self.plainly("reshape", ys[0], shape))

    def possible(self, x: Residues) -> np.ndarray | None:
        return x.possible if isinstance(x, Split) else None

    def known_numbers(self, x: Residues) -> tuple[np.ndarray, np.ndarray] | None:
        if not isinstance(x, Split):
            found: object = self.plainly("known_numbers", x)
            return cast("tuple[np.ndarray, np.ndarray] | None", found)
        cases = x.possible
        return None if cases is None else (cases[0], (cases == cases[:1]).all(axis=0))

    def pick(self, operands: Sequence[Residues], index: np.ndarray) -> FieldArray:
        if not any(isinstance(x, Split) for x in operands):
            return self.plainly("pick", operands, index)
        if self.width * index.size > self.room:
            return self.plainly("pick", [whole(x) for x in operands], index)
        sizes = [int(np.prod(x.shape)) for x in operands]
        ends = np.cumsum(sizes)
        which = np.searchsorted(ends, index, side="right")
        within = index - (ends - sizes)[which]
        spread = [
            s * (self.width if isinstance(x, Split) else 1)
            for s, x in zip(sizes, operands, strict=True)
        ]
        starts = np.cumsum([0, *spread[:-1]])
        step = np.array(
            [s if isinstance(x, Split) else 0 for s, x in zip(sizes, operands, strict=True)]
        )
        case = np.arange(self.width).reshape(-1, *(1,) * index.ndim)
        places = starts[which] + within + case * step[which]
        values = [x.cases if isinstance(x, Split) else x for x in operands]
        flat = [
            x.selector.reshape(-1) if isinstance(x, Split) else np.full(s, NOBODY, np.int64)
            for x, s in zip(operands, sizes, strict=True)
        ]
        selector = np.concatenate(flat)[index]
        found = self.made(self.plainly("pick", values, places), selector)
        return _carried(found, operands, lambda ys: self.plainly("pick", ys, index))

    def dot(self, a: Residues, b: Residues) -> FieldArray:
        """(B, M, K) x (B, K, N): case by case where each sum has one selector."""
        if not isinstance(a, Split) and not isinstance(b, Split):
            return self.plainly("dot", a, b)
        selector = behind_dot(a, b)
        (batch, rows, terms), columns = a.shape, b.shape[-1]
        if selector is None or self.width * batch * terms * (rows + columns) > self.room:
            return self.plainly("dot", whole(a), whole(b))
        left, right = (
            self.plainly("reshape", self.spread(x), (self.width * batch, *x.shape[1:]))
            for x in (a, b)
        )
        found = self.plainly("dot", left, right)
        cases = self.plainly("reshape", found, (self.width, batch, rows, columns))
        return self.made(cases, selector)

    def select(self, which: Residues, cases: Sequence[Residues]) -> FieldArray:
        return self.each(
            "select",
            [which, *cases],
            lambda xs, lead: self.plainly("select", xs[0], list(xs[1:])),
        )

    def cast(self, x: Residues, dtype: DType) -> FieldArray:
        return self.each("cast", [x], lambda xs, lead: self._cast(whole(xs[0]), dtype, bool(lead)))

    def _cast(self, x: FieldArray, dtype: DType, split: bool) -> FieldArray:
        return self.case_by_case("cast", x, dtype) if split else self.plainly("cast", x, dtype)

    def function(
        self,
        name: str,
        args: Sequence[Residues],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> FieldArray:
        def call(xs: list[Residues], lead: tuple[int, ...]) -> FieldArray:
            operation = self.case_by_case if lead else self.plainly
            return operation("function", name, xs, (*lead, *shape), dtype, params)

        return self.each("function", args, call)

    def compare(self, op: str, a: Residues, b: Residues) -> FieldArray:
        _only_numbers(a, b)
        return self.ieee(op, a, b)

    def ieee(self, op: str, a: Residues, b: Residues) -> FieldArray:
        """Of constants, in each case, by IEEE 754."""
        return self.each("compare", [a, b], lambda xs, lead: self.plainly("compare", op, *xs))

    def winner(self, x: Residues, *, last: bool = False) -> FieldArray:
        _only_numbers(x)
        if isinstance(x, Split):
            return self.over_last("winner", x, last=last)
        found = self.plainly("winner", x, last=last)
        return (
            found if self.inside_operation or found.concrete is not None else self.place(x, found)
        )

    def within(self, x: Residues, low: int, high: int) -> FieldArray:
        return self.each("within", [x], lambda xs, lead: self.plainly("within", xs[0], low, high))

    def observed(self, x: Residues, where: str) -> FieldArray:
        if isinstance(x, Split):  # (constants are machine numbers)
            return self.each("observed", [x], lambda xs, _: self.plainly("observed", xs[0], where))
        return self.plainly("observed", x, where)

    def div(self, a: Residues, b: Residues) -> FieldArray:
        return self.each(
            "div", [a, b], lambda xs, lead: self._div(whole(xs[0]), whole(xs[1]), bool(lead))
        )

    def _div(self, a: FieldArray, b: FieldArray, split: bool) -> FieldArray:
        if not split or b.concrete is None or b.concrete.all():
            return self.case_by_case("div", a, b) if split else self.plainly("div", a, b)
        # In some cases by zero: what that is nobody knows, and the proof assumes that it is not.
        zero = b.concrete == 0
        by = self.lift(np.where(zero, 1.0, b.concrete), b.dtype)
        found = self.plainly("div", a, by)
        self.assume("no division by zero")
        self.partial = True
        nothing = self.plainly("function", "by zero", [a], a.shape, a.dtype)
        return self.plainly("select", self.lift(zero), [found, nothing])

    # -- element by element, and along the last axis -----------------------------------------------

    def elementwise(self, name: str, *xs: Residues) -> FieldArray:
        def call(ys: list[Residues], lead: tuple[int, ...]) -> FieldArray:
            return self.case_by_case(name, *ys) if lead else self.plainly(name, *ys)

        return self.each(name, xs, call)

    def neg(self, a: Residues) -> FieldArray:
        return self.elementwise("neg", a)

    def add(self, a: Residues, b: Residues) -> FieldArray:
        return self.elementwise("add", a, b)

    def sub(self, a: Residues, b: Residues) -> FieldArray:
        return self.elementwise("sub", a, b)

    def mul(self, a: Residues, b: Residues) -> FieldArray:
        return self.elementwise("mul", a, b)

    def maximum(self, a: Residues, b: Residues) -> FieldArray:
        _only_numbers(a, b)
        return self.elementwise("maximum", a, b)

    def logical_not(self, a: Residues) -> FieldArray:
        return self.elementwise("logical_not", a)

    def logical_and(self, a: Residues, b: Residues) -> FieldArray:
        return self.elementwise("logical_and", a, b)

    def logical_or(self, a: Residues, b: Residues) -> FieldArray:
        return self.elementwise("logical_or", a, b)

    def remainder(self, a: Residues, b: Residues, quotient: Residues) -> FieldArray:
        return self.elementwise("remainder", a, b, quotient)

    def sum(self, x: Residues) -> FieldArray:
        return self.over_last("sum", x)

    def prod(self, x: Residues) -> FieldArray:
        return self.over_last("prod", x)

    def max(self, x: Residues) -> FieldArray:
        _only_numbers(x)
        return self.over_last("max", x)

    def none_of(self, x: Residues) -> FieldArray:
        return self.over_last("none_of", x)

    # -- questions ---------------------------------------------------------------------------------

    def names(self, x: Residues) -> list[bytes]:
        return Field.names(self, whole(x))

    def agree(self, a: Residues, b: Residues) -> bool:
        return Field.agree(self, whole(a), whole(b))

    def may_be_zero(self, x: Residues) -> bool:
        return Field.may_be_zero(self, whole(x))

    def may_be_no_number(self, x: Residues) -> bool:
        return not bool(np.isfinite(_floats(x)).all())

    def may_be_minus_infinity(self, x: Residues) -> bool:
        return bool((_floats(x) == -np.inf).any())

    def numbers(self, *values: Residues) -> None:
        Field.numbers(self, *(x.cases if isinstance(x, Split) else x for x in values))


def _floats(x: Residues) -> np.ndarray:
    """The constants that a value is, in any case: as floats, none of what is no float."""
    known = (x.cases if isinstance(x, Split) else x).concrete
    return np.zeros(0) if known is None or known.dtype != np.float64 else known


def _only_numbers(*xs: Residues) -> None:
    """A table may hold a NaN. Rules that compare to say what a primitive is have not thought of
    that; the program's own comparisons are `ieee`."""
    if any(np.isnan(_floats(x)).any() for x in xs):
        raise Unsupported("an order of what is NaN in some case")


def _carried(
    found: FieldArray, xs: Sequence[Residues], plain: Callable[[list[Residues]], FieldArray]
) -> FieldArray:
    """The result of an operation; that of what is a maximum is the operation's of the maximum."""
    split = [x for x in xs if isinstance(x, Split)]
    table = as_split(found)
    if table is not None and not table.settled and all(x.settled for x in split):
        table._whole, table.settled = plain([whole(x) for x in xs]), True
    return found

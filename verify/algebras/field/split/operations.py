"""The operations of a trial on split values: case by case where all operands have one selector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from verify.algebras.field.split.selectors import Selectors
from verify.algebras.field.split.value import NOBODY, Split, along, behind_dot, joined, whole
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray


class Splitting(Selectors):
    """The operations of a trial (the class that comes after this one), on split values too."""

    def each(self, name: str, xs: Sequence[Any], call: Callable[..., Any]) -> Any:
        """Element by element; `call(xs, lead)` with the operands, and the axes before theirs."""
        if not any(isinstance(x, Split) for x in xs):
            return self.few(call(list(xs), ()))
        selector = joined(xs)
        if selector is None or self.width * selector.size > self.room:
            return self.few(call([whole(x) for x in xs], ()))
        found = self.made(call([self.spread(x) for x in xs], (self.width,)), selector)
        return _carried(found, xs, lambda ys: call(ys, ()))

    def over_last(self, name: str, x: Any, **options: Any) -> Any:
        if not isinstance(x, Split):
            return self.plainly(name, x, **options)
        selector = along(x)
        if selector is None:
            return self.plainly(name, x.whole, **options)
        if name == "winner":
            selector = np.broadcast_to(selector[..., None], x.shape)
        found = self.made(self.case_by_case(name, x.cases, **options), selector)
        return _carried(found, [x], lambda ys: self.plainly(name, *ys, **options))

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
        if not isinstance(x, Split):
            return self.plainly("reshape", x, shape)
        cases = self.plainly("reshape", x.cases, (self.width, *shape))
        found = Split(self, cases, x.selector.reshape(shape))
        return _carried(found, [x], lambda ys: self.plainly("reshape", ys[0], shape))

    def known_numbers(self, x: Any) -> tuple[np.ndarray, np.ndarray] | None:
        if not isinstance(x, Split):
            found: tuple[np.ndarray, np.ndarray] | None = self.plainly("known_numbers", x)
            return found
        cases = x.possible
        return None if cases is None else (cases[0], (cases == cases[:1]).all(axis=0))

    def pick(self, operands: Sequence[Any], index: np.ndarray) -> Any:
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

    def dot(self, a: Any, b: Any) -> Any:
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

    def select(self, which: Any, cases: Sequence[Any]) -> Any:
        return self.each(
            "select",
            [which, *cases],
            lambda xs, lead: self.plainly("select", xs[0], list(xs[1:])),
        )

    def cast(self, x: Any, dtype: Any) -> Any:
        return self.each("cast", [x], lambda xs, lead: self._cast(xs[0], dtype, bool(lead)))

    def _cast(self, x: FieldArray, dtype: Any, split: bool) -> FieldArray:
        return self.case_by_case("cast", x, dtype) if split else self.plainly("cast", x, dtype)

    def function(
        self, name: str, args: Sequence[Any], shape: tuple[int, ...], dtype: Any, params: Any = ()
    ) -> Any:
        def call(xs: list[Any], lead: tuple[int, ...]) -> Any:
            operation = self.case_by_case if lead else self.plainly
            return operation("function", name, xs, (*lead, *shape), dtype, params)

        return self.each("function", args, call)

    def compare(self, op: str, a: Any, b: Any) -> Any:
        return self.each("compare", [a, b], lambda xs, lead: self.plainly("compare", op, *xs))

    def winner(self, x: Any, *, last: bool = False) -> Any:
        if isinstance(x, Split):
            return self.over_last("winner", x, last=last)
        found = self.plainly("winner", x, last=last)
        return (
            found if self.inside_operation or found.concrete is not None else self.place(x, found)
        )

    def within(self, x: Any, low: int, high: int) -> Any:
        return self.each("within", [x], lambda xs, lead: self.plainly("within", xs[0], low, high))

    def observed(self, x: Any, where: str) -> Any:
        if isinstance(x, Split):  # (constants are machine numbers)
            return self.each("observed", [x], lambda xs, _: self.plainly("observed", xs[0], where))
        return self.plainly("observed", x, where)

    def div(self, a: Any, b: Any) -> Any:
        return self.each("div", [a, b], lambda xs, lead: self._div(xs[0], xs[1], bool(lead)))

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

    def names(self, x: Any) -> list[bytes]:
        return Field.names(self, whole(x))

    def agree(self, a: Any, b: Any) -> bool:
        return Field.agree(self, whole(a), whole(b))

    def may_be_zero(self, x: Any) -> bool:
        return Field.may_be_zero(self, whole(x))

    def numbers(self, *values: Any) -> None:
        Field.numbers(self, *(x.cases if isinstance(x, Split) else x for x in values))


def _carried(found: Any, xs: Sequence[Any], plain: Callable[[list[Any]], FieldArray]) -> Any:
    """The result of an operation; that of what is a maximum is the operation's of the maximum."""
    split = [x for x in xs if isinstance(x, Split)]
    if isinstance(found, Split) and not found.settled and all(x.settled for x in split):
        found._whole, found.settled = plain([whole(x) for x in xs]), True
    return found


def _each_of(name: str) -> Callable[..., Any]:
    def operation(self: Any, *xs: Any) -> Any:
        return self.each(
            name,
            xs,
            lambda ys, lead: (self.case_by_case if lead else self.plainly)(name, *ys),
        )

    return operation


def _last_of(name: str) -> Callable[..., Any]:
    def operation(self: Any, x: Any) -> Any:
        return self.over_last(name, x)

    return operation


for _name in ("neg", "add", "sub", "mul", "maximum", "logical_not", "logical_and", "logical_or"):
    setattr(Splitting, _name, _each_of(_name))
Splitting.remainder = _each_of("remainder")
for _name in ("sum", "prod", "max", "none_of"):
    setattr(Splitting, _name, _last_of(_name))

"""Where selectors come from, and what a table is once it is written out."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.field import mixing, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.patterns import NOTHING, Origin
from verify.algebras.field.split.places import Places
from verify.algebras.field.split.value import NOBODY, Residues, Split, Wider, table_of, whole
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray
from verify.algebras.numeric import Bounded, Numeric
from verify.dtypes import is_integer, is_kind

MOST = 64  # values of a number that comes up on the way
LARGEST = 1 << 16  # elements of all cases of a value
RESIDUES = 1 << 21  # of all its elements


if TYPE_CHECKING:
    Trial = Field
else:  # mixed into a trial: its operations come after these classes (`Splitting.plainly`)
    Trial = object


class Selectors(Trial):
    """The selectors of a trial, the class that comes after this one."""

    width: int  # K
    room: int  # elements that the cases of a value may have
    selectors: int
    indicators: list[FieldArray]  # (selectors, K) each, as many as there are
    known: dict[bytes, int]  # the selectors of numbers that came up on the way, by what they are
    inside_operation: bool
    places: Places

    def prepare(self, width: int) -> None:
        self.width, self.selectors, self.known = width, 0, {}
        self.room = min(LARGEST, RESIDUES // len(self.m))
        self.indicators, self.inside_operation, self.places = [], False, Places()

    # -- selectors ---------------------------------------------------------------------------------

    def split_input(self, x: FieldArray, values: np.ndarray) -> FieldArray:
        """An input whose elements have no values but these: (values, *shape), in x's dtype."""
        size, width = int(np.prod(x.shape)), self.width
        free = Field.random(self, (size, width - 1), np.dtype(np.float64))
        rest = residues.reduce(1 - residues.total(free.rows, self.m), self.m)
        rows = np.concatenate([free.rows, rest[..., None]], axis=-1)
        first = self._enlist(self._indicators(rows, Growth(1.0, float(width)), NOTHING))
        cases = values[np.minimum(np.arange(width), len(values) - 1)]
        selector = first + np.arange(size).reshape(x.shape)
        return table_of(self, self.lift(np.ascontiguousarray(cases), x.dtype), selector)

    def _indicators(self, rows: np.ndarray, growth: Growth, origin: object) -> FieldArray:
        """(n, K) of them: each is 0 or 1, and they are no analytic functions of anything."""
        known, kind = replace(growth, analytic=False), np.dtype(np.float64)
        return FieldArray(self, rows.shape[1:], kind, known, rows, nonnegative=True, origin=origin)

    def _enlist(self, indicators: FieldArray) -> int:
        """The number of the first of new selectors."""
        first = self.selectors
        self.indicators.append(indicators)
        self.selectors += indicators.shape[0]
        return first

    def _on_the_way(self, names: list[bytes], indicators: FieldArray) -> np.ndarray:
        """The selectors of these names; (names, K) indicators, of which those of new ones count."""
        new: dict[bytes, int] = {}
        for n, name in enumerate(names):
            if name not in self.known:
                new.setdefault(name, n)
        if new:
            index = np.array(list(new.values()))[:, None] * self.width + np.arange(self.width)
            first = self._enlist(self.plainly("pick", [indicators], index))
            self.known.update({name: first + i for i, name in enumerate(new)})
        return np.array([self.known[name] for name in names], np.int64)

    def few(self, x: FieldArray) -> FieldArray:
        """An integer that a rule keeps in a small interval low .. high, as a selector.

        Its indicators are unknown functions of it, but for two: sum D_j = 1 and sum v_j D_j = x.
        """
        if self.inside_operation or not isinstance(x, FieldArray) or x.concrete is not None:
            return x
        if not is_integer(x.dtype) or x.bounds is None or not machine.fits(x.bounds, x.dtype):
            return x
        low, high = x.bounds
        count, size = high - low + 1, int(np.prod(x.shape))
        if self.mode.assuming or self.mode.patterns:  # (where each use counts)
            return x
        if not 2 <= count <= MOST or not 0 < count * size <= self.room:
            return x
        self._need(count)
        m, flat = self.m, x.rows.reshape(len(self.m), -1)
        rows = np.zeros((len(m), size, self.width), np.int64)
        state = self.digest(flat)
        for j in range(count - 2):
            rows[..., j] = mixing.expand(mixing.combine(state, tag=("few", low + j)), m)
        self.atoms += size * count
        # The last two: a + b = 1 - s and (high - 1) a + high b = x - t.
        values = np.arange(low, low + self.width)
        products = residues.multiply(rows, residues.from_integers(values, m)[:, None], m)
        missing = residues.reduce(1 - residues.total(rows, m), m)
        left = residues.reduce(flat - residues.total(products, m), m)
        below = residues.multiply(residues.from_integers(np.array([high - 1]), m), missing, m)
        rows[..., count - 1] = residues.reduce(left - below, m)
        rows[..., count - 2] = residues.reduce(missing - rows[..., count - 1], m)
        growth = x.growth.plus(Growth(1.0, 64.0 + count))
        names = [name + f"{low}:{high}".encode() for name in self.names(x)]
        selector = self._on_the_way(names, self._indicators(rows, growth, NOTHING))
        table = np.minimum(values, high).reshape(-1, *(1,) * len(x.shape))
        cases = np.broadcast_to(table, (self.width, *x.shape)).astype(x.dtype)
        return table_of(self, self.lift(cases, x.dtype), selector.reshape(x.shape))

    def _need(self, count: int) -> None:
        if count > self.width:
            raise Wider(count)

    def place(self, x: FieldArray, weights: FieldArray) -> FieldArray:
        """The place of a maximum of x, as a selector: (..., S) weights of which one is 1."""
        size, lead = weights.shape[-1], weights.shape[:-1]
        count = int(np.prod(lead))
        if not 2 <= size <= MOST or not 0 < size * size * count <= self.room:
            return weights
        self._need(size)
        zero = self.lift(np.zeros((1,)), weights.dtype)
        column = np.arange(self.width)
        index = np.where(column < size, np.arange(count)[:, None] * size + column, count * size)
        if is_integer(weights.dtype):
            zero = self.lift(np.zeros((1,), weights.dtype), weights.dtype)
        padded = self.plainly("pick", [weights, zero], index)
        indicators = self._indicators(padded.rows, padded.growth, padded.origin)
        members = self.digest(padded.rows)
        state = mixing.combine(*np.moveaxis(members, -1, 0), tag="place")
        names = [column.tobytes() for column in np.ascontiguousarray(state.T)]
        if self.mode.decides:  # what is the same in all rows is one place if it rests on the same
            marks = np.bitwise_or.reduce(self.marks_of(weights).reshape(count, size, -1), axis=1)
            names = [name + own.tobytes() for name, own in zip(names, marks, strict=True)]
        numbers = self._on_the_way(names, indicators)
        # (Residues are those of the expressions, a maximum is that of the machine's integers.)
        fits = not is_integer(x.dtype) or (x.bounds is not None and machine.fits(x.bounds, x.dtype))
        if fits and not self.mode.decides and not x.growth.logs:
            lanes = x.rows.reshape(len(self.m), count, size)
            most = self.plainly("max", x).rows.reshape(len(self.m), count)
            self.places.note(numbers, lanes[..., np.minimum(column, size - 1)], most)
        numbers = numbers.reshape(*lead, 1)
        selector = np.broadcast_to(numbers, weights.shape).copy()
        chosen = np.minimum(column, size - 1)
        table = (chosen[:, None] == np.arange(size)).reshape(self.width, *(1,) * len(lead), size)
        kind = weights.dtype if is_integer(weights.dtype) else np.float64
        cases = np.broadcast_to(table, (self.width, *weights.shape)).astype(kind)
        return table_of(self, self.lift(cases, weights.dtype), selector)

    # -- tables ------------------------------------------------------------------------------------

    def written_out(self, x: Split) -> FieldArray:
        """sum_j D_j (case j), in x's dtype."""
        size, width = int(np.prod(x.shape)), self.width
        index = np.arange(width) * size + np.arange(size).reshape(*x.shape, 1)
        cases = self.plainly("pick", [x.cases], index)
        numbers = _as_float(self, cases)
        first = np.zeros((1, width))
        first[0, 0] = 1.0
        nobody = self.lift(first)  # all cases are the first one
        which = np.where(x.selector == NOBODY, self.selectors, x.selector)
        weights = self.plainly(
            "pick", [*self.indicators, nobody], which[..., None] * width + np.arange(width)
        )
        total = self.plainly("sum", self.plainly("mul", weights, numbers))
        rows = total.rows
        if self.places.known and not cases.growth.logs:
            table = cases.rows.reshape(len(rows), size, width)
            largest = self.places.largest(self, x.selector.reshape(-1), table)
            for n, found in largest.items():
                rows = rows.copy() if rows is total.rows else rows
                rows.reshape(len(rows), size)[:, n] = found
            x.settled = len(largest) == np.count_nonzero(x.selector != NOBODY)
        return FieldArray(
            self,
            x.shape,
            x.dtype,
            total.growth,
            rows,
            nonnegative=x.nonnegative,
            bounds=x.bounds,
            origin=Origin("each", (total,), []),
        )

    def spread(self, x: Residues) -> FieldArray:
        """(K, *shape): the cases of any value."""
        if isinstance(x, Split):
            return x.cases
        size = int(np.prod(x.shape))
        index = np.broadcast_to(np.arange(size).reshape(x.shape), (self.width, *x.shape))
        return self.plainly("pick", [x], index)

    def made(self, cases: FieldArray, selector: np.ndarray) -> FieldArray:
        """A split value, or the plain one that it is."""
        if (selector == NOBODY).all():
            size = int(np.prod(selector.shape))
            return self.plainly("pick", [cases], np.arange(size).reshape(selector.shape))
        if cases.concrete is not None and selector.size:
            same = (cases.concrete == cases.concrete[:1]).all(axis=0)
            selector = np.where(same, NOBODY, selector)
            if same.all():
                return self.lift(cases.concrete[0], cases.dtype)
        found = table_of(self, cases, selector)
        if self.places.known and is_kind(cases.dtype, np.floating):
            with contextlib.suppress(Unsupported):  # of infinities
                _ = whole(found)  # which may be known to be a maximum
        return found

    def plainly(self, name: str, *args: object, **options: object) -> FieldArray:
        """An operation of the trial on values that are not split."""
        before, self.inside_operation = self.inside_operation, True
        try:
            return getattr(super(), name)(*args, **options)
        finally:
            self.inside_operation = before

    def constant(self, name: str, *args: object, **options: object) -> FieldArray | None:
        """The result of an operation on constants where that is an exact number."""
        flat = [x for arg in args for x in (arg if isinstance(arg, list) else [arg])]
        known = [x.concrete for x in flat if isinstance(x, FieldArray)]
        arrays = [array for array in known if array is not None]
        if not known or len(arrays) < len(known):
            return None
        to_integer = any(isinstance(arg, np.dtype) and is_integer(arg) for arg in args)
        if name == "cast" and is_integer(arrays[0].dtype) and not to_integer:
            return None  # what it loses has to be said
        if any(is_kind(array.dtype, np.floating) and np.isinf(array).any() for array in arrays):
            return None
        numeric = Numeric()

        def lifted(x: object) -> object:
            if isinstance(x, list):
                return [lifted(one) for one in x]
            return numeric.lift(np.asarray(x.concrete), x.dtype) if isinstance(x, FieldArray) else x

        try:
            result = getattr(numeric, name)(*map(lifted, args), **options)
        except Unsupported:
            return None
        if not isinstance(result, Bounded) or result.concrete is None:
            return None
        return self.lift(result.concrete, result.dtype)

    def case_by_case(self, name: str, *args: object, **options: object) -> FieldArray:
        found = self.constant(name, *args, **options)
        return self.plainly(name, *args, **options) if found is None else found


def _as_float(field: Trial, x: FieldArray) -> FieldArray:
    """The same residues as real numbers."""
    kind, known = np.dtype(np.float64), x.nonnegative
    return FieldArray(field, x.shape, kind, x.growth, x.rows, nonnegative=known, origin=x.origin)

"""The search before a proof: hundreds of inputs at the price of a few.

Verify's numbers evaluate both programs at many rows at once (`algebras/numeric_rows.py`). What a
row suggests counts only after it has been evaluated alone (`Comparison.at`), so that the batch need
not be trusted. How many rows there are depends on the programs alone, never on the clock:

* up to 512 small and plain ones, and wild ones (`rows.py`) unless both programs are polynomials;
* as many again at the crossings of the programs' comparisons, interpolated between rows on either
  side of one, with their neighbours;
* where a function has no value somewhere that no row has met, rows that go there (`edges.py`), and
  where all rows are on one side of a decision, rows on the other (`slopes.py`);
* every value of single integers of 8 bits, alone and in pairs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.numeric_rows import Row
from verify.algebras.numeric_value import Bounded
from verify.counterexample.confirm import Comparison, Inputs, Witness, margins
from verify.counterexample.drawing import interesting
from verify.counterexample.edges import Edges, toward
from verify.counterexample.held import fit
from verify.counterexample.many import SUMS, evaluated
from verify.counterexample.positive import never_reached
from verify.counterexample.rows import every_narrow_value, every_value, rows
from verify.counterexample.slopes import Sides, down
from verify.counterexample.undefined import one_sided
from verify.dtypes import is_integer, is_kind
from verify.evaluate import Observe
from verify.programs import Equation, Program, Var, part_of
from verify.programs.catalogue import Fact, having

_ROWS, _FEWEST = 512, 8
_ELEMENTS = 2**12  # that both programs compute over all rows of a batch
_LARGE = 100_000  # elements: programs with more have few inputs tried one by one
_LONG = 2_000  # equations, those in loops counted each time
_EVERY = 2**20  # elements that may be computed to try every value
_ALONE = 20  # inputs, twice, where rows cannot be evaluated together
_TRIED, _TRIED_UNDEFINED = 6, 3  # rows of a batch
_DECISIONS = having(Fact.COMPARES)  # what jumps; maxima do not
_SAMPLED, _CROSSINGS = 4, 48  # elements of one decision; rows at crossings

# What polynomials are made of: if they differ, then at small numbers.
_POLYNOMIAL = having(Fact.LINEAR, but=Fact.CASTS | Fact.COLLECTIVE) | having(Fact.BILINEAR)
_POLYNOMIAL |= {"square", "iota"}


def before_proof(comparison: Comparison, rng: np.random.Generator) -> Iterator[Witness]:
    """Differences among the inputs that are worth trying before two programs are called equal."""
    left, right = comparison.left, comparison.right
    size = left.size() + right.size() + sum(int(np.prod(v.shape)) for v in left.inputs)
    if not left.inputs or size > _LARGE or comparison.steps > _LONG:
        return
    special = interesting(comparison.constants())
    count = int(min(_ROWS, max(_FEWEST, _ELEMENTS // max(1, size))))
    batch = _Batch(comparison)
    try:
        for drawn in map(comparison.rows, _drawn(comparison, special, rng, count)):
            yield from batch.differences(drawn)
            edges, sides = batch.edges, batch.sides
            crossing = batch.crossings(drawn, rng)
            if crossing is not None:
                yield from batch.differences(comparison.rows(crossing))
            for nearer in batch.toward_edges(drawn, edges, rng):
                yield from batch.differences(comparison.rows(nearer))
            for beyond in batch.down_slopes(drawn, sides, edges, rng):
                yield from batch.differences(comparison.rows(beyond))
        every = every_value(left.inputs)
        if every is None or len(every[0]) * size > _EVERY:
            every = every_narrow_value(left.inputs, special, rng)
        if every is not None and len(every[0]) * size <= _EVERY:
            yield from batch.differences(comparison.rows(every))
    except Unsupported:  # a number that differs between rows is one that a rule must know
        for drawn in map(comparison.rows, _drawn(comparison, special, rng, min(count, _ALONE))):
            for row in range(len(drawn[0])):
                witness = comparison.at([np.asarray(x[row]) for x in drawn])
                if witness is not None:
                    yield witness


def differences(comparison: Comparison, drawn: Inputs) -> Iterator[Witness]:
    """Confirmed differences among rows of inputs; none where rows cannot be evaluated together."""
    try:
        yield from _Batch(comparison).differences(comparison.rows(drawn))
    except Unsupported:
        return


def _drawn(
    comparison: Comparison, special: np.ndarray, rng: np.random.Generator, count: int
) -> Iterator[Inputs]:
    """Plain rows and wild ones: together where nothing is summed, as fewer batches cost less."""
    variables = comparison.left.inputs
    names = comparison.left.primitives() | comparison.right.primitives()
    if not names & SUMS:
        both = [rows(variables, special, rng, count, plain=plain) for plain in (True, False)]
        yield [np.concatenate(pair) for pair in zip(*both, strict=True)]
        return
    yield rows(variables, special, rng, count, plain=True)
    if not names <= _POLYNOMIAL:
        yield rows(variables, special, rng, count, plain=False)


def edge_rows(comparison: Comparison, drawn: Inputs, rng: np.random.Generator) -> Iterator[Inputs]:
    """Rows nearer to where a function of the programs has no value than any of those drawn, or on
    the other side of a decision. Raises Unsupported as `evaluated` does."""
    batch = _Batch(comparison)
    batch.evaluate(drawn)
    edges, sides = batch.edges, batch.sides
    for nearer in batch.toward_edges(drawn, edges, rng):
        yield comparison.rows(nearer)
    for beyond in batch.down_slopes(drawn, sides, edges, rng):
        yield comparison.rows(beyond)


class _Batch:
    """Two programs of many rows."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison, self.count = comparison, 0
        self.programs = [comparison.left, comparison.right]
        self.gaps: list[np.ndarray] = []  # of the decisions: a row a row
        self.sides = Sides()  # of the decisions, on which the rows are
        self.edges = Edges(0)  # how far the rows are from where a function has no value

    def differences(self, drawn: Inputs) -> Iterator[Witness]:
        """Confirmed by verify's numbers, row by row."""
        left, right = self.evaluate(drawn)
        if not self.count:
            return
        suspects: dict[int, None] = {}
        margin = np.zeros(self.count)
        for a, b in zip(left, right, strict=True):
            found = margins(a, b).reshape(self.count, -1).max(axis=1, initial=0.0)
            margin = np.maximum(margin, found)
        hits = np.argsort(-margin, kind="stable")[: int((margin > 0).sum())]
        suspects.update(dict.fromkeys(hits[:_TRIED].tolist()))
        for _, _, where in one_sided(left, right, left_only=self.comparison.lenient):
            open_ = np.flatnonzero(where.reshape(self.count, -1).any(axis=1))
            # First where no number is special: what is undefined there, is so around it.
            order = np.argsort(special_numbers(drawn)[open_], kind="stable")
            suspects.update(dict.fromkeys(open_[order][:_TRIED_UNDEFINED].tolist()))
        for row in suspects:
            witness = self.comparison.at([np.asarray(x[row]) for x in drawn])
            if witness is not None:
                yield witness

    def evaluate(self, drawn: Inputs) -> tuple[list[Bounded], list[Bounded]]:
        self.gaps, self.count, self.edges = [], len(drawn[0]), Edges(len(drawn[0]))
        self.sides = Sides()
        if not self.count:
            return [], []
        one, two = (
            evaluated(program, drawn, self._observe)
            for program in (self.comparison.left, self.comparison.right)
        )
        return one, two

    @functools.cached_property
    def size(self) -> int:
        """Elements that both programs compute for a row."""
        return sum(program.size() for program in self.programs)

    @functools.cached_property
    def safe(self) -> frozenset[int]:
        """The equations at whose edge no input is."""
        return frozenset().union(*map(never_reached, self.programs))

    def part(self, equation: int) -> list[Program]:
        """What leads to an equation; all of both programs, if it is in a body of one."""
        for program in self.programs:
            found = next((e for e in program.equations if id(e) == equation), None)
            if found is not None:
                return [part_of(program, found.outputs)]
        return self.programs

    def seen(self, edge: int) -> Callable[[Inputs], Edges]:
        """What says how far rows are from an edge. Only what leads there is evaluated."""
        programs = self.part(edge)

        def evaluate(drawn: Inputs) -> Edges:
            edges = Edges(len(drawn[0]))
            _observed(programs, drawn, lambda e, operands, _: edges.observe(e, operands))
            return edges

        return evaluate

    def down_slopes(
        self, drawn: Inputs, sides: Sides, edges: Edges, rng: np.random.Generator
    ) -> Iterator[Inputs]:
        """Rows on the other side of decisions, and of edges, that all rows are on one side of."""
        more = {edge: room for edge, room in edges.each.items() if edge not in self.safe}
        sides = Sides({**sides.gaps, **more}, sides.strict)

        def leading_to(equation: int) -> Callable[[Inputs, Observe], None]:
            return functools.partial(_observed, self.part(equation))

        return down(self.comparison.left.inputs, drawn, sides, leading_to, rng, self.size)

    def toward_edges(
        self, drawn: Inputs, edges: Edges, rng: np.random.Generator
    ) -> Iterator[Inputs]:
        """Rows nearer to where a function has no value than any of those drawn."""
        inputs = self.comparison.left.inputs
        return toward(inputs, drawn, edges, self.seen, rng, self.size, self.safe)

    def _observe(self, equation: Equation, operands: list[Value], _: list[Value]) -> None:
        """Remembers how far apart the operands of decisions are, row by row."""
        self.edges.observe(equation, operands)
        if equation.primitive not in _DECISIONS:
            return
        arrays = [x.inner.value for x in operands if isinstance(x, Row)]
        if len(arrays) < len(operands):  # complex numbers, keys
            return
        with np.errstate(all="ignore"):
            gap = _column(_by_rows(arrays[0], arrays[1]) - _by_rows(arrays[1], arrays[0]))
        if len(gap) == self.count:
            self.gaps.append(np.nan_to_num(gap))
            self.sides.observe(equation, gap)

    def crossings(self, drawn: Inputs, rng: np.random.Generator) -> Inputs | None:
        """Rows where a decision is on its edge, if it is linear between two of the drawn rows."""
        if not self.gaps:
            return None
        gaps = np.concatenate(self.gaps, axis=1)
        below, above = gaps < 0, gaps > 0
        crossed = np.flatnonzero(below.any(axis=0) & above.any(axis=0))
        if not len(crossed):
            return None
        column = np.resize(np.repeat(rng.permutation(crossed), 4), _CROSSINGS)
        one, two = (self._either(side, gaps, column, rng) for side in (below, above))
        share = gaps[one, column] / (gaps[one, column] - gaps[two, column])
        pairs = zip(self.comparison.left.inputs, drawn, strict=True)
        return [_between(v, x[one], x[two], share) for v, x in pairs]

    def _either(
        self, side: np.ndarray, gaps: np.ndarray, column: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """A row on that side of each decision: half of the time the one that is nearest to the
        edge, as decisions are linear nearby at best, and any of them else."""
        nearest = np.where(side, np.abs(gaps), np.inf)[:, column].argmin(axis=0)
        order = rng.permutation(self.count)
        other = order[side[order][:, column].argmax(axis=0)]
        return np.where(np.arange(len(column)) % 8 < 4, nearest, other)


def _observed(programs: Sequence[Program], drawn: Inputs, observe: Observe) -> None:
    for program in programs if len(drawn[0]) else ():
        evaluated(program, drawn, observe)


def _between(v: Var, one: np.ndarray, two: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Rows between rows; of four, one lies a step above the edge and one a step below."""
    count = len(part)
    wide = Var((count, *v.shape), v.dtype)
    if v.dtype == np.bool_:
        return np.where((part < 0.5).reshape(count, *[1] * len(v.shape)), one, two)
    column = part.reshape(count, *[1] * len(v.shape))
    with np.errstate(all="ignore"):
        middle = one * (1 - column) + two * column
    steps = np.resize([0.0, 1.0, -1.0, 0.0], count).reshape(column.shape)
    if is_integer(v.dtype):
        return fit(wide, np.rint(middle) + steps)
    if is_kind(v.dtype, np.complexfloating):
        return fit(wide, middle)
    return fit(wide, middle + steps * 2.0**-20 * np.maximum(np.abs(middle), 1e-3))


def special_numbers(drawn: Inputs) -> np.ndarray:
    """How many multiples of 1/2 there are among the floats of each row."""
    counts = np.zeros(len(drawn[0]))
    for x in drawn:
        if is_kind(x.dtype, np.inexact):
            with np.errstate(over="ignore"):
                twice = 2 * x
            counts = counts + (twice == np.rint(twice.real)).reshape(len(x), -1).sum(axis=1)
    return counts


def _by_rows(array: np.ndarray, other: np.ndarray) -> np.ndarray:
    """As floats (booleans have no difference, and unsigned integers wrap), with axes of size one
    behind that of the rows, so that it broadcasts with the other."""
    missing = max(other.ndim - array.ndim, 0)
    wide = array.astype(np.float64, copy=False)
    return wide.reshape(len(array), *(1,) * missing, *array.shape[1:])


def _column(array: np.ndarray) -> np.ndarray:
    """The first few elements of each row."""
    return array.reshape(len(array), -1)[:, :_SAMPLED]

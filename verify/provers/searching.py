"""The searches for a counterexample of one question, and what they remember of one another."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TypedDict, Unpack

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field import NO_TIES
from verify.counterexample import (
    Comparison,
    Witness,
    agreed,
    before_proof,
    differ_by_jax,
    inhabited,
    search,
    shrink,
    unordered,
)
from verify.counterexample.as_it_is import somewhere_exact
from verify.counterexample.batch import differences
from verify.dtypes import PyTree
from verify.limits import budget
from verify.preconditions.gates import behind_gates
from verify.primitives.indexing import SAME_INDEX
from verify.primitives.powers import POWERS
from verify.provers.outcome import Open
from verify.provers.refutation import by_witness
from verify.verdict import Verdict

_LARGE = 1_000_000  # array elements that a program computes
_FEW, _SECOND, _TIES, _MANY = 3, 3, 40, 400  # inputs tried
# Units of work (`limits/budget.py`): about 1e8 a second.
_GLANCE_WORK = 1e8
_SEARCH_WORK = 8e8
_SHRINK_WORK = 1.5e9
_DOUBT_WORK, _DOUBT_AT_LEAST = 5e8, 4
_MOST_REJECTED = 5  # differences that JAX does not confirm, before a search ends


class Options(TypedDict, total=False):
    """Of `counterexample.search`."""

    skip: int
    directed: bool
    overflow: bool
    powers: bool
    at_least: int


class Search:
    """Looks for inputs at which two programs differ.

    possible: whether the programs can be evaluated at concrete inputs. disagreement: what JAX says
    of the last difference that it did not confirm: while there is one, nothing is proved.
    """

    def __init__(
        self, comparison: Comparison, examples: PyTree, names: list[str], rng: np.random.Generator
    ) -> None:
        self.comparison, self.examples, self.names, self.rng = comparison, examples, names, rng
        self.possible, self.disagreement = True, ""
        self.rejected = 0  # how many differences JAX did not confirm
        self.made = False  # whether the search before a proof has been
        self._inhabited: dict[bool, bool] = {}  # by whether nothing may overflow

    def glance(self) -> Verdict | Open | None:
        """A few evaluations: most differences show at once. One for large programs, at weights:
        small integers overflow the exponentials of a deep network."""
        programs = (self.comparison.left, self.comparison.right)
        large = max(program.size() for program in programs) > _LARGE
        skip, at_least = (1, 1) if large else (0, 2)
        return self.look("exact evaluation", _FEW, _GLANCE_WORK, skip=skip, at_least=at_least)

    def second_glance(self) -> Verdict | Open | None:
        """A few more, once the programs are known to differ as terms: cheaper than more laws."""
        most = _FEW + _SECOND
        return self.look("exact evaluation", most, _GLANCE_WORK, skip=_FEW, at_least=_SECOND)

    def directed(self) -> Verdict | Open | None:
        """A long one, aimed at the programs' constants and comparisons."""
        return self.look(
            "a directed search", _MANY, _SEARCH_WORK, skip=_FEW + _SECOND, directed=True
        )

    def look(
        self, name: str, most: int, work: float, **options: Unpack[Options]
    ) -> Verdict | Open | None:
        """As `counterexample.search`; open where the programs cannot be evaluated."""
        if not self.possible:
            return None
        try:
            return self.first(search(self.comparison, self.rng, work, most, **options), name)
        except Unsupported as error:
            self.possible = False
            return Open(str(error))

    def where_assumptions_fail(self, assumptions: Iterable[str]) -> Verdict | Open | None:
        """On ties, where integers overflow, where a negative number has a power: whatever a proof
        leaves out."""
        known = set(assumptions)
        ties = NO_TIES in known
        overflow = any("overflow" in sentence for sentence in known) or SAME_INDEX in known
        powers = POWERS in known
        if not (ties or overflow or powers):
            return None
        return self.look(
            "a search where the proof's assumptions fail",
            _TIES if ties else _FEW,
            _DOUBT_WORK,
            skip=_FEW - 1,
            at_least=_DOUBT_AT_LEAST,
            overflow=overflow,
            powers=powers,
            directed=ties,
        )

    def many(self) -> Verdict | None:
        """Of the search before a proof what there is to refute."""
        return self.before_proof() if self.possible else None

    def before_proof(self) -> Verdict | None:
        """Dozens of inputs, aimed at the programs' constants, guards and widths, whatever the proof
        says: a proof by a method that is wrong is not given where they show a difference."""
        if self.made:
            return None
        self.made = True
        if not self.possible:
            found = differ_by_jax(self.comparison, self.rng)
            return None if found is None else Verdict("unknown", reason=found)
        return self.first(self._before_proof(), "a search before the proof")

    def _before_proof(self) -> Iterator[Witness]:
        yield from before_proof(self.comparison, self.rng)
        for drawn in behind_gates(self.comparison, self.rng):
            yield from differences(self.comparison, drawn)

    def first(self, witnesses: Iterable[Witness], name: str) -> Verdict | None:
        """The first difference that JAX confirms; after some that it denies, there is none."""
        for witness in witnesses:
            verdict = self.refuted(witness, name)
            if verdict is not None or self.rejected >= _MOST_REJECTED:
                return verdict
        return None

    def refuted(self, witness: Witness, method: str) -> Verdict | None:
        """With a small counterexample that JAX confirms; None if it confirms none."""
        with budget.apart():  # most of it is XLA's compilation, of one operation after the other
            found = agreed(self.comparison, witness)
        if isinstance(found, str):
            self.disagreement, self.rejected = found or self.disagreement, self.rejected + 1
            return None
        try:
            small = shrink(self.comparison, witness, _SHRINK_WORK)
            with budget.apart():
                again = agreed(self.comparison, small)
        except budget.OutOfTime:
            again = "the seconds were over"
        best = found if isinstance(again, str) else again
        return by_witness(self.comparison, best, self.examples, self.names, method)

    def without_values(self) -> Verdict | None:
        """What JAX has to say where something is compared that has no value."""
        if not self.possible:
            return None
        more = behind_gates(self.comparison, self.rng)
        found = unordered(self.comparison, self.rng, more)
        if found is None:
            return None
        if found.witness is None:
            return Verdict("unknown", reason=found.text)
        method = "JAX's evaluation where what is compared has no value"
        return by_witness(self.comparison, found.witness, self.examples, self.names, method)

    def refuted_without_values(self) -> Verdict | None:
        """The same before the long search, which may take all the seconds."""
        found = self.without_values()
        return found if found is not None and found.status == "refuted" else None

    def inhabited(self, *, unwrapped: bool) -> bool:
        """Whether an input is found at which both programs have values, and no integer wraps."""
        if unwrapped not in self._inhabited:
            found = inhabited(self.comparison, self.rng, _DOUBT_WORK, unwrapped=unwrapped)
            self._inhabited[unwrapped] = found
        return self._inhabited[unwrapped]

    @functools.cached_property
    def exact_somewhere(self) -> bool:
        """Whether at some input the machine's numbers whose bits are looked at are real ones."""
        return somewhere_exact(self.comparison, self.rng)

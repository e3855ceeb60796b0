"""One question on its way through the portfolio: two programs, and what is known of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import cast

import numpy as np

from verify.algebras.guarded.large import has_large
from verify.constants import rewriting
from verify.counterexample import Comparison
from verify.dtypes import PyTree, is_integer
from verify.interpretation.proof import TARGET, turns
from verify.interpretation.trial import Told
from verify.preconditions.condition import Precondition
from verify.programs import Program
from verify.programs.catalogue import Fact, having
from verify.provers.outcome import Known
from verify.provers.searching import Search
from verify.provers.trace import Trace

_SMALL = 20_000  # array elements that both programs compute

# Primitives to which a large negative number is as good as minus infinity.
_SINK = having(Fact.EXPONENTIAL, Fact.POSITIVE, but=Fact.EVEN) | {"reduce_max", "argmax"}

# Primitives that choose one of several values.
_CHOICES = having(Fact.COMPARES) | having(Fact.ORDERS) | having(Fact.CHOOSES)

# Primitives that branches know beside choices.
_ROOTS = having(Fact.ROOT) | having(Fact.LOGARITHM)
_STEPS = having(Fact.JUMPS)
# Made of one function that increases, or never falls.
_INCREASING = having(Fact.INCREASING) | _STEPS | {"rsqrt", "pow"}
# Primitives whose results may be integers of few values.
_FEW_VALUES = frozenset(("lu", "argmax", "argmin", "rem", "clamp", "and", "top_k", "sign"))


class Question:
    """Whether the two programs of a comparison are the same function.

    examples, names: the user's examples, and what their arrays are called. Everything that is
    drawn for it is drawn from `rng`.
    """

    def __init__(
        self,
        comparison: Comparison,
        examples: PyTree,
        names: list[str],
        rng: np.random.Generator,
        trace: Trace | None = None,
    ) -> None:
        self.trace = Trace() if trace is None else trace
        self.comparison, self.examples, self.names, self.rng = comparison, examples, names, rng
        self.left, self.right = comparison.left, comparison.right
        self.given = cast(Precondition | None, comparison.given)
        self.search = Search(comparison, examples, names, rng)
        self.known = Known()
        self.target = TARGET  # error probability of a proof

    def beside(self, left: Program, right: Program, given: Precondition | None) -> Question:
        """The same question of other programs; a search before a proof is one among those as they
        are."""
        comparison = Comparison(left, right, given=given)
        trace = self.trace.within()
        other = Question(comparison, self.examples, self.names, self.rng, trace)
        other.search.made, other.target = True, self.target
        return other

    @functools.cached_property
    def readings(self) -> list[tuple[rewriting.Read, Question]]:
        """The programs with rounded constants as they are read, and what a proof of them assumes:
        all constants; then only those that one program has and the other has not."""
        if not self.comparison.lenient_literals:
            return []
        found, numbers = [], self.comparison.numbers
        for all_of_them in (True, False) if numbers.common else (True,):
            known = rewriting.read(self.left, self.right, numbers, all_of_them=all_of_them)
            if known is not None:
                found.append((known, self.beside(known.left, known.right, self.given)))
        return found

    def draw(self) -> int:
        return int.from_bytes(self.rng.bytes(16))

    @property
    def programs(self) -> tuple[Program, Program]:
        return self.left, self.right

    @property
    def told(self) -> Told | None:
        """What tells a trial which inputs count; None where all do."""
        return None if self.given is None else self.given.told(self.left, self.right)

    def has(self, primitives: frozenset[str]) -> bool:
        """Whether one of these primitives is in a program."""
        return any(program.primitives() & primitives for program in self.programs)

    @functools.cached_property
    def chooses(self) -> bool:
        """Whether there is something to choose."""
        return self.takes_masks or self.has(_CHOICES)

    @functools.cached_property
    def decides(self) -> bool:
        """Whether there is something to choose or to round, so that a number decides a step."""
        casts = (
            is_integer(e.outputs[0].dtype) and not is_integer(e.inputs[0].dtype)
            for program in self.programs
            for e in program.every_equation()
            if e.primitive == "convert_element_type"
        )
        return self.chooses or self.has(_STEPS | {"nextafter"}) or any(casts)

    @property
    def takes_roots_or_steps(self) -> bool:
        return self.has(_ROOTS | _STEPS)

    @property
    def takes_masks(self) -> bool:
        """Whether there are truth values among the inputs."""
        return any(v.dtype == np.bool_ for v in self.left.inputs)

    @property
    def takes_integers(self) -> bool:
        return any(is_integer(v.dtype) for v in self.left.inputs)

    @functools.cached_property
    def small(self) -> bool:
        """Whether the programs are small enough to be taken branch by branch."""
        return self.left.size() + self.right.size() <= _SMALL

    @functools.cached_property
    def turns(self) -> bool:
        """Whether there are sines and cosines."""
        return turns(self.left) or turns(self.right)

    @functools.cached_property
    def has_few(self) -> bool:
        """Whether a number in the programs may have few values."""
        read = None if self.given is None else self.given.reading
        told = read is not None and bool(read.values)
        return self.has(_FEW_VALUES) or self.takes_integers or self.takes_masks or told

    @functools.cached_property
    def has_masks(self) -> bool:
        """Whether masks, or numbers of few values, are among the inputs, and the programs small."""
        few = self.given is not None and self.given.has_few_values
        return (self.takes_masks or few) and self.small

    @functools.cached_property
    def eliminates(self) -> bool:
        """Whether a matrix has factors whose pivots a proof has to choose."""
        return self.has(frozenset(("lu",)))

    @functools.cached_property
    def orders_images(self) -> bool:
        """Whether values of increasing functions may be put in order."""
        return self.chooses and self.has(_INCREASING)

    @functools.cached_property
    def sinks(self) -> bool:
        """Whether large constants may be masks, as something lets them sink: an exponential or a
        maximum."""
        return self.has(_SINK) and has_large(*self.programs)

    @property
    def length(self) -> int:
        """Equations of the shorter program."""
        return min(len(program.equations) for program in self.programs)

    def open_elements(self) -> Iterator[tuple[int, np.ndarray]]:
        """The elements in which the programs differ as terms, by output."""
        if self.known.difference is not None:
            yield from self.known.difference.elements.items()

"""What a law is: what it knows of a value, and where it has a say.

A law may make a result itself, in place of the residues' own arithmetic, or let that be and write
down what it knows of the result, a `Fact`, which other operations then find in `value.facts`. Every
hook has nothing to say unless a law overrides it. `function` and `after_function` are called for
the law's `functions`, `multiplied` for every square x * x, and otherwise a hook is called only
where the law knows a fact of an operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType

Fact = TypeVar("Fact")


class Move(Protocol):
    """One and the same movement of elements (a transposition, say), of anything that has them."""

    def value(self, x: FieldArray) -> FieldArray: ...
    def rows(self, array: np.ndarray) -> np.ndarray:
        """Of an array with one leading axis."""


class Law(Generic[Fact]):
    """A law with facts of this type."""

    functions: ClassVar[frozenset[str]] = frozenset()  # whose results or arguments it knows
    reads: ClassVar[tuple[Law[Any], ...]] = ()  # laws whose facts concern it too

    def of(self, x: FieldArray) -> Fact | None:
        """What is known of a value."""
        return x.facts.get(self)

    def know(self, x: FieldArray, fact: Fact | None) -> None:
        if fact is not None:
            x.facts[self] = fact

    # -- instead of the residues' arithmetic ------------------------------------------------------

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        """The result of one of `functions`."""
        return None

    def product(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        return None

    def dot(self, state: State, a: FieldArray, b: FieldArray) -> FieldArray | None:
        """(B, M, K) x (B, K, N)."""
        return None

    def inverse(self, state: State, x: FieldArray) -> FieldArray | None:
        return None

    # -- what is known of a result ----------------------------------------------------------------

    def after_function(
        self, state: State, name: str, args: Sequence[FieldArray], y: FieldArray
    ) -> Fact | None:
        """Of a result of one of `functions` that no law has made."""
        return None

    def negated(self, state: State, x: FieldArray) -> Fact | None:
        return None

    def added(self, state: State, a: FieldArray, b: FieldArray) -> Fact | None:
        return None

    def summed(self, state: State, x: FieldArray) -> Fact | None:
        """Over the last axis."""
        return None

    def multiplied(self, state: State, a: FieldArray, b: FieldArray) -> Fact | None:
        return None

    def dotted(self, state: State, a: FieldArray, b: FieldArray) -> Fact | None:
        return None

    def moved(self, state: State, fact: Fact, move: Move) -> Fact | None:
        """Of a single value whose elements are moved."""
        return None

    def picked(
        self, state: State, operands: Sequence[FieldArray], index: np.ndarray
    ) -> Fact | None:
        """Of elements of several values."""
        return None

    def cast(self, state: State, fact: Fact, dtype: DType) -> Fact | None:
        """Of the same real numbers with another dtype."""
        return None

    def not_negative(self, state: State, a: FieldArray, b: FieldArray) -> bool:
        """Whether a + b is never below zero."""
        return False

    # -- for the record ---------------------------------------------------------------------------

    def stands_for(self, fact: Fact) -> tuple[FieldArray, ...]:
        """The values in a fact: a result may be one of them (`patterns.py`)."""
        return ()

    def error(self, state: State, primes: int) -> float:
        """The probability that the law was used where it does not hold, in a trial like this one
        with so many primes; what `state.atoms` and `state.inner_pairs` count apart."""
        return 0.0

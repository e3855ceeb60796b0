"""What an algebra may offer beyond the operations of `base.py`, each with what it means not to.

A rule asks for these by name, of any algebra. An algebra that has nothing to say inherits the
answer here, which is "I do not know": the value as it is, None, or `Unsupported`. What wraps
another (`around.py`) hands the question on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from verify.algebras.errors import Unsupported
from verify.algebras.inside import Inside
from verify.dtypes import DType


class Value(Protocol):
    """An array of an algebra's numbers. `concrete`: the exact array of what depends on no input."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> DType: ...
    @property
    def concrete(self) -> np.ndarray | None: ...


V = TypeVar("V", bound=Value)


class Offers(Protocol[V]):
    """The answers of an algebra that has nothing to say."""

    # -- constants and results -------------------------------------------------------------------

    @property
    def native(self) -> frozenset[str]:
        """Functions that are known better than by their expressions in others: of numbers alone."""
        return frozenset()

    @property
    def by_rules(self) -> bool:
        """Whether constants are evaluated by rules as well, where JAX could be asked."""
        return False

    def literal(self, array: np.ndarray) -> V | None:
        """A constant of the program itself, of inexact numbers, that is not what it says."""
        return None

    def settled(self, operands: Sequence[Value], results: list[Value]) -> list[Value]:
        """The results of an equation, when its rule is done."""
        return results

    # -- assumptions -----------------------------------------------------------------------------

    @property
    def assumes(self) -> bool:
        """Whether rules may assume something, and a proof says so."""
        return False

    partial: bool = False
    """Whether something is assumed that may hold at no input."""

    def assume(self, sentence: str) -> None:
        """Notes an assumption."""
        return

    # -- machine integers ------------------------------------------------------------------------

    def observed(self, x: V, where: str) -> V:
        """x with the machine's integers, where expressions may have wrapped. `where`: who looks."""
        return x

    def within(self, x: V, low: int, high: int) -> V:
        """x, of whose integers a rule knows that they lie in low .. high."""
        return x

    def remainder(self, a: V, b: V, quotient: V) -> V | None:
        """a - b quotient, where it is known in which interval a remainder lies."""
        return None

    # -- indices ---------------------------------------------------------------------------------

    inside: Inside | None = None
    """The indices that are taken to be in bounds."""

    def known_numbers(self, x: V) -> tuple[np.ndarray, np.ndarray] | None:
        """The integers that x consists of, and where that is known."""
        return None

    def possible(self, x: V) -> np.ndarray | None:
        """(cases, *shape): all that x may be."""
        return None

    def names(self, x: V) -> list[bytes]:
        """One name an element, the same for equal elements only."""
        raise Unsupported("the names of elements in this algebra")

    @property
    def partitions(self) -> bool:
        """Whether there is `none_of`."""
        return False

    def none_of(self, x: V) -> V:
        """Whether none holds of booleans along the last axis, of which at most one does."""
        raise Unsupported("that none of several holds, in this algebra")

    # -- what is known of numbers ----------------------------------------------------------------

    def never_negative(self, x: V) -> bool:
        """Whether no element is below zero."""
        return False

    def may_be_minus_infinity(self, x: V) -> bool:
        """Whether an element may be minus infinity."""
        return False

    def may_be_no_number(self, x: V) -> bool:
        """Whether an element may be infinite, or NaN."""
        return False

    def may_be_zero(self, x: V) -> bool:
        """Whether an element may be zero on more than a set of measure zero."""
        return True

    def numbers(self, *values: V) -> None:
        """Told of values that are put in order: they may be no numbers."""
        return

    def ieee(self, op: str, a: V, b: V) -> V | None:
        """A comparison of the program itself, where it is known what is NaN, by IEEE 754; most
        rules that compare have not thought of that."""
        return None

    def agree(self, a: V, b: V) -> bool:
        """Whether two devices' copies are one value, as far as it goes."""
        return False

    def anyone(self, x: V) -> V | None:
        """Booleans of which one holds along the last axis, nobody knows which; None where a maximum
        has to say."""
        return None

    # -- several elements at once ----------------------------------------------------------------

    def jointly(self, re: V, im: V) -> tuple[V, V]:
        """The parts of complex numbers, unknown both where one of them is not finite."""
        return re, im

    def defined_together(self, x: V, axes: int) -> V:
        """x, undefined along the last axes where one element is."""
        return x

    def depend_together(self, values: Sequence[V], axes: int) -> list[V] | None:
        """Values of one shape, whose elements along the last axes depend on the same inputs."""
        return None

    # -- rounding, transforms and cuts -----------------------------------------------------------

    def power(self, result: V) -> V:
        """x**y, worked out by other functions, which is one function in the compiled program."""
        return result

    def in_any_order(self, name: str, folded: V, rows: V) -> V:
        """Running folds of `rows`, made in one order, as any other may have them."""
        return folded

    def reduce_precision(self, x: V, exponent_bits: int, mantissa_bits: int) -> V | None:
        """Rounded to a format; None where numbers are not rounded."""
        return None

    def roots(self, n: int) -> tuple[V, V]:
        """The cosines and sines of all multiples of a full turn by n."""
        raise Unsupported("a Fourier transform in this algebra")

    def cut(self, x: V, where: np.ndarray) -> V:
        """One unknown function of x, element by element where it is said."""
        raise Unsupported("a cut outside of a trial")

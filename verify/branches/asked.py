"""What the laws of functions (`roots.py`, `products.py`, `steps.py`, `numbers.py`) ask of the atoms
(`terms.py`) and of a branch (`branch.py`), which call them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from verify.branches.polynomials import Monomial, Polynomial, Quotient

Name = tuple[str, str]  # of a function, and its parameters
Data = int | str | Name | None


@dataclass(frozen=True)
class Atom:
    """kind: input, exp, log, root, whole, fn. args: of exp, log, root and whole one quotient; data:
    an input's number, a function's name, how a whole number was rounded."""

    kind: str
    args: tuple[Quotient, ...]
    data: Data

    @property
    def name(self) -> Name:
        """Of a function."""
        assert isinstance(self.data, tuple)
        return self.data

    @property
    def number(self) -> int:
        """Of an input."""
        assert isinstance(self.data, int)
        return self.data


class Terms(Protocol):
    """The atoms, and arithmetic with them."""

    atoms: list[Atom]
    whole: frozenset[int]  # the inputs that are whole, by number

    def atom(self, kind: str, args: tuple[Quotient, ...], data: Data = None) -> int: ...

    def power(self, number: int, e: Fraction | int = 1) -> Quotient: ...

    def plus(self, a: Quotient, b: Quotient) -> Quotient: ...

    def minus(self, a: Quotient, b: Quotient) -> Quotient: ...

    def product(self, a: Quotient, b: Quotient) -> Quotient: ...

    def inverse(self, a: Quotient) -> Quotient: ...

    def exp(self, a: Quotient) -> Quotient: ...

    def content(self, monomials: Iterable[Monomial]) -> dict[int, Fraction]: ...

    def function(self, name: Name, args: tuple[Quotient, ...]) -> Quotient: ...


class Signs(Protocol):
    """A branch, in which signs are known."""

    @property
    def terms(self) -> Terms: ...

    def sign(self, a: Quotient) -> int: ...

    def sign_of(self, p: Polynomial) -> int: ...

    def sign_of_atom(self, a: int) -> int: ...

    def not_zero(self, a: Quotient) -> None: ...

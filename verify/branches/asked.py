"""What the laws of functions (`roots.py`, `products.py`, `steps.py`, `numbers.py`) ask of the atoms
(`terms.py`) and of a branch (`branch.py`), which call them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Protocol

from verify.branches.polynomials import Polynomial, Quotient


class Terms(Protocol):
    """The atoms, and arithmetic with them."""

    atoms: list[Any]
    whole: frozenset[int]  # the inputs that are whole, by number

    def atom(self, kind: str, args: tuple[Quotient, ...], data: Any = None) -> int: ...

    def power(self, number: int, e: Fraction | int = 1) -> Quotient: ...

    def plus(self, a: Quotient, b: Quotient) -> Quotient: ...

    def minus(self, a: Quotient, b: Quotient) -> Quotient: ...

    def product(self, a: Quotient, b: Quotient) -> Quotient: ...

    def inverse(self, a: Quotient) -> Quotient: ...

    def exp(self, a: Quotient) -> Quotient: ...

    def content(self, monomials: Any) -> dict[int, Fraction]: ...

    def function(self, name: tuple[str, Any], args: tuple[Quotient, ...]) -> Quotient: ...


class Signs(Protocol):
    """A branch, in which signs are known."""

    @property
    def terms(self) -> Terms: ...

    def sign(self, a: Quotient) -> int: ...

    def sign_of(self, p: Polynomial) -> int: ...

    def sign_of_atom(self, a: int) -> int: ...

    def not_zero(self, a: Quotient) -> None: ...

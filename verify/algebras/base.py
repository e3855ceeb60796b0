"""What an algebra is: the meaning of numbers, separate from the meaning of primitives.

A rule in `verify/primitives` says how the elements of a primitive's result are made from the
elements of its arguments, in terms of the operations below and nothing else. An algebra says what
those operations do to its kind of number: residues (`field`), floats with error bounds
(`numeric`), sets of inputs (`dependence`). So a primitive is written once and evaluated in each.

Values have `.shape`, `.dtype` (the JAX dtype that the program gives them) and `.concrete`: the
exact NumPy array where the value does not depend on the program's inputs, else None. Floats are
float64 there, whatever the program's dtype; integers and booleans have the program's dtype.

An algebra is a class that inherits from `Algebra[V]`, V being its values: mypy then misses what is
not defined. What else it may offer to the rules, and what it says if not, is in `offers.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from verify.algebras.errors import Meaningless, Refused, Unsupported
from verify.algebras.offers import Offers, V, Value
from verify.dtypes import DType

__all__ = ["Algebra", "Kind", "Meaningless", "Refused", "Unsupported", "V", "Value", "itself"]


Kind = TypeVar("Kind")


def itself(value: Value, kind: type[Kind]) -> Kind:
    """A value of an algebra whose values are of this class, and that is no pair of them."""
    if not isinstance(value, kind):
        raise TypeError(f"a value of the class {type(value).__name__}, not {kind.__name__}")
    return value


class Algebra(Offers[V], Protocol[V]):
    """Operations over values. Elementwise operations take values of equal shapes."""

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> V:
        """An exact constant; `dtype` is the program's, where the array's is wider (floats are held
        as float64, which can hold exact products that the program's own float32 cannot)."""

    # Data movement: the elements are only copied.
    def reshape(self, x: V, shape: tuple[int, ...]) -> V: ...
    def pick(self, operands: Sequence[V], index: np.ndarray) -> V:
        """Elements of the operands, flattened and laid end to end, at `index` (any shape)."""

    # Ring and field.
    def neg(self, a: V) -> V: ...
    def add(self, a: V, b: V) -> V: ...
    def sub(self, a: V, b: V) -> V: ...
    def mul(self, a: V, b: V) -> V: ...
    def div(self, a: V, b: V) -> V:
        """Division of floats (integer division is the rule's business)."""

    def dot(self, a: V, b: V) -> V:
        """(B, M, K) x (B, K, N) -> (B, M, N)."""

    def sum(self, x: V) -> V:
        """Over the last axis."""

    def prod(self, x: V) -> V:
        """Over the last axis."""

    # Order.
    def maximum(self, a: V, b: V) -> V: ...
    def max(self, x: V) -> V:
        """Over the last axis, which has at least one element."""

    def winner(self, x: V, *, last: bool = False) -> V:
        """1 at the first (or last) maximum along the last axis, 0 elsewhere; floats, x's shape."""

    def compare(self, op: str, a: V, b: V) -> V:
        """op: eq, ne, lt, le, gt, ge -> a boolean value."""

    # Choice and logic; `which` is boolean, or an integer in range(len(cases)).
    def select(self, which: V, cases: Sequence[V]) -> V: ...
    def logical_not(self, a: V) -> V: ...
    def logical_and(self, a: V, b: V) -> V: ...
    def logical_or(self, a: V, b: V) -> V: ...

    def cast(self, x: V, dtype: DType) -> V:
        """convert_element_type: between floats the identity (programs are over the reals)."""

    def function(
        self,
        name: str,
        args: Sequence[V],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> V:
        """An elementwise function by its name (exp, tanh, ...), the operands broadcast already."""

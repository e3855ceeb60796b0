"""What an algebra is: the meaning of numbers, separate from the meaning of primitives.

A rule in `verify/primitives` says how the elements of a primitive's result are made from the
elements of its arguments, in terms of the operations below and nothing else. An algebra says what
those operations do to its kind of number: residues (`field`), floats with error bounds
(`numeric`), sets of inputs (`dependence`). So a primitive is written once and evaluated in each.

Values have `.shape`, `.dtype` (the JAX dtype that the program gives them) and `.concrete`: the
exact NumPy array where the value does not depend on the program's inputs, else None. Floats are
float64 there, whatever the program's dtype; integers and booleans have the program's dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np


class Unsupported(Exception):
    """This algebra cannot evaluate this: the verdict will be unknown, with this text as reason."""


class Refused(Unsupported):
    """No other law would change that: a program is too large, or a loop too long."""


class Meaningless(Unsupported):
    """The program breaks a promise at these inputs: nothing is said of what it does there."""


class Value(Protocol):
    shape: tuple[int, ...]
    dtype: Any

    @property
    def concrete(self) -> np.ndarray | None: ...


class Algebra(Protocol):
    """Operations over values. Elementwise operations take values of equal shapes."""

    def lift(self, array: np.ndarray, dtype: Any = None) -> Any:
        """An exact constant; `dtype` is the program's, where the array's is wider (floats are held
        as float64, which can hold exact products that the program's own float32 cannot)."""

    # Data movement: the elements are only copied.
    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any: ...
    def pick(self, operands: Sequence[Any], index: np.ndarray) -> Any:
        """Elements of the operands, flattened and laid end to end, at `index` (any shape)."""

    # Ring and field.
    def neg(self, a: Any) -> Any: ...
    def add(self, a: Any, b: Any) -> Any: ...
    def sub(self, a: Any, b: Any) -> Any: ...
    def mul(self, a: Any, b: Any) -> Any: ...
    def div(self, a: Any, b: Any) -> Any:
        """Division of floats (integer division is the rule's business)."""

    def dot(self, a: Any, b: Any) -> Any:
        """(B, M, K) x (B, K, N) -> (B, M, N)."""

    def sum(self, x: Any) -> Any:
        """Over the last axis."""

    def prod(self, x: Any) -> Any:
        """Over the last axis."""

    # Order.
    def maximum(self, a: Any, b: Any) -> Any: ...
    def max(self, x: Any) -> Any:
        """Over the last axis, which has at least one element."""

    def winner(self, x: Any, *, last: bool = False) -> Any:
        """1 at the first (or last) maximum along the last axis, 0 elsewhere; floats, x's shape."""

    def compare(self, op: str, a: Any, b: Any) -> Any:
        """op: eq, ne, lt, le, gt, ge -> a boolean value."""

    # Choice and logic; `which` is boolean, or an integer in range(len(cases)).
    def select(self, which: Any, cases: Sequence[Any]) -> Any: ...
    def logical_not(self, a: Any) -> Any: ...
    def logical_and(self, a: Any, b: Any) -> Any: ...
    def logical_or(self, a: Any, b: Any) -> Any: ...

    def cast(self, x: Any, dtype: Any) -> Any:
        """convert_element_type: between floats the identity (programs are over the reals)."""

    def function(
        self, name: str, args: Sequence[Any], shape: tuple[int, ...], dtype: Any, params: Any = ()
    ) -> Any:
        """An elementwise function by its name (exp, tanh, ...), the operands broadcast already."""

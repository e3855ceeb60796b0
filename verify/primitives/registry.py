"""The registry of rules: what each primitive means, element by element, over any algebra.

A rule is a function `rule(ctx, *values, **params)` that returns one value, or a tuple of values for
a primitive with several results. `params` are the equation's parameters; take `**_` for those that
do not matter to the meaning (shardings, precision, ...), and raise `Unsupported` for a parameter
value that the rule does not handle: never ignore one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from verify.algebras.base import Algebra, Unsupported, V, Value
from verify.dtypes import DType, DTypeLike, has_infinity, is_kind, least, limits
from verify.programs import Equation, Program
from verify.programs.catalogue import Fact, having

Rule = Callable[..., object]
Made = TypeVar("Made", bound=Callable[..., object])  # a rule, as it is written
RULES: dict[str, Rule] = {}
_ELEMENTWISE = having(Fact.ELEMENTWISE)


class Run(Protocol[V]):
    """Evaluates a body at values, over the algebra at hand or another one."""

    def __call__(
        self, body: Program, values: Sequence[V], other: Algebra[V] | None = None, /
    ) -> list[V]: ...


@dataclass(frozen=True)
class Context(Generic[V]):
    """What a rule may ask for besides its operands."""

    algebra: Algebra[V]
    equation: Equation
    run: Run[V]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the (first) result."""
        return self.equation.outputs[0].shape

    @property
    def dtype(self) -> DType:
        """The dtype of the (first) result."""
        return self.equation.outputs[0].dtype

    def lift(self, array: ArrayLike, dtype: DType | None = None) -> V:
        """An exact constant."""
        return self.algebra.lift(np.asarray(array), dtype)

    def concrete(self, value: Value, what: str) -> np.ndarray:
        """The array of a value that must not depend on the program's inputs."""
        if value.concrete is None:
            raise Unsupported(f"{what} depends on the inputs")
        return value.concrete

    def only_numbers(self, *values: V) -> None:
        """Raises Unsupported where a value may be infinite, or NaN: for a formula that is what the
        primitive means of numbers, and of these something else."""
        if any(self.algebra.may_be_no_number(x) for x in values):
            raise Unsupported(f"{self.equation.primitive} of what may be infinite or NaN")

    def fill(self, shape: tuple[int, ...], number: float, dtype: DType) -> V:
        """A constant array of one number. -inf and inf are the extremes of a dtype that has none:
        of integers, and of some float formats of eight bits."""
        if is_kind(dtype, np.integer) and np.isinf(number):
            number = limits(dtype)[0 if number < 0 else 1]
        elif is_kind(dtype, np.floating) and np.isinf(number) and not has_infinity(dtype):
            number = least(dtype) if number < 0 else float(jnp.finfo(dtype).max)
        kind: DTypeLike = dtype if is_kind(dtype, np.integer) or dtype == np.bool_ else np.float64
        return self.algebra.lift(np.full(shape, number, dtype=kind), dtype)


def rule(*names: str) -> Callable[[Made], Made]:
    """Registers a rule for the primitives of these names."""

    def register(function: Made) -> Made:
        for name in names:
            if name in RULES:
                raise ValueError(f"rule: primitive {name!r} has a rule already")
            RULES[name] = function
        return function

    return register


def elementwise(*names: str) -> Callable[[Made], Made]:
    """Registers a primitive that works element by element (as the catalogue has to say, too),
    broadcasting its operands.

    JAX leaves scalars and axes of size one unbroadcast in elementwise equations: `add x 1.0`.
    """

    def register(function: Made) -> Made:
        def apply(ctx: Context[V], *xs: V, **params: object) -> object:
            return function(ctx, *(spread(ctx.algebra, x, ctx.shape) for x in xs), **params)

        unknown = sorted({*names} - _ELEMENTWISE)
        if unknown:
            raise ValueError(f"elementwise: the catalogue does not say it of {unknown}")
        rule(*names)(apply)
        return function

    return register


def spread(algebra: Algebra[V], x: V, shape: tuple[int, ...]) -> V:
    """x broadcast to a shape, as NumPy does: scalars and axes of size one are repeated."""
    if x.shape == shape:
        return x
    return algebra.pick([x], np.broadcast_to(flat_index(x), shape))


def movement(*names: str) -> Callable[[Callable[..., np.ndarray]], Callable[..., np.ndarray]]:
    """Registers a primitive that only moves elements of its one operand.

    The decorated function gets the array of the operand's flat indices and returns, for each
    element of the result, the index it comes from: NumPy's own transpose, flip, ... do it.
    """

    def register(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def apply(ctx: Context[V], x: V, **params: object) -> V:
            index = np.arange(int(np.prod(x.shape)), dtype=np.int64).reshape(x.shape)
            return ctx.algebra.pick([x], function(index, **params))

        rule(*names)(apply)
        return function

    return register


def offsets(values: Sequence[Value]) -> list[int]:
    """Where each operand starts in `Algebra.pick`'s common index."""
    sizes = [int(np.prod(v.shape)) for v in values]
    return [sum(sizes[:i]) for i in range(len(sizes))]


def flat_index(x: Value, offset: int = 0) -> np.ndarray:
    """The flat indices of a value's elements, in its shape."""
    return np.arange(offset, offset + int(np.prod(x.shape)), dtype=np.int64).reshape(x.shape)

"""What a generator proposes: one application of a primitive, and how its operands are drawn.

A generator proposes freely, odd values included, and JAX decides what it accepts: the proposal is
traced, which runs the primitive's own checks, and compiled. So no generator has to know what is
allowed, and none can leave out what its writer did not think of by thinking it forbidden.

    @generator("cumsum", "cumprod")
    def _cumulative(r: Source, name: str) -> Proposal:
        shape = r.shape(1, 3)
        return r.bind(name, [r.operand(shape)], axis=r.axis(shape), reverse=r.flag())
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
from jax.extend.core import primitives as jex_primitives

from tests.verify.conformance import numbers

BOOL = (np.dtype(np.bool_),)
NARROW_INTEGERS = tuple(np.dtype(getattr(ml_dtypes, n)) for n in ("int2", "uint2", "int4", "uint4"))
INTEGERS = tuple(np.dtype(f"{sign}int{bits}") for bits in (8, 16, 32, 64) for sign in ("", "u"))
NARROW_FLOATS = tuple(
    np.dtype(getattr(ml_dtypes, name))
    for name in (
        *("float8_e4m3fn", "float8_e5m2", "float8_e4m3", "float8_e3m4", "float8_e4m3b11fnuz"),
        *("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn"),
    )
)
FLOATS = (np.dtype(ml_dtypes.bfloat16), *map(np.dtype, (np.float16, np.float32, np.float64)))
COMPLEX = (np.dtype(np.complex64), np.dtype(np.complex128))
# Half of the draws are of the two kinds that programs are made of; no dtype is left out.
_KINDS = (FLOATS, INTEGERS, FLOATS, INTEGERS, BOOL, NARROW_INTEGERS, NARROW_FLOATS, COMPLEX)

Draw = Callable[[np.random.Generator, tuple[int, ...], Any], Any]


@dataclass(frozen=True)
class Operand:
    """An operand: its shape and dtype, and how its elements are drawn."""

    shape: tuple[int, ...]
    dtype: Any
    draw: Draw = numbers.anything

    def sample(self, rng: np.random.Generator) -> Any:
        return self.draw(rng, self.shape, self.dtype)


@dataclass(frozen=True)
class Proposal:
    """`function` of the operands applies the primitive once.

    risky: XLA may end the process over it, so it is compiled in another one.
    """

    name: str
    function: Callable[..., Any]
    operands: tuple[Operand, ...]
    risky: bool = False


class Absent(Exception):
    """This version of JAX has not got the primitive."""


Generator = Callable[["Source", str], Proposal]
GENERATORS: dict[str, Generator] = {}


def generator(*names: str) -> Callable[[Generator], Generator]:
    """Registers a generator for the primitives of these names."""

    def register(function: Generator) -> Generator:
        for name in names:
            known = GENERATORS.get(name)  # pytest imports this file's importers twice
            if known is not None and known.__code__.co_code != function.__code__.co_code:
                raise ValueError(f"generator: primitive {name!r} has one already")
            GENERATORS[name] = function
        return function

    return register


class Source:
    """A seeded generator of parameters. Every method draws one thing."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    # -- small things -----------------------------------------------------------------------------

    def flag(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def number(self, low: int, high: int) -> int:
        """low <= number <= high."""
        return int(self.rng.integers(low, high + 1))

    def one_of(self, things: Sequence[Any]) -> Any:
        return things[self.number(0, len(things) - 1)]

    def some(self, things: Sequence[Any], least: int = 0) -> tuple[Any, ...]:
        """Some of the things, in any order, each at most once."""
        things = list(things)
        many = self.number(min(least, len(things)), len(things))
        return tuple(things[i] for i in self.rng.permutation(len(things))[:many])

    def shuffled(self, things: Sequence[Any]) -> tuple[Any, ...]:
        things = list(things)
        return tuple(things[i] for i in self.rng.permutation(len(things)))

    def several(self, count: int, low: int, high: int) -> tuple[int, ...]:
        return tuple(self.number(low, high) for _ in range(count))

    # -- shapes and dtypes ------------------------------------------------------------------------

    def shape(self, least: int = 0, most: int = 3, largest: int = 4) -> tuple[int, ...]:
        """Mostly short axes, of one element too, and now and then an empty one."""
        rank = self.number(least, most)
        shape = [self.number(1, largest) for _ in range(rank)]
        if rank and self.flag(0.08):
            shape[self.number(0, rank - 1)] = 0
        return tuple(shape)

    def axis(self, shape: Sequence[int]) -> int:
        return self.number(0, max(len(shape) - 1, 0))

    def dtype(self, *kinds: Sequence[Any]) -> Any:
        """Of all dtypes, or of those in `kinds`."""
        return self.one_of(self.one_of(kinds or _KINDS))

    def operand(
        self, shape: tuple[int, ...], dtype: Any = None, draw: Draw = numbers.anything
    ) -> Operand:
        return Operand(shape, self.dtype() if dtype is None else np.dtype(dtype), draw)

    # -- the primitive ----------------------------------------------------------------------------

    def bind(
        self, name: str, operands: Sequence[Operand], *, risky: bool = False, **params: Any
    ) -> Proposal:
        """The primitive with these parameters; `like` fills in those that do not matter."""
        found = primitive(name)
        return Proposal(name, lambda *xs: found.bind(*xs, **params), tuple(operands), risky)


def primitive(name: str) -> Any:
    """JAX's primitive of this name."""
    table = _primitives()
    if name not in table:
        raise Absent(name)
    return table[name]


_TABLE: dict[str, Any] = {}


def _primitives() -> dict[str, Any]:
    """Those that JAX exports, and those that its functions are seen to use."""
    if not _TABLE:
        for attribute in dir(jex_primitives):
            found = getattr(jex_primitives, attribute)
            if hasattr(found, "bind"):
                _TABLE[found.name] = found
        for function in _HIDDEN:
            try:
                jaxpr = jax.make_jaxpr(function)(jnp.ones((2, 2)), jnp.ones((2, 2), np.int32))
            except (AttributeError, TypeError, ValueError):
                continue  # another version of JAX
            for eqn in equations(jaxpr):
                _TABLE.setdefault(eqn.primitive.name, eqn.primitive)
    return _TABLE


def equations(value: Any) -> list[Any]:
    """All equations of a program of JAX's, those inside of others included."""
    inner = getattr(value, "jaxpr", value)
    if isinstance(value, tuple | list):
        return [eqn for item in value for eqn in equations(item)]
    if not hasattr(inner, "eqns"):
        return []
    found = list(inner.eqns)
    for eqn in inner.eqns:
        found += equations(list(eqn.params.values()))
    return found


# Functions of a float and an integer matrix whose primitives `jax.extend.core` does not export.
_HIDDEN: tuple[Callable[..., Any], ...] = (
    lambda x, i: jax.lax.split(x, (1, 1)),
    lambda x, i: jax.lax.tile(x, (2, 1)),
    lambda x, i: jnp.tile(x, (2, 1)),
    lambda x, i: jnp.stack([x, x]),
    lambda x, i: jnp.unstack(x),
    lambda x, i: jax.lax.mulhi(i, i),
    lambda x, i: jax.lax.stop_gradient(x),
    lambda x, i: jax.lax.optimization_barrier(x),
    lambda x, i: jax.random.clone(jax.random.wrap_key_data(jax.random.key_data(jax.random.key(0)))),
    lambda x, i: x.at[i[0]].subtract(1.0),
    lambda x, i: jnp.linalg.qr(x, mode="raw"),
    lambda x, i: jax.lax.linalg.householder_product(x, x[0]),
    lambda x, i: jnp.searchsorted(x[0], x[0]),
    lambda x, i: jax.lax.ragged_dot(x, jnp.stack([x, x]), i[0]),
)
_PARAMS: dict[tuple[str, Any], dict[str, Any]] = {}


def like(name: str, function: Callable[..., Any], *examples: Any) -> dict[str, Any]:
    """The parameters of the first equation of that primitive in the program of `function`: those
    that a version of JAX has and this file does not name (shardings, precision)."""
    key = (name, function)
    if key not in _PARAMS:
        jaxpr = jax.make_jaxpr(function)(*examples)
        for eqn in equations(jaxpr):
            if eqn.primitive.name == name:
                _PARAMS[key] = dict(eqn.params)
                break
        else:
            raise Absent(name)
    return dict(_PARAMS[key])

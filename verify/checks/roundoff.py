"""How much rounding may make two compiled programs differ, and how much they do differ.

    |f(x) - g(x)| <= |f(x) - F(x)| + |F(x) - G(x)| + |G(x) - g(x)|

with f, g as compiled and F, G over the reals, which are equal where this is asked. The outer terms
are bounded by the `rounded` algebra; the real values themselves are known up to the error of the
`numeric` one. Inputs are numbers of the programs' own dtypes, so they are exact.

The bound holds for every order of summation, with and without fused multiply-add, on XLA's CPU
backend; there is none on other backends, whose products may be rounded to fewer bits. What it
assumes and how much is to spare is in `algebras/rounded.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import jax
import numpy as np
from numpy.typing import ArrayLike

from verify.algebras.base import Unsupported, itself
from verify.algebras.keys import is_key
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_value import Bounded
from verify.algebras.rounded import Rounded
from verify.checks.compiled import check
from verify.checks.drawn import draw, given
from verify.dtypes import PyTree, is_kind
from verify.evaluate import evaluate
from verify.limits import internal, settings
from verify.primitives import RULES
from verify.programs import Equation, Param, Program, Var, call
from verify.trust import child, dangers
from verify.verdict import Rounding

Inputs = list[np.ndarray]


def rounding(
    left: Program, right: Program, inputs: Sequence[ArrayLike], *, apart: bool = False
) -> Rounding | None:
    """The bound and the observed difference at `inputs`, one array an input of the programs.

    The two programs must be equal over the reals; or else (`apart`), as where a proof has read 0.1
    as 1/10, which the programs do not, the difference of their real values is part of the bound.
    None where no bound is known: a primitive of which it is not known how it is compiled, complex
    numbers, another backend than the CPU.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> x = np.linspace(0, 1, 100, dtype=np.float32)
    >>> one = trace(lambda x: (x + 1) * (x - 1), x)
    >>> two = trace(lambda x: x * x - 1, x)
    >>> found = rounding(one, two, [x])
    >>> 0 < found.observed < found.bound < 1e-6
    True
    >>> print(rounding(one, trace(lambda x: x * x - 1.0001, x), [x]))
    rounding: observed 0.0001, certified bound 8.3e-07: more than rounding can explain
    """
    try:
        bounds = bound(left, right, inputs, apart=apart)
    except Unsupported:
        return None
    try:
        differences = observe(left, right, inputs)
    except child.Aborted:
        return None
    pairs = list(zip(differences, bounds, strict=True))
    return Rounding(
        _largest(bounds),
        _largest(differences),
        sum(int((seen > allowed).sum()) for seen, allowed in pairs),
    )


def bound(
    left: Program, right: Program, inputs: Sequence[ArrayLike], *, apart: bool = False
) -> list[np.ndarray]:
    """What the compiled programs may differ by, element by element, one array an output; infinite
    where nothing is known. `apart`: as in `rounding`. Raises `Unsupported` where no bound is known.
    """
    one, two = (certified(program, inputs) for program in (left, right))
    found = []
    for (x, a), (y, b) in zip(one, two, strict=True):
        known = np.isfinite(a) & np.isfinite(b)
        found.append(a + b + (np.where(known, distance(x, y), 0.0) if apart else 0.0))
    return found


def deviation(program: Program, inputs: Sequence[ArrayLike]) -> list[np.ndarray]:
    """How far the compiled program may be from the real values, element by element, one array an
    output; infinite where nothing is known. Raises `Unsupported` as `bound` does."""
    return [allowed for _, allowed in certified(program, inputs)]


def certified(program: Program, inputs: Sequence[ArrayLike]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each output the real values, and how far the compiled program may be from these arrays
    (`deviation`), element by element. Where that is infinite, the value means nothing."""
    check(program)
    arrays = as_inputs(program, inputs)
    rounded, numeric = Rounded(), Numeric()
    with np.errstate(all="ignore"):
        balls = evaluate(program, rounded, [rounded.input(x) for x in arrays])
        reals = evaluate(program, numeric, [numeric.lift(x) for x in arrays])
        return [
            _compared(itself(ball, Bounded), itself(real, Bounded))
            for ball, real in zip(balls, reals, strict=True)
        ]


def observe(left: Program, right: Program, inputs: Sequence[ArrayLike]) -> list[np.ndarray]:
    """What the compiled programs do differ by, element by element, one array an output."""
    one, two = (compiled(program, inputs) for program in (left, right))
    return [distance(a, b) for a, b in zip(one, two, strict=True)]


def compiled(program: Program, inputs: Sequence[ArrayLike]) -> list[np.ndarray]:
    """The outputs of the compiled program, on the default backend."""
    return executable(program)(inputs)


def executable(program: Program) -> Callable[[Sequence[ArrayLike]], list[np.ndarray]]:
    """`compiled` as a function of the inputs, to be called more than once.

    In a process of its own where XLA may abort: then `trust.child.Aborted` may be raised.
    """
    if not dangers.harmless(program):
        return lambda inputs: child.run(program, as_inputs(program, inputs))
    jitted = jax.jit(functools.partial(call, program))
    return lambda inputs: [np.asarray(y) for y in jitted(*as_inputs(program, inputs))]


def as_inputs(program: Program, inputs: Sequence[ArrayLike]) -> Inputs:
    """New arrays of the program's own dtypes."""
    with np.errstate(over="ignore"):
        return [np.asarray(x).astype(v.dtype) for x, v in zip(inputs, program.inputs, strict=True)]


class _NoFolding:
    """In the place of a primitive that JAX is not to work out on constants."""

    def get_bind_params(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError

    bind = get_bind_params


def by_rules(program: Program) -> Program:
    """The program as the rules have it: `evaluate` would let JAX itself work out what is done to
    known integers. Random bits are left to JAX, and what has no rule: iota."""

    def inside(value: Param) -> Param:
        if isinstance(value, tuple | list) and any(isinstance(v, Program) for v in value):
            return tuple(map(inside, value))
        return by_rules(value) if isinstance(value, Program) else value

    def changed(equation: Equation) -> Equation:
        atoms = (*equation.inputs, *equation.outputs)
        random = equation.primitive == "threefry2x32" or any(is_key(atom.dtype) for atom in atoms)
        if random or equation.primitive not in RULES:
            return equation
        params = {name: inside(value) for name, value in equation.params.items()}
        return replace(equation, params=params, _bind=_NoFolding())

    return replace(program, equations=tuple(map(changed, program.equations)))


def _compared(ball: Bounded, real: Bounded) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(real.value), _farthest(ball, real)


def _farthest(ball: Bounded, real: Bounded) -> np.ndarray:
    if not is_kind(ball.dtype, np.floating):
        known = ~ball.unknown & ~real.unknown & (ball.value == real.value)
        return np.where(known, 0.0, np.inf)
    same = ball.value == real.value  # equal infinities too
    apart = np.where(same, 0.0, np.abs(ball.value - real.value))
    both = (ball.errors + real.errors) * (1 + 2.0**-40)
    # Balls that do not meet would mean a wrong rule: then nothing is known.
    total = np.where(apart <= both, (both + apart) * (1 + 2.0**-40), np.inf)
    return np.where(np.isnan(total), np.inf, total)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b|; 0 where both are the same, NaN included, and infinity where only one is a number."""
    if a.dtype == np.bool_ or is_kind(a.dtype, np.integer):
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
        return np.where(a == b, 0.0, np.maximum(apart, 1.0))
    with np.errstate(all="ignore"):  # a signalling NaN, from memory that nobody wrote, warns
        one, two = a.astype(np.float64), b.astype(np.float64)
        apart = np.where(one == two, 0.0, np.abs(one - two))
    lost = np.isnan(one) & np.isnan(two)
    return np.where(lost, 0.0, np.where(np.isnan(apart), np.inf, apart))


def _largest(arrays: Sequence[np.ndarray]) -> float:
    return max((float(a.max(initial=0.0)) for a in arrays), default=0.0)


@dataclass(frozen=True, eq=False)
class Later:
    """The rounding of a proved pair, to be worked out when somebody asks."""

    left: Program
    right: Program
    inputs: Callable[[], Iterator[Inputs]]
    wide: bool  # whether 64-bit types were enabled
    at_examples: bool = False  # whether all inputs are the caller's own
    apart: bool = False  # whether the real values may differ: constants have been read

    def __call__(self) -> Rounding | None:
        try:
            return self.measured()
        except Exception:  # a failure of ours: nothing is known
            if internal.raises():
                raise
            return None

    def obstacle(self) -> str:
        """Why no bound is known, where none is: the primitive, the type or the backend."""
        with jax.enable_x64(self.wide), settings.usual():
            for inputs in self.inputs():
                try:
                    bound(self.left, self.right, inputs, apart=self.apart)
                except Unsupported as error:
                    return str(error)
        return "XLA ended the process that ran the programs"

    def measured(self) -> Rounding | None:
        """`rounding` at the first inputs that have a finite bound."""
        found = None
        with jax.enable_x64(self.wide), settings.usual():
            for inputs in self.inputs():
                measured = rounding(self.left, self.right, inputs, apart=self.apart)
                if found is None or (measured is not None and measured.bound < np.inf):
                    found = measured
                if found is None or found.bound < np.inf:
                    break
        return found


def later(
    left: Program,
    right: Program,
    examples: PyTree,
    seed: int,
    moved: Callable[[Inputs], Inputs | None] | None = None,
    *,
    apart: bool = False,
) -> Later:
    """`rounding` at the examples, or where they are shapes at random inputs drawn with `seed`:
    normal ones, or if that is outside of a domain, positive ones. `moved`: to where inputs count;
    `apart`: as in `rounding`.
    """
    # Copies: the caller may change his arrays before somebody asks.
    leaves = [x.copy() if isinstance(x, np.ndarray) else x for x in jax.tree.leaves(examples)]
    inputs = functools.partial(_inputs, left.inputs, leaves, seed, moved)
    own = not any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves)
    return Later(left, right, inputs, bool(jax.config.read("jax_enable_x64")), own, apart)


def _inputs(
    variables: Sequence[Var],
    leaves: Sequence[object],
    seed: int,
    moved: Callable[[Inputs], Inputs | None] | None,
) -> Iterator[Inputs]:
    for positive in (False, True):
        rng = np.random.default_rng(seed)
        drawn = [draw(v, rng, positive) for v in variables]
        arrays = [given(leaf) for leaf in leaves]
        found = [d if g is None else g for d, g in zip(drawn, arrays, strict=True)]
        there = found if moved is None else moved(found)
        if there is not None:
            yield [x.astype(y.dtype) for x, y in zip(there, found, strict=True)]
        if all(g is not None for g in arrays):
            return

"""Residues modulo random primes: the algebra of proofs.

A value is evaluated at several independent random points at once, each modulo a random prime
(`moduli.py`). Sums, products and quotients are those of the prime field; every other function is a
random function of its arguments' residues (`mixing.py`), the same one in both programs, so that
equal arguments give equal results. If two programs agree, they are the same term up to the error
probability that `bound.py` computes (Schwartz-Zippel; Gulwani and Necula, POPL 2004).

Disagreement proves nothing by itself: unknown functions obey laws that residues do not know.

What is known beyond that, because programs need it:

* a maximum stays a *set* of candidates while only maxima, translations and scalings are applied, so
  that it is associative, commutative, idempotent, and max(x + b, y + b) = max(x, y) + b;
* choosing among candidates is multiplying them by weights that sum to one (`choice.py`), so masks,
  comparisons, maxima and their gradients fit together;
* exponentials are powers of a root of unity, exponents being residues modulo q (`moduli.py`), and
  so are sines and cosines, if a mode says so (`circle.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.booleans import boolean_cases
from verify.algebras.field import arithmetic, circle, integers, mixing, movement, residues
from verify.algebras.field.choice import Chooser
from verify.algebras.field.functions import apply
from verify.algebras.field.growth import ATOM, Growth
from verify.algebras.field.moduli import LARGE, SMALL, Moduli, draw, is_prime
from verify.algebras.field.powers import element_of_order, power_tables
from verify.algebras.field.radicals import Radicals
from verify.algebras.field.value import FieldArray, Mode, constant_growth
from verify.algebras.inside import Inside
from verify.dtypes import is_integer, is_kind


@boolean_cases
@dataclass(eq=False)
class Field:
    """One trial: random moduli, random inputs, random functions. See `algebras/base.py`."""

    seed: int
    mode: Mode = field(default_factory=Mode)
    exponents: bool = False
    root_order: int = 1
    primes: int | None = None  # how many; None: as many as the mode needs at first
    drawn: Moduli | None = None  # already, which spares that

    def __post_init__(self) -> None:
        self.rng = np.random.Generator(np.random.Philox(self.seed))
        self.moduli: Moduli = self.drawn or draw(
            self.rng,
            exponents=self.exponents,
            circle=self.mode.circle,
            root_order=self.root_order,
            source=SMALL if self.mode.patterns else LARGE,
            count=self.primes,
        )
        self.m = self.moduli.all
        self.points = len(self.moduli.p)
        self.key = self.rng.integers(0, 2**64, mixing.WORDS, dtype=np.uint64)
        self.assumptions: dict[str, None] = {}
        self.partial = False  # whether an assumption may hold nowhere
        self.wrapping = False  # whether something looked at an integer that may have wrapped
        self.inside = Inside()
        self.may_be_nan = False  # whether a function was met that is not defined everywhere
        self.atoms = 0  # how many arguments of unknown functions were hashed
        self.inner_pairs = 0  # pairs of candidates inside the sets among them
        self.poles = self.pole_bits = 0.0  # degrees and bits of all divisors
        self.largest = ATOM  # of all values so far
        self.logarithms: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # tables of functions.py
        self.all_logarithms: dict[int, np.ndarray] = {}  # of small primes
        self.generators: dict[int, int] = {}  # of the group of order q, for each p
        self.bases = np.ones(self.points, np.int64)  # each row's w is this power of the generator
        self.detour = self.bases
        if self.moduli.q is not None:
            self.generators = {
                p: element_of_order(self.rng, q, p)
                for p, q in zip(self.moduli.primes, self.moduli.q[::2].tolist(), strict=True)
            }
            self.bases = self.rng.integers(1, self.moduli.q)
            self.detour = self.rng.integers(2, self.moduli.q - 1)  # see functions.py, circle.py
        self.chooser = Chooser(self)
        self.radicals = Radicals(self)

    # -- making values ------------------------------------------------------------------------

    def assume(self, sentence: str) -> None:
        self.assumptions.setdefault(sentence)

    def names(self, x: FieldArray) -> list[bytes]:
        """One name an element: equal for equal terms, and but for chance only for them."""
        digests = self.digest(x.rows).reshape(mixing.WORDS, -1)
        return [column.tobytes() for column in np.ascontiguousarray(digests.T)]

    def for_all(self, rows: np.ndarray) -> np.ndarray:
        """What is decided at the points, for all moduli: those of q as those of p."""
        return np.concatenate([rows] * (len(self.m) // self.points))

    def plain(self, rows: np.ndarray, like: Any, growth: Growth, **known: Any) -> FieldArray:
        return FieldArray(self, rows.shape[1:], like.dtype, growth, rows, **known)

    def random(self, shape: tuple[int, ...], dtype: Any) -> FieldArray:
        """An input: independent uniform residues."""
        rows = np.empty((len(self.m), *shape), np.int64)
        for row, modulus in enumerate(self.m):
            rows[row] = self.rng.integers(0, modulus, shape)
        # Two integers are equal on more than a set of measure zero.
        real = bool(jax.dtypes.issubdtype(dtype, np.inexact))
        bounds = machine.of_dtype(dtype)
        return FieldArray(self, tuple(shape), dtype, Growth(analytic=real), rows, bounds=bounds)

    def lift(self, array: np.ndarray, dtype: Any = None) -> FieldArray:
        array = np.asarray(array)
        dtype = array.dtype if dtype is None else dtype
        if not (is_integer(array.dtype) or array.dtype == np.bool_):
            if is_kind(array.dtype, np.complexfloating):
                raise Unsupported("a complex constant outside the complex algebra")
            array = np.asarray(array, dtype=np.float64)
        value = FieldArray(self, array.shape, np.dtype(dtype), concrete=array)
        value.growth = constant_growth(array)
        value.nonnegative = bool((array >= 0).all())
        return value

    def lift_rows(self, array: np.ndarray) -> np.ndarray:
        if array.dtype == np.bool_:
            return np.broadcast_to(array.astype(np.int64), (len(self.m), *array.shape)).copy()
        if is_integer(array.dtype):
            return residues.from_integers(array, self.m)
        if not np.isfinite(array).all():
            kind = "a NaN" if np.isnan(array).any() else "an infinite"
            raise Unsupported(f"arithmetic with {kind} constant")
        return residues.from_floats(array, self.m)

    # -- movement: movement.py -------------------------------------------------------------------

    def reshape(self, x: FieldArray, shape: tuple[int, ...]) -> FieldArray:
        return movement.reshape(self, x, shape)

    def pick(self, operands: Sequence[FieldArray], index: np.ndarray) -> FieldArray:
        return movement.pick(self, operands, index)

    # -- arithmetic and logic: arithmetic.py -----------------------------------------------------

    def neg(self, a: FieldArray) -> FieldArray:
        return integers.neg(self, a) if is_integer(a.dtype) else arithmetic.neg(self, a)

    def add(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            return integers.ring(self, "add", a, b)
        return arithmetic.add(self, a, b)

    def sub(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            return integers.ring(self, "sub", a, b)
        return self.add(a, self.neg(b))

    def mul(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            return integers.ring(self, "mul", a, b)
        return arithmetic.mul(self, a, b)

    def div(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if is_integer(a.dtype):
            raise Unsupported("a quotient of integers as one of numbers")
        return arithmetic.div(self, a, b)

    def dot(self, a: FieldArray, b: FieldArray) -> FieldArray:
        return integers.dot(self, a, b) if is_integer(a.dtype) else arithmetic.dot(self, a, b)

    def sum(self, x: FieldArray) -> FieldArray:
        return arithmetic.sum(self, x)

    def prod(self, x: FieldArray) -> FieldArray:
        return arithmetic.prod(self, x)

    def cast(self, x: FieldArray, dtype: Any) -> FieldArray:
        return arithmetic.cast(self, x, dtype)

    def logical_not(self, a: FieldArray) -> FieldArray:
        return arithmetic.logical_not(self, a)

    def logical_and(self, a: FieldArray, b: FieldArray) -> FieldArray:
        return arithmetic.logical_and(self, a, b)

    def logical_or(self, a: FieldArray, b: FieldArray) -> FieldArray:
        both = arithmetic.neg(self, self.logical_and(a, b))
        return arithmetic.add(self, arithmetic.add(self, a, b), both)

    def none_of(self, x: FieldArray) -> FieldArray:
        """Whether none holds of booleans along the last axis, of which at most one does."""
        rows = residues.reduce(1 - residues.total(x.rows, self.m), self.m)
        return self.plain(rows, x, x.growth.summed(x.shape[-1] + 1), nonnegative=True)

    # -- order and choice: choice.py -------------------------------------------------------------

    def maximum(self, a: FieldArray, b: FieldArray) -> FieldArray:
        return self.chooser.maximum(a, b)

    def max(self, x: FieldArray) -> FieldArray:
        return self.chooser.max(x)

    def winner(self, x: FieldArray, *, last: bool = False) -> FieldArray:
        return self.chooser.winner(x, last)

    def compare(self, op: str, a: FieldArray, b: FieldArray) -> FieldArray:
        return self.chooser.compare(op, a, b)

    def select(self, which: FieldArray, cases: Sequence[FieldArray]) -> FieldArray:
        return self.chooser.select(which, cases)

    def collapse(self, x: FieldArray) -> np.ndarray:
        """The residues of a pending maximum: its candidates weighed by the chooser."""
        assert x.pending is not None
        rows, present, sign = x.pending.rows, x.pending.present, x.pending.sign
        if present is not None and not present.any(axis=-1).all():
            raise Unsupported("arithmetic with an infinite value")
        value = self.chooser.value(rows, present)
        return value if sign > 0 else residues.reduce(-value, self.m)

    # -- functions: functions.py -----------------------------------------------------------------

    def function(
        self,
        name: str,
        args: Sequence[FieldArray],
        shape: tuple[int, ...],
        dtype: Any,
        params: Any = (),
    ) -> FieldArray:
        return apply(self, name, args, shape, dtype, params)

    @cached_property
    def powers(self) -> tuple[np.ndarray, np.ndarray]:
        return power_tables(self)

    @cached_property
    def imaginary(self) -> np.ndarray:
        return circle.imaginary_units(self)

    def count_poles(self, inverse: Growth, distinct: int) -> None:
        self.poles += inverse.poles * distinct
        self.pole_bits += inverse.pole_bits * distinct

    def roots(self, n: int) -> tuple[FieldArray, FieldArray]:
        """cos and sin of 2 pi k / n for k < n: sums of n-th roots of unity of Z_p.

        cos = (r**k + r**-k) / 2 and sin = (r**k - r**-k) / 2i, with i a fourth root.
        """
        if self.moduli.q is not None or self.root_order % n or self.root_order % 4:
            raise Unsupported(f"a Fourier transform of length {n} here")
        cos = np.empty((len(self.m), n), np.int64)
        sin = np.empty((len(self.m), n), np.int64)
        for row, p in enumerate(self.m.tolist()):
            root = self.primitive_roots[p]
            r, i = pow(root, self.root_order // n, p), pow(root, self.root_order // 4, p)
            power = [pow(r, k, p) for k in range(n)]
            half, quarter = pow(2, -1, p), pow(2 * i, -1, p)
            for k in range(n):
                cos[row, k] = (power[k] + power[-k]) * half % p
                sin[row, k] = (power[k] - power[-k]) * quarter % p
        growth = Growth(0.0, 2.0, 1.0)
        like = self.lift(np.zeros(n))
        return self.plain(cos, like, growth), self.plain(sin, like, growth)

    @cached_property
    def primitive_roots(self) -> dict[int, int]:
        """For each prime, an element of order `root_order`, the same one for the whole trial."""
        order = self.root_order
        factors = [f for f in range(2, order + 1) if order % f == 0 and is_prime(f)]
        roots = {}
        for p in set(self.m.tolist()):
            while True:
                root = pow(int(self.rng.integers(2, p - 1)), (p - 1) // order, p)
                if all(pow(root, order // f, p) != 1 for f in factors):
                    break
            roots[p] = root
        return roots

    def origin(self) -> Any:
        """Of a value that is being made, for those who want to know."""

    def note(self, digests: np.ndarray, count: np.ndarray | int = 1) -> None:
        """Told of all values that were hashed: (WORDS, ...) digests; and of choices, where `count`
        says among how many candidates."""

    # -- random values ---------------------------------------------------------------------------

    def atom(self, state: np.ndarray, dtype: Any, **known: Any) -> FieldArray:
        """Fresh random values, one for each digest."""
        self.atoms += int(np.prod(state.shape[1:]))
        self.note(state)
        rows = mixing.expand(state, self.m)
        return FieldArray(self, rows.shape[1:], dtype, ATOM, rows, **known)

    def digest(self, rows: np.ndarray) -> np.ndarray:
        """The digest of residue columns; exponents (rows beyond the points) are left out."""
        return mixing.digest(rows[: self.points], self.key)

    def agree(self, a: FieldArray, b: FieldArray) -> bool:
        """Whether two values are equal, up to the trial's error probability."""
        return bool((a.rows == b.rows)[: self.points].all())

    def numbers(self, *values: FieldArray) -> None:
        """Told of values that are put in order: they may be no numbers."""
        self.chooser.numbers(*values)

    # -- machine integers: integers.py -----------------------------------------------------------

    def observed(self, x: FieldArray, where: str) -> FieldArray:
        return integers.observed(self, x, where)

    def within(self, x: FieldArray, low: int, high: int) -> FieldArray:
        return integers.within(self, x, low, high)

    def remainder(self, a: FieldArray, b: FieldArray, quotient: FieldArray) -> FieldArray:
        return integers.remainder(self, a, b, quotient)

    def range_of(self, x: FieldArray) -> machine.Interval:
        return machine.range_of(x)

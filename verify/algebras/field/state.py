"""What one trial holds: moduli, random numbers, its records; and the operations that laws may use.

Arithmetic, choice, functions and their laws (`laws/`) are functions of a `State`. What they do to a
value is put together in `trial.py`, which is made of them. A law that remembers something during a
trial keeps it in a class of its own, made by `state.law(Kind)` when it is first asked for.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, Unpack, cast

import jax
import numpy as np

from verify.algebras import machine
from verify.algebras.base import Algebra, Unsupported, Value
from verify.algebras.field import mixing, moduli, residues
from verify.algebras.field.given import Given
from verify.algebras.field.growth import ATOM, Growth
from verify.algebras.field.moduli import LARGE, SMALL, Moduli, draw, element_of_order, is_prime
from verify.algebras.field.value import FieldArray, Known, Mode, constant_growth
from verify.algebras.inside import Inside
from verify.dtypes import DType, is_integer, is_kind
from verify.programs import Program

Memory = TypeVar("Memory")


@dataclass(eq=False)
class State(Algebra[FieldArray], ABC):
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
            source=SMALL if self.mode.decides else LARGE,
            count=self.primes,
        )
        self.m = self.moduli.all
        self.points = len(self.moduli.p)
        self.key = self.rng.integers(0, 2**64, mixing.WORDS, dtype=np.uint64)
        self.assumptions: dict[str, None] = {}
        self.partial = False  # whether an assumption may hold nowhere
        self.almost = False  # whether a law was used that may fail on a set of measure zero
        self.wrapping = False  # whether something looked at an integer that may have wrapped
        self.inside: Inside = Inside()
        self.may_be_nan = False  # whether a function was met that is not defined everywhere
        self.atoms = 0  # how many arguments of unknown functions were hashed
        self.inner_pairs = 0  # pairs of candidates inside the sets among them
        self.poles = self.pole_bits = 0.0  # degrees and bits of all divisors
        self.largest = ATOM  # of all values so far
        self.generators: dict[int, int] = {}  # of the group of order q, for each p
        self.bases = np.ones(self.points, np.int64)  # each row's w is this power of the generator
        self.detour = self.bases
        if self.moduli.q is not None:
            self.generators = {
                p: element_of_order(self.rng, q, p)
                for p, q in zip(self.moduli.primes, self.moduli.q[::2].tolist(), strict=True)
            }
            self.bases = self.rng.integers(1, self.moduli.q)
            self.detour = self.rng.integers(2, self.moduli.q - 1)  # for powers of another base
        self._memories: dict[object, object] = {}  # what laws remember
        self.given: Given | None = None  # what a precondition says of signs
        self.condition: Program | None = None  # the precondition itself
        self.total: set[bytes] = set()  # logarithms of what is above zero, by name
        self.never: set[bytes] = set()  # truth values that it excludes, by name

    def law(self, kind: Callable[[State], Memory]) -> Memory:
        """What a law remembers in this trial: made by `kind(state)` when it is first asked for."""
        if kind not in self._memories:
            self._memories[kind] = kind(self)
        return cast(Memory, self._memories[kind])

    # -- making values ------------------------------------------------------------------------

    def assume(self, sentence: str) -> None:
        self.assumptions.setdefault(sentence)

    def names(self, x: FieldArray) -> list[bytes]:
        """One name an element: equal for equal terms, and but for chance only for them."""
        digests = self.digest(x.rows).reshape(mixing.WORDS, -1)
        return [column.tobytes() for column in np.ascontiguousarray(digests.T)]

    def called(self, x: FieldArray) -> np.ndarray:
        """A word an element, of its residues modulo two primes: zero for zero, the same for the
        same element, and but for chance only for that. For those who prove nothing with it."""
        rows = key_rows(self, x)
        one, two = (rows[i].astype(np.uint64) for i in (0, 2))
        return np.asarray((one << np.uint64(31)) | two)

    def for_all(self, rows: np.ndarray) -> np.ndarray:
        """What is decided at the points, for all moduli: those of q as those of p."""
        return np.concatenate([rows] * (len(self.m) // self.points))

    def plain(
        self, rows: np.ndarray, like: Value, growth: Growth, **known: Unpack[Known]
    ) -> FieldArray:
        return FieldArray(self, rows.shape[1:], like.dtype, growth, rows, **known)

    def random(self, shape: tuple[int, ...], dtype: DType) -> FieldArray:
        """An input: independent uniform residues."""
        rows = np.empty((len(self.m), *shape), np.int64)
        for row, modulus in enumerate(self.m):
            rows[row] = self.rng.integers(0, modulus, shape)
        # Two integers are equal on more than a set of measure zero.
        real = bool(jax.dtypes.issubdtype(dtype, np.inexact))
        bounds = machine.of_dtype(dtype)
        return FieldArray(self, tuple(shape), dtype, Growth(analytic=real), rows, bounds=bounds)

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> FieldArray:
        array = np.asarray(array)
        dtype = array.dtype if dtype is None else dtype
        if not (is_integer(array.dtype) or array.dtype == np.bool_):
            if is_kind(array.dtype, np.complexfloating):
                raise Unsupported("a complex constant outside the complex algebra")
            array = np.asarray(array, dtype=np.float64)
        value = FieldArray(self, array.shape, np.dtype(dtype), concrete=array)
        value.growth = constant_growth(array)
        value.nonnegative = bool((array >= 0).all())
        value.positive = is_kind(array.dtype, np.floating) and bool((array > 0).all())
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

    def count_poles(self, inverse: Growth, distinct: int) -> None:
        self.poles += inverse.poles * distinct
        self.pole_bits += inverse.pole_bits * distinct

    def coincidences(self, *, whole: bool = False) -> tuple[float, float]:
        """The probabilities that two values that differ agree at one point, and that a prime
        divides all coefficients of their difference. `whole`: of a whole number of primes, as no
        coefficient has half a divisor; not for those who multiply the bits."""
        degree, bits = self.largest.cleared
        # The difference of two values: each numerator times the other's divisors.
        degree, bits = 2 * degree, 2 * bits + 1
        if self.mode.circle:  # coefficients m + n i: their norms
            bits *= 2
        smallest = self.moduli.smallest
        divisors = bits / math.log2(smallest)
        if whole:
            divisors = math.floor(divisors + 2.0**-20)
        return min(1.0, degree / smallest), divisors / self.moduli.choices

    def proportional(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Where a is a constant multiple of b (or zero): a_1 b_2 = a_2 b_1 at a prime's points."""
        p = self.moduli.p[::2]
        left = residues.multiply(a[0 : self.points : 2], b[1 : self.points : 2], p)
        right = residues.multiply(a[1 : self.points : 2], b[0 : self.points : 2], p)
        return np.asarray((left == right).all(axis=0))

    def roots(self, n: int) -> tuple[FieldArray, FieldArray]:
        """cos and sin of 2 pi k / n for k < n: sums of n-th roots of unity of Z_p."""
        if self.moduli.q is not None or self.root_order % n or self.root_order % 4:
            raise Unsupported(f"a Fourier transform of length {n} here")
        cos, sin = moduli.circle_points(self.m.tolist(), self.primitive_roots, self.root_order, n)
        growth = Growth(0.0, 2.0, 1.0)
        like = self.lift(np.zeros(n))
        return self.plain(cos, like, growth), self.plain(sin, like, growth)

    @cached_property
    def primitive_roots(self) -> dict[int, int]:
        """For each prime, an element of order `root_order`, the same one for the whole trial."""
        order = self.root_order
        factors = [f for f in range(2, order + 1) if order % f == 0 and is_prime(f)]
        return {p: element_of_order(self.rng, order, p, factors) for p in set(self.m.tolist())}

    def origin(self) -> Any:
        """Of a value that is being made, for those who want to know."""
        return None

    def rests(self, x: FieldArray) -> bool:
        """Whether any element does, as far as the value has been made."""
        return False

    def sign_is_read_off(self, x: FieldArray) -> None:
        """The sign of a value is what rows say that rest on choices."""
        x.read_off = True

    def resting(self, x: FieldArray) -> np.ndarray:
        """Which elements of a value that has been made rest on a choice that the rows decide: what
        is so in all of them may be otherwise where they have not been."""
        return np.zeros(x.shape, bool)

    def marks_of(self, x: FieldArray) -> np.ndarray:
        """(size, words): the choices that each element rests on, a bit each."""
        return np.zeros((int(np.prod(x.shape)), 1), np.uint64)

    def zeros(self, x: FieldArray) -> FieldArray:
        """Where x is zero in a branch: nowhere, where no branch is decided."""
        return self.lift(np.zeros(x.shape, bool))

    def decided(self, true: np.ndarray, source: FieldArray) -> FieldArray:
        """Truth values of the rows, (points, *shape), that follow from those of a value."""
        rows = self.for_all(true.astype(np.int64))
        return FieldArray(self, source.shape, np.dtype(bool), ATOM, rows, nonnegative=True)

    def excused(self, guard: FieldArray) -> bool:
        """Whether a truth value is false wherever the inputs count."""
        return not guard.rows[: self.points].any()

    def exclude(self, truths: Sequence[FieldArray]) -> None:
        """Told of truth values that hold wherever the inputs count."""
        for x in truths:
            if x.concrete is None and not self.resting(x).any():
                opposite = self.logical_not(x)
                self.atoms += opposite.rows[0].size
                self.never.update(self.names(opposite))

    def excluded(self, guard: FieldArray) -> bool:
        """Whether each element of a truth value is false, or the opposite of one that holds
        wherever the inputs count, as the same polynomial."""
        if not self.never or guard.concrete is not None:
            return False
        false = not_any(guard.rows[: self.points]).reshape(-1)
        return all(
            f or name in self.never for f, name in zip(false, self.names(guard), strict=True)
        )

    def beside(self, x: FieldArray, other: FieldArray) -> FieldArray:
        """x, with the choices behind the other value behind it too."""
        return x

    def note(self, digests: np.ndarray, count: np.ndarray | int = 1) -> None:
        """Told of all values that were hashed: (WORDS, ...) digests; and of choices, where `count`
        says among how many candidates."""
        return None

    def in_parts(self, count: int) -> AbstractContextManager[None]:
        """Within it, a batch of `count` is worked out part by part: what is noted of each is noted
        of those elements of the batch."""
        return nullcontext()

    # -- random values ---------------------------------------------------------------------------

    def atom(self, state: np.ndarray, dtype: DType, **known: Unpack[Known]) -> FieldArray:
        """Fresh random values, one for each digest."""
        self.atoms += int(np.prod(state.shape[1:]))
        self.note(state)
        rows = mixing.expand(state, self.m)
        return FieldArray(self, rows.shape[1:], dtype, ATOM, rows, **known)

    def digest(self, rows: np.ndarray) -> np.ndarray:
        """The digest of residue columns; exponents (rows beyond the points) are left out."""
        return mixing.digest(rows[: self.points], self.key)

    def agree(self, a: FieldArray, b: FieldArray) -> bool:
        """Whether two values are equal, up to the trial's error probability. What is so in all rows
        of values that rest on choices of theirs is not known."""
        same = bool((a.rows == b.rows)[: self.points].all())
        return same and not (self.rests(a) or self.rests(b))

    # -- beside those of `Algebra`, operations that laws may use: trial.py -------------------------

    assumes = partitions = True

    @abstractmethod
    def collapse(self, x: FieldArray) -> np.ndarray: ...

    @abstractmethod
    def chosen(self, rows: np.ndarray, present: np.ndarray | None) -> np.ndarray: ...


def not_any(rows: np.ndarray) -> np.ndarray:
    """Which columns of residues are zero."""
    return np.asarray((rows == 0).all(axis=0))


def key_rows(field: State, x: FieldArray) -> np.ndarray:
    """The rows that identify a value: those modulo p, or modulo q where logarithms are in it."""
    if x.growth.logs and field.exponents:
        return x.rows[field.points :]
    return x.rows[: field.points]

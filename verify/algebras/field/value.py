"""The values of the field algebra: residues, undecided maxima, constants lifted on demand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from fractions import Fraction
from typing import Any, Protocol, TypedDict

import numpy as np

from verify.algebras import machine
from verify.algebras.field.growth import ATOM, Growth
from verify.algebras.machine import Interval
from verify.dtypes import DType, is_integer


@dataclass(frozen=True)
class Mode:
    """Which laws of order a trial knows. More laws prove more programs equal, at some cost.

    ties: distinguish > from >= and the first of equal maxima from the last, as if ties could
        happen anywhere. Without, a proof holds off ties, and says so.
    scaling: recognise arguments that are constant multiples of one another: [3x > 0] = [x > 0].
    patterns: each row decides every choice one way or the other, at random (`patterns.py`): more
        laws hold, but only as many proofs as there are rows. Without ties.
    masks: each row decides the inputs that are truth values, or have few values, and nothing else:
        infinities that these select are known in each row (`guarded/`).
    sinking: large constants are read as masks (`guarded/large.py`), and the proof says so.
    circle: sines and cosines obey their laws, logarithms none (`laws/circle.py`). With exponents.
    assuming: an integer that may have wrapped is taken not to, where something looks at it, and the
        proof says so. Without, its machine value is an unknown function (`integers.py`).
    nested: powers whose exponents have powers in them are unknown functions of these, so that equal
        exponents make equal powers, where otherwise e**(a + b) = e**a e**b is all that is known.
    increasing: a maximum of exponentials is the exponential of a maximum, and so on
        (`laws/images.py`).
    opaque: a maximum is an unknown function of the set of its candidates, which is less than is
        known otherwise, but polynomials start anew behind it. Without exponents.
    """

    ties: bool = True
    scaling: bool = False
    circle: bool = False
    nested: bool = False
    patterns: bool = False
    masks: bool = False
    sinking: bool = False
    assuming: bool = False
    split: bool = False
    opaque: bool = False
    increasing: bool = False

    @property
    def decides(self) -> bool:
        """Whether each row is one branch, as far as something is decided."""
        return self.patterns or self.masks


@dataclass(frozen=True, eq=False)
class Pending:
    """sign * max over the last axis of `rows`, where `present` (None: all are).

    An element with nothing present is -sign * infinity.
    """

    rows: np.ndarray  # (rows, *shape, S)
    present: np.ndarray | None  # (*shape, S)
    sign: int
    analytic: bool = False  # whether all candidates are analytic functions of the inputs


@dataclass(frozen=True, eq=False)
class Mask:
    """A comparison of `difference` with zero: value = weight + shift * tie."""

    difference: np.ndarray  # (rows, *shape)
    weight: np.ndarray


@dataclass(frozen=True, eq=False)
class Tie:
    """That `difference`, an analytic function of real inputs or a whole number, is zero (or not, if
    not `true`)."""

    difference: np.ndarray  # (rows, *shape)
    true: bool
    whole: bool = False


_SERIAL = itertools.count()


def newest() -> int:
    """A number that is above those of all values so far, and below those to come."""
    return next(_SERIAL)


class Known(TypedDict, total=False):
    """What may be known of a value when it is made."""

    nonnegative: bool
    positive: bool
    bounds: Interval
    factors: tuple[tuple[np.ndarray, Growth], ...]
    mask: Mask | None
    tie: Tie | None


class Trial(Protocol):
    """What a value asks of the trial that it is part of."""

    points: int
    poles: float
    pole_bits: float
    largest: Growth

    def origin(self) -> Any: ...
    def collapse(self, x: FieldArray) -> np.ndarray: ...
    def lift_rows(self, array: np.ndarray) -> np.ndarray: ...
    def pick(self, operands: Sequence[FieldArray], index: np.ndarray) -> FieldArray: ...
    def called(self, x: FieldArray) -> np.ndarray: ...
    def digest(self, rows: np.ndarray) -> np.ndarray: ...


@dataclass(eq=False)
class FieldArray:
    """An array of residues, or of pending maxima, or a constant that is lifted on demand."""

    field: Trial
    shape: tuple[int, ...]
    dtype: DType
    growth: Growth = ATOM
    _rows: np.ndarray | None = None
    _pending: Pending | Callable[[], Pending] | None = None  # made only if it is asked for
    deferred: Callable[[], np.ndarray] | None = None  # the rows, from those of what was moved
    concrete: np.ndarray | None = None
    nonnegative: bool = False
    mask: Mask | None = None  # set on the direct result of a comparison, and its casts
    tie: Tie | None = None  # set on the direct result of an equality, and its negation
    factors: tuple[tuple[np.ndarray, Growth], ...] = ()  # of a product that is not large
    facts: dict[Any, Any] = field_of(default_factory=dict)  # what each law knows of it: laws/
    origin: Any = None  # what it was made of: see patterns.py
    serial: int = 0  # values are numbered in the order in which they are made
    bounds: Interval = None  # of an integer's expression: see integers.py
    seen: dict[DType, FieldArray] = field_of(default_factory=dict)  # its machine values, by dtype
    positive: bool = False  # above zero wherever it has a value
    largest: bool = False  # a maximum with zero that is known to be this value
    read_off: bool = (
        False  # whether its sign is what rows say that rest on choices: see patterns.py
    )
    few: tuple[Fraction, ...] = ()  # the only values of an input's elements, where that is known
    moved_from: Sequence[FieldArray] = ()  # what an undecided value is made of copies of

    def __post_init__(self) -> None:
        self.serial = next(_SERIAL)
        self.seen = {}
        if self.origin is None:
            self.origin = self.field.origin()
        if is_integer(self.dtype):
            if self.concrete is not None and self.bounds is None:
                self.bounds = machine.of_array(self.concrete)
            # A wrapped integer has any sign, whatever its expression is made of.
            known = self.bounds if machine.fits(self.bounds, self.dtype) else None
            self.nonnegative = known is not None and known[0] >= 0
        self.growth = self.growth.capped(self.field.poles, self.field.pole_bits)
        self.field.largest = self.field.largest.union(self.growth)

    @property
    def pending(self) -> Pending | None:
        if callable(self._pending):
            self._pending = self._pending()
        return self._pending

    @property
    def undecided(self) -> bool:
        """A maximum that nothing has asked the value of yet."""
        return self._rows is None and self._pending is not None

    @property
    def rows(self) -> np.ndarray:
        """(rows, *shape) residues; a pending maximum is decided here, once.

        What was moved is decided before it is moved, so that copies share the work.
        """
        if self._rows is None:
            if self.deferred is not None:
                self._rows = self.deferred()
            elif self.pending is not None:
                self._rows = self.field.collapse(self)
            else:
                assert self.concrete is not None
                self._rows = self.field.lift_rows(self.concrete)
        return self._rows


class Unlucky(Exception):
    """A random residue that happened to be zero where it must not: draw again."""


def infinite(x: FieldArray) -> np.ndarray:
    """+1 and -1 at a constant's infinities, 0 elsewhere; an empty array for any other value."""
    if x.concrete is None or x.concrete.dtype != np.float64:
        return np.zeros(0, np.int64)
    return np.where(np.isinf(x.concrete), np.sign(x.concrete), 0).astype(np.int64)


def all_zero(array: np.ndarray) -> bool:
    return not array.any()


def all_one(array: np.ndarray) -> bool:
    return bool((array == 1).all())


def numpy_kind(dtype: DType) -> DType:
    """The dtype that `concrete` arrays of this program dtype have."""
    return dtype if is_integer(dtype) or dtype == np.bool_ else np.dtype(np.float64)


def constant_growth(array: np.ndarray) -> Growth:
    if array.size == 0 or array.dtype == np.bool_:
        return Growth(0.0, 1.0)
    if is_integer(array.dtype):
        largest = max(abs(int(array.max())), abs(int(array.min())), 1)
        return Growth(0.0, float(largest.bit_length()))
    finite = array[np.isfinite(array) & (array != 0)]
    if finite.size == 0:
        return Growth(0.0, 1.0)
    # The exponent of the last bit that is set, and of the first.
    mantissa, exponent = np.frexp(finite)
    integer = np.ldexp(np.abs(mantissa), 53).astype(np.int64)
    last = exponent - 53 + np.log2((integer & -integer).astype(np.float64))
    fraction = max(0.0, -float(last.min()))
    return Growth(0.0, float(max(exponent.max(), 0)) + fraction, fraction)

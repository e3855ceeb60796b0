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
* exponentials are powers of a root of unity, exponents being residues modulo q (`moduli.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from verify.algebras import mixing, residues
from verify.algebras.base import Unsupported
from verify.algebras.choice import Chooser
from verify.algebras.functions import apply, log_term, power_tables
from verify.algebras.growth import ATOM, Growth
from verify.algebras.moduli import POINTS_A_PRIME, Moduli, draw, is_prime


@dataclass(frozen=True)
class Mode:
    """Which laws of order a trial knows. More laws prove more programs equal, at some cost.

    ties: distinguish > from >= and the first of equal maxima from the last, as if ties could
        happen anywhere. Without, a proof holds off ties, and says so.
    scaling: recognise arguments that are constant multiples of one another: [3x > 0] = [x > 0].
    """

    ties: bool = True
    scaling: bool = False


@dataclass(frozen=True, eq=False)
class Pending:
    """sign * max over the last axis of `rows`, where `present` (None: all are).

    An element with nothing present is -sign * infinity.
    """

    rows: np.ndarray  # (rows, *shape, S)
    present: np.ndarray | None  # (*shape, S)
    sign: int


@dataclass(frozen=True, eq=False)
class Mask:
    """A comparison of `difference` with zero: value = weight + shift * tie."""

    difference: np.ndarray  # (rows, *shape)
    weight: np.ndarray


@dataclass(eq=False)
class FieldArray:
    """An array of residues, or of pending maxima, or a constant that is lifted on demand."""

    field: Field
    shape: tuple[int, ...]
    dtype: Any
    growth: Growth = ATOM
    _rows: np.ndarray | None = None
    pending: Pending | None = None
    concrete: np.ndarray | None = None
    nonnegative: bool = False
    mask: Mask | None = None  # set on the direct result of a comparison, and its casts
    root_of: FieldArray | None = None  # this value is the square root of that one
    log: Callable[[], FieldArray] | None = None  # the logarithm, where it is known as a term

    def __post_init__(self) -> None:
        self.field.largest = self.field.largest.union(self.growth)

    @property
    def rows(self) -> np.ndarray:
        """(rows, *shape) residues; a pending maximum is decided here, once."""
        if self._rows is None:
            if self.pending is not None:
                self._rows = self.field.collapse(self)
            else:
                assert self.concrete is not None
                self._rows = self.field.lift_rows(self.concrete)
        return self._rows


@dataclass(eq=False)
class Field:
    """One trial: random moduli, random inputs, random functions. See `algebras/base.py`."""

    seed: int
    mode: Mode = field(default_factory=Mode)
    exponents: bool = False
    root_order: int = 1

    def __post_init__(self) -> None:
        self.rng = np.random.Generator(np.random.Philox(self.seed))
        self.moduli: Moduli = draw(self.rng, exponents=self.exponents, root_order=self.root_order)
        self.m = self.moduli.all
        self.points = len(self.moduli.p)
        self.key = self.rng.integers(0, 2**64, mixing.WORDS, dtype=np.uint64)
        self.assumptions: dict[str, None] = {}
        self.atoms = 0  # how many residue tuples were hashed
        self.inverse_degree = 0.0  # sum of the degrees of all divisors
        self.deepest = 0  # nesting of divisions
        self.largest = ATOM  # of all values so far
        self.exponent_growths: set[Growth] = set()  # of all arguments of exp
        self.chooser = Chooser(self)

    # -- making values ------------------------------------------------------------------------

    def assume(self, sentence: str) -> None:
        self.assumptions.setdefault(sentence)

    def plain(self, rows: np.ndarray, like: Any, growth: Growth, **known: Any) -> FieldArray:
        return FieldArray(self, rows.shape[1:], like.dtype, growth, rows, **known)

    def random(self, shape: tuple[int, ...], dtype: Any) -> FieldArray:
        """An input: independent uniform residues."""
        rows = np.empty((len(self.m), *shape), np.int64)
        for row, modulus in enumerate(self.m):
            rows[row] = self.rng.integers(0, modulus, shape)
        return FieldArray(self, tuple(shape), dtype, ATOM, rows)

    def lift(self, array: np.ndarray, dtype: Any = None) -> FieldArray:
        array = np.asarray(array)
        dtype = array.dtype if dtype is None else dtype
        if not (np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_):
            if np.issubdtype(array.dtype, np.complexfloating):
                raise Unsupported("a complex constant outside the complex algebra")
            array = np.asarray(array, dtype=np.float64)
        value = FieldArray(self, array.shape, np.dtype(dtype), concrete=array)
        value.growth = _constant_growth(array)
        value.nonnegative = bool((array >= 0).all())
        return value

    def lift_rows(self, array: np.ndarray) -> np.ndarray:
        if array.dtype == np.bool_:
            return np.broadcast_to(array.astype(np.int64), (len(self.m), *array.shape)).copy()
        if np.issubdtype(array.dtype, np.integer):
            return residues.from_integers(array, self.m)
        if not np.isfinite(array).all():
            kind = "NaN" if np.isnan(array).any() else "infinite"
            raise Unsupported(f"arithmetic with a {kind} constant")
        return residues.from_floats(array, self.m)

    # -- movement -----------------------------------------------------------------------------

    def reshape(self, x: FieldArray, shape: tuple[int, ...]) -> FieldArray:
        return self._moved(x, lambda a, lead, trail: a.reshape(*lead, *shape, *trail), shape)

    def pick(self, operands: Sequence[FieldArray], index: np.ndarray) -> FieldArray:
        used = [x for x in operands if x.shape != (0,)]
        if len(operands) == 1:
            flat = index.reshape(-1)

            def move(a: np.ndarray, lead: tuple[int, ...], trail: tuple[int, ...]) -> np.ndarray:
                taken = a.reshape(*lead, -1, *trail).take(flat, axis=len(lead))
                return taken.reshape(*lead, *index.shape, *trail)

            return self._moved(operands[0], move, index.shape)
        dtype = operands[0].dtype
        growth = used[0].growth if used else ATOM
        for x in used[1:]:
            growth = growth.union(x.growth)
        known = all(x.nonnegative for x in used)
        if all(x.concrete is not None for x in operands):
            flat = np.concatenate([np.asarray(x.concrete).reshape(-1) for x in operands])
            return self.lift(flat[index], dtype)
        if self._infinite(operands):
            sign = next((x.pending.sign for x in operands if x.pending is not None), None)
            pending = self._lay_out(operands, sign)
            rows = pending.rows[:, index.reshape(-1)]
            present = None if pending.present is None else pending.present[index.reshape(-1)]
            size = rows.shape[-1]
            return FieldArray(
                self,
                index.shape,
                dtype,
                growth,
                pending=Pending(
                    rows.reshape(-1, *index.shape, size),
                    None if present is None else present.reshape(*index.shape, size),
                    pending.sign,
                ),
                nonnegative=known,
            )
        flat = np.concatenate([x.rows.reshape(len(self.m), -1) for x in operands], axis=1)
        rows = flat.take(index.reshape(-1), axis=1).reshape(-1, *index.shape)
        return FieldArray(self, index.shape, dtype, growth, rows, nonnegative=known)

    def _moved(self, x: FieldArray, move: Any, shape: tuple[int, ...]) -> FieldArray:
        """A value whose elements are x's, rearranged by `move(array, leading, trailing dims)`."""
        lead = (len(self.m),)
        y = FieldArray(self, tuple(shape), x.dtype, x.growth, nonnegative=x.nonnegative)
        if x.concrete is not None:
            y.concrete = move(np.asarray(x.concrete), (), ())
            return y
        if x._rows is not None:
            y._rows = move(x._rows, lead, ())
        elif x.pending is not None:
            p, size = x.pending, x.pending.rows.shape[-1:]
            present = None if p.present is None else move(p.present, (), size)
            y.pending = Pending(move(p.rows, lead, size), present, p.sign)
        if x.mask is not None:
            y.mask = Mask(move(x.mask.difference, lead, ()), move(x.mask.weight, lead, ()))
        if x.root_of is not None:
            y.root_of = self._moved(x.root_of, move, shape)
        if x.log is not None:
            log = x.log
            y.log = lambda: self._moved(log(), move, shape)
        return y

    def _infinite(self, operands: Sequence[FieldArray]) -> bool:
        """Whether the operands should stay maxima: some are undecided ones, or infinite."""
        undecided = any(x.pending is not None and x._rows is None for x in operands)
        infinite = any(
            x.concrete is not None and x.concrete.dtype == np.float64 and np.isinf(x.concrete).any()
            for x in operands
        )
        return undecided or infinite

    def _lay_out(self, operands: Sequence[FieldArray], sign: int | None) -> Pending:
        """The operands' candidates flattened and laid end to end, over one common size."""
        if sign is None:
            low = all(not np.isposinf(x.concrete).any() for x in operands if _float_constant(x))
            sign = 1 if low else -1
        parts = [self.candidates(x, sign) for x in operands]
        size = max(p.rows.shape[-1] for p in parts)
        rows, present = [], []
        for p in parts:
            flat = p.rows.reshape(len(self.m), -1, p.rows.shape[-1])
            here = np.ones(flat.shape[1:], bool) if p.present is None else p.present
            here = here.reshape(flat.shape[1:])
            # Missing candidates repeat the first: a set does not mind.
            fill = [(0, 0), (0, size - flat.shape[-1])]
            rows.append(np.pad(flat, [(0, 0), *fill]))
            present.append(np.pad(here, fill))
        return Pending(np.concatenate(rows, axis=1), np.concatenate(present, axis=0), sign)

    def candidates(self, x: FieldArray, sign: int) -> Pending:
        """x as sign * max(candidates); a decided or finite value is its only candidate."""
        if x.pending is not None and (x.pending.sign == sign or x._rows is None):
            if x.pending.sign == sign:
                return x.pending
            if x.pending.rows.shape[-1] == 1:  # one candidate is a maximum and a minimum
                rows = residues.reduce(-x.pending.rows, self.m)
                return self._one_sided(Pending(rows, x.pending.present, sign))
        if _float_constant(x) and np.isinf(x.concrete).any():
            infinite = np.isinf(x.concrete)
            if (
                np.isinf(x.concrete * sign)[infinite].any()
                and (x.concrete * sign)[infinite].max() > 0
            ):
                raise Unsupported("a maximum with infinity")
            rows = self.lift_rows(np.where(infinite, 0.0, x.concrete) * sign)
            return Pending(rows[..., None], ~infinite[..., None], sign)
        rows = x.rows if sign > 0 else residues.reduce(-x.rows, self.m)
        return Pending(rows[..., None], None, sign)

    @staticmethod
    def _one_sided(p: Pending) -> Pending:
        if p.present is not None and not p.present.all():
            raise Unsupported("infinities of both signs in one array")
        return p

    def collapse(self, x: FieldArray) -> np.ndarray:
        """The residues of a pending maximum: its candidates weighed by the chooser."""
        assert x.pending is not None
        rows, present, sign = x.pending.rows, x.pending.present, x.pending.sign
        if present is not None and not present.any(axis=-1).all():
            raise Unsupported("arithmetic with an infinite value")
        value = self.chooser.value(rows, present)
        return value if sign > 0 else residues.reduce(-value, self.m)

    # -- ring ---------------------------------------------------------------------------------

    def neg(self, a: FieldArray) -> FieldArray:
        if a.concrete is not None:
            return self.lift(-a.concrete if a.concrete.dtype != np.bool_ else a.concrete, a.dtype)
        y = FieldArray(self, a.shape, a.dtype, a.growth)
        if a.pending is not None:
            y.pending = Pending(a.pending.rows, a.pending.present, -a.pending.sign)
        if a._rows is not None:
            y._rows = residues.reduce(-a._rows, self.m)
        return y

    def add(self, a: FieldArray, b: FieldArray) -> FieldArray:
        growth = a.growth.plus(b.growth)
        for x, t in ((a, b), (b, a)):
            if x.concrete is not None and _all_zero(x.concrete):
                return t
        known = a.nonnegative and b.nonnegative and _is_real(a.dtype)
        a, b = self._as_maximum(a), self._as_maximum(b)
        for x, t in ((a, b), (b, a)):
            # max(s) + t = max(s + t): stay undecided, and let infinities absorb finite terms.
            if x.pending is not None and x._rows is None and self._finite(t):
                sign = x.pending.sign
                shift = t.rows if sign > 0 else residues.reduce(-t.rows, self.m)
                rows = residues.reduce(x.pending.rows + shift[..., None], self.m)
                self._no_overflow(x)
                return FieldArray(
                    self,
                    a.shape,
                    a.dtype,
                    growth,
                    pending=Pending(rows, x.pending.present, sign),
                    nonnegative=known,
                )
        return self.plain(residues.reduce(a.rows + b.rows, self.m), a, growth, nonnegative=known)

    def _as_maximum(self, x: FieldArray) -> FieldArray:
        """A constant with infinities as a pending maximum; anything else as it is."""
        if _float_constant(x) and np.isinf(x.concrete).any():
            pending = self._lay_out([x], None)
            size = pending.rows.shape[-1]
            assert pending.present is not None
            return FieldArray(
                self,
                x.shape,
                x.dtype,
                x.growth,
                pending=Pending(
                    pending.rows.reshape(-1, *x.shape, size),
                    pending.present.reshape(*x.shape, size),
                    pending.sign,
                ),
            )
        return x

    @staticmethod
    def _finite(x: FieldArray) -> bool:
        p = x.pending
        return (
            x._rows is not None
            or p is None
            or p.present is None
            or bool(p.present.any(axis=-1).all())
        )

    def _no_overflow(self, x: Any) -> None:
        if np.issubdtype(x.dtype, np.integer):
            self.assume("no integer overflows where integers are compared")

    def sub(self, a: FieldArray, b: FieldArray) -> FieldArray:
        return self.add(a, self.neg(b))

    def mul(self, a: FieldArray, b: FieldArray) -> FieldArray:
        growth = a.growth.times(b.growth)
        known = _is_real(a.dtype) and ((a.nonnegative and b.nonnegative) or a is b)
        for x, c in ((a, b), (b, a)):
            if c.concrete is None or not np.isfinite(c.concrete).all():
                continue
            if _all_one(c.concrete):
                return x
            positive, negative = bool((c.concrete > 0).all()), bool((c.concrete < 0).all())
            if x.pending is not None and x._rows is None and (positive or negative):
                # c * max(s) = max(c * s) for c > 0.
                self._no_overflow(x)
                sign = x.pending.sign * (1 if positive else -1)
                scale = c.rows if positive else residues.reduce(-c.rows, self.m)
                rows = residues.multiply(x.pending.rows, scale[..., None], self.m)
                pending = Pending(rows, x.pending.present, sign)
                return FieldArray(
                    self, a.shape, a.dtype, growth, pending=pending, nonnegative=known
                )
        if a.root_of is not None and b.root_of is not None:
            if a is b or np.array_equal(a.rows, b.rows):
                return a.root_of
        left, right = a.rows, b.rows
        for x, c in ((a, b), (b, a)):
            if x.mask is not None:
                # The tie part of a mask vanishes on whatever is zero at the tie.
                exact = self.chooser.proportional(c.rows, x.mask.difference)
                chosen = np.where(exact, x.mask.weight, x.rows)
                left, right = chosen, c.rows
        y = self.plain(residues.multiply(left, right, self.m), a, growth, nonnegative=known)
        if a.log is not None or b.log is not None:
            y.log = lambda: self.add(self.log_of(a), self.log_of(b))
        return y

    def div(self, a: FieldArray, b: FieldArray) -> FieldArray:
        if b.concrete is not None:
            if _all_one(b.concrete):
                return a
            if (b.concrete == 0).any():
                raise Unsupported("division by a constant zero")
            if np.isinf(b.concrete).any():
                raise Unsupported("division by an infinite constant")
        rows = b.rows
        if not self._nonzero(rows):
            raise Unsupported("division by what is zero everywhere")
        one = self.lift(np.array(1.0))
        if b.concrete is None:
            self.assume("no division by zero")
            distinct = len(np.unique(rows[0]))
            self.inverse_degree += distinct * b.growth.degree
            self.deepest = max(self.deepest, b.growth.level + 1)
            growth = Growth(1.0, b.growth.bits, b.growth.fraction, b.growth.level + 1)
        else:
            growth = Growth(0.0, b.growth.bits + b.growth.fraction, b.growth.bits)
        inverted = self.plain(residues.inverse(rows, self.m), b, growth)
        inverted.nonnegative = b.nonnegative
        if b.concrete is not None:
            positive = b.concrete > 0
            if positive.all() or not positive.any():
                # A constant: let maxima pass through it as through any constant factor.
                return self._scaled(a, inverted, 1 if positive.all() else -1)
        if b.log is not None or b.root_of is not None:
            if b.log is not None:
                log = b.log
                inverted.log = lambda: self.neg(log())
            if b.root_of is not None:
                # 1/sqrt(x) is the root of 1/x; x / sqrt(x) = sqrt(x).
                inverted.root_of = self.div(
                    FieldArray(self, b.shape, b.dtype, one.growth, concrete=np.ones(b.shape)),
                    b.root_of,
                )
        if a.concrete is not None and _all_one(a.concrete):
            return inverted
        return self.mul(a, inverted)

    def _scaled(self, a: FieldArray, factor: FieldArray, sign: int) -> FieldArray:
        growth = a.growth.times(factor.growth)
        known = a.nonnegative and sign > 0
        if a.pending is not None and a._rows is None:
            self._no_overflow(a)
            scale = factor.rows if sign > 0 else residues.reduce(-factor.rows, self.m)
            rows = residues.multiply(a.pending.rows, scale[..., None], self.m)
            pending = Pending(rows, a.pending.present, a.pending.sign * sign)
            return FieldArray(self, a.shape, a.dtype, growth, pending=pending, nonnegative=known)
        rows = residues.multiply(a.rows, factor.rows, self.m)
        return self.plain(rows, a, growth, nonnegative=known)

    def _nonzero(self, rows: np.ndarray) -> bool:
        """Whether no element is zero in every row; a zero in a single row is an unlucky draw."""
        points = rows[: self.points]
        if (points == 0).all(axis=0).any():
            return False
        if (rows == 0).any():
            raise Unlucky
        return True

    def dot(self, a: FieldArray, b: FieldArray) -> FieldArray:
        terms = a.shape[-1]
        growth = a.growth.times(b.growth, terms)
        rows = residues.matmul(a.rows, b.rows, self.m)
        known = a.nonnegative and b.nonnegative and _is_real(a.dtype)
        return self.plain(rows, a, growth, nonnegative=known)

    def sum(self, x: FieldArray) -> FieldArray:
        if x.shape[-1] == 1:
            return self.reshape(x, x.shape[:-1])
        growth = x.growth.summed(x.shape[-1])
        return self.plain(
            residues.total(x.rows, self.m),
            x,
            growth,
            nonnegative=x.nonnegative and _is_real(x.dtype),
        )

    def prod(self, x: FieldArray) -> FieldArray:
        if x.shape[-1] == 0:
            return self.lift(np.ones(x.shape[:-1]), x.dtype)
        parts = [self._last(x, i) for i in range(x.shape[-1])]
        while len(parts) > 1:
            pairs = [self.mul(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + parts[len(parts) & ~1 :]
        return parts[0]

    def _last(self, x: FieldArray, i: int) -> FieldArray:
        size = int(np.prod(x.shape))
        return self.pick([x], np.arange(size).reshape(x.shape)[..., i])

    def cast(self, x: FieldArray, dtype: Any) -> FieldArray:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if x.concrete is not None and x.concrete.dtype == np.bool_ and dtype != np.bool_:
            return self.lift(x.concrete.astype(_numpy_kind(dtype)), dtype)
        if dtype == np.bool_:
            zero = np.zeros(x.shape, _numpy_kind(x.dtype))
            return self.compare("ne", x, self.lift(zero, x.dtype))
        if _is_integer(dtype):
            if x.dtype == np.bool_:
                pass
            elif not _is_integer(x.dtype):
                return self.function("truncate", [x], x.shape, dtype)
            elif not _contains(dtype, x.dtype):
                return self.function(f"wrap:{dtype.name}", [x], x.shape, dtype)
        elif _is_integer(x.dtype):
            self.assume("no integer overflows before it is converted to a float")
        y = FieldArray(
            self,
            x.shape,
            dtype,
            x.growth,
            x._rows,
            x.pending,
            x.concrete,
            x.nonnegative,
            x.mask,
            x.root_of,
            x.log,
        )
        if x.concrete is not None:
            y.concrete = x.concrete.astype(_numpy_kind(dtype))
        return y

    # -- order, choice, functions: see choice.py and functions.py -------------------------------

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

    def logical_not(self, a: FieldArray) -> FieldArray:
        """1 - a; of a comparison, the opposite one: not (d > 0) is -d >= 0."""
        one = self.lift(np.ones(a.shape, np.bool_))
        rows = residues.reduce(one.rows - a.rows, self.m)
        y = self.plain(rows, a, a.growth, nonnegative=True)
        if a.mask is not None:
            d, w = a.mask.difference, a.mask.weight
            y.mask = Mask(residues.reduce(-d, self.m), residues.reduce(1 - w, self.m))
        return y

    def logical_and(self, a: FieldArray, b: FieldArray) -> FieldArray:
        """a * b, and a and a = a, a and not a = false, which products do not know."""
        product = self.mul(a, b)
        x, y = a.rows, b.rows
        same = (x[: self.points] == y[: self.points]).all(axis=0)
        opposite = (residues.reduce(x + y, self.m)[: self.points] == 1).all(axis=0)
        if same.any() or opposite.any():
            rows = np.where(same, x, np.where(opposite, 0, product.rows))
            return self.plain(rows, product, product.growth, nonnegative=True)
        return product

    def logical_or(self, a: FieldArray, b: FieldArray) -> FieldArray:
        return self.sub(self.add(a, b), self.mul(a, b))

    def log_of(self, x: FieldArray) -> FieldArray:
        return log_term(self, x)

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

    def note_exponent(self, growth: Growth, count: int) -> None:
        self.exponent_growths.add(growth)

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

    def atom(self, state: np.ndarray, dtype: Any, **known: Any) -> FieldArray:
        """Fresh random values, one for each digest."""
        self.atoms += int(np.prod(state.shape[1:]))
        rows = mixing.expand(state, self.m)
        return FieldArray(self, rows.shape[1:], dtype, ATOM, rows, **known)

    def digest(self, rows: np.ndarray) -> np.ndarray:
        """The digest of residue columns; exponents (rows beyond the points) are left out."""
        return mixing.digest(rows[: self.points], self.key)


class Unlucky(Exception):
    """A random residue that happened to be zero where it must not: draw again."""


def _float_constant(x: FieldArray) -> bool:
    return x.concrete is not None and x.concrete.dtype == np.float64


def _all_zero(array: np.ndarray) -> bool:
    return not array.any()


def _all_one(array: np.ndarray) -> bool:
    return bool((array == 1).all())


def _is_real(dtype: Any) -> bool:
    """Not an integer, which could overflow."""
    return not _is_integer(dtype)


def _is_integer(dtype: Any) -> bool:
    return bool(np.issubdtype(dtype, np.integer))


def _numpy_kind(dtype: np.dtype) -> Any:
    """The dtype that `concrete` arrays of this program dtype have."""
    return dtype if _is_integer(dtype) or dtype == np.bool_ else np.float64


def _contains(wide: np.dtype, narrow: np.dtype) -> bool:
    """Whether every value of one integer dtype is a value of the other."""
    w, n = np.iinfo(wide), np.iinfo(narrow)
    return bool(w.min <= n.min and w.max >= n.max)


def _constant_growth(array: np.ndarray) -> Growth:
    if array.size == 0 or array.dtype == np.bool_:
        return Growth(0.0, 1.0)
    if np.issubdtype(array.dtype, np.integer):
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


assert POINTS_A_PRIME == 2  # `Chooser.proportional` compares the two points of a prime

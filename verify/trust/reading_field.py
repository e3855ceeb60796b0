"""One equation as the proofs read it: the rule over residues, against what JAX computes.

`reading.py` evaluates a rule in numbers; a proof evaluates it over residues, and a fault of that
domain is none of the rule's. Here the operands' residues are those of small numbers that are known,
though the domain is not told (or told of one operand: constants have laws of their own). Where
nothing is hashed, no unknown function, order or choice is involved, and the result's residues must
be those of JAX's result: equal for exact floats and for booleans, equal modulo 2**w for integers of
w bits, as residues are those of the integer that has not wrapped yet. That integer must lie in the
interval that the domain gives it: a wider type believes it. Functions of machine integers, which a
proof takes for unknown, have their values here. Integer operands are also given as expressions that
have wrapped: a number plus 2**w, where a cast must not look through.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Unpack

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported, Value
from verify.algebras.complex import Pair
from verify.algebras.extended import fresh, lift, parts_of
from verify.algebras.field import residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.moduli import Moduli, draw
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray, Known, Unlucky
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_value import Bounded
from verify.dtypes import DType, is_integer, is_kind, limits
from verify.evaluate import evaluate
from verify.programs import Equation
from verify.trust.disagreements import described
from verify.trust.reading import Reading, alone, by_rule

Way = int | str | None
_WRAPPED, _HASHED = "integers that have wrapped", "an unknown function, an order or a choice"
_differs = functools.partial(described, domain="residues")
_FEW, _PRIMES = 3, 18  # of 30 bits; the latter is more than an interval of `machine.py` may have


class _Watched(Field):
    """A trial that ends where anything is hashed; functions of machine integers are what they are.

    `hashed`: whether anything was, whoever has caught that it ended."""

    hashed = False

    def function(
        self,
        name: str,
        args: Sequence[FieldArray],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> FieldArray:
        if not all(map(is_integer, (dtype, *(x.dtype for x in args)))):
            return super().function(name, args, shape, dtype, params)
        args = [self.observed(x, "in an operand") for x in args]
        numeric, moduli = Numeric(), self.m[: self.points].tolist()
        values = [numeric.lift(_integers(x.rows, moduli).astype(x.dtype)) for x in args]
        found = np.asarray(numeric.function(name, values, shape, dtype, params).value)
        bounds = machine.of_function(name, [machine.range_of(x) for x in args], dtype)
        rows = np.array(self.lift_rows(found))
        return FieldArray(self, shape, dtype, Growth(analytic=False), rows, bounds=bounds)

    def note(self, digests: np.ndarray, count: np.ndarray | int = 1) -> None:
        self.hashed = True
        raise Unsupported(_HASHED)

    def atom(self, state: np.ndarray, dtype: DType, **known: Unpack[Known]) -> FieldArray:
        self.hashed = True
        raise Unsupported(_HASHED)


def read(
    equation: Equation, operands: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> Reading:
    """Compares the rule over residues with JAX's results; with each operand constant, and none."""
    try:
        numbers, certified = by_rule(equation, operands)
    except Exception:  # what is wrong there, reading.py says
        return Reading(open="the rule has no numbers")
    if not certified:
        return Reading(open="the errors of the compiled operation are not known")
    exact = [part.errors == 0 for value in numbers for part in parts_of(value, Bounded)]
    compared, why = 0, ""
    several = range(len(operands) if len(operands) > 1 else 0)
    ways: list[Way] = [None, *several]
    if any(is_integer(v.dtype) for v in equation.inputs):
        ways.append(_WRAPPED)
    for way in ways:
        found = _one_way(equation, operands, theirs, exact, way, _enough(equation))
        if found.disagreement is not None:
            return found
        compared, why = compared + found.compared, found.open or why
    return Reading(None, compared, "" if compared else why)


def _one_way(
    equation: Equation,
    operands: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    exact: Sequence[np.ndarray],
    way: Way,
    primes: int,
) -> Reading:
    """`way`: the number of the operand that is constant, None, or that integers have wrapped."""
    field = _Watched(seed=1, drawn=_moduli(primes))
    values = [
        lift(field, x, v.dtype) if i == way else _hidden(field, x, v.dtype, way == _WRAPPED)
        for i, (x, v) in enumerate(zip(operands, equation.inputs, strict=True))
    ]
    try:
        ours = evaluate(alone(equation), field, values)
        rows = [
            [(np.asarray(part.rows), part.bounds) for part in parts_of(value, FieldArray)]
            for value in ours
        ]
    except (Unsupported, Unlucky) as error:
        return Reading(open=str(error))
    except Exception as error:  # a domain that fails is wrong: JAX has a result
        text = f"an error ({type(error).__name__}: {str(error)[:200]})"
        return Reading(_differs(equation, operands, 0, (), text, "a result"))
    if field.hashed:
        return Reading(open=_HASHED)
    compared, known = 0, iter(exact)
    for number, (value, own, result) in enumerate(zip(ours, rows, theirs, strict=True)):
        halves = [result.real, result.imag] if isinstance(value, Pair) else [result]
        for (found, bounds), array in zip(own, halves, strict=True):
            if primes < _PRIMES and not _told_apart(bounds, primes):
                return _one_way(equation, operands, theirs, exact, way, _PRIMES)
            sure = np.asarray(next(known))
            if found.shape[1:] != array.shape:
                shapes = f"an array of shape {found.shape[1:]}", f"one of shape {array.shape}"
                return Reading(_differs(equation, operands, number, (), *shapes))
            same, inside = _same(field, found, array, bounds)
            wrong = sure & ~(same & inside)
            compared += int(sure.sum())
            if wrong.any():
                place = tuple(int(i) for i in np.argwhere(wrong)[0])
                given = f"operand {way} is a constant" if isinstance(way, int) else str(way)
                text = "another residue" if not same[place] else f"an integer beyond {bounds}"
                text += "" if way is None else f" ({given})"
                return Reading(
                    _differs(equation, operands, number, place, text, str(array[place])), compared
                )
    return Reading(None, compared)


def _enough(equation: Equation) -> int:
    """How many primes tell the integers apart that most operations make of the operands."""
    dtypes = [atom.dtype for atom in (*equation.inputs, *equation.outputs)]
    bits = [limits(d)[1].bit_length() for d in dtypes if is_integer(d)]
    return max([_FEW, *(4 + b // 10 for b in bits)])


def _told_apart(bounds: machine.Interval, primes: int) -> bool:
    return bounds is None or max(map(abs, bounds)).bit_length() < 29 * primes


@functools.cache
def _moduli(primes: int) -> Moduli:
    rng = np.random.Generator(np.random.Philox(1))
    return draw(rng, exponents=False, count=primes)


def _hidden(field: Field, array: np.ndarray, dtype: DType, wrapped: bool) -> Value:
    """A value with the residues of the array, which the domain takes for an input; of an integer,
    if `wrapped`, every second one plus 2**width."""
    whole = np.asarray(array)
    halves = iter([whole.real, whole.imag] if np.iscomplexobj(whole) else [whole])

    def make(shape: tuple[int, ...], part: DType) -> FieldArray:
        half = next(halves)
        number = half if is_integer(half.dtype) or half.dtype == np.bool_ else half.astype(float)
        real = bool(is_kind(part, np.inexact))
        rows = np.array(field.lift_rows(number))
        bounds = machine.of_dtype(part)
        if wrapped and is_integer(part) and bounds is not None:
            around = bounds[1] - bounds[0] + 1
            turns = (np.arange(number.size) % 2).reshape(shape)
            # 2**64 is no number of NumPy's.
            step = np.array([around % m for m in field.m.tolist()], np.int64)
            step = step[(slice(None), *(None,) * len(shape))]
            rows += field.lift_rows(np.asarray(turns)) * step
            rows = residues.reduce(rows, field.m)
            bounds = bounds[0], bounds[1] + around
        return FieldArray(field, shape, part, Growth(analytic=real), rows, bounds=bounds)

    return fresh(make, whole.shape, dtype)


def _same(
    field: Field, rows: np.ndarray, array: np.ndarray, bounds: machine.Interval
) -> tuple[np.ndarray, np.ndarray]:
    """Where residues are those of the numbers; of integers, modulo 2**width, as far as they are
    known to be so small that their residues say which they are. And where integers lie within the
    bounds."""
    points, every = field.points, np.ones(array.shape, bool)
    if not (is_integer(array.dtype) or array.dtype == np.bool_):
        finite = np.isfinite(array.astype(float))
        expected = field.lift_rows(np.where(finite, array.astype(float), 0.0))
        return np.asarray((rows == expected)[:points].all(axis=0) | ~finite), every
    expected = field.lift_rows(array)
    equal = np.array((rows == expected)[:points].all(axis=0))
    if array.dtype == np.bool_:
        return equal, every
    if bounds is None:
        return every, every
    least, most = limits(array.dtype)
    values = machine.exact(array).reshape(-1)
    other = ~equal.reshape(-1)
    if other.any():
        found = _integers(rows.reshape(len(rows), -1)[:, other], field.m[:points].tolist())
        equal.reshape(-1)[other] = (found - values[other]) % (most - least + 1) == 0
        values[other] = found
    inside = (values >= bounds[0]) & (values <= bounds[1])
    return equal, np.asarray(inside, bool).reshape(array.shape)


def _integers(rows: np.ndarray, moduli: Sequence[int]) -> np.ndarray:
    """The integers of least magnitude with these residues, as Python integers."""
    flat = rows.reshape(len(rows), -1)[: len(moduli)].T.tolist()
    found = np.empty(len(flat), object)
    found[:] = [_integer(column, moduli) for column in flat]
    return found.reshape(rows.shape[1:])


def _integer(found: Sequence[int], moduli: Sequence[int]) -> int:
    """The integer of least magnitude with these residues: the Chinese remainder theorem."""
    value, modulus = 0, 1
    for residue, prime in zip(found, moduli, strict=True):
        if modulus % prime:
            step = (residue - value) * pow(modulus, -1, prime) % prime
            value, modulus = value + modulus * step, modulus * prime
    return value - modulus if 2 * value > modulus else value

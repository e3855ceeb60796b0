"""Programs whose rounded constants are replaced by what they are read as (`readings.py`).

A reading is computed by the program itself, from whole numbers: 1/10 is a division, pi is
4 atan(1). So every domain knows what to do with it: over residues a fraction is exact, pi is one
unknown number wherever it comes from, and a square root and a logarithm have their laws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction

import jax
import numpy as np
from jax import lax

from verify.constants.literals import digits, is_inexact, parts, significands
from verify.constants.numbers import Numbers, scaled
from verify.constants.readings import Reading
from verify.dtypes import Array
from verify.programs import Atom, Const, Equation, Param, Program, Var, trace

_SMALL = 4096  # elements of an array that is compared with others
_SINGLE = 4  # different numbers of an array that are put in one by one
_FAR = Fraction(9, 10)  # of the way to the end of a literal's interval
_BITS = 3  # so many literals' sides are told apart: eight
_DENOMINATOR = 2**50  # numerators and denominators are floats of 64 bits here
_NAMED = 4  # numbers of an array that have a sentence each


@dataclass
class Read:
    """Programs that are read in this way, and the sentences that a proof of them assumes."""

    left: Program
    right: Program
    sentences: tuple[str, ...]
    ones: frozenset[float]  # the numbers that are read


def read(left: Program, right: Program, numbers: Numbers, *, all_of_them: bool) -> Read | None:
    """The programs with their rounded constants replaced; None where no constant is.

    all_of_them: also those that are in both programs, which may be the same whatever they are.
    """
    found = numbers.readings
    if not all_of_them:
        found = {one: known for one, known in found.items() if one not in numbers.common}
    if not found:
        return None
    rewriter = _Rewriter(found)
    one_read, two_read = rewriter.program(left), rewriter.program(right)
    return Read(one_read, two_read, tuple(rewriter.sentences), frozenset(found))


def moved(
    left: Program, right: Program, numbers: Numbers, read: Set[float] = frozenset()
) -> Iterator[tuple[Program, Program]]:
    """The programs with other numbers for their literals, which round to the same floats: all near
    the lower ends of their intervals, or the upper ones; then any two of a few on different sides.
    Those that are `read` are what they are read as; nothing is left to move if all are.
    """
    known = {one: numbers.readings[one] for one in read}
    ones = sorted(numbers.members.keys() - known.keys())
    if not ones:
        return
    bits = min(max(len(ones) - 1, 0).bit_length(), _BITS)
    for bit in (None, *range(bits)):
        for way in (_FAR, -_FAR):
            found = dict(known)
            for position, one in enumerate(ones):
                towards = way if bit is None or position >> bit & 1 else -way
                target = Fraction(one) + towards * Fraction(numbers.half(one))
                found[one] = Reading(target.limit_denominator(_DENOMINATOR))
            rewriter = _Rewriter(found)
            yield rewriter.program(left), rewriter.program(right)


@dataclass
class _Rewriter:
    """Replaces numbers, known by their significands, by what they are read as."""

    found: Mapping[float, Reading]
    sentences: dict[str, None] = field(default_factory=dict)

    def program(self, program: Program) -> Program:
        prelude: list[Equation] = []
        known: dict[object, Atom] = {}

        def atom(a: Atom, source: str) -> Atom:
            if not is_inexact(a):
                return a
            key = _key(a)
            if key not in known:
                known[key] = self._replaced(a, source, prelude)
            return known[key]

        equations = [
            replace(
                e,
                inputs=tuple(atom(a, e.source) for a in e.inputs),
                params={name: self._inside(value) for name, value in e.params.items()},
            )
            for e in program.equations
        ]
        outputs = tuple(atom(a, "") for a in program.outputs)
        return replace(program, equations=(*prelude, *equations), outputs=outputs)

    def _inside(self, value: Param) -> Param:
        """Loop bodies and branches among the parameters."""
        if isinstance(value, Program):
            return self.program(value)
        if isinstance(value, tuple | list) and any(isinstance(v, Program) for v in value):
            return type(value)(self._inside(v) for v in value)
        return value

    def _replaced(self, literal: Const, source: str, prelude: list[Equation]) -> Atom:
        plans = [self._plan(values, dtype, source) for values, dtype in parts(literal)]
        if not any(plan.read for plan in plans):
            return literal
        with jax.enable_x64(True):
            made = trace(lambda: _whole(plans, literal.dtype))
        copied, output = _copied(made)
        prelude += copied
        return output

    def _plan(self, values: np.ndarray, dtype: np.dtype, source: str) -> _Plan:
        """Which elements are read as what, and the sentences that say so."""
        here = np.isin(significands(values), list(self.found))
        distinct = np.unique(values[here]).tolist()
        read = {v: scaled(self.found[float(significands(np.array(v)))], v) for v in distinct}
        where = f" at {source}" if source else ""
        pairs = [(digits(value, dtype), str(found)) for value, found in read.items()]
        if len(pairs) <= _NAMED:
            said = [f"the constant {shown}{where} is {found}" for shown, found in pairs]
        else:
            first, last = pairs[0], pairs[-1]
            said = [
                f"the {len(pairs)} constants {first[0]}, ..., {last[0]}{where} are "
                f"{first[1]}, ..., {last[1]}"
            ]
        self.sentences.update(dict.fromkeys(said))
        return _Plan(values, dtype, read)


def _key(atom: Const) -> object:
    """Equal for literals that are the same; large arrays are known by where they are."""
    array = np.asarray(atom.value)
    large = array.size > _SMALL
    return id(atom.value) if large else (str(array.dtype), array.shape, array.tobytes())


@dataclass
class _Plan:
    """An array of real floats, and what some of its values are read as."""

    values: np.ndarray
    dtype: np.dtype
    read: dict[float, Reading]


def _whole(plans: list[_Plan], dtype: np.dtype) -> jax.Array:
    made = [lax.convert_element_type(_array(plan), plan.dtype) for plan in plans]
    return made[0] if len(made) == 1 else lax.complex(*made)


def _array(plan: _Plan) -> Array:
    """The array, with the values that are read in their places; all else is what it is."""
    single = plan.read
    made: Array = plan.values.astype(plan.dtype)
    if len(single) > _SINGLE:  # one division for all fractions
        fractions = {v: r.factor for v, r in plan.read.items() if r.rational}
        single = {v: r for v, r in plan.read.items() if not r.rational}
        top, bottom = np.ones_like(plan.values), np.ones_like(plan.values)
        for value, fraction in fractions.items():
            here = plan.values == value
            top[here], bottom[here] = float(fraction.numerator), float(fraction.denominator)
        made = _put(plan.values, np.isin(plan.values, list(fractions)), lax.div(top, bottom), made)
    for value, found in single.items():
        number = lax.broadcast(_scalar(found), plan.values.shape)
        made = _put(plan.values, plan.values == value, number, made)
    return made


def _put(values: np.ndarray, where: np.ndarray, new: jax.Array, old: Array) -> jax.Array:
    """The new values somewhere, else the old ones."""
    if where.all():
        return new
    return lax.select(where, lax.convert_element_type(new, np.float64), _wide(old))


def _wide(array: Array) -> jax.Array:
    return lax.convert_element_type(array, np.float64)


def _scalar(read: Reading) -> jax.Array:
    def fraction(f: Fraction) -> jax.Array:
        return lax.div(np.float64(f.numerator), np.float64(f.denominator))

    def times_turns(value: jax.Array) -> jax.Array:
        """value * pi**power * e**exponent, for the powers of readings: 1, 1/2, 0, -1/2, -1."""
        if read.exponent:
            value = lax.mul(value, lax.exp(fraction(read.exponent)))
        if not read.power:
            return value
        pi = lax.mul(np.float64(4), lax.atan(np.float64(1)))
        turns = lax.sqrt(pi) if read.power.denominator == 2 else pi
        return lax.mul(value, lax.div(np.float64(1), turns) if read.power < 0 else turns)

    if read.of is not None:
        inside = lax.log(times_turns(fraction(read.of)))
        return (lax.div if read.below else lax.mul)(fraction(read.factor), inside)
    value = times_turns(fraction(read.factor))
    return value if read.root == 1 else lax.mul(value, lax.sqrt(fraction(read.root)))


def _copied(program: Program) -> tuple[list[Equation], Atom]:
    """The equations with variables of their own, and the output."""
    fresh: Mapping[Var, Var] = {
        v: Var(v.shape, v.dtype) for e in program.equations for v in e.outputs
    }

    def atom(a: Atom) -> Atom:
        return fresh.get(a, a) if isinstance(a, Var) else a

    equations = [
        replace(e, inputs=tuple(map(atom, e.inputs)), outputs=tuple(fresh[v] for v in e.outputs))
        for e in program.equations
    ]
    return equations, atom(program.outputs[0])

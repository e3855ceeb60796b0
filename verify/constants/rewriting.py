"""Programs whose rounded constants are replaced by what they are read as (`readings.py`).

A reading is computed by the program itself, from whole numbers: 1/10 is a division, pi is
4 atan(1). So every domain knows what to do with it: over residues a fraction is exact, pi is one
unknown number wherever it comes from, and a square root and a logarithm have their laws.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np

from verify.constants.fitting import scaled
from verify.constants.literals import digits, is_inexact, parts, rounded, significands
from verify.constants.numbers import Numbers
from verify.constants.placing import Plan, whole
from verify.constants.readings import Reading, Source
from verify.constants.rounds import Known
from verify.constants.tables import key
from verify.programs import Atom, Const, Equation, Param, Program, Var, leading_to, trace

_SMALL = 4096  # elements of an array that is compared with others
_FAR = Fraction(9, 10)  # of the way to the end of a literal's interval
_PARTS = {"": lambda x: x, "real": jnp.real, "imag": jnp.imag}
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
    known = numbers.rounds[-1]
    if not all_of_them:
        own = {one: read for one, read in known.readings.items() if one not in numbers.common}
        known = replace(known, readings=own)
    if not known:
        return None
    rewriter = _Rewriter(known, numbers.rounds)
    one_read, two_read = rewriter.program(left), rewriter.program(right)
    return Read(one_read, two_read, tuple(rewriter.sentences), frozenset(known.readings))


def moved(
    left: Program, right: Program, numbers: Numbers, read: Set[float] = frozenset()
) -> Iterator[tuple[Program, Program]]:
    """The programs with other numbers for their literals, which round to the same floats: all near
    the lower ends of their intervals, or the upper ones; then any two of a few on different sides.
    Those that are `read` are what they are read as; nothing is left to move if all are.
    """
    last = numbers.rounds[-1]
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
            rewriter = _Rewriter(replace(last, readings=found), numbers.rounds)
            yield rewriter.program(left), rewriter.program(right)


@dataclass
class _Rewriter:
    """Replaces numbers, known by their significands, and tables by what they are read as."""

    found: Known
    rounds: Sequence[Known]
    sentences: dict[str, None] = field(default_factory=dict)

    def program(self, program: Program) -> Program:
        prelude = _Prelude()
        equations = [self._equation(e, prelude) for e in program.equations]
        outputs = tuple(self._atom(a, "", prelude) for a in program.outputs)
        return replace(program, equations=(*prelude.equations, *equations), outputs=outputs)

    def _equation(self, e: Equation, prelude: _Prelude) -> Equation:
        return replace(
            e,
            inputs=tuple(self._atom(a, e.source, prelude) for a in e.inputs),
            params={name: self._inside(value) for name, value in e.params.items()},
        )

    def _atom(self, a: Atom, source: str, prelude: _Prelude) -> Atom:
        if not is_inexact(a):
            return a
        key = (id(self.found), _key(a))
        if key not in prelude.known:
            prelude.known[key] = self._replaced(a, source, prelude)
        return prelude.known[key]

    def _inside(self, value: Param) -> Param:
        """Loop bodies and branches among the parameters."""
        if isinstance(value, Program):
            return self.program(value)
        if isinstance(value, tuple | list) and any(isinstance(v, Program) for v in value):
            return type(value)(self._inside(v) for v in value)
        return value

    def _replaced(self, literal: Const, source: str, prelude: _Prelude) -> Atom:
        plans = [self._plan(values, dtype, source) for values, dtype in parts(literal)]
        if not any(plan.read or plan.table for plan in plans):
            return literal
        arrays = {
            source.array: self._made(source, prelude) for plan in plans for source in plan.sources()
        }

        def made_of(*values: jax.Array) -> jax.Array:
            known = {
                name: _PARTS[name[1]](value) for name, value in zip(arrays, values, strict=True)
            }
            return whole([replace(plan, arrays=known) for plan in plans], literal.dtype)

        examples = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in arrays.values()]
        with jax.enable_x64(True):
            made = trace(made_of, *examples)
        copied, output = _copied(made, arrays.values())
        prelude.equations += copied
        return output

    def _made(self, source: Source, prelude: _Prelude) -> Var:
        """An array that one of the programs makes of constants: made here, too, its own literals
        being what was known when it was looked at."""
        key = (source.after, source.var)
        if key not in prelude.made:
            within = _Rewriter(self.rounds[source.after], self.rounds, self.sentences)
            new: dict[Var, Var] = {}
            for e in leading_to(source.program.equations, [source.var]):
                e = within._equation(e, prelude)
                outputs = tuple(Var(v.shape, v.dtype) for v in e.outputs)
                new.update(zip(e.outputs, outputs, strict=True))
                inputs = tuple(new.get(a, a) if isinstance(a, Var) else a for a in e.inputs)
                prelude.equations.append(replace(e, inputs=inputs, outputs=outputs))
            prelude.made[key] = new[source.var]
        return prelude.made[key]

    def _plan(self, values: np.ndarray, dtype: np.dtype, source: str) -> Plan:
        """Which elements are read as what, and the sentences that say so."""
        where = f" at {source}" if source else ""
        table = self.found.tables.get(key(values, dtype)) if self.found.tables else None
        if table is not None:
            shown = digits(values[rounded(values, dtype)][0], dtype)
            constants = f"the {values.size} constants, {shown} among them,{where}"
            self.sentences[f"{constants} are {table.array.source}"] = None
            return Plan(values, dtype, {}, table)
        readings = self.found.readings
        here = np.isin(significands(values), list(readings))
        distinct = np.unique(values[here]).tolist()
        read = {v: scaled(readings[float(significands(np.array(v)))], v) for v in distinct}
        pairs = [(digits(value, dtype), str(one)) for value, one in read.items()]
        if len(pairs) <= _NAMED:
            said = [f"the constant {shown}{where} is {found}" for shown, found in pairs]
        else:
            first, last = pairs[0], pairs[-1]
            said = [
                f"the {len(pairs)} constants {first[0]}, ..., {last[0]}{where} are "
                f"{first[1]}, ..., {last[1]}"
            ]
        self.sentences.update(dict.fromkeys(said))
        return Plan(values, dtype, read)


@dataclass
class _Prelude:
    """What a program begins with once its literals are read: the numbers in their places."""

    equations: list[Equation] = field(default_factory=list)
    known: dict[object, Atom] = field(default_factory=dict)
    made: dict[object, Var] = field(default_factory=dict)


def _key(atom: Const) -> object:
    """Equal for literals that are the same; large arrays are known by where they are."""
    array = np.asarray(atom.value)
    large = array.size > _SMALL
    return id(atom.value) if large else (str(array.dtype), array.shape, array.tobytes())


def _copied(program: Program, inputs: Iterable[Var]) -> tuple[list[Equation], Atom]:
    """The equations with variables of their own, of these inputs, and the output."""
    fresh: dict[Var, Var] = {v: Var(v.shape, v.dtype) for e in program.equations for v in e.outputs}
    fresh.update(zip(program.inputs, inputs, strict=True))

    def atom(a: Atom) -> Atom:
        return fresh.get(a, a) if isinstance(a, Var) else a

    equations = [
        replace(e, inputs=tuple(map(atom, e.inputs)), outputs=tuple(fresh[v] for v in e.outputs))
        for e in program.equations
    ]
    return equations, atom(program.outputs[0])

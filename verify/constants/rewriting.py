"""Programs whose rounded constants are replaced by what they are read as (`readings.py`).

A reading is computed by the program itself, from whole numbers: 1/10 is a division, pi is
4 atan(1). So every domain knows what to do with it: over residues a fraction is exact, pi is one
unknown number wherever it comes from, and a square root and a logarithm have their laws.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import jax
import numpy as np
from jax import lax

from verify.constants.literals import as_float64, common, is_literal, key, rounded
from verify.constants.readings import Reading, reading
from verify.program import Atom, Const, Equation, Program, Var, trace

_LARGEST = 2**53  # numerators and denominators that a float64 holds


@dataclass
class Read:
    """Programs that are read in this way, and the sentences that a proof of them assumes."""

    left: Program
    right: Program
    sentences: tuple[str, ...]


def read(left: Program, right: Program, *, all_of_them: bool) -> Read | None:
    """The programs with their rounded constants replaced; None where no constant is.

    all_of_them: also those that are in both programs, which may be the same whatever they are.
    """
    kept: set[Any] = set()
    if not all_of_them:
        kept |= common(left, right)
    rewriter = _Rewriter(kept)
    one_read, two_read = rewriter.program(left), rewriter.program(right)
    sentences = tuple(rewriter.sentences)
    return Read(one_read, two_read, sentences) if sentences else None


@dataclass
class _Rewriter:
    kept: set[Any]
    sentences: dict[str, None] = field(default_factory=dict)

    def program(self, program: Program) -> Program:
        prelude: list[Equation] = []
        known: dict[Any, Atom] = {}

        def atom(a: Any, source: str) -> Any:
            if not is_literal(a) or key(a) in self.kept:
                return a
            if key(a) not in known:
                known[key(a)] = self._replaced(a, source, prelude)
            return known[key(a)]

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

    def _inside(self, value: Any) -> Any:
        """Loop bodies and branches among the parameters."""
        if isinstance(value, Program):
            return self.program(value)
        if isinstance(value, tuple | list) and any(isinstance(v, Program) for v in value):
            return type(value)(self._inside(v) for v in value)
        return value

    def _replaced(self, literal: Const, source: str, prelude: list[Equation]) -> Atom:
        values, dtype = as_float64(literal), literal.dtype
        flat, readings = values.reshape(-1), []
        for value, open_ in zip(flat.tolist(), rounded(flat, dtype).tolist(), strict=True):
            found = reading(value, dtype) if open_ else Reading(Fraction(value))
            if found is None:
                return literal
            readings.append(found)
        made = _computed(tuple(readings), values.shape, str(dtype))
        if made is None:
            return literal
        copied, output = _copied(made)
        prelude += copied
        for value, found in zip(flat.tolist(), readings, strict=True):
            if not found.rational or float(found.factor) != value:
                where = f" at {source}" if source else ""
                shown = np.format_float_positional(
                    np.float64(value).astype(dtype), unique=True, trim="-"
                )
                self.sentences.setdefault(f"the constant {shown}{where} is {found}")
        return output


@functools.lru_cache(maxsize=1024)
def _computed(readings: tuple[Reading, ...], shape: tuple[int, ...], dtype: str) -> Program | None:
    """A program without inputs that computes the readings, as an array of this shape and dtype."""
    if all(r.rational for r in readings):
        parts = [(r.factor.numerator, r.factor.denominator) for r in readings]
        if any(abs(n) >= _LARGEST or d >= _LARGEST for n, d in parts):
            return None
        top, bottom = (
            np.array(side, np.float64).reshape(shape) for side in zip(*parts, strict=True)
        )
        made: Callable[[], Any] = lambda: lax.div(top, bottom)  # noqa: E731
    elif len(set(readings)) == 1:
        made = lambda: lax.broadcast(_scalar(readings[0]), shape)  # noqa: E731
    else:
        return None
    with jax.enable_x64(True):
        return trace(lambda: lax.convert_element_type(made(), np.dtype(dtype)))


def _scalar(read: Reading) -> Any:
    def fraction(f: Fraction) -> Any:
        return lax.div(np.float64(f.numerator), np.float64(f.denominator))

    def times_turns(value: Any) -> Any:
        """value * pi**power, for the powers of readings: 1, 1/2, 0, -1/2, -1."""
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

    def atom(a: Any) -> Any:
        return fresh.get(a, a)

    equations = [
        replace(e, inputs=tuple(map(atom, e.inputs)), outputs=tuple(fresh[v] for v in e.outputs))
        for e in program.equations
    ]
    return equations, atom(program.outputs[0])

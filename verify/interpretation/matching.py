"""Where two programs part: the first values of each that the other does not compute.

Value numbering by random interpretation. Both programs are evaluated in one trial, and every value
gets a number: the digest of its residues, in whatever order and shape they are. A value is matched
if the other program has one of its number. Going up from the outputs that are not identical, along
values that are not matched, ends at operations all of whose operands are matched: there the two
part. (What is not matched but leads to nothing else that is not, as the parts of a sum that is
spelt otherwise, is passed over.)

It is no proof of anything, and names no more than a place to look at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.field.split import residues_of
from verify.interpretation.proof import Difference
from verify.interpretation.trial import Told, TooLarge, traced_trial
from verify.limits import budget
from verify.programs import Equation, Program

FIRST = "the first values without a counterpart"
_Number = bytes


@dataclass
class _Watched:
    """What one program computes: of each equation, the numbers of its operands and results."""

    steps: list[tuple[Equation, list[_Number], list[_Number]]] = field(default_factory=list)
    free: set[_Number] = field(default_factory=set)  # made of constants: need no counterpart

    def __call__(self, equation: Equation, operands: list[Value], results: list[Value]) -> None:
        numbers = [[_number(x) for x in values] for values in (operands, results)]
        constants = (x.concrete is not None for x in operands)
        self.free |= {n for n, is_one in zip(numbers[0], constants, strict=True) if is_one}
        if self.free.issuperset(numbers[0]):
            self.free.update(numbers[1])
        self.steps.append((equation, numbers[0], numbers[1]))

    @property
    def known(self) -> set[_Number]:
        return {n for _, operands, results in self.steps for n in (*operands, *results)}

    def first(self, outputs: Iterable[_Number], other: set[_Number]) -> Equation | None:
        """The first equation whose operands are all among the others' values, and whose result is
        not, on the way to these outputs."""
        live, found = {n for n in outputs if n not in other}, None
        for equation, operands, results in reversed(self.steps):
            if live.isdisjoint(results):
                continue
            lost = {n for n in operands if n not in other and n not in self.free}
            live |= lost
            if not lost:
                found = equation
        return found


def where_they_part(
    left: Program, right: Program, difference: Difference, seed: int, told: Told | None = None
) -> str:
    """In words, the first operation of each program whose result the other does not have; "" where
    that is not known. `difference`: what is known not to be identical.

    >>> import jax, jax.numpy as jnp
    >>> from verify.programs import trace
    >>> from verify.interpretation.proof import MODES, prove
    >>> programs = [trace(lambda x: jnp.exp(f(x * 2)) + 1, 1.0) for f in (jnp.sin, jnp.cos)]
    >>> difference = prove(*programs, MODES[0], 0)
    >>> where_they_part(*programs, difference, 0)
    "the first values without a counterpart: the left's sin..., and the right's cos..."
    """
    mode = replace(difference.mode, patterns=False, split=False)
    try:
        watched, inputs, outputs = traced_trial(left, right, mode, seed, told, _Watched)
        shared = {_number(x) for x in inputs}
        numbers = [[_number(values[k]) for k in difference.elements] for values in outputs]
    except (Unsupported, TooLarge, MemoryError):
        return ""
    one, two = watched
    here, there = (
        one.first(numbers[0], two.known | shared),
        two.first(numbers[1], one.known | shared),
    )
    if here is None or there is None:
        return ""
    return f"{FIRST}: the left's {_said(here)}, and the right's {_said(there)}"


def _said(equation: Equation) -> str:
    return equation.primitive + (f" at {equation.source}" if equation.source else "")


def _number(value: Value) -> _Number:
    """Equal for values of the same elements, in whatever order."""
    digest = blake2b(digest_size=16)
    for part in residues_of(value):
        budget.spend(20.0 * int(np.prod(part.shape)))
        try:
            words = part.field.digest(part.rows)[0]
        except Unsupported:  # infinities
            words = np.zeros(0) if part.concrete is None else part.concrete
        digest.update(np.unique(words).tobytes())
    return digest.digest()

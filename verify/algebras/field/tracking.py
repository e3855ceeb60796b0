"""Operations of a trial in which rows decide choices, each telling its result what it was made of.

What is so in all rows may rest on a choice that they all made alike. So no operation that decides
returns a constant of operands that rest on any, unless the form of a value says so (`patterns.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from verify.algebras.field.origins import Origin, made_of, without
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray, newest
from verify.dtypes import is_integer
from verify.programs import Param


class Deciding(Protocol):
    """The trial: what operations in progress have noted and make, and what a value rests on."""

    noted: list[list[np.ndarray]]
    making: list[Origin]

    def rests(self, x: FieldArray) -> bool: ...
    def is_read_off(self, x: FieldArray) -> bool: ...


# Operations of the algebra by how their operands' elements reach the result's.
KINDS = {
    "each": (
        *("neg", "add", "sub", "mul", "div", "cast", "maximum", "compare", "select", "function"),
        *("logical_not", "logical_and", "logical_or", "observed", "within", "remainder"),
    ),
    "last": ("sum", "prod", "max", "none_of"),
    "lane": ("winner", "anyone"),
    "dot": ("dot",),
    "reshape": ("reshape",),
    "pick": ("pick",),
}

_OPPOSITE = {"ge": "lt", "le": "gt"}
# Of these a constant may be what all rows say it is. (0 x is 0 whatever x rests on, if rows are not
# all that says that x is a number.)
_DECIDE = frozenset(
    ("compare", "select", "function", "maximum", "max", "winner", "none_of", "anyone")
)


def _operands(args: Sequence[object]) -> tuple[FieldArray, ...]:
    found: list[FieldArray] = []
    for arg in args:
        if isinstance(arg, FieldArray):
            found.append(arg)
        elif isinstance(arg, list | tuple):
            found += _operands(arg)
    return tuple(found)


def tracked(name: str, kind: str) -> Callable[..., FieldArray]:
    plain = getattr(Field, name)

    @functools.wraps(plain)
    def operation(self: Deciding, *args: Param, **options: Param) -> FieldArray:
        operands = _operands(args)
        own: list[np.ndarray] = []
        within = Origin("each" if kind in ("each", "reshape") else "all", operands, own)
        self.noted.append(own)
        self.making.append(within)
        before = newest()
        try:
            y: FieldArray = plain(self, *args, **options)
        finally:
            self.noted.pop()
            self.making.pop()
        if y is None:
            return y
        if y.serial < before:
            # A value that was there already: an operand that came back, or exp(log u), which is u.
            # It is made of what it was made of; as its own descendant it would have no beginning.
            # That it is this one may be so in the branches of these rows alone.
            if not own and not any(self.rests(o) for o in operands if o is not y):
                return y
            y = made_again(y, Origin("each", (y,), []))
        elif y.concrete is not None and _is_no_constant(self, name, args, operands, own):
            y = made_again(y, y.origin)
        index = args[1] if kind == "pick" else None
        y.origin = Origin(kind, operands, own, index, without(y.origin, within))
        if kind in ("pick", "reshape"):  # what y is made of was moved with it
            for part in made_of(y):
                if part.origin is within:
                    part.origin = Origin(kind, operands, own, index)
        return y

    return operation


def _is_no_constant(
    field: Deciding,
    name: str,
    args: Sequence[Param],
    operands: Sequence[FieldArray],
    own: Sequence[np.ndarray],
) -> bool:
    """Whether a result that is the same in all rows may be another one elsewhere."""
    if name not in _DECIDE:
        return any(map(field.is_read_off, operands))
    if name == "compare" and not own and _is_by_form(field, *args):
        return False
    return bool(own) or any(map(field.rests, operands))


def _is_by_form(field: Deciding, op: str, a: FieldArray, b: FieldArray) -> bool:
    """Whether a comparison with a constant is decided by the sign that a value has by its form, or
    by its being a number."""
    for x, c, true in ((a, b, "ge"), (b, a, "le")):
        if c.concrete is None or is_integer(x.dtype) or field.is_read_off(x):
            continue
        if np.isinf(c.concrete).all() or (x.positive and (c.concrete <= 0).all()):
            return True
        if x.nonnegative and (c.concrete < 0).all():
            return True
        if x.nonnegative and (c.concrete <= 0).all() and op in (true, _OPPOSITE[true]):
            return True
    return False


def made_again(x: FieldArray, origin: Origin) -> FieldArray:
    """A value of which more is known of how it was made. It is no constant, whatever it is in all
    rows: nobody asks what a constant rests on."""
    if x.concrete is None:
        return replace(x, origin=origin)
    return replace(x, concrete=None, _rows=x.rows, origin=origin)

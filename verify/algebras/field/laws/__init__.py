"""The laws of functions, one file each. See README.md for how to write one."""

from __future__ import annotations

from typing import Any

from verify.algebras.field.laws.absolute import ABSOLUTE_VALUES
from verify.algebras.field.laws.angles import ANGLES
from verify.algebras.field.laws.circle import CIRCLE
from verify.algebras.field.laws.cube_roots import CUBE_ROOTS
from verify.algebras.field.laws.error_functions import ERROR_FUNCTIONS
from verify.algebras.field.laws.exponentials import EXPONENTIALS
from verify.algebras.field.laws.gammas import GAMMAS
from verify.algebras.field.laws.images import IMAGES
from verify.algebras.field.laws.law import Law
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.laws.magnitudes import MAGNITUDES
from verify.algebras.field.laws.quotients import QUOTIENTS
from verify.algebras.field.laws.scaled import SCALED
from verify.algebras.field.laws.square_roots import SQUARE_ROOTS
from verify.algebras.field.laws.steps import STEPS
from verify.algebras.field.laws.sums_of_squares import SUMS_OF_SQUARES
from verify.algebras.field.laws.turns import TURNS
from verify.algebras.field.laws.wholes import WHOLE_NUMBERS
from verify.algebras.field.value import FieldArray

# In the order in which they are asked: the first that has a result makes it.
LAWS: tuple[Law[Any], ...] = (
    ABSOLUTE_VALUES,  # before the root of a square is one like any other
    MAGNITUDES,  # before log(1 + exp(-|x|)) is the logarithm of a sum like any other
    EXPONENTIALS,  # before the logarithm of an exponential is one like any other
    SCALED,  # before the logarithm of a multiple of an exponential is one like any other
    SQUARE_ROOTS,
    LOGARITHMS,
    TURNS,  # before a sine is one like any other
    ANGLES,  # before they are points of a circle like any other
    CIRCLE,
    CUBE_ROOTS,
    SUMS_OF_SQUARES,
    GAMMAS,
    ERROR_FUNCTIONS,
    WHOLE_NUMBERS,  # before a step of a number is one like any other
    STEPS,
    IMAGES,
    QUOTIENTS,
)


def concerned(*values: FieldArray) -> list[Law[Any]]:
    """The laws that know something of one of the values, or read what another knows."""
    known = {law for x in values for law in x.facts}
    if not known:
        return []
    return [law for law in LAWS if law in known or not known.isdisjoint(law.reads)]

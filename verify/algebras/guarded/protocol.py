"""What products, functions and orders ask of the domain that they are a part of (`domain.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from verify.algebras.field.value import FieldArray
from verify.algebras.guarded.logic import Logic
from verify.algebras.guarded.value import Guard, Guarded, Number

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field


class Domain(Protocol):
    inner: Field
    logic: Logic

    def open(self, x: Number) -> Guarded: ...

    def made(
        self, number: FieldArray, low: Guard, high: Guard, void: Guard, nan: bool = True
    ) -> Number: ...

    def along(self, x: Guarded) -> list[Guarded]: ...

    def pick(self, operands: Sequence[Number], index: np.ndarray) -> Number: ...

    def mul(self, a: Number, b: Number) -> Number: ...

    def sum(self, x: Number) -> Number: ...

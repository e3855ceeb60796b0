"""What each element of an array depends on, and how that is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verify.dtypes import DType


@dataclass(frozen=True, eq=False)
class Depends:
    """An array of sets: `sets[i]` numbers the set of each element in input i, None if all are
    empty. `zero` marks elements that are known to be zero. `array`: a constant's own elements."""

    shape: tuple[int, ...]
    dtype: DType
    sets: tuple[np.ndarray | None, ...]
    zero: np.ndarray | None = None
    array: np.ndarray | None = None

    @property
    def concrete(self) -> np.ndarray | None:
        return self.array


def sets_of(operands: Sequence[Depends], number: int) -> list[np.ndarray]:
    """The operands' sets of one input, those that are not empty all over."""
    return [sets for sets in (x.sets[number] for x in operands) if sets is not None]


def both(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
    return None if a is None or b is None else a & b


def either(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
    if a is None or b is None:
        return b if a is None else a
    return a | b

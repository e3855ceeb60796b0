"""What multiples of logarithms in a value come to: residues modulo q, and parities.

`logarithms.py` says what for. Rows are made only if they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray

Rows = Callable[[], np.ndarray]  # (points, *shape)
Map = Callable[..., np.ndarray]


@dataclass(frozen=True, eq=False)
class Sum:
    """Of a value that multiples of logarithms are part of.

    found: where they are whole multiples, their parity: 1 where the product of what they are the
        logarithms of is minus a power of w.
    antilog: this value is the logarithm of that one.
    of_powers: it is the logarithm of something that is made of exponentials.
    halves: where they are not whole, but halves of whole multiples, the parity of twice them.
    logs: what they come to, modulo q.
    """

    found: Rows | None
    antilog: FieldArray | None = None
    of_powers: bool = False
    halves: Rows | None = None
    logs: Rows | None = None

    @cached_property
    def parity(self) -> np.ndarray | None:
        return None if self.found is None else self.found()

    @property
    def doubled(self) -> Rows | None:
        """The parity of twice the multiples."""
        return self.halves if self.found is None else _even


def _even() -> np.ndarray:
    return np.zeros((), np.uint8)


def _zero() -> np.ndarray:
    return np.zeros((), np.int64)


NOTHING = Sum(_even, logs=_zero)  # of a value without logarithms


def linear(parts: Sequence[Sum | None], parity: Map, logs: Map) -> Sum | None:
    """Of what is made of values by a linear map with whole coefficients: `parity` is the map of
    parities, `logs` that of residues modulo q."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    found = _mapped([part.found for part in known], parity)
    halves = None if found else _mapped([part.doubled for part in known], parity)
    return _made(found, halves, _mapped([part.logs for part in known], logs))


def times(state: State, known: Sum, c: FieldArray, parity: Map, logs: Map) -> Sum | None:
    """Of a product with a value c that has no logarithms: `parity` is the product of parities with
    numbers 0 and 1, `logs` that of residues with those of c."""
    found, halves = None, None
    if c.concrete is not None and np.isfinite(c.concrete).all():
        n = np.asarray(c.concrete, np.float64)
        found = _product(known.found, n, parity) or _product(known.halves, n / 2, parity)
        if found is None:
            halves = _product(known.found, 2 * n, parity) or _product(known.halves, n, parity)
    rows = known.logs
    return _made(found, halves, rows and (lambda: logs(rows(), c.rows[state.points :])))


def _made(found: Rows | None, halves: Rows | None, logs: Rows | None) -> Sum | None:
    if found is None and halves is None and logs is None:
        return None
    return Sum(found, halves=halves, logs=logs)


def _mapped(several: Sequence[Rows | None], f: Map) -> Rows | None:
    given = [rows for rows in several if rows is not None]
    return None if len(given) < len(several) else lambda: f(*(rows() for rows in given))


def _product(parity: Rows | None, n: np.ndarray, by: Map) -> Rows | None:
    """The parity of n times the multiples, for whole n."""
    if parity is None or not np.array_equal(n, np.rint(n)):
        return None
    known, odd = parity, (np.abs(n) % 2).astype(np.uint8)
    return lambda: by(known(), odd)

"""What multiples of logarithms in a value come to: residues modulo q, and parities.

`logarithms.py` says what for. Rows are made only if they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, Unlucky

Rows = Callable[[], np.ndarray]  # (points, *shape)
Map = Callable[..., np.ndarray]

_EXPONENTS = np.arange(-8, 9)  # of the powers that are made modulo q


@dataclass(frozen=True, eq=False)
class Sum:
    """Of a value that multiples of logarithms are part of.

    found: where they are whole multiples, their parity: 1 where the product of what they are the
        logarithms of is minus a power of w.
    antilog: this value is the logarithm of that one.
    of_powers: it is the logarithm of something that is made of exponentials.
    halves: where they are not whole, but halves of whole multiples, the parity of twice them.
    logs: what they come to, modulo q.
    within: what the exponential of whole multiples is modulo q, where it is beside a logarithm or
        within an exponential: the product of what they are the logarithms of.
    """

    found: Rows | None
    antilog: FieldArray | None = None
    of_powers: bool = False
    halves: Rows | None = None
    logs: Rows | None = None
    within: Rows | None = None

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


def _one() -> np.ndarray:
    return np.ones((), np.int64)


NOTHING = Sum(_even, logs=_zero, within=_one)  # of a value without logarithms


def linear(parts: Sequence[Sum | None], parity: Map, logs: Map, within: Map) -> Sum | None:
    """Of what is made of values by a linear map with whole coefficients: `parity` is the map of
    parities, `logs` that of residues modulo q, `within` that of their exponentials."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    found = _mapped([part.found for part in known], parity)
    halves = None if found else _mapped([part.doubled for part in known], parity)
    made = _made(found, halves, _mapped([part.logs for part in known], logs))
    return made and replace(made, within=_mapped([part.within for part in known], within))


def times(
    state: State, known: Sum, c: FieldArray, parity: Map, logs: Map, within: Map
) -> Sum | None:
    """Of a product with a value c that has no logarithms: `parity` is the product of parities with
    numbers 0 and 1, `logs` that of residues with those of c, `within` the product of powers with
    whole exponents."""
    found, halves, powers = None, None, None
    if c.concrete is not None and np.isfinite(c.concrete).all():
        n = np.asarray(c.concrete, np.float64)
        found = _product(known.found, n, parity) or _product(known.halves, n / 2, parity)
        if found is None:
            halves = _product(known.found, 2 * n, parity) or _product(known.halves, n, parity)
        if known.within is not None and np.isin(n, _EXPONENTS).all():
            powers = _mapped([known.within], lambda rows: within(rows, n.astype(np.int64)))
    rows = known.logs
    made = _made(found, halves, rows and (lambda: logs(rows(), c.rows[state.points :])))
    return made and replace(made, within=powers)


def power(rows: np.ndarray, exponents: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Residues to whole powers, element by element."""
    out = np.ones(np.broadcast_shapes(rows.shape, (1, *exponents.shape)), np.int64)
    for n in np.unique(exponents).tolist():
        base = rows if n >= 0 else inverse(rows, q)
        out = np.where(exponents == n, residues.power(base, abs(n), q), out)
    return out


def inverse(rows: np.ndarray, q: np.ndarray) -> np.ndarray:
    if (rows == 0).any():
        raise Unlucky
    return residues.inverse(rows, q)


def product(rows: np.ndarray, q: np.ndarray, axis: int = -1) -> np.ndarray:
    """Over an axis."""
    out = np.ones(np.delete(rows.shape, axis), np.int64)
    for one in np.moveaxis(rows, axis, 0):
        out = residues.multiply(out, one, q)
    return out


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

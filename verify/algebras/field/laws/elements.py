"""Matrix products element by element, for laws that know something of single products."""

from __future__ import annotations

import numpy as np

from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray

MOST_PRODUCTS = 2**17  # of a matrix product that is written out


def by_elements(state: State, a: FieldArray, b: FieldArray) -> FieldArray:
    """A matrix product as products and a sum."""
    batch, m, k = a.shape
    n = b.shape[2]
    rows = np.arange(batch * m * k).reshape(batch, m, 1, k)
    columns = np.arange(batch * k * n).reshape(batch, k, n).transpose(0, 2, 1)[:, None]
    one, two = (np.broadcast_to(index, (batch, m, n, k)) for index in (rows, columns))
    return state.sum(state.mul(state.pick([a], one), state.pick([b], two)))

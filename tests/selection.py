"""Which rows of a table `make test` runs: the others are for `make test-all`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def few_of(rows: Iterable[Any], few: Collection[Any]) -> list[Any]:
    """All rows as parameters; those not among `few` are marked `full`.

    >>> [row.values for row in few_of("abc", "b") if not row.marks]
    [('b',)]
    """
    rows = list(rows)
    strangers = set(few) - set(rows)
    assert not strangers, f"not in the table: {strangers}"
    assert few, "at least one row stays in `make test`"
    return [pytest.param(row, marks=() if row in few else pytest.mark.full) for row in rows]

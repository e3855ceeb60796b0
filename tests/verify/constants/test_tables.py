"""Tables of numbers among the literals: read where that says something, and within the budget."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.constants import numbers, readings
from verify.limits import budget
from verify.programs import trace

MEASURED = np.random.default_rng(0).uniform(0.5, 1, 2000).astype(np.float32)
DECIMALS = np.array([round(i / 5000 + 0.0002, 4) for i in range(400)], np.float32)
COUNT = 60  # log(938) is 6.84375 as a float32
LOGARITHMS = np.log(np.arange(900.0, 900.0 + COUNT)).astype(np.float32)


def of(*tables):
    programs = [trace(lambda x, t=t: x * t, jnp.zeros(t.size)) for t in tables]
    return numbers.of(programs[0], programs[-1])


def test_a_table_of_measurements_is_not_read_number_by_number():
    readings.reading.cache_clear()
    assert not of(MEASURED).readings
    assert readings.reading.cache_info().misses < 100


def test_a_table_of_decimals_is_read():
    found = of(DECIMALS).readings
    assert len(found) > 150
    assert all(read.rational for read in found.values())


def test_what_is_written_elsewhere_too_is_read_in_a_table_of_measurements():
    table = MEASURED.copy()
    table[7] = 0.1
    known = of(table, np.float32([0.1, 0.2])).readings
    assert [str(read) for read in known.values()] == ["4/5"]


def test_reading_spends_work():
    with budget.metered() as meter:
        assert of(DECIMALS).readings
    assert meter.spent > 1e5 * len(DECIMALS) / 2


@pytest.mark.parametrize("one", [True, False])
def test_a_number_that_is_short_by_chance_in_a_table_may_have_been_rounded(one):
    """Alone it is what somebody has written."""
    table = LOGARITHMS if not one else LOGARITHMS[38:39]
    assert table[0 if one else 38] == 6.84375
    first = 938.0 if one else 900.0
    x = jax.ShapeDtypeStruct(table.shape, jnp.float32)
    verdict = verify.equivalent(
        lambda x: x * table,
        lambda x: x * jnp.log(jnp.arange(first, first + table.size, dtype=jnp.float32)),
        x,
        seconds=5,
    )
    assert (verdict.status == "refuted") == one


def test_a_table_that_is_wrong_is_refuted():
    table = LOGARITHMS.copy()
    table[38] = 6.84
    x = jax.ShapeDtypeStruct(table.shape, jnp.float32)
    verdict = verify.equivalent(
        lambda x: x * table,
        lambda x: x * jnp.log(jnp.arange(900.0, 900.0 + COUNT, dtype=jnp.float32)),
        x,
    )
    assert verdict.status == "refuted"

"""Which rows `make test` leaves out (costs.py)."""

import pytest

from tests.costs import MOST, left_out, read


def test_the_cheapest_rows_stay():
    costs = {f"t.py::a[{n}]": n / 10 for n in range(1, 11)}
    assert left_out(costs, costs, most=1.0) == {f"t.py::a[{n}]" for n in range(5, 11)}


def test_a_row_always_stays_however_much_it_costs():
    costs = {"t.py::a[x]": 90.0, "t.py::a[y]": 95.0, "t.py::b": 900.0}
    assert left_out(costs, costs, most=1.0) == {"t.py::a[y]"}


def test_a_new_row_costs_nothing_until_it_is_measured():
    assert not left_out([f"t.py::a[{n}]" for n in range(100)], {})


def test_tables_do_not_share_their_costs():
    costs = {"t.py::a[1]": 1.0, "u.py::a[1]": 1.0, "t.py::A::a[1]": 1.0}
    assert not left_out(costs, costs, most=1.0)


def test_what_was_measured_leaves_something_out():
    costs = read()
    if not costs:
        pytest.skip("nothing was measured")
    rows = {name for name in costs if "[" in name}
    beyond = left_out(costs, costs)
    assert beyond
    assert {name.partition("[")[0] for name in rows - beyond} == {
        name.partition("[")[0] for name in rows
    }
    kept = sum(cost for name, cost in costs.items() if name in rows - beyond)
    tables = len({name.partition("[")[0] for name in rows})
    first = sum(
        min(costs[row] for row in rows if row.partition("[")[0] == table)
        for table in {name.partition("[")[0] for name in rows}
    )
    assert kept <= first + MOST * tables

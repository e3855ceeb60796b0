"""Which rows `make test` leaves out (costs.py)."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.costs import MOST, MOST_ALONE, MOST_FIRST, left_out, read

ROOT = Path(__file__).parents[1]


def test_the_cheapest_rows_stay():
    costs = {f"t.py::a[{n}]": n / 10 for n in range(1, 11)}
    assert left_out(costs, costs, most=1.0) == {f"t.py::a[{n}]" for n in range(5, 11)}


def test_a_row_stays_though_it_costs_more_than_rows_may_together():
    costs = {"t.py::a[x]": MOST_FIRST, "t.py::a[y]": 95.0, "t.py::b": 2.0}
    assert left_out(costs, costs, most=1.0) == {"t.py::a[y]"}


def test_no_row_stays_of_a_table_whose_cheapest_costs_very_much():
    costs = {"t.py::a[x]": MOST_FIRST + 1, "t.py::a[y]": 95.0}
    assert left_out(costs, costs) == {"t.py::a[x]", "t.py::a[y]"}


def test_a_new_row_costs_nothing_until_it_is_measured():
    assert not left_out([f"t.py::a[{n}]" for n in range(100)], {})


def test_a_test_without_rows_stays_if_it_costs_little():
    costs = {"t.py::a": MOST_ALONE, "t.py::b": MOST_ALONE + 1}
    assert left_out(costs, costs) == {"t.py::b"}


def test_what_is_always_run_is_run():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/test_readme.py"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "::test_the_commands_work" in found
    assert read()["tests/test_readme.py::test_the_commands_work"] > MOST_ALONE


def test_tables_do_not_share_their_costs():
    costs = {"t.py::a[1]": 1.0, "u.py::a[1]": 1.0, "t.py::A::a[1]": 1.0}
    assert not left_out(costs, costs, most=1.0)


def test_what_was_measured_leaves_something_out():
    costs = read()
    if not costs:
        pytest.skip("nothing was measured")
    rows = {name for name in costs if "[" in name}
    beyond = left_out(rows, costs)
    assert beyond
    lost = {name.partition("[")[0] for name in rows} - {
        name.partition("[")[0] for name in rows - beyond
    }
    assert len(lost) < 5, "tables of which no row is cheap"
    kept = sum(cost for name, cost in costs.items() if name in rows - beyond)
    tables = len({name.partition("[")[0] for name in rows})
    first = sum(
        min(costs[row] for row in rows if row.partition("[")[0] == table)
        for table in {name.partition("[")[0] for name in rows}
    )
    assert kept <= first + MOST * tables

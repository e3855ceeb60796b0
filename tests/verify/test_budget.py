"""Work is counted the same on every machine; the clock stops a whole call, and only that."""

import pytest

from verify import budget
from verify.algebras.base import Unsupported


def test_a_limit_is_reached_exactly_when_more_is_spent():
    with budget.limit(10) as meter:
        budget.spend(10)
        assert (meter.spent, meter.left) == (10, 0)
        with pytest.raises(budget.Exhausted):
            budget.spend(1)


def test_what_is_spent_within_counts_for_all_around():
    with budget.limit(10) as outer:
        with budget.limit(100):
            budget.spend(6)
        assert outer.spent == 6
        with budget.metered() as inner:
            assert inner.left == 4
            with pytest.raises(budget.Exhausted):
                budget.spend(6)


def test_a_smaller_limit_within_ends_only_what_is_within():
    with budget.limit(100) as outer:
        with pytest.raises(budget.Exhausted), budget.limit(10):
            budget.spend(20)
        budget.spend(70)
        assert outer.spent == 90


def test_where_there_is_no_limit_spending_is_free():
    budget.spend(1e30)


def test_exhausted_is_an_answer_of_a_prover_and_out_of_time_is_none():
    assert issubclass(budget.Exhausted, Unsupported)
    assert not issubclass(budget.OutOfTime, Unsupported)


class Clock:
    """A clock that stands still but for the work that is done."""

    def __init__(self, monkeypatch, units_a_second):
        self.time, self.rate = 0.0, units_a_second
        real = budget.spend

        def spend(units):
            self.time += units / self.rate
            real(units)

        monkeypatch.setattr(budget, "now", lambda: self.time)
        monkeypatch.setattr(budget, "spend", spend)


def test_the_seconds_of_a_call_are_over_when_its_clock_says_so(monkeypatch):
    clock = Clock(monkeypatch, units_a_second=10)
    with budget.whole_call(5):
        budget.spend(50)
        assert budget.seconds_left() == 0
        over = pytest.raises(budget.OutOfTime, match="5 seconds were over while trying this")
        with over, budget.doing("this"):
            budget.spend(1)
    clock.time = 1e9
    budget.spend(1)


def test_a_call_within_a_call_has_no_more_time_than_the_one_around(monkeypatch):
    Clock(monkeypatch, units_a_second=1)
    with budget.whole_call(5):
        with budget.whole_call(100):
            assert budget.seconds_left() == 5
        with budget.whole_call(2):
            assert budget.seconds_left() == 2


def test_tracing_and_compiling_do_not_count(monkeypatch):
    clock = Clock(monkeypatch, units_a_second=1)
    with budget.whole_call(5):
        with budget.apart():
            clock.time += 100
        assert budget.seconds_left() == 5


def test_z3_gives_up_after_the_same_work_on_every_machine():
    z3 = pytest.importorskip("z3")

    def hard(size):
        solver, ys = z3.Solver(), [z3.Real(f"x{i}") for i in range(size)]
        total = z3.Sum(ys)
        for i in range(size):
            for j in range(size - 1 - i):
                a, b = ys[j], ys[j + 1]
                ys[j], ys[j + 1] = z3.If(a > b, b, a), z3.If(a > b, a, b)
        solver.add(z3.Sum(ys) != total)
        return solver

    with budget.metered() as meter:
        assert budget.solve(hard(4), 1e8) == "unsat"
    assert 0 < meter.spent < 1e8
    assert budget.solve(hard(9), 1e5) == "unknown"
    with budget.limit(meter.spent / 2):
        assert budget.solve(hard(4), 1e8) == "unknown"
